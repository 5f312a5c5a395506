/**
 * What can be asked of rollouts, as others see it: part of `operations.ts`, which gives these names on.
 *
 * Questions that read a whole decision log answer with promises, since they let others work meanwhile.
 */
import type { Verdict } from '../judge/verdict.ts';
import type { Command } from '../rollout/commands.ts';
import type { Phase } from '../rollout/rollout.ts';
import type { Explanation } from './explanation.ts';
import type { FlagStartOrder } from './flag-aim.ts';
import type { RolloutForecast } from './forecast.ts';
import type { Instruction, Refusal, RolloutView, StartOrder } from './operations.ts';
import type { Decision } from './rollout-record.ts';

/** A running rollout in a few words, for the view of its service. */
export interface RolloutGlance {
  readonly id: number;
  readonly candidate: string;
  readonly version: string;
  readonly phase: Phase;
  /** From 1. */
  readonly step: number;
  readonly steps: number;
  /** The candidate's share of what it and the active pool have together. */
  readonly share: number;
  /** Time that counts in the present hold or bake, and how long that lasts at least; null in other phases. */
  readonly elapsedMs: number | null;
  readonly untilMs: number | null;
  readonly reason: string;
}

/** The same of a flag; the sides are `treatment` and `control`. */
export interface FlagRolloutGlance extends RolloutGlance {
  readonly flag: string;
}

/** A confirmation that is waited for. */
export interface OpenQuestion {
  /** The step that may not be taken yet, from 1. */
  readonly step: number;
  /** What was answered last, or that nothing was. */
  readonly why: string;
  /** How long it is asked on. */
  readonly leftMs: number;
  /** What is done then. */
  readonly onTimeout: 'pause' | 'promote' | 'rollback';
}

/** The rollouts that one was started together with. */
export interface RolloutBond {
  readonly name: string;
  /** All that have not left it, itself included. */
  readonly members: readonly { readonly service: string; readonly rollout: number }[];
  /** Whom it waits for before it goes on; empty when it does not wait. */
  readonly waitsFor: readonly { readonly service: string; readonly phase: Phase; readonly reason: string }[];
}

/** A group of services, and what was started together last. */
export interface GroupView {
  readonly group: string;
  /** The services that belong to it in the file. */
  readonly services: readonly string[];
  /** In the order in which they began; those that left are among them. */
  readonly rollouts: readonly RolloutView[];
  /** Whether all have ended. */
  readonly hasEnded: boolean;
  /** Whether all have been promoted and are so still. */
  readonly isPromoted: boolean;
  /** Where it stands, or what it came to and why. */
  readonly reason: string;
}

/** What a start of a group would do now. */
export interface GroupForecast {
  readonly group: string;
  readonly forecasts: readonly RolloutForecast[];
}

/** What can be asked about services that roll together. */
export interface GroupOperations {
  forecast(group: string, order: StartOrder): GroupForecast | Refusal;
  /** Begins the rollout of each service of the group, or none. */
  start(group: string, order: StartOrder, instruction: Instruction): GroupView | Refusal;
  /** Gives the command to each member, or to none. */
  command(group: string, command: Command, instruction: Instruction): GroupView | Refusal;
  /** What runs, or was started last. */
  view(group: string): GroupView | Refusal;
}

/** A part of a past rollout judged again, under its own settings or others. */
export interface Retrial {
  readonly rollout: RolloutView;
  /** The verdict after each look among `decisions`, in their order. */
  readonly verdicts: readonly { readonly atMs: number; readonly verdict: Verdict }[];
  /** When it would have turned back, by the rollout's clock, in all of it; null if never. */
  readonly turnedBackAtMs: number | null;
  readonly decisions: readonly Decision[];
  /** The sequence number after which the next part begins; null when this is the last one. */
  readonly next: number | null;
}

/** Which part of a decision log is asked for: at most `limit` decisions after a sequence number. */
export interface LogPart {
  readonly after: number;
  readonly limit: number;
}

/** What can be asked about the rollouts of flags. */
export interface FlagRolloutOperations {
  /** Those that run, sorted by flag. */
  running(): readonly FlagRolloutGlance[];
  /** What a start would do now; nothing is done. */
  forecast(flag: string, order: FlagStartOrder): RolloutForecast | Refusal;
  start(flag: string, order: FlagStartOrder, instruction: Instruction): RolloutView | Refusal;
  command(flag: string, command: Command, instruction: Instruction): RolloutView | Refusal;
  /** The rollout that runs, or the last one. */
  view(flag: string): RolloutView | Refusal;
  /** Newest first. */
  history(flag: string, limit: number): readonly RolloutView[] | Refusal;
}

/** What can be asked about rollouts. */
export interface RolloutOperations {
  readonly groups: GroupOperations;
  readonly flags: FlagRolloutOperations;
  /** What a start would do now, what its plan can detect, and what it may cost; nothing is done. */
  forecast(service: string, order: StartOrder): RolloutForecast | Refusal;
  start(service: string, order: StartOrder, instruction: Instruction): Promise<RolloutView | Refusal>;
  command(service: string, command: Command, instruction: Instruction): RolloutView | Refusal;
  /** The rollout that runs, or the last one. */
  view(service: string): RolloutView | Refusal;
  /** A rollout that is kept. */
  find(id: number): RolloutView | Refusal;
  /** Newest first. */
  history(service: string, limit: number): readonly RolloutView[] | Refusal;
  /** Judges a kept rollout again from its decision log; `margin` and `falseAlarm` replace the settings of the time. */
  judgeAgain(
    id: number,
    other: { readonly margin: number | null; readonly falseAlarm: number | null },
    part: LogPart,
  ): Promise<Retrial | Refusal>;
  /** What happened in a kept rollout and why, from its decision log, with a check of that log. */
  explain(
    id: number,
    other: { readonly margin: number | null; readonly falseAlarm: number | null },
  ): Promise<Explanation | Refusal>;
}
