/**
 * What must hold between the keys of one flag, and between flags that need each other.
 *
 * The same questions are asked of the file, where the answer has a line and a column, and of a change at run time. A flag is looked at
 * as it is in every environment that it names, and what is wrong there is said of the key that the environment gives, or
 * else of the flag's own.
 *
 * Flags need each other over one level: a flag that is needed needs none. So whoever evaluates one looks at its neighbours and
 * no further, nothing can go in a circle, and a person can say why a flag is off.
 */
import { checkGuard } from './flag-guard.ts';
import { inEnvironment, overlayOf } from './flag-merge.ts';
import { checkRollout } from './flag-rollout-schema.ts';
import type { FlagDefinition, StrategyWord } from './flag-schema.ts';
import { parseInstant } from './freeze-schema.ts';
import type { Path } from './problem.ts';

/** What is wrong at a path of a flag. */
export type FlagFinding = { readonly path: Path; readonly message: string; readonly allowed?: string };

type Here = Omit<FlagDefinition, 'environments'>;
type Treatment = { readonly strategy: StrategyWord; readonly value?: number | readonly string[] | undefined };

/** How many bytes a value may have as JSON, and how deep it may be. */
export const VALUE_BYTES_MAX = 16 * 1024;
const VALUE_DEPTH_MAX = 16;
/** The largest sum of weights for which a hash times it is an exact number. */
const WEIGHTS_MAX = 1_000_000;

/** The names of a flag's variants: `off` first where it is none of its own, and `on` where it has no others. */
export function variantNames({ variants, offVariant }: Here): readonly string[] {
  if (variants === undefined) return ['off', 'on'];
  const own = Object.keys(variants);
  return offVariant !== undefined || own.includes('off') ? own : ['off', ...own];
}

/** The name of the variant of those whom a flag is on for; `undefined` when it says none. */
export function onVariantOf({ variants, variant }: Here): string | undefined {
  if (variant !== undefined) return variant;
  return variants === undefined || Object.hasOwn(variants, 'on') ? 'on' : undefined;
}

/** What is wrong with a flag by itself, in any of its environments; each thing once. */
export function checkFlag(definition: FlagDefinition): readonly FlagFinding[] {
  const found = [...checkHere(inEnvironment(definition, ''))];
  const known = new Set(found.map(({ path, message }) => JSON.stringify([path, message])));
  for (const [name, over] of Object.entries(definition.environments ?? {})) {
    for (const finding of checkHere(inEnvironment(definition, name))) {
      if (known.has(JSON.stringify([finding.path, finding.message]))) continue;
      const isOwn = Object.hasOwn(over, String(finding.path[0]));
      found.push({ ...finding, path: ['environments', name, ...(isOwn ? finding.path : [])] });
    }
  }
  return found;
}

function* checkHere(flag: Here): Generator<FlagFinding> {
  yield* checkTreatment(flag, []);
  yield* checkValues(flag);
  yield* checkVariants(flag);
  yield* checkRules(flag);
  yield* checkGuard(flag);
  yield* checkRollout(flag);
  const { schedule, ramp, strategy, requires = [] } = flag;
  if (schedule !== undefined) {
    const [from, until] = [schedule.from, schedule.until].map((at) =>
      at === undefined ? undefined : parseInstant(at),
    );
    if (from === undefined && until === undefined) {
      yield { path: ['schedule'], message: 'has no bound', allowed: 'from, until, or both' };
    } else if (from !== undefined && until !== undefined && until <= from) {
      yield { path: ['schedule', 'until'], message: 'is not after from', allowed: 'a later moment than from' };
    }
  }
  if (ramp !== undefined && strategy !== 'percentage' && strategy !== 'variants') {
    yield {
      path: ['ramp'],
      message: `has no share to change: the strategy is ${strategy}`,
      allowed: 'percentage or variants',
    };
  }
  const seen = new Set<string>();
  for (const [index, { flag: other }] of requires.entries()) {
    if (seen.has(other))
      yield { path: ['requires', index, 'flag'], message: `${other} is there twice`, allowed: 'each flag once' };
    seen.add(other);
  }
}

function* checkTreatment(
  { strategy, value, ...rest }: Treatment & { readonly ramp?: unknown },
  at: Path,
): Generator<FlagFinding> {
  const path = [...at, 'value'];
  switch (strategy) {
    case 'all':
    case 'none':
      if (value !== undefined)
        yield { path, message: `says nothing: the strategy is ${strategy}`, allowed: 'no value' };
      return;
    case 'users':
      if (!Array.isArray(value))
        yield { path, message: 'says not for whom it is on', allowed: 'a list of keys, such as [alice, bob]' };
      return;
    case 'percentage':
    case 'variants':
      if (typeof value === 'number' || (value === undefined && (strategy === 'variants' || rest.ramp !== undefined)))
        return;
      yield { path, message: 'says not how many get it', allowed: 'a percentage from 0 to 100, in steps of 0.001' };
  }
}

function* checkValues({ variants, on, off }: Here): Generator<FlagFinding> {
  const given: [Path, unknown][] = [];
  if (variants === undefined) given.push([['on'], on ?? true], [['off'], off === undefined ? false : off]);
  else {
    for (const [name, { value }] of Object.entries(variants)) given.push([['variants', name, 'value'], value ?? name]);
    if (off !== undefined) given.push([['off'], off]);
  }
  const unfit = given.flatMap(([path, value]) => {
    const message = valueProblem(value);
    return message === undefined ? [] : [{ path, message, allowed: 'any value of JSON but null, of at most 16 KiB' }];
  });
  yield* unfit;
  if (unfit.length > 0) return;
  const [[, first] = []] = given;
  for (const [path, value] of given.slice(1)) {
    if (kindOf(value) === kindOf(first)) continue;
    const message = `is ${kindOf(value)}, and ${given[0]![0].join('.')} is ${kindOf(first)}`;
    yield { path, message, allowed: 'values of one type' };
    return;
  }
}

function* checkVariants(flag: Here): Generator<FlagFinding> {
  const { variants, on, off, variant, offVariant, strategy, rules = [] } = flag;
  const names = variantNames(flag);
  for (const [key, name] of [
    ['variant', variant],
    ['offVariant', offVariant],
  ] as const) {
    if (name !== undefined && !names.includes(name)) yield noVariant([key], name, names);
  }
  const draws = [strategy, ...rules.map((rule) => rule.strategy)].includes('variants');
  if (variants === undefined) {
    if (draws)
      yield { path: ['variants'], message: 'is missing, and the strategy draws one', allowed: 'variants by name' };
    return;
  }
  if (on !== undefined)
    yield { path: ['on'], message: 'has no meaning beside variants', allowed: 'variants, or on and off' };
  const saysOff = offVariant !== undefined || Object.hasOwn(variants, 'off');
  if (saysOff && off !== undefined) {
    yield { path: ['off'], message: 'is said by a variant already', allowed: 'off, or a variant for it' };
  }
  const first = Object.entries(variants)[0]!;
  if (!saysOff && off === undefined && typeof (first[1].value ?? first[0]) !== 'boolean') {
    yield {
      path: ['off'],
      message: 'is missing, and false is of another type than the variants',
      allowed: 'off, or offVariant',
    };
  }
  yield* checkWeights(variants, draws);
  if (onVariantOf(flag) === undefined && needsVariant(strategy)) yield whichVariant(['variant']);
}

function* checkWeights(variants: NonNullable<Here['variants']>, draws: boolean): Generator<FlagFinding> {
  const weights = Object.entries(variants).map(([name, { weight }]) => ({ name, weight: weight ?? 1 }));
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  const [largest] = weights.sort((left, right) => right.weight - left.weight);
  const path = ['variants', largest!.name, 'weight'];
  if (sum > WEIGHTS_MAX) {
    yield { path, message: `is the largest of weights of ${sum} together`, allowed: `at most ${WEIGHTS_MAX} together` };
  }
  if (draws && sum === 0) {
    yield { path, message: 'is zero as all others are, so none can be drawn', allowed: 'a weight above zero' };
  }
}

function* checkRules(flag: Here): Generator<FlagFinding> {
  const names = variantNames(flag);
  const seen = new Set<string>();
  for (const [index, rule] of (flag.rules ?? []).entries()) {
    const path = ['rules', index];
    yield* checkTreatment(rule, path);
    const name = rule.name ?? `rule ${index + 1}`;
    if (seen.has(name)) yield { path: [...path, 'name'], message: `${name} is there twice`, allowed: 'each name once' };
    seen.add(name);
    if (rule.variant !== undefined && !names.includes(rule.variant))
      yield noVariant([...path, 'variant'], rule.variant, names);
    if (rule.variant === undefined && onVariantOf(flag) === undefined && needsVariant(rule.strategy)) {
      yield whichVariant([...path, 'variant']);
    }
  }
}

function needsVariant(strategy: StrategyWord): boolean {
  return strategy !== 'variants' && strategy !== 'none';
}

function whichVariant(path: Path): FlagFinding {
  return { path, message: 'is missing: nobody knows which variant is meant', allowed: 'the name of a variant' };
}

function noVariant(path: Path, name: string, names: readonly string[]): FlagFinding {
  return { path, message: `${name} is no variant of this flag`, allowed: names.join(', ') };
}

function valueProblem(value: unknown): string | undefined {
  if (value === null) return 'null is no value';
  if (!isJson(value, VALUE_DEPTH_MAX)) return 'is no value of JSON, or is nested too deeply';
  return Buffer.byteLength(JSON.stringify(value)) > VALUE_BYTES_MAX ? 'is too large' : undefined;
}

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth === 0) return false;
  return Object.values(value).every((inner) => isJson(inner, depth - 1));
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'boolean') return 'true or false';
  return typeof value === 'number' ? 'a number' : 'a text';
}

/** What is wrong with what a flag needs of others, in any environment that one of them names; each thing once. */
export function checkRequired(name: string, flags: ReadonlyMap<string, FlagDefinition>): readonly FlagFinding[] {
  const definition = flags.get(name)!;
  const found = new Map<string, FlagFinding>();
  for (const environment of environmentsAround(definition, flags)) {
    for (const finding of checkRequiredIn(name, flags, environment)) {
      const own = overlayOf(definition.environments, environment);
      const path = own?.requires === undefined ? finding.path : ['environments', environment, ...finding.path];
      const key = JSON.stringify([path, finding.message]);
      if (!found.has(key)) found.set(key, { ...finding, path });
    }
  }
  return [...found.values()];
}

function environmentsAround(
  definition: FlagDefinition,
  flags: ReadonlyMap<string, FlagDefinition>,
): ReadonlySet<string> {
  const own = Object.entries(definition.environments ?? {});
  const required = [definition.requires ?? [], ...own.map(([, over]) => over.requires ?? [])].flat();
  const theirs = required.flatMap(({ flag }) => Object.keys(flags.get(flag)?.environments ?? {}));
  return new Set(['', ...own.map(([environment]) => environment), ...theirs]);
}

/** What is wrong with what a flag needs of others in one environment. */
export function* checkRequiredIn(
  name: string,
  flags: ReadonlyMap<string, FlagDefinition>,
  environment: string,
): Generator<FlagFinding> {
  const { requires = [] } = inEnvironment(flags.get(name)!, environment);
  for (const [index, { flag: other, variant = 'on' }] of requires.entries()) {
    const path = ['requires', index, 'flag'];
    const needed = flags.get(other);
    if (other === name) yield { path, message: 'a flag cannot need itself', allowed: 'another flag' };
    else if (needed === undefined) yield { path, message: `${other} is no flag`, allowed: 'a flag that is there' };
    else {
      const there = inEnvironment(needed, environment);
      if ((there.requires ?? []).length > 0) {
        const others = (there.requires ?? []).map(({ flag }) => flag);
        const message = others.includes(name)
          ? `goes in a circle: ${name} needs ${other}, and ${other} needs ${name}`
          : `${other} needs ${others.join(' and ')} itself`;
        yield { path, message, allowed: 'a flag that needs no other: prerequisites have one level' };
      }
      const names = variantNames(there);
      if (!names.includes(variant)) yield noVariant(['requires', index, 'variant'], variant, names);
    }
  }
}
