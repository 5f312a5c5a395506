/**
 * The buckets of Unleash, so that a flag that moves here keeps everybody where they are. The salt is the `groupId`.
 *
 *     place   = murmur3_x86_32(groupId + ":" + key, seed 0) % 100 + 1, in when it is at most the percentage
 *     variant = murmur3_x86_32(groupId + ":" + key, seed 86028157) % total + 1, the first whose cumulative weight is at least that
 *
 * A place stands for a hundredth of all keys, so percentages between whole ones are rounded down, as they are there.
 */
import { type Buckets, boundsOf, rangeAt, type Trace } from './bucket.ts';
import type { FlagSpec } from './flag.ts';
import { SaltedHash } from './salted-hash.ts';
import { VARIANT_SEED } from './tidegate-buckets.ts';

const PLACES = 100;

/** Keys to places by MurmurHash3 and a remainder. */
export class UnleashBuckets implements Buckets {
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

  /** The last thousandth of the key's hundredth: all of it must be in the share. */
  roll(key: string): number {
    return this.#place(key) * 1000 - 1;
  }

  draw(key: string, share: number): number {
    return this.roll(key) < share ? rangeAt(this.#bounds, this.#drawn(key) - 1) : -1;
  }

  traceRoll(key: string): Trace {
    return this.#enrolment.trace(key, this.#place(key), PLACES);
  }

  traceDraw(key: string): Trace {
    return this.#variant.trace(key, this.#drawn(key), this.#total);
  }

  #place(key: string): number {
    return (this.#enrolment.of(key) % PLACES) + 1;
  }

  #drawn(key: string): number {
    return (this.#variant.of(key) % this.#total) + 1;
  }
}
