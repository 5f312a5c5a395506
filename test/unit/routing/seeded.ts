/**
 * Randomness for property tests: a small seeded generator (mulberry32), and the seed of this run.
 *
 * The seed is fixed so that a run can be repeated, and TIDEGATE_SEED chooses another; tests print it in their titles.
 */

/** The seed of this run. */
export const runSeed = Number(process.env.TIDEGATE_SEED ?? 20260117) >>> 0;

/** A stream of random values from one seed. */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A uniform u32; bound, to be handed on as a function. */
  readonly u32 = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };

  /** A uniform whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor((this.u32() / 2 ** 32) * count);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.u32() / 2 ** 32 < probability;
  }

  /** One of the values. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Up to `max` different ones of the values, in random order. */
  some<T>(values: readonly T[], max: number): T[] {
    const left = [...values];
    const chosen: T[] = [];
    for (let count = this.below(max + 1); count > 0 && left.length > 0; count -= 1) {
      chosen.push(...left.splice(this.below(left.length), 1));
    }
    return chosen;
  }
}

/** How many standard deviations `hits` of `trials` lies from the probability `share`. */
export function sigmas(hits: number, trials: number, share: number): number {
  return Math.abs(hits - trials * share) / Math.sqrt(trials * share * (1 - share));
}
