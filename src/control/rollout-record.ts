/**
 * What is kept of a rollout: plain data, enough to go on after a restart and to judge it again.
 *
 * The settings are part of it: a config that changes meanwhile does not change what a running or a past rollout was judged
 * by. Everything survives JSON without the loss of a digit.
 */
import type { LatencyScale } from '../judge/latency.ts';
import type { JudgeState, Look } from '../judge/look.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { Undone } from '../rollout/bond.ts';
import type { Errand, Rollout } from '../rollout/rollout.ts';
import type { StartOrder, Weights } from './operations.ts';
import type { FlagsBefore } from './step-flags.ts';
import type { Verification } from './verification.ts';

/** The rollouts that were started together with one, itself included. */
export interface BondRecord {
  /** The number of the first of them. */
  readonly id: number;
  /** The group of services in the file. */
  readonly group: string;
  /** Whoever has left it is not among them any more. */
  readonly members: readonly { readonly service: string; readonly rollout: number }[];
}

/** What stands in the place of a service for the rollout of a flag; no service can be called so. */
export function subjectOfFlag(flag: string): string {
  return `flag ${flag}`;
}

/** One rollout of a service, or of a flag. */
export interface RolloutRecord {
  /** Grows with each rollout, over all services and flags. */
  readonly id: number;
  /** Of a flag `flag NAME`. */
  readonly service: string;
  /** The flag whose share is moved; null for a service. */
  readonly flag: string | null;
  /** The version of the candidate when it began; of a flag the revision that its answers had then. */
  readonly version: string;
  /** The version of the active pool then. */
  readonly activeVersion: string;
  /** What a rollback would have returned to before it began. */
  readonly previous: Weights | null;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly startedBy: string;
  /** ISO 8601; null while it runs. */
  readonly endedAt: string | null;
  /** Null for one that rolls alone. */
  readonly bond: BondRecord | null;
  readonly rollout: Rollout;
  readonly settings: JudgeSettings;
  /** The boundaries that latency is judged at; null when it is not. */
  readonly scale: LatencyScale | null;
  readonly judge: JudgeState;
  /** The last verdict; null before the first look. */
  readonly verdict: Verdict | null;
  /** How long it has run, pauses included, time in which Tidegate was down not. Looks are dated by it. */
  readonly ranMs: number;
  /** The first gate position of the present step. */
  readonly stepEpoch: number;
  /** How long the confirmation of this errand has been waited for; null when none is. */
  readonly asked: { readonly errand: number; readonly ms: number } | null;
  /** How long the active pool counts as warm after a success. */
  readonly keepMs: number;
  /** How the flags stood that its steps set, before each was set first; none unless given. */
  readonly flagsBefore?: FlagsBefore;
  /** Null unless a success was taken back while the earlier pool was warm. */
  readonly undone: Undone | null;
  /** What the last verification found. */
  readonly verification: Verification | null;
  /** What is to be started when this one has ended. */
  readonly next: NextStart | null;
}

/** How long the confirmation of this errand has been waited for, by this process and earlier ones. */
export function askedMs({ asked }: RolloutRecord, { id }: Errand): number {
  return asked?.errand === id ? asked.ms : 0;
}

/** A start that waits for the end of another rollout. */
export interface NextStart {
  readonly order: StartOrder;
  readonly by: string;
  readonly reason: string;
}

/** One entry of the decision log: what the judge saw, or what was decided. */
export type DecisionEntry =
  | { readonly kind: 'look'; readonly look: Look; readonly verdict: Verdict['kind'] }
  | { readonly kind: 'told'; readonly what: string; readonly text: string }
  /** What was counted until here is not the version's doing, and the judge begins anew. */
  | { readonly kind: 'anew'; readonly why: string }
  | { readonly kind: 'verification'; readonly verification: Verification };

/** An entry as it is kept: `sequence` grows by one within a rollout. */
export interface Decision {
  readonly rollout: number;
  readonly sequence: number;
  /** ISO 8601. */
  readonly at: string;
  readonly entry: DecisionEntry;
}
