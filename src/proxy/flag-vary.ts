/**
 * Which fields of a request decide the variants of a route's flags, as far as that can be known from what the flags say.
 *
 * An endpoint that answers `Vary: Feature-Flags` tells whoever caches that its answer differs by a field that only the endpoint has
 * seen. To the caches in front of Tidegate it has to be told by the fields that they see. What depends on the client's address
 * depends on no field, and no cache in front may use such an answer for another request: `*`. So does what a check of the route
 * says in place of the client, by whatever it has found in the request. Path, host, method and query are part of what a response is
 * cached under, and need no word.
 */
import type { ContextPlace, FlagContextSpec } from '../flags/context-spec.ts';
import type { FlagSpec, Strategy } from '../flags/flag.ts';
import { directSource } from './flag-context.ts';
import { spelling } from './vouched-fields.ts';

const COOKIE = 'Cookie';
const EVERYTHING = '*';

/** The fields, for the flags at these indexes and those that they require, each once; `vouched` are those that the client cannot say. */
export function varyingFields(
  indexes: readonly number[],
  specs: readonly FlagSpec[],
  spec: FlagContextSpec,
  vouched: ReadonlySet<string>,
): string[] {
  const flags = new Set<FlagSpec>();
  for (const index of indexes) {
    const flag = specs[index]!;
    flags.add(flag);
    for (const { flag: name } of flag.requires) flags.add(specs.find((one) => one.name === name)!);
  }
  const { overrides } = spec;
  const fields = new Set<string>();
  for (const flag of flags)
    for (const name of attributesOf(flag)) for (const field of fieldsOf(name, spec)) fields.add(field);
  if (overrides !== null) fields.add(overrides.header);
  if (overrides !== null && overrides.cookie !== null) fields.add(COOKIE);
  const said = [...fields].map((field) => (vouched.has(spelling(field.toLowerCase())) ? EVERYTHING : field));
  return [...new Set(said)].sort();
}

/** The attributes that a flag may ask for; `targetingKey` is the key. */
function attributesOf({ strategy, rules, bucketBy }: FlagSpec): Set<string> {
  const names = new Set<string>();
  for (const one of [{ strategy, when: [] }, ...rules]) {
    const asked = keyOf(one.strategy, bucketBy);
    if (asked !== null) names.add(asked);
    for (const { attribute } of one.when) names.add(attribute);
  }
  return names;
}

function keyOf({ kind }: Strategy, bucketBy: string | null): string | null {
  switch (kind) {
    case 'all':
    case 'none':
      return null;
    case 'users':
      return 'targetingKey';
    case 'percentage':
    case 'variants':
      return bucketBy ?? 'targetingKey';
    default:
      return kind satisfies never;
  }
}

function fieldsOf(attribute: string, spec: FlagContextSpec): string[] {
  if (attribute === 'ip') return [EVERYTHING];
  if (attribute === 'targetingKey') {
    const ofKey = spec.key.flatMap((place) => fieldOf(place, spec));
    return spec.anonymous === null ? ofKey : [...ofKey, COOKIE];
  }
  const source = spec.attributes.find(([name]) => name === attribute)?.[1] ?? directSource(attribute);
  return source === undefined ? [] : fieldOf(source, spec);
}

function fieldOf({ kind, name }: ContextPlace, { token }: FlagContextSpec): string[] {
  switch (kind) {
    case 'header':
      return [name];
    case 'cookie':
      return [COOKIE];
    case 'query':
      return [];
    case 'jwt':
      return token === null ? [] : [token.from.kind === 'cookie' ? COOKIE : token.from.name];
    default:
      return kind satisfies never;
  }
}
