/**
 * What the judge says, with every number that it says it by.
 *
 * Plain data without infinities, so that a verdict can be stored, sent and compared as it is. Evidence and p are derived from
 * the logarithm, which is what decides and what is exact to the last digit; beyond what a double holds they stop at its ends.
 */
import type { CeilingFinding } from './guards.ts';
import type { Opinion, UnknownPolicy, VerdictKind } from './opinion.ts';
import type { Proof } from './promotion.ts';
import type { Tallies } from './recent.ts';
import type { RiskInterval } from './risk-interval.ts';

/** The numbers of a compared signal. */
export interface ComparedNumbers {
  /** Requests and bad ones of the whole rollout at the threshold that speaks loudest. */
  readonly counts: Tallies;
  /** That threshold in microseconds; null for a signal without boundaries. */
  readonly boundaryUs: number | null;
  readonly risk: RiskInterval;
  readonly logEvidence: number;
  /** exp of it. */
  readonly evidence: number;
  readonly logEvidenceNeeded: number;
  /** The evidence that blames the candidate. */
  readonly evidenceNeeded: number;
  /** Whether enough distinct units of the candidate have had a bad event. */
  readonly isAboveFloor: boolean;
  /** ln of the most evidence there ever was. */
  readonly peakLogEvidence: number;
  /** The always-valid p of the whole rollout, one over the most evidence there ever was, at most 1. */
  readonly p: number;
  readonly ceiling: CeilingFinding;
  /** What the ceiling looked at. */
  readonly ceilingCounts: Tallies;
  /** What this step has proven; null for a signal that is not asked for a proof. */
  readonly proof: Proof | null;
}

interface SignalVerdictBase {
  readonly name: string;
  readonly acts: boolean;
  readonly onUnknown: UnknownPolicy;
  readonly opinion: Opinion;
  readonly sentence: string;
}

/** The opinion of one signal. `unknown` is why it is not known, or null. */
export type SignalVerdict =
  | (SignalVerdictBase & {
      readonly kind: 'compared';
      readonly unknown: string | null;
      readonly numbers: ComparedNumbers;
    })
  | (SignalVerdictBase & { readonly kind: 'read'; readonly value: number | null; readonly failures: number });

/** The verdict on a release at one look. */
export interface Verdict {
  readonly kind: VerdictKind;
  /** The signal that decided; null when no signal acts. */
  readonly decidedBy: string | null;
  readonly sentence: string;
  readonly signals: readonly SignalVerdict[];
}

/** Whether the evidence blames the candidate, as opposed to the ceiling. */
export function hasBlame(numbers: ComparedNumbers): boolean {
  return numbers.logEvidence >= numbers.logEvidenceNeeded && numbers.isAboveFloor;
}

/** Whether a verdict is `worse` by the evidence of a signal that acts: what holds at every moment at which one may look. */
export function isByEvidence({ signals }: Verdict): boolean {
  return signals.some((one) => one.acts && one.kind === 'compared' && one.opinion === 'worse' && hasBlame(one.numbers));
}

/** exp, kept within what a number can hold. */
export function boundedExp(log: number): number {
  return Math.min(Math.exp(log), Number.MAX_VALUE);
}
