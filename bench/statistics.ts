/**
 * The little arithmetic of the bench: medians, spread, and ratios between contenders of one run.
 *
 * A ratio is the median of the ratios of each round, not the quotient of two medians: neighbours in one round share the
 * machine's mood (heat, a noisy guest), and dividing inside the round takes that mood out. Means are not used at all:
 * one disturbed round would move them.
 */

/** The middle value, the mean of the two middle ones for an even count, and null for none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median over rounds of `values[round] / base[round]`; null where no round has both. A missing value of a round is
 * null in its place, so that rounds stay aligned; a base of zero is left out.
 */
export function ratioByRound(values: readonly (number | null)[], base: readonly (number | null)[]): number | null {
  const ratios: number[] = [];
  for (let round = 0; round < Math.min(values.length, base.length); round++) {
    const value = values[round];
    const against = base[round];
    if (value != null && against != null && against > 0) ratios.push(value / against);
  }
  return median(ratios);
}

/** The smallest and the largest value, or null for none. */
export function range(values: readonly number[]): { readonly min: number; readonly max: number } | null {
  if (values.length === 0) return null;
  return { min: Math.min(...values), max: Math.max(...values) };
}
