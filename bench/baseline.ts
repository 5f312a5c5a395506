/**
 * The recorded ratio that `check.ts` compares with, and the comparison itself.
 *
 * Only the ratio to the blind relay is compared, never microseconds: those belong to one machine. A ratio that became
 * better passes and is not recorded by itself; a new baseline is a decision, made with `--record`.
 */
import type { Circumstances } from './machine.ts';

/** How much dearer, as a share of the recorded ratio, is still taken for noise. */
export const marginShare = 0.15;

/** The content of `results/baseline.json`. `ratio` is Tidegate's CPU per request over the blind relay's. */
export interface Baseline {
  readonly ratio: number;
  readonly circumstances: Circumstances;
}

/** Compares a measured ratio with the recorded one; exactly at the margin passes. */
export function compare(
  ratio: number,
  baseline: Pick<Baseline, 'ratio'>,
): { readonly passed: boolean; readonly sentence: string } {
  const limit = baseline.ratio * (1 + marginShare);
  const passed = ratio <= limit;
  const change = `${ratio.toFixed(3)}x the blind relay's CPU per request; recorded ${baseline.ratio.toFixed(3)}x, limit ${limit.toFixed(3)}x`;
  return {
    passed,
    sentence: `${passed ? 'Passed' : 'Failed: dearer than the margin allows'}: Tidegate uses ${change}.`,
  };
}
