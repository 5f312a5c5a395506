/**
 * Rules of GrowthBook: whom each of them concerns, and what those get.
 *
 * A rule forces a value, for a part of the keys (`coverage`) or for all, or draws one of several (`variations`). Whatever else
 * restricts whom it concerns and has no counterpart (namespaces, filters, other features) leaves the rule out.
 */
import type { JsonValue } from './flag.ts';
import type { Expression } from './import-expression.ts';
import type { GrowthbookConditions } from './import-growthbook-condition.ts';
import { type FlagReport, type JsonRecord, listIn, ownIn, recordIn, shortText, textIn } from './import-report.ts';
import { percentOf, wholeWeights } from './import-variants.ts';

/** What a rule's draw is made of. */
export interface GrowthbookDraw {
  readonly version: 1 | 2;
  readonly seed: string;
  readonly by: string;
}

/** A rule that was understood. */
export interface GrowthbookRule {
  readonly at: string;
  readonly name: string;
  readonly when: Expression;
  /** In percent; 100 where it draws nothing. */
  readonly percent: number;
  readonly draw: GrowthbookDraw | null;
  /** One value, or those that are drawn from. */
  readonly values: readonly { readonly name: string | null; readonly value: JsonValue; readonly weight: number }[];
}

const KNOWN = new Set([
  ...[
    'id',
    'condition',
    'force',
    'variations',
    'weights',
    'coverage',
    'key',
    'seed',
    'name',
    'phase',
    'meta',
    'active',
  ],
  ...['hashAttribute', 'hashVersion', 'range', 'ranges', 'filters', 'namespace', 'parentConditions'],
  ...['fallbackAttribute', 'disableStickyBucketing', 'bucketVersion', 'minBucketVersion', 'tracks'],
]);

/** A rule as it can be carried over; undefined, with a note, for one that cannot. */
export function readRule(
  rule: JsonRecord,
  at: string,
  feature: string,
  conditions: GrowthbookConditions,
  report: FlagReport,
): GrowthbookRule | undefined {
  for (const key of Object.keys(rule)) if (!KNOWN.has(key)) report.lost(`${at}.${key}`, 'is not known here');
  if (rule.active === false) {
    report.lost(at, 'the experiment is not active');
    return undefined;
  }
  const restriction = restrictionOf(rule);
  if (restriction !== undefined) {
    report.lost(at, `${restriction} has no counterpart; the rule is left out`);
    return undefined;
  }
  if (rule.fallbackAttribute !== undefined)
    report.lost(`${at}.fallbackAttribute`, 'there is one attribute to draw by here');
  if (listIn(rule.tracks).length > 0) report.lost(`${at}.tracks`, 'nothing is tracked here by a rule');
  const when = conditions.read(ownIn(rule, 'condition'), `${at}.condition`);
  if (when === undefined) return undefined;
  const base = { at, name: textIn(rule.name) ?? textIn(rule.key) ?? textIn(rule.id) ?? 'rule', when };
  if (Object.hasOwn(rule, 'force')) return forced(rule, base, feature, report);
  if (Array.isArray(rule.variations)) return drawn(rule, base, feature, report);
  report.lost(at, 'the rule says no value');
  return undefined;
}

type Base = Pick<GrowthbookRule, 'at' | 'name' | 'when'>;

function restrictionOf(rule: JsonRecord): string | undefined {
  const whole = (range: unknown): boolean => Array.isArray(range) && Number(range[0]) <= 0 && Number(range[1]) >= 1;
  const filters = listIn(rule.filters);
  if (filters.some((filter) => !listIn(recordIn(filter)?.ranges).some(whole))) return 'a filter';
  const namespace = listIn(rule.namespace);
  if (filters.length === 0 && namespace.length > 0 && !whole(namespace.slice(1))) return 'a namespace';
  return listIn(rule.parentConditions).length > 0 ? 'another feature as a condition of one rule' : undefined;
}

function forced(rule: JsonRecord, base: Base, feature: string, report: FlagReport): GrowthbookRule | undefined {
  const values = [{ name: null, value: rule.force as JsonValue, weight: 0 }];
  const draw = drawOf(rule, textIn(rule.seed) ?? feature, base.at, report);
  if (rule.range === undefined && rule.coverage === undefined) return { ...base, percent: 100, draw: null, values };
  if (draw === undefined) return undefined;
  const part = rule.range === undefined ? Number(rule.coverage) : partOfRange(rule.range, draw);
  if (part === undefined || Number.isNaN(part)) {
    report.lost(base.at, 'its range does not begin at 0, or its coverage is no number; the rule is left out');
    return undefined;
  }
  return { ...base, percent: percentOf(part), draw, values };
}

/** A range leaves out its end, a coverage takes it in: one place less is the same. */
function partOfRange(range: unknown, { version }: GrowthbookDraw): number | undefined {
  const [from, to] = listIn(range).map(Number);
  const places = version === 1 ? 1000 : 10_000;
  if (from !== 0 || to === undefined || !(to >= 0)) return undefined;
  return to >= 1 ? 1 : Math.max(0, Math.ceil(to * places - 1e-9) - 1) / places;
}

function drawn(rule: JsonRecord, base: Base, feature: string, report: FlagReport): GrowthbookRule | undefined {
  const values = listIn(rule.variations) as readonly JsonValue[];
  const draw = drawOf(rule, textIn(rule.seed) ?? textIn(rule.key) ?? feature, base.at, report);
  if (draw === undefined) return undefined;
  const parts = partsOf(rule, values.length);
  const weights = parts === undefined ? undefined : wholeWeights(parts.weights);
  if (values.length < 2 || parts === undefined || weights === undefined) {
    report.lost(
      base.at,
      'its weights or ranges are no parts of all keys, one for each variation; the rule is left out',
    );
    return undefined;
  }
  const sum = parts.weights.reduce((total, weight) => total + weight, 0);
  if (Math.abs(sum - 1) > 1e-6) report.changed(base.at, `its weights sum up to ${sum}; here they share all keys`);
  const meta = listIn(rule.meta).map((one) => textIn(recordIn(one)?.key));
  return {
    ...base,
    percent: percentOf(parts.coverage),
    draw,
    values: values.map((value, index) => ({ name: meta[index] ?? String(index), value, weight: weights[index]! })),
  };
}

/** Weights and the part that is enrolled; from `ranges`, where they are the first parts of ranges that lie side by side. */
function partsOf(
  rule: JsonRecord,
  count: number,
): { readonly weights: readonly number[]; readonly coverage: number } | undefined {
  const coverage = Math.min(1, Math.max(0, Number(rule.coverage ?? 1)));
  if (Array.isArray(rule.ranges)) {
    const ranges = rule.ranges.map((range) => listIn(range).map(Number));
    const starts = [...ranges.map(([from]) => from!), 1];
    const weights = ranges.map((_, index) => starts[index + 1]! - starts[index]!);
    const parts = ranges.map(([from, to], index) => (to! - from!) / weights[index]!);
    const isWhole = starts[0] === 0 && weights.every((weight) => weight > 0) && weights.length === count;
    return isWhole && parts.every((part) => part > 0 && Math.abs(part - parts[0]!) < 1e-9 && part < 1 + 1e-9)
      ? { weights, coverage: parts[0]! }
      : undefined;
  }
  const given = listIn(rule.weights).map(Number);
  const weights = given.length === 0 ? Array.from({ length: count }, () => 1 / count) : given;
  return weights.length === count && Number.isFinite(coverage) ? { weights, coverage } : undefined;
}

function drawOf(rule: JsonRecord, seed: string, at: string, report: FlagReport): GrowthbookDraw | undefined {
  const version = rule.hashVersion ?? 1;
  if (version === 1 || version === 2) return { version, seed, by: textIn(rule.hashAttribute) || 'id' };
  report.lost(at, `the version ${shortText(version)} of the hash is not known; the rule is left out`);
  return undefined;
}
