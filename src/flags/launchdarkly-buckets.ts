/**
 * The buckets of LaunchDarkly's rollouts. The salt is the flag's `salt` there, beside its key.
 *
 *     place = first 15 hexadecimal digits of sha1(flag key + "." + salt + "." + key), divided by 0xFFFFFFFFFFFFFFF
 *
 * A key is in the first variant whose cumulative part is above its place, and in the last one at the very end. Rollouts with a
 * `seed`, which experiments have, hash the seed in place of flag and salt; they have no counterpart here. An enrolment below
 * 100% is unknown there: it takes the first part of each variant's range.
 *
 * This is the one mode whose evaluation costs microseconds and leaves garbage: SHA-1 is what it is.
 */
import { createHash } from 'node:crypto';
import { type Buckets, rangePartAt, type Trace } from './bucket.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagSpec } from './flag.ts';

const DIGITS = 15;
/** What 0xFFFFFFFFFFFFFFF is as a double, in its SDKs too. */
const SCALE = 2 ** 60;

/** Keys to places by SHA-1. */
export class LaunchdarklyBuckets implements Buckets {
  readonly #prefix: string;
  readonly #lengths: readonly number[];
  readonly #last: number;

  constructor({ name, salt, variants }: FlagSpec) {
    const total = variants.reduce((sum, { weight }) => sum + weight, 0);
    this.#prefix = `${name}.${salt}.`;
    this.#lengths = variants.map(({ weight }) => (total === 0 ? 0 : weight / total));
    this.#last = variants.findLastIndex(({ weight }) => weight > 0);
  }

  roll(key: string): number {
    return this.#place(key) * SHARE_ALL;
  }

  draw(key: string, share: number): number {
    const drawn = rangePartAt(this.#lengths, this.#place(key), share / SHARE_ALL);
    return drawn === -1 && share === SHARE_ALL ? this.#last : drawn;
  }

  traceRoll(key: string): Trace {
    const digest = this.#digest(key);
    return {
      input: this.#prefix + key,
      hash: `the first ${DIGITS} digits of sha1`,
      digest,
      place: Number.parseInt(digest, 16) / SCALE,
      of: 1,
    };
  }

  traceDraw(key: string): Trace {
    return this.traceRoll(key);
  }

  #digest(key: string): string {
    return createHash('sha1')
      .update(this.#prefix + key, 'utf8')
      .digest('hex')
      .slice(0, DIGITS);
  }

  #place(key: string): number {
    return Number.parseInt(this.#digest(key), 16) / SCALE;
  }
}
