/**
 * Which pool a random number falls into.
 *
 * The line from 0 to 2^32 is cut into one interval for each pool, as long as the pool's share; a uniform u32 falls into
 * exactly one. Only the upper bounds are kept, whole numbers in units of 2^-32: a choice is a few comparisons, and a
 * share is exact to half a unit, which at 100,000 requests a second is one request in half a day. The last pool with
 * weight ends at exactly 2^32, so that no rounding leaves a number without a pool. Doubles hold the bounds because 2^32
 * does not fit a u32, and because weights lie beside them in the gate's memory.
 *
 * Rejected: a table of a hundred (or a thousand) slots, which cannot say 0.01%; round robin by weight, which is smoother
 * but not random, and the judge's statistics rest on random assignment with a known probability.
 */

const LINE = 2 ** 32;

/**
 * The upper bounds of the pools' intervals, cumulative, each a whole number from 0 to 2^32.
 *
 * A pool without weight gets an empty interval; one whose share is at least 2^-32 never does. All weights zero: all
 * bounds are 0. Throws on a weight that is negative, infinite or not a number.
 */
export function positionOf(weights: readonly number[]): Float64Array {
  let largest = 0;
  for (const weight of weights) {
    if (!(weight >= 0 && weight < Infinity)) throw new RangeError(`a weight is a number from 0 up, not ${weight}`);
    largest = Math.max(largest, weight);
  }
  const bounds = new Float64Array(weights.length);
  if (largest === 0) return bounds;

  // Weights are taken relative to the largest first, so that their sum overflows for no weights at all.
  const total = weights.reduce((sum, weight) => sum + weight / largest, 0);
  // The same additions in the same order: at the last pool with weight `sum` is `total`, and the line ends exactly.
  let sum = 0;
  let bound = 0;
  weights.forEach((weight, index) => {
    const part = weight / largest;
    sum += part;
    // A share of one unit may come out a hair smaller, and its two ends may round to one number.
    const least = (part / total) * LINE > 1 - 1e-6 ? 1 : 0;
    bound = Math.min(LINE, Math.max(bound + least, Math.round((sum / total) * LINE)));
    bounds[index] = bound;
  });
  return bounds;
}

/** The pool that `u32` (a uniform whole number from 0 to 2^32 - 1) falls into, or -1 when no pool has weight. */
export function choose(bounds: Float64Array, count: number, u32: number): number {
  return chooseAt(bounds, 0, count, u32);
}

/** The same for bounds that begin at `offset` in a longer array, such as the gate's memory. */
export function chooseAt(memory: Float64Array, offset: number, count: number, u32: number): number {
  for (let i = 0; i < count; i += 1) {
    if (u32 < memory[offset + i]!) return i;
  }
  return -1;
}
