/**
 * Which pool of a service is the active one: the pool whose version is proven, and which may save what others fail.
 *
 * It stays the active one for as long as it has weight. So a candidate that is raised step by step takes its place when the
 * last request has moved, and not at 51%: until then the active pool saves the candidate's requests, and never the other
 * way round. When it has none, or at the first position, the pool with the most weight is the active one.
 *
 * Rejected: always the pool with the most weight. In the middle of a rollout the two would change places, and requests of
 * the version that is proven would be sent to the one that is not.
 */

/**
 * The active pool of a position with these weights, where `before` was the active one; null when no pool has weight. Of
 * pools with the same weight, the first one is taken.
 */
export function activePool(weights: Readonly<Record<string, number>>, before: string | null): string | null {
  if (before !== null && (weights[before] ?? 0) > 0) return before;
  let best: string | null = null;
  for (const [pool, weight] of Object.entries(weights)) {
    if (weight > (best === null ? 0 : weights[best]!)) best = pool;
  }
  return best;
}
