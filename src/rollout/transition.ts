/**
 * What a transition is made of: the rollout as it is then, and what has to be done about it in the world. Effects are data;
 * the loop in the control plane carries them out in their order, after it has stored the new state. So a crash
 * between the two repeats an errand and never loses one.
 */
import type { Errand, Phase, Rollout, Task } from './rollout.ts';

/** What people and webhooks are told of. */
export const TOLD = [
  'started',
  'step',
  'approval-needed',
  'paused',
  'resumed',
  'halted',
  'inconclusive',
  'baking',
  'rolling-back',
  'ended',
] as const;
export type Told = (typeof TOLD)[number];

export type Effect =
  | { readonly kind: 'run'; readonly errand: Errand }
  | { readonly kind: 'tell'; readonly what: Told; readonly text: string };

/** Why a command was not carried out. */
export type RefusalCode =
  | 'ended'
  | 'verifying'
  | 'moving'
  | 'rolling-back'
  | 'waiting-for-group'
  | 'not-paused'
  | 'already-paused'
  | 'not-awaiting-approval'
  | 'frozen';

export type Transition =
  | { readonly ok: true; readonly rollout: Rollout; readonly effects: readonly Effect[] }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/** The rollout as it was; nothing happens. */
export function unchanged(rollout: Rollout): Transition {
  return { ok: true, rollout, effects: [] };
}

export function refused(code: RefusalCode, message: string): Transition {
  return { ok: false, code, message };
}

/** A new phase, told with its reason. What was under way is given up, unless `task` begins something. */
export function enter(
  rollout: Rollout,
  change: Partial<Rollout> & { readonly phase: Phase; readonly reason: string },
  told: Told | null,
  task: Task | null = null,
): Transition {
  const errand = task === null ? null : { id: rollout.errands + 1, ...task };
  const next: Rollout = {
    ...rollout,
    pause: null,
    occasion: null,
    ...change,
    errand,
    errands: errand === null ? rollout.errands : errand.id,
    hasMoved: rollout.hasMoved || task?.kind === 'move',
  };
  const effects: Effect[] = told === null ? [] : [{ kind: 'tell', what: told, text: change.reason }];
  if (errand !== null) effects.push({ kind: 'run', errand });
  return { ok: true, rollout: next, effects };
}
