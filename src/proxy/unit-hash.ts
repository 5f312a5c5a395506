/**
 * Two independent hashes of the key by which a user sticks to a pool, as the ledgers of units want them.
 *
 * Of another seed than the hash that assigns users to pools, so that the users of one pool spread over a whole ledger.
 */
import { mixInteger, murmur3 } from '../routing/hash.ts';

const SEED = 0x7464_6567;

export interface UnitHash {
  readonly low: number;
  readonly high: number;
}

/** The hashes of a user's key. */
export function unitHash(unit: string): UnitHash {
  return { low: murmur3(unit, SEED), high: mixInteger(murmur3(unit, ~SEED)) };
}
