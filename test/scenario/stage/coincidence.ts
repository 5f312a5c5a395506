/**
 * Whether a count of random draws can be a coincidence, so that a test of a share fails when the share is wrong and otherwise
 * never: by the binomial distribution itself, because so many sigma are another chance for every share and number, and
 * far from a small one where few hits are expected.
 */
import { binomialTail } from '../../../src/judge/blame.ts';

/** Each of two sides: a run that asks a hundred times fails once in five hundred thousand. */
const CHANCE_MIN = 1e-8;

/** Whether so many hits of so many trials come by chance, when each is a hit with the probability `share` from 0 to 1. */
export function isCoincidence(hits: number, trials: number, share: number): boolean {
  const [atLeast, atMost] = [binomialTail(trials, share, hits), binomialTail(trials, 1 - share, trials - hits)];
  return Math.min(atLeast, atMost) >= CHANCE_MIN;
}
