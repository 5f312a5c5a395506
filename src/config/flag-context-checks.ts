/**
 * What the context of flags must be to the rest of a config, and to itself.
 *
 * Whether a key fits its algorithms is asked of the library that will check tokens, so nothing is accepted that it cannot use.
 */
import { createVerifier } from 'fast-jwt';
import { isLoopback } from './address.ts';
import { inEnvironment } from './flag-merge.ts';
import type { FlagDefinition } from './flag-schema.ts';
import type { Check } from './name-checks.ts';
import type { Path } from './problem.ts';
import type { Config } from './schema.ts';

/** Strategies that ask who somebody is. */
const KEYED: ReadonlySet<string> = new Set(['users', 'percentage', 'variants']);

/** Reports what does not fit together. */
export function checkFlagContext(config: Config, check: Check): void {
  const at: Path = ['flagContext'];
  if (!check.structure.touched(at)) {
    checkClaims(config, at, check);
    checkToken(config, [...at, 'jwt'], check);
    checkUse(config, at, check);
    checkKeys(config, check);
    checkCookies(config, [...at, 'anonymous', 'cookie'], check);
  }
  checkEnds(config, check);
  checkExposures(config, check);
}

/** Flags are told to endpoints, and a route without a service has none. */
function checkEnds({ routes }: Config, { source, structure }: Check): void {
  for (const [index, { flags, service }] of routes.entries()) {
    const path = structure.original(['routes', index, 'flags']);
    if (flags.length === 0 || service !== undefined || structure.touched(path.slice(0, -1))) continue;
    const message = 'are told to nobody: this route leads to no service';
    source.report({ path, message, allowed: 'flags on a route with a service' });
  }
}

/** One cookie cannot hold two keys. */
function checkCookies({ flagContext, services }: Config, path: Path, { source }: Check): void {
  const cookie = flagContext.anonymous?.cookie;
  for (const { name, sticky } of services.values()) {
    if (sticky?.kind !== 'cookie' || sticky.name !== cookie) continue;
    const message = `is also the cookie by which clients stick to pools of ${name}`;
    source.report({ path, message, allowed: 'a name of its own' });
  }
}

/** A claim is looked for in a token, so somebody must say where that is. */
function checkClaims({ flagContext }: Config, at: Path, { source }: Check): void {
  if (flagContext.jwt !== undefined) return;
  const places: (readonly [Path, string])[] = [
    ...flagContext.key.map(({ kind }, index) => [['key', index], kind] as const),
    ...[...flagContext.attributes].map(([name, { kind }]) => [['attributes', name], kind] as const),
  ];
  for (const [path, kind] of places) {
    if (kind !== 'jwt') continue;
    const message = 'is a claim of a token, and nothing says where the token is';
    source.report({ path: [...at, ...path, 'jwt'], message, allowed: 'flagContext.jwt beside it' });
  }
}

function checkToken({ flagContext }: Config, path: Path, { source }: Check): void {
  const verify = flagContext.jwt?.verify;
  if (verify === undefined) return;
  const { secret, publicKey, algorithms } = verify;
  const key = secret ?? publicKey;
  if (key === undefined) {
    source.report({ path: [...path, 'secret'], message: 'is empty, so no token is believed', severity: 'warning' });
    return;
  }
  try {
    createVerifier({ key, algorithms: [...algorithms] });
  } catch {
    const message = 'cannot be used with these algorithms';
    const allowed = `a key for ${algorithms.join(', ')}`;
    source.report({ path: [...path, secret === undefined ? 'publicKey' : 'secret'], message, allowed });
  }
}

/** What no flag can ever ask for is a mistake, and not one that breaks anything. */
function checkUse({ flags, flagContext }: Config, at: Path, { source }: Check): void {
  if (source.has([...at, 'overrides']) && flagContext.overrides === undefined) {
    const message = 'is empty, so nobody can choose variants';
    source.report({ path: [...at, 'overrides', 'secret'], message, severity: 'warning' });
  }
  if (flags.size > 0 || !source.has(at)) return;
  source.report({ path: at, message: 'is for flags, and there are none', severity: 'warning' });
}

/** Without a key nothing can be drawn or looked up, so such a flag would be off for everybody and nobody told why. */
function checkKeys({ flags, routes, flagContext }: Config, { source, structure }: Check): void {
  if (flagContext.key.length > 0 || flagContext.anonymous !== undefined) return;
  for (const name of new Set(routes.flatMap((route) => route.flags))) {
    const path: Path = ['flags', name];
    const definition = flags.get(name);
    if (definition === undefined || structure.touched(path) || !needsKey(definition)) continue;
    const message = 'asks for a key, and no request has one: it is off for everybody who is not in by a rule';
    source.report({ path, message, allowed: 'flagContext with key, anonymous or both', severity: 'warning' });
  }
}

function needsKey(definition: FlagDefinition): boolean {
  const overlays = Object.keys(definition.environments ?? {}).map((name) => inEnvironment(definition, name));
  return [definition, ...overlays].some(
    ({ strategy, rules = [], bucketBy = 'targetingKey' }) =>
      bucketBy === 'targetingKey' && [strategy, ...rules.map((rule) => rule.strategy)].some((one) => KEYED.has(one)),
  );
}

function checkExposures({ exposures }: Config, { source, structure }: Check): void {
  const path: Path = ['exposures', 'webhook', 'url'];
  if (exposures?.webhook === undefined || structure.touched(path)) return;
  const { protocol, hostname } = new URL(exposures.webhook.url);
  if (protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, ''))) return;
  source.report({ path, message: 'is not encrypted: whoever is on the way may read it', severity: 'warning' });
}
