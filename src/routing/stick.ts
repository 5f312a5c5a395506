/**
 * Which pool a sticky client belongs to.
 *
 * Its key (a cookie, a header, its address) is weighed against the pools' weights by weighted rendezvous hashing
 * (`rendezvous.ts`). The assignment is a function of key, service, pool names and weights, and of nothing else: all
 * threads agree without a word, a restart changes nobody, and no cookie ever names a pool that has gone. Raising a
 * pool's weight moves clients only towards it, lowering it only away, and a rollback to 0 moves everyone at once.
 *
 * Rejected: a cookie that names the pool, as most proxies do it. It goes stale when the pool is gone, it keeps clients on
 * a version that has been rolled back, and it makes the real share drift from the configured one.
 */
import { keyHigh, keyLow, nodeSeed, score } from './rendezvous.ts';

/** The seeds of a service's pools, in their order; computed once for each snapshot. */
export function poolSeedsOf(service: string, pools: readonly string[]): Uint32Array {
  return Uint32Array.from(pools, (pool) => nodeSeed(service, pool));
}

/**
 * The pool that the key belongs to, or -1 when no pool has weight; a pool without weight is never chosen.
 *
 * The weights of the `count` pools begin at `offset` in `memory`; `poolSeeds` begins at 0. Allocates nothing.
 */
export function stickAt(
  memory: Float64Array,
  offset: number,
  count: number,
  poolSeeds: Uint32Array,
  key: string,
): number {
  const low = keyLow(key);
  const high = keyHigh(key);
  let best = -1;
  let bestScore = -1;
  for (let i = 0; i < count; i += 1) {
    const weight = memory[offset + i]!;
    if (!(weight > 0)) continue;
    const own = score(weight, poolSeeds[i]!, low, high);
    // An even score is settled by the seeds, never by the order, in which the file may be rewritten.
    if (own > bestScore || (own === bestScore && poolSeeds[i]! > poolSeeds[best]!)) {
      best = i;
      bestScore = own;
    }
  }
  return best;
}
