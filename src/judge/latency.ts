/**
 * Latency as bad events: "slower than" each of 24 boundaries, all of them judged at once.
 *
 * No percentile has to be chosen: whichever part of the distribution moved, some boundary separates it, and the mean of the
 * evidence over boundaries needs no correction. The boundaries are fixed at the start of a rollout from what the active side
 * looked like then. They run from its median to the slowest that it had, in even steps of the board's buckets, which are
 * even steps of the logarithm. Below the median the events are so frequent on both sides that no ratio worth the name can
 * show. A narrow distribution is continued upwards, where a slower candidate would be.
 *
 * Every boundary is the lower bound of a bucket of the board's histogram, so counts above it are exact. A data thread needs
 * one look into `levelTable` for each exchange: the level of a duration is how many boundaries it has reached, and the counts
 * above each boundary are sums over levels.
 *
 * Rejected: a p99 against a threshold (it needs a number that nobody knows, and many requests), the mean (one slow request in
 * a hundred drowns in it), and a band over the whole distribution function (blind to tails).
 */
import { BUCKETS, lowerBoundUs } from '../stats/histogram.ts';

/** How many boundaries there are. */
export const BOUNDARIES = 24;

/** A boundary has to be proven harmless only if this part of the active side was beyond it: rarer ones take forever. */
const PROOF_TAIL = 0.05;

/** The boundaries of one rollout: plain data, kept with its evidence. */
export interface LatencyScale {
  /** Buckets, ascending: a duration in such a bucket or beyond is slower than the boundary. */
  readonly buckets: readonly number[];
  /** The same in microseconds. */
  readonly boundariesUs: readonly number[];
  /** How many of them, from the first, were exceeded often enough to prove the candidate harmless; at least 1. */
  readonly provable: number;
}

/** The scale for an active side with this histogram; null when nothing was recorded. */
export function chooseScale(histogram: ArrayLike<number>): LatencyScale | null {
  let total = 0;
  let last = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const count = histogram[bucket] ?? 0;
    total += count;
    if (count > 0) last = bucket;
  }
  if (total === 0) return null;
  let median = 0;
  for (let below = 0; median < BUCKETS - BOUNDARIES; median++) {
    below += histogram[median] ?? 0;
    if (below >= total / 2) break;
  }
  const first = Math.min(median + 1, BUCKETS - BOUNDARIES);
  const span = Math.max(last - first, BOUNDARIES - 1);
  const buckets = Array.from(
    { length: BOUNDARIES },
    (_, index) => first + Math.round((index * span) / (BOUNDARIES - 1)),
  );
  const beyond = countsAbove(histogram, buckets);
  const provable = beyond.filter((count) => count >= PROOF_TAIL * total).length;
  return { buckets, boundariesUs: buckets.map(lowerBoundUs), provable: Math.max(1, provable) };
}

/** For each bucket of the histogram how many boundaries it has reached, 0 to 24: what a data thread looks up. */
export function levelTable({ buckets }: LatencyScale): Uint8Array {
  const levels = new Uint8Array(BUCKETS);
  for (const first of buckets) for (let bucket = first; bucket < BUCKETS; bucket++) levels[bucket]! += 1;
  return levels;
}

/** Counts above each boundary from counts by level (`BOUNDARIES + 1` of them, level 0 first). */
export function countsAboveOfLevels(levels: ArrayLike<number>): number[] {
  const above: number[] = new Array(BOUNDARIES).fill(0);
  for (let index = BOUNDARIES - 1; index >= 0; index--)
    above[index] = (above[index + 1] ?? 0) + (levels[index + 1] ?? 0);
  return above;
}

/** Counts above each of these boundary buckets from a whole histogram. */
export function countsAbove(histogram: ArrayLike<number>, buckets: readonly number[]): number[] {
  return buckets.map((first) => {
    let count = 0;
    for (let bucket = first; bucket < BUCKETS; bucket++) count += histogram[bucket] ?? 0;
    return count;
  });
}
