/**
 * How much worse, in one number and a range: the candidate's risk as a multiple of the active's.
 *
 * The range is the set of margins that the test has not rejected, from below (risk of at most m) and, with the sides
 * exchanged, from above (risk of at least m). So it tells the same story as the verdict: the lower end passes the margin in
 * the very moment the evidence at that margin passes what it needs. Each end holds at all times together with the error
 * it was made for. The evidence falls strictly with the margin, so halving finds each end.
 *
 * The number in the middle is the ratio under which the events would be shared out as they were, given the shares of all
 * epochs. The ratio of the two overall rates was rejected: while the share moves, it mixes hours with different base rates
 * and can even point the other way (Simpson's paradox).
 */
import { type EpochEvents, isInformative, logEvidence, theta } from './relative-risk.ts';

/** Ratios beyond these are not told apart from 0 and from unbounded. */
const RATIO_MIN = 1e-9;
const RATIO_MAX = 1e9;
/** They leave each end known to five digits; the judge computes them ten times a second. */
const HALVINGS = 24;

/** The candidate's risk over the active's; null stands for unbounded, and for an unknown estimate. */
export interface RiskInterval {
  readonly estimate: number | null;
  readonly lower: number;
  readonly upper: number | null;
}

/** The estimate and the range at one threshold; each end errs with at most the chance exp(-logNeeded), at all times. */
export function riskInterval(epochs: readonly EpochEvents[], threshold: number, logNeeded: number): RiskInterval {
  const compared = epochs
    .filter(({ share }) => isInformative(share))
    .map(({ share, candidate, active }) => ({
      share,
      candidate: [candidate[threshold]!],
      active: [active[threshold]!],
    }));
  const exchanged = compared.map(({ share, candidate, active }) => ({
    share: 1 - share,
    candidate: active,
    active: candidate,
  }));
  const inverse = lowerEnd(exchanged, logNeeded);
  return {
    estimate: estimateRatio(compared),
    lower: lowerEnd(compared, logNeeded),
    upper: inverse === 0 ? null : 1 / inverse,
  };
}

function lowerEnd(epochs: readonly EpochEvents[], logNeeded: number): number {
  const isRejected = (margin: number): boolean => logEvidence(epochs, 1, margin) >= logNeeded;
  return isRejected(RATIO_MIN) ? lastTrue(isRejected) : 0;
}

/** The ratio that explains the split of the events best: 0 or null (unbounded) when they are all on one side. */
function estimateRatio(epochs: readonly EpochEvents[]): number | null {
  const candidate = epochs.reduce((sum, epoch) => sum + epoch.candidate[0]!, 0);
  const active = epochs.reduce((sum, epoch) => sum + epoch.active[0]!, 0);
  if (active === 0) return null;
  if (candidate === 0) return 0;
  const expected = (ratio: number): number =>
    epochs.reduce((sum, epoch) => sum + (epoch.candidate[0]! + epoch.active[0]!) * theta(epoch.share, ratio), 0);
  return lastTrue((ratio) => expected(ratio) <= candidate);
}

/** The largest ratio for which a test holds that holds up to some ratio and not beyond. */
function lastTrue(holds: (ratio: number) => boolean): number {
  let low = Math.log(RATIO_MIN);
  let high = Math.log(RATIO_MAX);
  for (let round = 0; round < HALVINGS; round++) {
    const middle = (low + high) / 2;
    if (holds(Math.exp(middle))) low = middle;
    else high = middle;
  }
  return Math.exp(low);
}
