/**
 * The engine: how strongly do the bad events say that the candidate's risk is more than `margin` times the active's?
 *
 * Only bad events are looked at, and of each only the side it fell on. The gate sent a request to the candidate with a
 * share that is known exactly. So if both sides fail alike, however often and however that drifts, a bad event is the
 * candidate's with just that share; if the candidate's risk is r times the active's, with probability
 *
 *     theta(r) = share * r / (share * r + 1 - share)
 *
 * The likelihood ratio of each harmful r against the margin is multiplied up over the events, and the mean over the r's is
 * the evidence: a non-negative supermartingale that starts at 1 as long as the true ratio is at most the margin. By
 * Ville's inequality it ever reaches 1/a with a chance of at most a, so it may be looked at after every event.
 *
 * Within an epoch the share is constant and the order of events does not matter: two counts are all there is to keep, and
 * counts of threads and routers add up. With c candidate and b active events the logarithm of one ratio's product is
 *
 *     c * ln(r / margin) + (c + b) * ln((1 + share * (margin - 1)) / (1 + share * (r - 1)))
 *
 * which is the textbook form rearranged so that no share, however small, loses digits. Everything is kept as logarithms.
 *
 * Several thresholds (for latency, "slower than" each of them) are several series of events about the same requests. The
 * mean over thresholds is again evidence, whatever their dependence, so trying 24 of them costs no false alarms.
 *
 * Rejected: comparing rates in windows, which needs a base rate and is wrong when looked at repeatedly, and a t-test or
 * Mann-Whitney at fixed sizes for the same reason. Sources: Ville 1939; Lindon and Malek 2022 (arXiv 2011.03567).
 */

/** Harmful ratios as multiples of the margin: from just noticeable to all but dead. */
export const HARMFUL: readonly number[] = [1.25, 1.5, 2, 3, 5, 10, 20, 50];

/** Bad events of one epoch by threshold; `share` is the candidate's share of the requests of both sides. */
export interface EpochEvents {
  readonly share: number;
  readonly candidate: readonly number[];
  readonly active: readonly number[];
}

/** Chance that a bad event is the candidate's when its risk is `ratio` times the active's; NaN unless 0 < share < 1. */
export function theta(share: number, ratio: number): number {
  return isInformative(share) ? (share * ratio) / (1 + share * (ratio - 1)) : Number.NaN;
}

/** Whether a position compares anything: with all requests on one side, the side of an event says nothing. */
export function isInformative(share: number): boolean {
  return share > 0 && share < 1;
}

/** The grid of harmful ratios at this margin. */
export function harmfulRatios(margin: number): number[] {
  return HARMFUL.map((multiple) => multiple * margin);
}

/**
 * ln of the likelihood ratio of each of `ratios` against `margin` at each threshold, threshold by threshold. Epochs add
 * up; one in which all requests went to one side adds nothing.
 */
export function logLikelihoodRatios(
  epochs: readonly EpochEvents[],
  thresholds: number,
  margin: number,
  ratios: readonly number[],
): Float64Array {
  const sums = new Float64Array(thresholds * ratios.length);
  for (const { share, candidate, active } of epochs) {
    if (!isInformative(share)) continue;
    for (let column = 0; column < ratios.length; column++) {
      const ratio = ratios[column]!;
      const candidateStep = Math.log(ratio / margin);
      const eitherStep = Math.log1p(share * (margin - 1)) - Math.log1p(share * (ratio - 1));
      for (let threshold = 0; threshold < thresholds; threshold++) {
        const ofCandidate = candidate[threshold]!;
        const either = ofCandidate + active[threshold]!;
        sums[threshold * ratios.length + column]! += ofCandidate * candidateStep + either * eitherStep;
      }
    }
  }
  return sums;
}

/** ln of the mean of the exponentials, without overflow; 0 (a mean of 1) for no values. */
export function logMeanExp(values: ArrayLike<number>): number {
  if (values.length === 0) return 0;
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, values[index]!);
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += Math.exp(values[index]! - largest);
  return largest + Math.log(sum / values.length);
}

/** ln of the evidence over all thresholds together. */
export function logEvidence(
  epochs: readonly EpochEvents[],
  thresholds: number,
  margin: number,
  ratios: readonly number[] = harmfulRatios(margin),
): number {
  return logMeanExp(logLikelihoodRatios(epochs, thresholds, margin, ratios));
}

/** ln of the evidence of each threshold alone. */
export function logEvidenceByThreshold(
  epochs: readonly EpochEvents[],
  thresholds: number,
  margin: number,
  ratios: readonly number[] = harmfulRatios(margin),
): number[] {
  const all = logLikelihoodRatios(epochs, thresholds, margin, ratios);
  return Array.from({ length: thresholds }, (_, threshold) =>
    logMeanExp(all.subarray(threshold * ratios.length, (threshold + 1) * ratios.length)),
  );
}
