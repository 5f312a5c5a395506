/**
 * What each command does in each phase: the table that the command line and the API promise.
 *
 *                      verifying   stepping      holding    awaiting   paused            baking     rolling back
 *     promote          refused     now           next step  next step  as where it was   ends well  refused
 *     promote --full   refused     100%          100%       100%       100%              ends well  refused
 *     pause            paused      paused        paused     paused     yours             paused     refused
 *     resume           refused     refused       refused    refused    goes on           refused    refused
 *     approve          refused     refused       refused    next step  as where it was   refused    refused
 *     abort            back        back          back       back       back              back       refused
 *
 * In a bond (`bond.ts`) a promotion leads to the next mark, where the rollout waits for the others; one that waits there
 * already refuses to be promoted, since it is they who hold it up.
 *
 * Whatever has ended refuses all of them. A verification is never skipped by a command that was meant for something
 * else: who does not want it starts the rollout without it. `promote` does skip a webhook that has not answered, since
 * somebody who is awake has decided then. A pause that a freeze made belongs to the freeze, and only a pause of one's
 * own makes it outlast that.
 */
import { goBack, isLast, toJoin, toPause, toResume, toStep, toSuccess } from './course.ts';
import { hasEnded, isMoving, type Pausable, type Rollout } from './rollout.ts';
import { refused, type Transition } from './transition.ts';

export const COMMANDS = ['promote', 'promote-full', 'pause', 'resume', 'approve', 'abort'] as const;
export type Command = (typeof COMMANDS)[number];

/** The answer to a command of `by`. */
export function command(rollout: Rollout, what: Command, by: string): Transition {
  if (hasEnded(rollout)) return refused('ended', `this rollout has ended: ${rollout.phase}, ${rollout.reason}`);
  if (rollout.phase === 'rolling-back') {
    return refused('rolling-back', `traffic is going back to ${rollout.active}: ${rollout.reason}`);
  }
  switch (what) {
    case 'promote':
      return promote(rollout, by);
    case 'promote-full':
      return promoteFully(rollout, by);
    case 'pause':
      return pause(rollout, by);
    case 'resume':
      return resume(rollout, by);
    case 'approve':
      return approve(rollout, by);
    case 'abort':
      return goBack(rollout, 'aborted', `aborted by ${by}`);
    default:
      return what satisfies never;
  }
}

/** Where it is, or was when a pause interrupted it. */
function place(rollout: Rollout): Pausable {
  return rollout.pause?.from ?? (rollout.phase as Pausable);
}

function promote(rollout: Rollout, by: string): Transition {
  const stop = hindrance(rollout);
  if (stop !== null) return stop;
  const reason = `promoted by ${by}`;
  const at = place(rollout);
  if (rollout.errand?.kind === 'join') return waitsForGroup();
  switch (at) {
    case 'verifying':
      return stillVerifying(rollout);
    case 'stepping':
      return toJoin(rollout, rollout.step, reason);
    case 'holding':
    case 'awaiting-approval':
      return toStep(rollout, rollout.step + 1, reason);
    case 'baking':
      return toSuccess(rollout, reason);
    default:
      return at satisfies never;
  }
}

function promoteFully(rollout: Rollout, by: string): Transition {
  const stop = hindrance(rollout);
  if (stop !== null) return stop;
  const reason = `promoted to 100% by ${by}`;
  const at = place(rollout);
  if (at === 'verifying') return stillVerifying(rollout);
  const last = rollout.plan.steps.length - 1;
  if (rollout.errand?.kind === 'join' && rollout.step === last) return waitsForGroup();
  if (at === 'baking') return toSuccess(rollout, reason);
  return toJoin(rollout, last, reason);
}

/** What a promotion has to wait for, whatever the phase. */
function hindrance(rollout: Rollout): Transition | null {
  if (rollout.pause?.by === 'freeze') {
    return refused('frozen', `${rollout.reason}; it may be aborted, and goes on by itself afterwards`);
  }
  return isMoving(rollout) ? refused('moving', 'the gate is moving at this moment') : null;
}

function waitsForGroup(): Transition {
  const message = 'it waits for the others of its group; promote those, or the whole group';
  return refused('waiting-for-group', message);
}

function stillVerifying(rollout: Rollout): Transition {
  return refused('verifying', `${rollout.candidate} is being verified; a verification cannot be skipped by promoting`);
}

function pause(rollout: Rollout, by: string): Transition {
  const present = rollout.pause;
  if (present === null) return toPause(rollout, place(rollout), 'person', `paused by ${by}`);
  if (present.by === 'person') return refused('already-paused', `it is paused already: ${rollout.reason}`);
  return toPause(rollout, present.from, 'person', `paused by ${by}`);
}

function resume(rollout: Rollout, by: string): Transition {
  const present = rollout.pause;
  if (present === null) return refused('not-paused', `it is not paused, it is ${rollout.phase}`);
  if (present.by === 'freeze') return refused('frozen', `${rollout.reason}; it goes on by itself afterwards`);
  return toResume(rollout, present, `resumed by ${by}`);
}

function approve(rollout: Rollout, by: string): Transition {
  const stop = hindrance(rollout);
  if (stop !== null) return stop;
  if (place(rollout) === 'awaiting-approval') return toStep(rollout, rollout.step + 1, `approved by ${by}`);
  const last = isLast(rollout, rollout.step) ? 'nothing follows' : 'no step waits for approval';
  return refused('not-awaiting-approval', `${last}: it is ${rollout.phase}`);
}
