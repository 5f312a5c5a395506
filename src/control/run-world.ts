/**
 * What a running rollout needs of the world, all of it of one service or one flag: where its gate or its dial stands, who moves it,
 * who verifies and who is asked, and where it is kept and told.
 *
 * A rollout runs in a test without gates, threads or a disk because this is all that it knows of them.
 */
import type { Logger } from 'pino';
import type { Judgement } from '../rollout/machine.ts';
import type { Told } from '../rollout/transition.ts';
import type { Terms } from '../routing/terms.ts';
import type { Receipt, Weights } from './operations.ts';
import type { RolloutEvidence, Standing } from './rollout-evidence.ts';
import type { DecisionEntry, RolloutRecord } from './rollout-record.ts';
import type { SignalSources } from './signal-sources.ts';
import type { StepFlags } from './step-flags.ts';
import type { Verification } from './verification.ts';

/** What came of an errand, with the sentence for people. */
export interface ErrandAnswer {
  readonly result: 'ok' | 'failed' | 'undecided';
  readonly why: string;
}

/** The answer when the gate did not move. */
export const NOT_MOVED: ErrandAnswer = { result: 'failed', why: 'it could not be moved' };

/** The answer when all went well, with what is to be said beside it; empty texts are left out. */
export function done(...said: readonly string[]): ErrandAnswer {
  return { result: 'ok', why: said.filter((text) => text !== '').join('; ') };
}

/** A move of the gate; `previous` is what a rollback returns to afterwards. */
export interface RunMove {
  readonly weights: Weights;
  readonly terms: Terms | null;
  readonly reason: 'rollout' | 'rollback';
  readonly note: string;
  readonly previous: Weights | null;
}

/** What somebody else says of it: the verdict, and how many requests the candidate has had in the present step. */
export interface OthersWord {
  readonly judgement: Judgement;
  readonly requests: number;
}

/** What a rollout is judged by when it judges by itself. */
export type RunEvidence = Pick<
  RolloutEvidence,
  'watch' | 'takeNews' | 'sample' | 'stand' | 'errors' | 'latency' | 'signals' | 'signal' | 'forget'
>;

/** What a run needs of the world. All of it is of one service or flag; `R` is the receipt of a move. */
export interface RunWorld<R extends object = Receipt> {
  /** Where the gate stands; the share is the candidate's. */
  standing(): Standing;
  /** Moves the gate in its turn, pools that have left the file left out. Null when the service has gone. */
  move(move: RunMove, stillWanted: () => boolean): Promise<R | null>;
  /** Whether a pool that has weight among these is still in the file. */
  isThere(weights: Weights): boolean;
  verify(stop: AbortSignal): Promise<Verification>;
  /** Asks whoever has a say whether the step may be taken; `askedMs` is how long that took before a restart. */
  confirm(step: number, askedMs: number, stop: AbortSignal): Promise<ErrandAnswer>;
  /** The flags that its steps set. */
  readonly flags: Pick<StepFlags, 'before' | 'set' | 'back'>;
  /** Resolves when the others of its bond have reached the mark, or `stop` is aborted. */
  join(mark: number, stop: AbortSignal): Promise<void>;
  /** The rollout is not where it was, which others of its bond may go by. */
  turned(record: RolloutRecord): void;
  /** Why what has been found worse by its errors is not turned back for it, or null: a flag is to blame, or may be. */
  excuse(): string | null;
  /** Lets every user speak again. */
  forgetUnits(): void;
  /** Why there is a freeze, or null. */
  frozen(): string | null;
  keep(record: RolloutRecord): void;
  note(record: RolloutRecord, entry: DecisionEntry): void;
  tell(record: RolloutRecord, what: Told, text: string): void;
  ended(record: RolloutRecord): void;
  /** ISO 8601. */
  at(): string;
  readonly evidence: RunEvidence;
  /** What is said of it where somebody else judges; null for one that is judged by its evidence. */
  readonly judgement: ((isHoldOver: boolean) => OthersWord) | null;
  /** The signals that are read from elsewhere; they are asked while it runs. */
  readonly sources: Pick<SignalSources, 'start' | 'hasNews' | 'take' | 'stop'>;
  /** Whether a signal of the business is still in the file, and so counted. */
  isCounted(signal: string): boolean;
  readonly warmUpMs: number;
  readonly log: Logger;
}
