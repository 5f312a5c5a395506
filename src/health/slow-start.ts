/**
 * How much of its weight an endpoint stands in with while it warms up: (since when it is used, now) → a part of 1.
 *
 * An endpoint that comes into use has cold caches, an empty connection pool and code that has not been compiled yet. It
 * begins with a tenth of its weight, which grows evenly to the whole. Less than a tenth was rejected: in a small pool
 * such an endpoint would get no request to warm up on. A curve with a parameter was rejected too, since nobody can say
 * what it should be for their application; the duration can be measured.
 */

/** The part of its weight that an endpoint begins with. */
const FIRST_PART = 0.1;

/** Since when an endpoint is in use; null while it is not. */
export type UsedSince = number | null;

/** The moment since which the endpoint is in use, after it is seen to be used or not at `nowMs`. */
export function usedSince(before: UsedSince, isUsed: boolean, nowMs: number): UsedSince {
  return isUsed ? (before ?? nowMs) : null;
}

/** The part of its weight, from 0.1 to 1; 1 without a slow start (0) and for what is not in use. */
export function weightPart(since: UsedSince, slowStartMs: number, nowMs: number): number {
  if (since === null || slowStartMs === 0) return 1;
  const grown = Math.min(1, Math.max(0, nowMs - since) / slowStartMs);
  return FIRST_PART + (1 - FIRST_PART) * grown;
}
