/**
 * What can be asked of rollouts, as others see it: part of `operations.ts`, which gives these names on.
 *
 * Questions that read a whole decision log answer with promises, since they let others work meanwhile.
 */
import type { Verdict } from '../judge/verdict.ts';
import type { Command } from '../rollout/commands.ts';
import type { Phase } from '../rollout/rollout.ts';
import type { Explanation } from './explanation.ts';
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

/** A past rollout judged again, under its own settings or others. */
export interface Retrial {
  readonly rollout: RolloutView;
  /** The verdict after each kept look, in their order. */
  readonly verdicts: readonly { readonly atMs: number; readonly verdict: Verdict }[];
  /** When it would have turned back, by the rollout's clock; null if never. */
  readonly turnedBackAtMs: number | null;
  readonly decisions: readonly Decision[];
}

/** What can be asked about rollouts. */
export interface RolloutOperations {
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
  ): Retrial | Refusal;
  /** What happened in a kept rollout and why, from its decision log, with a check of that log. */
  explain(
    id: number,
    other: { readonly margin: number | null; readonly falseAlarm: number | null },
  ): Promise<Explanation | Refusal>;
}
