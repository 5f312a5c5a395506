/**
 * What is told of the guard of a flag: what it says now, and why it killed.
 *
 * A decision is kept with the receipt of the kill, so it outlives restarts and whatever becomes of the flag. It has the evidence and the
 * settings in it, and the judge is a function of these: anybody can judge again and finds the same number to the last digit.
 */
import type { Control } from '../flags/guard.ts';
import type { Blame, Suspect } from '../judge/blame.ts';
import type { JudgeState } from '../judge/look.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { ArmTally } from './flag-evidence.ts';

/** A release that runs where a flag is guarded, and what that means for blame. */
export interface BlamedRelease {
  readonly service: string;
  readonly active: string;
  readonly candidate: string;
  /** Of the candidate. */
  readonly version: string;
  /** Who would be to blame if the flag were found worse now. */
  readonly blame: Blame;
  readonly text: string;
}

/** A guarded flag, as the release of a service sees it. */
export interface SeenFlag {
  readonly flag: string;
  /** Who would be to blame if the release were found worse now. */
  readonly release: BlamedRelease;
  readonly table: readonly ArmTally[];
}

/** The guard of a flag at one moment. */
export interface GuardView {
  /** Why it judges nothing now; null while it does. */
  readonly rests: string | null;
  /** When its evidence begins, ISO 8601. */
  readonly since: string;
  /** Whom the treated are compared with. */
  readonly control: Control;
  /** The treatment's part of both arms, 0 to 1. */
  readonly part: number;
  readonly dryRun: boolean;
  /** What the judge says, with all its numbers: the treatment stands for the candidate, the control for the active side. */
  readonly verdict: Verdict;
  /** Bad events of either arm that were not counted, since the memory of who has spoken was full. */
  readonly unheard: number;
  /** Both arms in each version that they were counted in. */
  readonly table: readonly ArmTally[];
  readonly releases: readonly BlamedRelease[];
}

/** Why a guard killed its flag. */
export interface GuardDecision {
  readonly sentence: string;
  /** Whose evidence it was: the flag's own, or that of a release which could not be told apart from it. */
  readonly suspect: Suspect;
  readonly since: string;
  /** Whom the treated were compared with: what the share in each position of the evidence is a share of. */
  readonly control: Control;
  readonly verdict: Verdict;
  readonly settings: JudgeSettings;
  readonly evidence: JudgeState;
  readonly table: readonly ArmTally[];
  readonly releases: readonly BlamedRelease[];
}
