/**
 * How many of the keys that were seen lately would get another value after a change of a flag.
 *
 * The sample holds rolls and nothing else (see `stats/key-sample.ts`). That is enough for what a flag does by itself: whoever rolls below
 * its share is in, so a change of the share is counted, key by key. What also hangs on a second draw (weights) or puts everybody
 * into other buckets (a salt) is expected: a draw is uniform, so it is known how many keys change, and not which of them.
 * Of rules, lists of users, prerequisites and schedules a roll says nothing, and then it is said that it does not.
 *
 * What a key gets is a line of values from 0 to 1, of which its second draw picks a place; for most keys there is one value on it.
 * Two lines laid over each other say how often they differ. When the buckets move, the two places have nothing to do
 * with each other.
 */
import { boundsOf } from './bucket.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagSpec, JsonValue } from './flag.ts';

/** A flag at a moment: what it says, and the share of its own strategy, in thousandths of a percent. */
export interface FlagAt {
  readonly spec: FlagSpec;
  readonly share: number;
}

/** What a change would do to the keys of a sample that no rule decides about. */
export interface SampledChange {
  /** The keys of the sample. */
  readonly sampled: number;
  /** How many of them the flag is on for, before and after; null where rolls do not say. After is expected when buckets move. */
  readonly onBefore: number | null;
  readonly onAfter: number | null;
  /** How many would get another value; null where rolls do not say. */
  readonly changed: number | null;
  /** Whether `changed` is counted key by key, and not what is to be expected. */
  readonly isCounted: boolean;
  /** What puts everybody into other buckets; empty where everybody stays. */
  readonly moved: readonly ('salt' | 'bucketing' | 'bucketBy')[];
  /** What decides as well, or becomes another, and about which rolls say nothing. */
  readonly untold: readonly ('users' | 'rules' | 'requires' | 'schedule')[];
}

const PLACING = ['salt', 'bucketing', 'bucketBy'] as const;
const SAID = ['rules', 'requires', 'schedule'] as const;

/** Whose value would change, of these rolls. */
export function sampledChange(before: FlagAt, after: FlagAt, rolls: Int32Array): SampledChange {
  const moved = PLACING.filter((key) => before.spec[key] !== after.spec[key]);
  const lists = [before, after].some(({ spec }) => spec.strategy.kind === 'users');
  const untold = [
    ...(lists ? (['users'] as const) : []),
    ...SAID.filter((key) => JSON.stringify(before.spec[key]) !== JSON.stringify(after.spec[key])),
  ];
  const sampled = rolls.length;
  const [now, then] = [answersOf(before), answersOf(after)];
  const onBefore = now === null ? null : countOn(now, rolls);
  const onAfter = then === null ? null : moved.length > 0 ? sampled * then.onOdds : countOn(then, rolls);
  if (now === null || then === null) {
    return { sampled, onBefore, onAfter, changed: null, isCounted: false, moved, untold };
  }
  const differ = drawnApart(before.spec, after.spec) ? differApart : differTogether;
  let [changed, isCounted] = [0, true];
  for (const roll of rolls) {
    const odds = moved.length > 0 ? differApart(now.at(roll), then.average) : differ(now.at(roll), then.at(roll));
    changed += odds;
    isCounted &&= odds === 0 || odds === 1;
  }
  return { sampled, onBefore, onAfter, changed, isCounted, moved, untold };
}

/** A part of a line of values; the lengths of a line's parts sum up to 1. */
interface Part {
  readonly length: number;
  readonly value: string;
}

/** What a flag gives to whom. */
interface Answers {
  readonly isOn: (roll: number) => boolean;
  readonly at: (roll: number) => readonly Part[];
  /** What a key gets of whose roll nothing is known, and how often it is on for such a key. */
  readonly average: readonly Part[];
  readonly onOdds: number;
}

/** Null for a list of keys, which rolls say nothing about. */
function answersOf({ spec, share }: FlagAt): Answers | null {
  const { strategy, variants, on, off } = spec;
  if (strategy.kind === 'users') return null;
  const none: readonly Part[] = [{ length: 1, value: textOf(variants[off]!.value) }];
  const total = weightOf(spec);
  const drawn = strategy.kind === 'variants' && total > 0;
  const all: readonly Part[] = drawn
    ? variants.map(({ weight, value }) => ({ length: weight / total, value: textOf(value) }))
    : [{ length: 1, value: textOf(variants[on]!.value) }];
  const onOdds = strategy.kind === 'all' ? 1 : strategy.kind === 'none' ? 0 : share / SHARE_ALL;
  const average = [...scaledBy(all, onOdds), ...scaledBy(none, 1 - onOdds)];
  const above = placeAboveRoll(spec);
  if (!drawn || above === null) {
    const limit = strategy.kind === 'all' ? Number.POSITIVE_INFINITY : strategy.kind === 'none' ? 0 : share;
    return { isOn: (roll) => roll < limit, at: (roll) => (roll < limit ? all : none), average, onOdds };
  }
  const bounds = boundsOf(all.map(({ length }) => length * SHARE_ALL));
  const only = all.map(({ value }) => [{ length: 1, value }]);
  const rangeOf = (roll: number): number => bounds.findIndex((bound) => roll + above < bound);
  const isOn = (roll: number): boolean => {
    const range = rangeOf(roll);
    return range !== -1 && roll + above < bounds[range]! - all[range]!.length * (SHARE_ALL - share);
  };
  return { isOn, at: (roll) => (isOn(roll) ? only[rangeOf(roll)]! : none), average, onOdds };
}

/**
 * Where the variant comes of the roll itself and of no second draw (the enrolled are the first part of each variant's range), how
 * far a place lies above its roll; null where there is a second draw. GrowthBook's rolls lie below their places, so that a
 * border is in its share, while its ranges are half-open.
 */
function placeAboveRoll({ bucketing }: FlagSpec): number | null {
  switch (bucketing) {
    case 'tidegate':
    case 'unleash':
      return null;
    case 'growthbook-v1':
    case 'growthbook-v2':
      return 1;
    case 'flagd':
    case 'launchdarkly':
      return 0;
  }
}

/** Unleash draws a variant by a remainder: with another sum of weights a key's first place says next to nothing of its second. */
function drawnApart(before: FlagSpec, after: FlagSpec): boolean {
  return before.bucketing === 'unleash' && weightOf(before) !== weightOf(after);
}

function weightOf({ variants }: FlagSpec): number {
  return variants.reduce((sum, { weight }) => sum + weight, 0);
}

function countOn({ isOn }: Answers, rolls: Int32Array): number {
  return rolls.reduce((sum, roll) => sum + (isOn(roll) ? 1 : 0), 0);
}

function scaledBy(line: readonly Part[], factor: number): readonly Part[] {
  return line.map(({ length, value }) => ({ length: length * factor, value }));
}

/** How much of two lines has another value, where a key has the same place in both. */
function differTogether(a: readonly Part[], b: readonly Part[]): number {
  let [i, j, differing] = [0, 0, 0];
  let [leftA, leftB] = [a[0]!.length, b[0]!.length];
  while (i < a.length && j < b.length) {
    const step = Math.min(leftA, leftB);
    if (a[i]!.value !== b[j]!.value) differing += step;
    leftA -= step;
    leftB -= step;
    if (leftA <= 0) leftA = a[++i]?.length ?? 0;
    if (leftB <= 0) leftB = b[++j]?.length ?? 0;
  }
  return whole(differing);
}

/** How often two lines have another value, where the one place says nothing about the other. */
function differApart(a: readonly Part[], b: readonly Part[]): number {
  let same = 0;
  for (const one of a) for (const other of b) if (one.value === other.value) same += one.length * other.length;
  return whole(1 - same);
}

/** Sums of fractions miss 0 and 1 by their last digits, and no part that a whole weight makes is that short. */
function whole(odds: number): number {
  if (odds < 1e-9) return 0;
  return odds > 1 - 1e-9 ? 1 : odds;
}

/** One text for each value, in whatever order the keys of an object were written. */
function textOf(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
