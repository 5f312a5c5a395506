/**
 * Two independent hashes of the key by which a user sticks to a pool, as the ledgers of units want them.
 *
 * The one finds the user's place in a ledger, the other tells users in it apart. Both are other hashes than the one by which
 * the user was given its pool, or the users of a ledger would crowd in a part of it.
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
