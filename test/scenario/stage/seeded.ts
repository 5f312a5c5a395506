/**
 * Random numbers that a test can be run again with: xorshift32, seeded by the environment or by the clock.
 */

/** Uniform numbers from 0 to below 1; the seed is `TIDEGATE_TEST_SEED` where that is set, and is to be printed. */
export function seededRandom(): {
  readonly seed: number;
  readonly next: () => number;
  readonly below: (n: number) => number;
} {
  const seed = Number(process.env.TIDEGATE_TEST_SEED ?? Date.now() % 2 ** 31) | 1;
  let state = seed;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return { seed, next, below: (n) => Math.floor(next() * n) };
}
