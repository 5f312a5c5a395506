/**
 * Weighted rendezvous hashing: which of several nodes a key belongs to (Thaler and Ravishankar 1998; with weights,
 * Schindelhauer and Schomaker 2005).
 *
 * Each node draws a number from the key, and the highest score -weight / ln(u) wins. The winner is node i with
 * probability weight_i / sum, exactly; and a node's score depends on nothing but its own weight. So a node that gains
 * weight only wins keys, one that loses weight only loses keys, a node that leaves gives away its own keys and no
 * others, and multiplying all weights changes nobody. There is no state and no table to build.
 *
 * Rejected: a hash against cumulative intervals (with three pools, a change of the first moves the border between the
 * others), a ring with virtual nodes (shares are as rough as the ring is coarse, and it has to be rebuilt), Maglev
 * (fast for thousands of nodes, but keys move that need not).
 */
import { hashPair, mixInteger, murmur3 } from './hash.ts';

const LOW_SEED = 0x74696465;
const HIGH_SEED = 0x67617465;
const NODE_SEED = 0x706f6f6c;

/** The first half of a key's hash, to be given to `score`. */
export function keyLow(key: string): number {
  return murmur3(key, LOW_SEED);
}

/** The second half of a key's hash; two halves, so that no two of a million keys share all their draws. */
export function keyHigh(key: string): number {
  return murmur3(key, HIGH_SEED);
}

/** A node's own seed; `scope` (the service or pool) makes one name draw different numbers in different places. */
export function nodeSeed(scope: string, name: string): number {
  return hashPair(scope, name, NODE_SEED);
}

/** The score of a node with a positive weight for a key. */
export function score(weight: number, seed: number, low: number, high: number): number {
  // For one node this is a bijection of the key's 64 bits, so u is uniform; adding the second half between the two
  // mixes makes the draws of two nodes differ by an amount that is itself random.
  const inner = mixInteger(low ^ seed);
  const outer = mixInteger((inner + high) | 0);
  const u = (outer * 2 ** 20 + (inner >>> 12) + 0.5) / 2 ** 52;
  return weight / -Math.log(u);
}
