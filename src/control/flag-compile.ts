/**
 * From what is written of a flag to what is evaluated: a definition in an environment becomes a `FlagSpec`.
 *
 * The definition was accepted before (see `flag-checks.ts`), so nothing is asked again here. A flag that needs something which is
 * not there any more, because the file has taken it away from a flag that was made at run time, cannot be evaluated as it
 * says; it is compiled as one that is off, and whoever looks at it is told why.
 */
import { createHash } from 'node:crypto';
import { checkRequiredIn, onVariantOf, variantNames } from '../config/flag-checks.ts';
import type { WrittenCondition } from '../config/flag-condition-schema.ts';
import { inEnvironment } from '../config/flag-merge.ts';
import type { FlagDefinition, StrategyWord } from '../config/flag-schema.ts';
import { parseInstant } from '../config/freeze-schema.ts';
import type { Immutable } from '../config/immutable.ts';
import { parseDuration } from '../config/units.ts';
import type { Condition, ConditionTest, Order } from '../flags/condition.ts';
import { SHARE_ALL } from '../flags/dial.ts';
import type { FlagRule, FlagSpec, JsonValue, Ramp, Strategy, Variant } from '../flags/flag.ts';
import { readGuard } from './flag-guard-settings.ts';

type Here = ReturnType<typeof inEnvironment>;
type Treatment = { readonly strategy: StrategyWord; readonly value?: number | readonly string[] | undefined };
type Written = Immutable<WrittenCondition>;

/** A flag without its dial, and the share that the dial is to have. */
export interface CompiledFlag {
  readonly spec: Omit<FlagSpec, 'dial'>;
  /** In thousandths of a percent; 0 where its strategy has none. */
  readonly share: number;
  /** Why it is off whatever it says; null for a sound flag. */
  readonly problem: string | null;
}

/** Compiles one of `flags` as it is in an environment. */
export function compileFlag(
  name: string,
  flags: ReadonlyMap<string, FlagDefinition>,
  environment: string,
): CompiledFlag {
  const flag = inEnvironment(flags.get(name)!, environment);
  const [broken] = checkRequiredIn(name, flags, environment);
  const names = variantNames(flag);
  const off = names.indexOf(flag.offVariant ?? 'off');
  const on = onVariantOf(flag);
  const strategy: Strategy = broken === undefined ? strategyOf(flag) : { kind: 'none' };
  const says = {
    name,
    variants: names.map((variant) => variantOf(variant, flag)),
    off,
    on: on === undefined ? off : names.indexOf(on),
    rules: (flag.rules ?? []).map(
      (rule, index): FlagRule => ({
        name: rule.name ?? `rule ${index + 1}`,
        when: (rule.when ?? []).map(conditionOf),
        strategy: strategyOf(rule),
        variant: rule.variant === undefined ? null : names.indexOf(rule.variant),
      }),
    ),
    requires: broken === undefined ? requiresOf(flag) : [],
    schedule:
      flag.schedule === undefined
        ? null
        : { fromMs: momentOf(flag.schedule.from), untilMs: momentOf(flag.schedule.until) },
    ramp: rampOf(flag),
    bucketBy: flag.bucketBy ?? null,
    salt: flag.salt ?? name,
    bucketing: flag.bucketing ?? 'tidegate',
    ...(flag.guard === undefined ? {} : { guard: readGuard(flag.guard) }),
  };
  const share = 'share' in strategy ? strategy.share : 0;
  const shareless = 'share' in strategy ? { kind: strategy.kind } : strategy;
  const revision = digest([says, shareless]);
  return { spec: { ...says, strategy, revision }, share, problem: broken?.message ?? null };
}

function requiresOf({ requires = [] }: Here): FlagSpec['requires'] {
  return requires.map(({ flag, variant }) => ({ flag, variant: variant ?? 'on' }));
}

/** A short text that is equal for equal data. */
export function digest(data: unknown): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 16);
}

/** A percentage in thousandths. */
export function shareOfPercent(percent: number): number {
  return Math.round(percent * 1000);
}

function strategyOf({ strategy, value }: Treatment): Strategy {
  switch (strategy) {
    case 'all':
    case 'none':
      return { kind: strategy };
    case 'users':
      return { kind: 'users', users: value as readonly string[] };
    case 'percentage':
      return { kind: 'percentage', share: shareOfPercent(Number(value ?? 0)) };
    case 'variants':
      return { kind: 'variants', share: typeof value === 'number' ? shareOfPercent(value) : SHARE_ALL };
  }
}

function variantOf(name: string, { variants, on, off }: Here): Variant {
  const written = variants?.[name];
  if (written !== undefined) {
    const { value, weight, pool, rewrite, redirect } = written;
    const leads = { pool: pool ?? null, rewrite: rewrite ?? null, redirect: redirect ?? null };
    return { name, value: (value ?? name) as JsonValue, weight: weight ?? 1, ...leads };
  }
  const value = name === 'on' ? (on ?? true) : (off ?? false);
  const nowhere = { pool: null, rewrite: null, redirect: null };
  return { name, value: value as JsonValue, weight: name === 'on' ? 1 : 0, ...nowhere };
}

function rampOf({ ramp }: Here): Ramp | null {
  if (ramp === undefined) return null;
  return {
    fromShare: shareOfPercent(ramp.from),
    toShare: shareOfPercent(ramp.to),
    startMs: parseInstant(ramp.start)!,
    overMs: parseDuration(ramp.over)!,
  };
}

function momentOf(written: string | undefined): number | null {
  return written === undefined ? null : parseInstant(written)!;
}

const ORDERS = { lt: '<', le: '<=', equals: '=', ge: '>=', gt: '>' } as const satisfies Record<string, Order>;

function conditionOf(written: Written): Condition {
  return { attribute: written.attribute, negate: written.not === true, test: testOf(written) };
}

function testOf(written: Written): ConditionTest {
  if (written.exists !== undefined) return { kind: 'exists' };
  if (written.equals !== undefined) return { kind: 'equals', value: written.equals };
  if (written.in !== undefined) return { kind: 'in', values: written.in };
  if (written.matches !== undefined) return { kind: 'matches', source: written.matches };
  if (written.cidr !== undefined) return { kind: 'cidr', networks: written.cidr };
  if (written.before !== undefined) return { kind: 'date', operator: '<', valueMs: parseInstant(written.before)! };
  if (written.after !== undefined) return { kind: 'date', operator: '>', valueMs: parseInstant(written.after)! };
  for (const kind of ['prefix', 'suffix', 'contains'] as const) {
    const value = written[kind];
    if (value !== undefined) return { kind, value };
  }
  for (const word of ['lt', 'le', 'ge', 'gt'] as const) {
    const value = written[word];
    if (value !== undefined) return { kind: 'number', operator: ORDERS[word], value };
  }
  for (const [word, operator] of Object.entries(ORDERS)) {
    const value = written.semver?.[word as keyof typeof ORDERS];
    if (value !== undefined) return { kind: 'semver', operator, value };
  }
  throw new TypeError('a condition that was accepted asks nothing');
}
