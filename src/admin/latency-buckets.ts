/**
 * The bounds of the latency histograms in /metrics, and how the board's 448 buckets become them.
 *
 * Each bound is the lower bound of a bucket of `stats/histogram.ts`, so that the published counts are exact and not
 * interpolated. From half a millisecond to two seconds, where the quantiles of web services lie, bounds are half a power of
 * two apart, which lets a dashboard read a p99 to within a few tens of a percent; outside, a power of two apart. More bounds
 * would be finer, but their number multiplies with all pools in every scrape; `status` and the judge read the board itself.
 *
 * A duration that is exactly a bound counts in the bucket above it, because the board's buckets include their lower end.
 */
import { BUCKETS, bucketOf } from '../stats/histogram.ts';

const LOWEST_EXPONENT = 6;
const HALF_STEPS_FROM = 9;
const HALF_STEPS_TO = 21;
const HIGHEST_EXPONENT = 26;

/** The bounds in whole microseconds, from 64 µs to 67 s, ascending. */
export const BOUNDS_US: readonly number[] = boundsUs();

/** The bounds as the label `le`, in seconds. */
export const BOUND_LABELS: readonly string[] = BOUNDS_US.map((us) => String(us / 1e6));

const FIRST_BUCKET_ABOVE: readonly number[] = BOUNDS_US.map(bucketOf);

function boundsUs(): number[] {
  const bounds: number[] = [];
  for (let exponent = LOWEST_EXPONENT; exponent <= HIGHEST_EXPONENT; exponent++) {
    bounds.push(2 ** exponent);
    if (exponent >= HALF_STEPS_FROM && exponent < HALF_STEPS_TO) bounds.push(1.5 * 2 ** exponent);
  }
  return bounds;
}

/** How many durations lie below each bound, and last how many there are at all, from the bucket counts of the board. */
export function cumulativeCounts(counts: ArrayLike<number>): number[] {
  const cumulative: number[] = [];
  let below = 0;
  let bucket = 0;
  for (const above of FIRST_BUCKET_ABOVE) {
    while (bucket < above) below += counts[bucket++]!;
    cumulative.push(below);
  }
  while (bucket < BUCKETS) below += counts[bucket++]!;
  cumulative.push(below);
  return cumulative;
}
