/**
 * A log-linear histogram of durations in whole microseconds, laid out in plain number cells so that it can live in
 * shared memory.
 *
 * Below 16 µs every microsecond has its own bucket; above, each power of two is cut into 16 equal buckets. A bucket is
 * therefore never wider than 1/16 of its lower bound, and the midpoint that a quantile reports is at most 1/32 (3.2%)
 * away from any value in it, from 16 µs to 35 minutes. Finding the bucket is a count of leading zeros and a shift: no
 * logarithm, no search, no table.
 *
 * Rejected: fixed Prometheus-style bounds (a p99 read from them is a guess), DDSketch (a logarithm per record, the same
 * error), HdrHistogram's package (it keeps its own memory, which cannot be shared between threads).
 */

/** Number of buckets, and thus of cells, of one histogram. */
export const BUCKETS = 448;

/** The largest duration that is told apart, in microseconds; longer ones count in the last bucket. */
export const DURATION_MAX_US = 2 ** 31 - 1;

/** The bucket of a duration in microseconds; fractions are cut off, negative durations count as zero. */
export function bucketOf(durationUs: number): number {
  const us = durationUs <= 0 ? 0 : durationUs >= DURATION_MAX_US ? DURATION_MAX_US : Math.floor(durationUs);
  if (us < 16) return us;
  const exponent = 31 - Math.clz32(us);
  return (exponent - 3) * 16 + ((us >>> (exponent - 4)) & 15);
}

/** The smallest duration of a bucket in microseconds; `lowerBoundUs(BUCKETS)` is the end of the last bucket. */
export function lowerBoundUs(bucket: number): number {
  if (bucket < 16) return bucket;
  const exponent = Math.floor(bucket / 16) + 3;
  return 2 ** (exponent - 4) * (16 + (bucket % 16));
}

/**
 * The duration in microseconds below which the share `q` (0 to 1) of the recorded durations lies: the midpoint of the
 * bucket that holds it. `NaN` when nothing was recorded.
 */
export function quantileUs(counts: ArrayLike<number>, q: number): number {
  let total = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) total += counts[bucket] ?? 0;
  if (total === 0) return Number.NaN;
  const rank = Math.max(1, Math.ceil(q * total));
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += counts[bucket] ?? 0;
    if (seen >= rank) return bucket < 16 ? bucket : (lowerBoundUs(bucket) + lowerBoundUs(bucket + 1)) / 2;
  }
  return DURATION_MAX_US;
}

/**
 * How many of the recorded durations are at most `boundUs`. Exact where the bound is the lower bound of a bucket, but
 * for durations of just `boundUs`, which count as above it, as does all of a bucket that the bound cuts. So the answer
 * is never too high.
 */
export function countAtMost(counts: ArrayLike<number>, boundUs: number): number {
  let below = 0;
  for (let bucket = 0; bucket < BUCKETS && lowerBoundUs(bucket + 1) <= boundUs; bucket++) below += counts[bucket] ?? 0;
  return below;
}
