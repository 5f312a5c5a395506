/**
 * The buckets of flagd's `fractional`. The salt is the name of the flag there, or the text that it joins to the key.
 *
 *     place = murmur3_x86_32(salt + key, seed 0) * total >> 32, in the half-open ranges of the weights
 *
 * This is how it has been since whole weights took the place of percentages there; the earlier way, by the remainder of a float, put
 * other keys into other buckets. An enrolment below 100% is unknown there: it takes the first part of each variant's range.
 */
import { type Buckets, rangePartAt, scaled, type Trace } from './bucket.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagSpec } from './flag.ts';
import { SaltedHash } from './salted-hash.ts';

/** Keys to places by MurmurHash3, scaled, without a separator and with one draw for everything. */
export class FlagdBuckets implements Buckets {
  readonly #hash: SaltedHash;
  readonly #weights: readonly number[];
  readonly #total: number;

  constructor({ salt, variants }: FlagSpec) {
    this.#hash = new SaltedHash(salt, 0);
    this.#weights = variants.map(({ weight }) => weight);
    this.#total = this.#weights.reduce((sum, weight) => sum + weight, 0);
  }

  roll(key: string): number {
    return scaled(this.#hash.of(key), SHARE_ALL);
  }

  /** Exact for totals up to 2^24: of the 32 bits behind the point so many are kept that the sum has no need of rounding. */
  draw(key: string, share: number): number {
    const hash = this.#hash.of(key);
    const behindPoint = (Math.imul(hash, this.#total) >>> 3) / 2 ** 29;
    return rangePartAt(this.#weights, scaled(hash, this.#total) + behindPoint, share / SHARE_ALL);
  }

  traceRoll(key: string): Trace {
    return this.#hash.trace(key, this.roll(key), SHARE_ALL);
  }

  traceDraw(key: string): Trace {
    return this.#hash.trace(key, scaled(this.#hash.of(key), this.#total), this.#total);
  }
}
