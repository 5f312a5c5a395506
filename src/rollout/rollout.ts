/**
 * What is known of one rollout: plain data, which is kept in the state store after each change and read back after a
 * restart. The machine (`machine.ts`) is the only one that makes a new one from an old one.
 *
 *   verifying ─▶ stepping ─▶ holding ─▶ awaiting-approval ─▶ stepping … ─▶ verifying ─▶ baking ─▶ succeeded
 *       │            │          │               │                              │           │
 *       └────────────┴──────────┴── paused ─────┴──────────────────────────────┴───────────┤
 *                                                                                          ▼
 *                                              rolling-back ─▶ rolled-back | aborted | failed
 *
 * Whatever takes time and can fail (a verification, a question to a webhook, a move of the gate) is an *errand*: the
 * machine asks for it with a number and waits for the answer with that number. Answers to errands that nobody waits for
 * any more are ignored, which is why a late webhook can never move a rollout that has been paused meanwhile. After a
 * restart the errand that was open is asked for again; all of them may be repeated.
 */
import type { Plan } from './plan.ts';

/** Where a rollout is. The last five are its ends. */
export const PHASES = [
  'verifying',
  'stepping',
  'holding',
  'awaiting-approval',
  'paused',
  'baking',
  'rolling-back',
  'succeeded',
  'rolled-back',
  'aborted',
  'superseded',
  'failed',
] as const;
export type Phase = (typeof PHASES)[number];

/** Phases that a pause can interrupt. */
export type Pausable = Exclude<Phase, 'paused' | 'rolling-back' | Ending>;

/** How a rollout can end. */
export const ENDINGS = ['succeeded', 'rolled-back', 'aborted', 'superseded', 'failed'] as const;
export type Ending = (typeof ENDINGS)[number];

/** When a verification takes place: before any user, before a step that asks for it, after the last step. */
export type Occasion = 'before' | 'step' | 'after';

/**
 * Something that takes time, asked for and not answered yet: a verification, the question to webhooks whether the step may
 * be taken, the wait for the other members of a bond at a mark (`bond.ts`), a move of the gate to this share of the candidate,
 * the last move, which gives the candidate what was held back, or the move back to where all pools stood before the rollout.
 */
export type Errand = { readonly id: number } & Task;

export type Task =
  | { readonly kind: 'verify'; readonly occasion: Occasion }
  | { readonly kind: 'confirm'; readonly step: number }
  | { readonly kind: 'join'; readonly mark: number }
  | { readonly kind: 'move'; readonly step: number; readonly share: number }
  | { readonly kind: 'finish' }
  | { readonly kind: 'move-back' };

/** Why it is paused, and what goes on when it is resumed. */
export interface Pause {
  readonly from: Pausable;
  readonly by: 'person' | 'inconclusive' | 'freeze' | 'unconfirmed' | 'group';
}

/** One rollout. */
export interface Rollout {
  readonly plan: Plan;
  readonly active: string;
  readonly candidate: string;
  /** How many marks of its bond come before its first step; null for one that rolls alone. */
  readonly lead: number | null;
  /** Weights of all pools before it began. */
  readonly before: Readonly<Record<string, number>>;
  readonly phase: Phase;
  /** Index of the step that is under way; steps before it are done. */
  readonly step: number;
  /** The candidate's share as the gate was last known to stand, of what the two pools have together. */
  readonly share: number;
  /** Whether the gate was ever asked to move, so that there is something to go back from. */
  readonly hasMoved: boolean;
  /** Time that counts in the present hold or bake; it stands still while paused, halted or restarting. */
  readonly elapsedMs: number;
  /** Both versions are failing: time stands still, and nobody is blamed. */
  readonly isHalted: boolean;
  /** Which verification is under way or was interrupted by a pause; null when none. */
  readonly occasion: Occasion | null;
  readonly errand: Errand | null;
  /** The number of the last errand. */
  readonly errands: number;
  /** Null unless paused. */
  readonly pause: Pause | null;
  /** What it will be when traffic is back; null unless rolling back. */
  readonly ending: 'rolled-back' | 'aborted' | 'failed' | null;
  /** The member of its bond that it was taken back with; null when it was not. */
  readonly along: string | null;
  /** The last thing that was decided and why, in a sentence. */
  readonly reason: string;
}

/** Whether it has come to an end. */
export function hasEnded({ phase }: Rollout): boolean {
  return isEnding(phase);
}

function isEnding(phase: Phase): phase is Ending {
  switch (phase) {
    case 'succeeded':
    case 'rolled-back':
    case 'aborted':
    case 'superseded':
    case 'failed':
      return true;
    case 'verifying':
    case 'stepping':
    case 'holding':
    case 'awaiting-approval':
    case 'paused':
    case 'baking':
    case 'rolling-back':
      return false;
    default:
      return phase satisfies never;
  }
}

/** Whether a move of the gate is under way that goes on through a pause. */
export function isMoving({ errand }: Rollout): boolean {
  return errand !== null && (errand.kind === 'move' || errand.kind === 'finish');
}
