/**
 * Random numbers that a run can be repeated with: mulberry32, seeded by a number that is printed.
 *
 * `fork` gives a generator of its own to each case, so that one case can be made again without those before it.
 */

/** A seeded generator; equal seeds give equal sequences. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A uniform whole number from 0 to 2^32 - 1. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A uniform whole number from 0 to below `n`; 0 when `n` is 0. */
  below(n: number): number {
    return Math.floor((this.u32() / 2 ** 32) * n);
  }

  /** True in `share` of all cases. */
  chance(share: number): boolean {
    return this.u32() / 2 ** 32 < share;
  }

  /** One of the members, each as likely as the others; the list must not be empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** As many characters of `alphabet` as `length` says. */
  text(alphabet: string, length: number): string {
    let text = '';
    for (let at = 0; at < length; at++) text += alphabet[this.below(alphabet.length)];
    return text;
  }

  /** A generator with a seed of its own, drawn from this one. */
  fork(): Random {
    return new Random(this.u32());
  }
}
