/**
 * Absence of alarm is not health: what must be shown before a step may be called healthy, and what is still missing.
 *
 * There are two ways. Either the same engine, turned round, rejects that the candidate's risk is at least `margin` times the
 * active's: the alternatives are "alike" and "a quarter better", and evidence of 1/b promotes a candidate that is that bad with
 * a chance of at most b. Or the candidate has had no bad event at all: n requests without one bound its rate, at any time, by
 *
 *     1 - (b / (n + 1)) ^ (1 / n)
 *
 * With several thresholds each has to be shown harmless for itself. That needs no correction, because the claim "all of them
 * are" is wrong only if one is wrongly shown; but the rarest would take forever, so a rule says how many of them count.
 */
import type { SideCounts } from './evidence.ts';
import { type EpochEvents, isInformative, logEvidenceByThreshold, theta } from './relative-risk.ts';

/** The ratios that a harmless candidate is expected to have. */
export const HARMLESS: readonly number[] = [1, 0.75];

/** What is asked of a signal before a step is healthy. */
export interface ProofRule {
  /** The candidate must be shown to be less than so many times as bad; above 1. */
  readonly margin: number;
  /** Without any bad event it is enough to bound the candidate's rate by this, above 0 and up to 1; null: it is not. */
  readonly rate: number | null;
  /** How many thresholds, from the first, have to be shown; at least 1. */
  readonly thresholds: number;
}

export type Proof =
  | { readonly kind: 'by-comparison'; readonly logEvidence: number }
  | { readonly kind: 'by-no-bad-event'; readonly rateMax: number }
  | {
      readonly kind: 'open';
      readonly logEvidence: number;
      /** The bound on the candidate's rate; null once it has had a bad event. */
      readonly rateMax: number | null;
      /** About so many more requests of both sides at the present share, for a harmless candidate; null: unknown. */
      readonly requestsMissing: number | null;
    };

/** The largest rate of bad events that n requests without one leave possible, at all times together. */
export function rateBound(requests: number, error: number): number {
  return requests > 0 ? -Math.expm1(Math.log(error / (requests + 1)) / requests) : 1;
}

/** The fewest requests without a bad event that bound the rate by `rate`. */
export function requestsForBound(rate: number, error: number): number {
  let enough = 1;
  while (rateBound(enough, error) > rate) enough *= 2;
  let short = Math.floor(enough / 2);
  while (enough - short > 1) {
    const middle = Math.floor((short + enough) / 2);
    if (rateBound(middle, error) > rate) short = middle;
    else enough = middle;
  }
  return enough;
}

/** What a signal's counts prove, with `error` the chance to be wrong about a candidate that is as bad as the rule forbids. */
export function prove(
  epochs: readonly EpochEvents[],
  totals: { readonly candidate: SideCounts; readonly active: SideCounts },
  rule: ProofRule,
  error: number,
): Proof {
  const thresholds = totals.candidate.events.length;
  const each = logEvidenceByThreshold(epochs, thresholds, rule.margin, HARMLESS).slice(0, rule.thresholds);
  const logEvidence = Math.min(...each);
  const logNeeded = -Math.log(error);
  if (logEvidence >= logNeeded) return { kind: 'by-comparison', logEvidence };
  const isFlawless = totals.candidate.events[0] === 0;
  const rateMax = isFlawless ? rateBound(totals.candidate.requests, error) : null;
  if (rateMax !== null && rule.rate !== null && rateMax <= rule.rate) return { kind: 'by-no-bad-event', rateMax };
  const share = epochs.at(-1)?.share ?? 0;
  const ways: number[] = [];
  if (isFlawless && rule.rate !== null && share > 0) {
    ways.push((requestsForBound(rule.rate, error) - totals.candidate.requests) / share);
  }
  const threshold = each.indexOf(logEvidence);
  const events = totals.candidate.events[threshold]! + totals.active.events[threshold]!;
  if (events > 0 && isInformative(share)) {
    const requests = totals.candidate.requests + totals.active.requests;
    // ln 2 more than needed: half of all harmless candidates would otherwise still be a little short.
    const eventsMissing = (logNeeded + Math.LN2 - logEvidence) / growthPerEvent(share, rule.margin);
    ways.push((eventsMissing * requests) / events);
  }
  return {
    kind: 'open',
    logEvidence,
    rateMax,
    requestsMissing: ways.length === 0 ? null : Math.ceil(Math.min(...ways)),
  };
}

/** How much ln of the evidence grows with each bad event of a candidate that is just as good as the active side. */
function growthPerEvent(share: number, margin: number): number {
  const forbidden = theta(share, margin);
  return share * Math.log(share / forbidden) + (1 - share) * Math.log((1 - share) / (1 - forbidden));
}
