/**
 * The course of a rollout: how each stretch of it is entered, whoever or whatever sends it there. The machine decides
 * when; a command, the judge, a clock and a webhook all end up in one of these functions.
 *
 * The candidate's share is known at each moment: it changes in `arrived` and nowhere else.
 */
import type { Step } from './plan.ts';
import { isMoving, type Occasion, type Pausable, type Pause, type Rollout } from './rollout.ts';
import { enter, type Transition } from './transition.ts';

/** The candidate's share at a step: what is held back is taken from the last one. */
export function shareAt({ plan }: Pick<Rollout, 'plan'>, step: number): number {
  const { share } = plan.steps[step]!;
  return step === plan.steps.length - 1 ? share * (1 - plan.holdBack) : share;
}

export function stepOf({ plan, step }: Rollout): Step {
  return plan.steps[step]!;
}

export function isLast({ plan }: Rollout, step: number): boolean {
  return step === plan.steps.length - 1;
}

/** Goes to a step by the way that the plan asks for: verified if it says so, and confirmed by whoever has a say. */
export function toStep(rollout: Rollout, step: number, reason: string): Transition {
  const isVerified = step === 0 && rollout.plan.verifyBefore;
  if (rollout.plan.steps[step]!.verify && !isVerified) return verify({ ...rollout, step }, 'step', reason);
  return toConfirm(rollout, step, reason);
}

export function verify(rollout: Rollout, occasion: Occasion, reason: string): Transition {
  return enter(rollout, { phase: 'verifying', occasion, reason }, null, { kind: 'verify', occasion });
}

export function toConfirm(rollout: Rollout, step: number, reason: string): Transition {
  return enter(rollout, { phase: 'stepping', step, reason }, null, { kind: 'confirm', step });
}

/** Goes to a step without asking anybody: at once, or when the other members of its bond have come as far. */
export function toJoin(rollout: Rollout, step: number, reason: string): Transition {
  if (rollout.lead === null) return toMove(rollout, step, reason);
  return enter(rollout, { phase: 'stepping', step, reason }, null, { kind: 'join', mark: rollout.lead + step });
}

/** Moves the gate to a step. */
export function toMove(rollout: Rollout, step: number, reason: string): Transition {
  const share = shareAt(rollout, step);
  return enter(rollout, { phase: 'stepping', step, reason }, null, { kind: 'move', step, share });
}

/** The gate stands at the share of the step; `beside` is what was done with it, in words. */
export function arrived(rollout: Rollout, beside: string): Transition {
  const { plan, step } = rollout;
  const there = { ...rollout, share: shareAt(rollout, step), elapsedMs: 0, isHalted: false };
  const place = `step ${step + 1} of ${plan.steps.length}: ${rollout.candidate} has ${percent(there.share)}`;
  const text = beside === '' ? place : `${place}, ${beside}`;
  if (!isLast(rollout, step)) return enter(there, { phase: 'holding', reason: text }, 'step');
  if (plan.verifyAfter) return verify(there, 'after', text);
  return toBake(there, text);
}

export function toBake(rollout: Rollout, reason: string): Transition {
  return enter(rollout, { phase: 'baking', elapsedMs: 0, reason }, 'baking');
}

/** The hold is over: a person is asked if the step says so, else the next step is taken. */
export function onward(rollout: Rollout, reason: string): Transition {
  if (!stepOf(rollout).approve) return toStep(rollout, rollout.step + 1, reason);
  const text = `${reason}; step ${rollout.step + 2} waits for approval`;
  return enter(rollout, { phase: 'awaiting-approval', reason: text }, 'approval-needed');
}

/** The bake is over: nothing follows but the end, which the members of a bond reach together. */
export function toSuccess(rollout: Rollout, reason: string): Transition {
  if (rollout.lead === null) return toEnd(rollout, reason);
  const mark = rollout.lead + rollout.plan.steps.length;
  return enter(rollout, { phase: 'baking', reason }, null, { kind: 'join', mark });
}

/** What was held back is given to the candidate, and that was it. */
export function toEnd(rollout: Rollout, reason: string): Transition {
  if (rollout.share < 1) return enter(rollout, { phase: 'baking', reason }, null, { kind: 'finish' });
  return enter(rollout, { phase: 'succeeded', reason }, 'ended');
}

/** Gives the traffic back, or ends at once when none was ever moved. */
export function goBack(rollout: Rollout, ending: 'rolled-back' | 'aborted' | 'failed', reason: string): Transition {
  if (!rollout.hasMoved) return enter(rollout, { phase: ending, reason }, 'ended');
  return enter(rollout, { phase: 'rolling-back', ending, reason }, 'rolling-back', { kind: 'move-back' });
}

/**
 * Interrupts it where it is. A move of the gate that is under way goes on, since it cannot be taken back halfway; a
 * verification or a question is given up and asked again.
 */
export function toPause(rollout: Rollout, from: Pausable, by: Pause['by'], reason: string): Transition {
  const errand = isMoving(rollout) ? rollout.errand : null;
  return {
    ok: true,
    rollout: { ...rollout, phase: 'paused', pause: { from, by }, errand, reason },
    effects: [{ kind: 'tell', what: 'paused', text: reason }],
  };
}

/** Goes on where a pause interrupted it. */
export function toResume(rollout: Rollout, pause: Pause, reason: string): Transition {
  const going = resumed(rollout, pause, reason);
  if (!going.ok) return going;
  return { ...going, effects: [{ kind: 'tell', what: 'resumed', text: reason }, ...going.effects] };
}

function resumed(rollout: Rollout, { from, by }: Pause, reason: string): Transition {
  const { errand } = rollout;
  switch (from) {
    case 'verifying':
      return verify(rollout, rollout.occasion ?? 'before', reason);
    case 'stepping':
      if (errand === null) return toConfirm(rollout, rollout.step, reason);
      return { ok: true, rollout: { ...rollout, phase: 'stepping', pause: null, reason }, effects: [] };
    case 'holding':
    case 'baking': {
      // Who could not tell is given the time once more.
      const elapsedMs = by === 'inconclusive' ? 0 : rollout.elapsedMs;
      if (errand !== null) return { ok: true, rollout: { ...rollout, phase: from, pause: null, reason }, effects: [] };
      return enter(rollout, { phase: from, elapsedMs, reason }, null);
    }
    case 'awaiting-approval':
      return enter(rollout, { phase: from, reason }, null);
    default:
      return from satisfies never;
  }
}

/** A share as people write it. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(4))}%`;
}
