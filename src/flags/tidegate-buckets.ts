/**
 * Our own buckets.
 *
 *     h       = murmur3_x86_32(utf8(salt + ":" + key), seed 0)
 *     roll    = floor(h * 100000 / 2^32)
 *     variant = floor(h' * total / 2^32), h' by seed 86028157, in the half-open ranges of the weights in order of declaration
 *
 * Scaling up and shifting down has no modulo bias and keeps a key's place when the scale changes. The second seed keeps the variant of
 * a key while the enrolment grows. The colon keeps ("ab", "c") and ("a", "bc") apart. Rejected: `hash(user + flag) % 100`
 * with a shift-and-add hash, by which two flags whose names differ in the last character pick nearly the same keys.
 */
import { type Buckets, boundsOf, rangeAt, scaled, type Trace } from './bucket.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagSpec } from './flag.ts';
import { SaltedHash } from './salted-hash.ts';

/** The seed of the second draw, by which a variant is chosen. */
export const VARIANT_SEED = 86028157;

/** Keys to places by MurmurHash3, scaled. */
export class TidegateBuckets implements Buckets {
  readonly #enrolment: SaltedHash;
  readonly #variant: SaltedHash;
  readonly #bounds: readonly number[];
  readonly #total: number;

  constructor({ salt, variants }: FlagSpec) {
    this.#enrolment = new SaltedHash(`${salt}:`, 0);
    this.#variant = new SaltedHash(`${salt}:`, VARIANT_SEED);
    this.#bounds = boundsOf(variants.map(({ weight }) => weight));
    this.#total = this.#bounds.at(-1) ?? 0;
  }

  roll(key: string): number {
    return scaled(this.#enrolment.of(key), SHARE_ALL);
  }

  draw(key: string, share: number): number {
    return this.roll(key) < share ? rangeAt(this.#bounds, scaled(this.#variant.of(key), this.#total)) : -1;
  }

  traceRoll(key: string): Trace {
    return this.#enrolment.trace(key, this.roll(key), SHARE_ALL);
  }

  traceDraw(key: string): Trace {
    return this.#variant.trace(key, scaled(this.#variant.of(key), this.#total), this.#total);
  }
}
