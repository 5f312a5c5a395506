/**
 * How a key becomes a bucket, and a bucket an answer.
 *
 * Every mode puts a key on one line from 0 to 100,000, thousandths of a percent: a key is in a share when its roll is below
 * it. So who is in at 5% is in at 6%, whatever the mode, and a share is compared in one way. Our own mode:
 *
 *     h       = murmur3_x86_32(utf8(salt + ":" + key), seed 0)
 *     roll    = floor(h * 100000 / 2^32)
 *     variant = floor(h' * total / 2^32), h' by seed 86028157, in the half-open ranges of the weights in order of declaration
 *
 * Scaling up and shifting down has no modulo bias and keeps a key's place when the scale changes. The second seed keeps the variant of
 * a key while the enrolment grows. The colon keeps ("ab", "c") and ("a", "bc") apart. Rejected: `hash(user + flag) % 100`
 * with a shift-and-add hash, by which two flags whose names differ in the last character pick nearly the same keys.
 */
import { SHARE_ALL } from './dial.ts';
import type { FlagSpec } from './flag.ts';
import { SaltedHash } from './salted-hash.ts';

/** The seed of the second draw, by which a variant is chosen. */
export const VARIANT_SEED = 86028157;

/** One flag's way from keys to places. */
export interface Buckets {
  /** Where on the line a key is: below a share, it is in. From 0 up; below 100,000 for every key that 100% holds. */
  roll(key: string): number;
  /** The index of the variant of a key, by their weights, with this share enrolled; -1 for a key that is not enrolled. */
  draw(key: string, share: number): number;
}

/** The buckets of a flag, by its mode. */
export function bucketsOf(spec: FlagSpec): Buckets {
  return new TidegateBuckets(spec);
}

/** floor(hash * total / 2^32), exact for every total up to 2^36. */
export function scaled(hash: number, total: number): number {
  const high = (hash >>> 16) * total;
  const low = (hash & 0xffff) * total;
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000);
}

/** Upper bounds of half-open ranges as long as the weights. */
export function cumulative(weights: readonly number[]): readonly number[] {
  let sum = 0;
  return weights.map((weight) => (sum += weight));
}

/** The first range that a place lies in; -1 for a place behind all of them. */
export function rangeAt(bounds: readonly number[], place: number): number {
  for (let i = 0; i < bounds.length; i += 1) if (place < bounds[i]!) return i;
  return -1;
}

class TidegateBuckets implements Buckets {
  readonly #enrolment: SaltedHash;
  readonly #variant: SaltedHash;
  readonly #bounds: readonly number[];

  constructor({ salt, variants }: FlagSpec) {
    this.#enrolment = new SaltedHash(`${salt}:`, 0);
    this.#variant = new SaltedHash(`${salt}:`, VARIANT_SEED);
    this.#bounds = cumulative(variants.map(({ weight }) => weight));
  }

  roll(key: string): number {
    return scaled(this.#enrolment.of(key), SHARE_ALL);
  }

  draw(key: string, share: number): number {
    if (this.roll(key) >= share) return -1;
    return rangeAt(this.#bounds, scaled(this.#variant.of(key), this.#bounds.at(-1) ?? 0));
  }
}
