/**
 * What goes into the judge, and what it keeps: plain data, all of it.
 *
 * A look is everything that was learnt at one moment. The counts in it are totals of gate positions as the board has them, so a
 * look that was lost loses nothing and one that comes twice adds nothing.
 */
import type { EpochCounts, Evidence } from './evidence.ts';
import type { Reading, ReadingState } from './readings.ts';
import type { Mark } from './recent.ts';

/** What was learnt of one signal. */
export type SignalLook =
  /** Totals of epochs, those that have changed at least. */
  | { readonly kind: 'counts'; readonly name: string; readonly epochs: readonly EpochCounts[] }
  | { readonly kind: 'reading'; readonly name: string; readonly reading: Reading }
  /** The source is broken, and why; it stays unknown until it has been heard again. */
  | { readonly kind: 'silence'; readonly name: string; readonly reason: string };

/** What was learnt at one moment. */
export interface Look {
  /** Milliseconds of a clock that goes on over restarts. */
  readonly atMs: number;
  /** The first epoch of the step: proof and ceiling look at it and later ones, evidence at the whole rollout. */
  readonly sinceEpoch: number;
  /** Whether the step has lasted as long as it had to. */
  readonly isHoldOver: boolean;
  readonly signals: readonly SignalLook[];
}

/** What is kept of one signal. */
export interface SignalState {
  readonly name: string;
  readonly evidence: Evidence;
  /** ln of the most evidence there ever was, under the settings of the time; at least 0. */
  readonly peakLogEvidence: number;
  readonly marks: readonly Mark[];
  readonly reading: ReadingState;
  /** Why the source is not to be believed, or null. */
  readonly unknown: string | null;
}

/** All that is kept between two looks. */
export interface JudgeState {
  readonly signals: readonly SignalState[];
}
