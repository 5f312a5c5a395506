/**
 * The state machine: (rollout, event) → (rollout, effects), total and pure.
 *
 * Time comes in as ticks that say how long they were, and only ticks on which it may count: a rollout of forty minutes
 * runs in a test in a millisecond, and a suspended machine does not find afterwards that all its holds are over.
 *
 * Whatever the phase, as long as a user may reach the candidate, a verdict of `worse` takes the traffic back. It is looked
 * at before anything else, so that no promotion can slip in between.
 */
import { type Command, command } from './commands.ts';
import {
  arrived,
  goBack,
  onward,
  stepOf,
  toBake,
  toConfirm,
  toEnd,
  toJoin,
  toMove,
  toPause,
  toResume,
  toStep,
  toSuccess,
  verify,
} from './course.ts';
import { type Plan, planProblems, shareIn } from './plan.ts';
import { type Errand, hasEnded, type Occasion, type Pausable, type Rollout } from './rollout.ts';
import { type Effect, enter, type Transition, unchanged } from './transition.ts';

/**
 * What the judge says at a tick. `unjudged`: there is nothing to compare with here (no judge is configured, or nobody is on
 * the active pool), so time alone decides. `halted`: both versions are failing.
 */
export interface Judgement {
  readonly verdict: 'waiting' | 'healthy' | 'worse' | 'inconclusive' | 'halted' | 'unjudged';
  /** The verdict in a sentence, with its numbers. */
  readonly sentence: string;
}

export type Event =
  | { readonly kind: 'command'; readonly command: Command; readonly by: string }
  /** An errand has been done. `undecided`: nobody said yes or no in time, and that is to be a pause. */
  | {
      readonly kind: 'answer';
      readonly errand: number;
      readonly result: 'ok' | 'failed' | 'undecided';
      readonly why: string;
    }
  | {
      readonly kind: 'tick';
      /** How long it is since the last one, as far as it counts. */
      readonly ms: number;
      readonly judgement: Judgement;
      /** The candidate's requests since the step began. */
      readonly requests: number;
      /** Why there is a freeze; null when there is none. */
      readonly frozen: string | null;
    }
  /** Somebody else has moved the gate, by hand or by the file, to where the candidate has this share. */
  | { readonly kind: 'superseded'; readonly why: string; readonly share: number }
  /** One of the two pools is no longer what the plan was made for. */
  | { readonly kind: 'lost'; readonly why: string }
  /** A member of its bond has turned back. */
  | { readonly kind: 'taken-along'; readonly by: string; readonly why: string }
  /** Somebody has taken a member out of its bond, and has to say what becomes of the rest. */
  | { readonly kind: 'parted'; readonly why: string }
  /** The process has started again; what was under way has to be done once more. */
  | { readonly kind: 'restarted' };

/** What a rollout begins with. `before` is where the gate stands. */
export interface Start {
  readonly plan: Plan;
  readonly active: string;
  readonly candidate: string;
  readonly before: Readonly<Record<string, number>>;
  readonly by: string;
  /** Which services it is bonded to, and its `lead`; null for one that rolls alone. */
  readonly together: { readonly lead: number; readonly others: readonly string[] } | null;
}

/** Begins a rollout. The plan must have no problems. */
export function begin({ plan, active, candidate, before, by, together }: Start): Transition {
  const problems = planProblems(plan);
  if (problems.length > 0) throw new RangeError(problems.join('; '));
  if (active === candidate) throw new RangeError('the candidate is another pool than the active one');
  const others = together === null ? '' : ` together with ${together.others.join(', ')}`;
  const reason = `${active} to ${candidate}, ${plan.kind}, started by ${by}${others}`;
  const rollout: Rollout = {
    plan,
    active,
    candidate,
    lead: together?.lead ?? null,
    before,
    phase: 'stepping',
    step: 0,
    share: shareIn(before, { active, candidate }),
    hasMoved: false,
    elapsedMs: 0,
    isHalted: false,
    occasion: null,
    errand: null,
    errands: 0,
    pause: null,
    ending: null,
    along: null,
    reason,
  };
  const first = plan.verifyBefore ? verify(rollout, 'before', reason) : toStep(rollout, 0, reason);
  return told(first, { kind: 'tell', what: 'started', text: reason });
}

/** The next state. Events that mean nothing any more change nothing. */
export function advance(rollout: Rollout, event: Event): Transition {
  if (event.kind === 'command') return command(rollout, event.command, event.by);
  if (hasEnded(rollout)) return unchanged(rollout);
  switch (event.kind) {
    case 'answer':
      return rollout.errand?.id === event.errand ? answer(rollout, rollout.errand, event) : unchanged(rollout);
    case 'tick':
      return tick(rollout, event);
    case 'superseded':
      return enter(rollout, { phase: 'superseded', share: event.share, reason: event.why }, 'ended');
    case 'lost':
      return rollout.phase === 'rolling-back' ? unchanged(rollout) : goBack(rollout, 'failed', event.why);
    case 'taken-along':
      if (rollout.phase === 'rolling-back') return unchanged(rollout);
      return goBack({ ...rollout, along: event.by }, 'rolled-back', event.why);
    case 'parted':
      return parted(rollout, event.why);
    case 'restarted':
      return { ok: true, rollout, effects: rollout.errand === null ? [] : [{ kind: 'run', errand: rollout.errand }] };
    default:
      return event satisfies never;
  }
}

/** Only a pause that would end by itself gives way: any other waits for a person already. */
function parted(rollout: Rollout, why: string): Transition {
  const { phase, pause } = rollout;
  if (phase === 'rolling-back' || (pause !== null && pause.by !== 'freeze')) return unchanged(rollout);
  return toPause(rollout, pause?.from ?? (phase as Pausable), 'group', why);
}

function answer(rollout: Rollout, errand: Errand, event: Event & { readonly kind: 'answer' }): Transition {
  switch (errand.kind) {
    case 'verify':
      return event.result === 'ok'
        ? verified(rollout, errand.occasion, event.why)
        : goBack(rollout, errand.occasion === 'before' ? 'failed' : 'rolled-back', event.why);
    case 'confirm':
      if (event.result === 'ok') return toJoin(rollout, errand.step, rollout.reason);
      if (event.result === 'failed') return goBack(rollout, 'rolled-back', event.why);
      return toPause(rollout, 'stepping', 'unconfirmed', event.why);
    case 'join':
      return rollout.phase === 'baking'
        ? toEnd(rollout, rollout.reason)
        : toMove(rollout, rollout.step, rollout.reason);
    case 'move':
      return event.result === 'ok' ? moved(rollout, event.why) : goBack(rollout, 'failed', event.why);
    case 'finish':
      // It is tried again at the next tick, as the bake is over then too.
      if (event.result !== 'ok') return { ok: true, rollout: { ...rollout, errand: null }, effects: [] };
      return enter({ ...rollout, share: 1 }, { phase: 'succeeded', reason: rollout.reason }, 'ended');
    case 'move-back':
      return movedBack(rollout, event);
    default:
      return errand satisfies never;
  }
}

function verified(rollout: Rollout, occasion: Occasion, why: string): Transition {
  switch (occasion) {
    case 'before':
      return toStep(rollout, 0, why);
    case 'step':
      return toConfirm(rollout, rollout.step, why);
    case 'after':
      return toBake(rollout, why);
    default:
      return occasion satisfies never;
  }
}

function moved(rollout: Rollout, beside: string): Transition {
  const there = arrived(rollout, beside);
  if (rollout.pause === null || !there.ok) return there;
  // It was paused while the gate moved: it is there now, and still paused.
  const { phase, occasion } = there.rollout;
  const from = phase as Pausable;
  return {
    ok: true,
    rollout: { ...there.rollout, phase: 'paused', pause: { ...rollout.pause, from }, occasion, errand: null },
    effects: [],
  };
}

function movedBack(rollout: Rollout, { result, why }: { readonly result: string; readonly why: string }): Transition {
  // It is tried again at each tick: there is nothing else that would help.
  if (result !== 'ok') return { ok: true, rollout: { ...rollout, errand: null }, effects: [] };
  const phase = rollout.ending ?? 'rolled-back';
  const reason = why === '' ? rollout.reason : `${rollout.reason}; ${why}`;
  return enter({ ...rollout, share: shareIn(rollout.before, rollout) }, { phase, reason }, 'ended');
}

function tick(rollout: Rollout, event: Event & { readonly kind: 'tick' }): Transition {
  const { judgement, frozen } = event;
  const { phase, pause } = rollout;
  if (phase === 'rolling-back') {
    return rollout.errand === null
      ? goBack(rollout, rollout.ending ?? 'rolled-back', rollout.reason)
      : unchanged(rollout);
  }
  if (judgement.verdict === 'worse' && rollout.hasMoved) return goBack(rollout, 'rolled-back', judgement.sentence);
  if (pause !== null) {
    return pause.by === 'freeze' && frozen === null
      ? toResume(rollout, pause, 'the freeze is over')
      : unchanged(rollout);
  }
  const isFrozen = frozen !== null && rollout.plan.onFreeze === 'pause' && phase !== 'baking';
  if (isFrozen) return toPause(rollout, phase as Pausable, 'freeze', `frozen: ${frozen}`);
  if (phase === 'holding') return timed(rollout, event, hold);
  if (phase === 'baking') return timed(rollout, event, bake);
  return unchanged(rollout);
}

type Timed = (rollout: Rollout, event: Event & { readonly kind: 'tick' }) => Transition;

/** Lets time pass, except while both versions are failing; that is told when it begins. */
function timed(rollout: Rollout, event: Event & { readonly kind: 'tick' }, then: Timed): Transition {
  const isHalted = event.judgement.verdict === 'halted';
  if (!isHalted) return then({ ...rollout, isHalted, elapsedMs: rollout.elapsedMs + event.ms }, event);
  const effects: Effect[] = rollout.isHalted ? [] : [{ kind: 'tell', what: 'halted', text: event.judgement.sentence }];
  return { ok: true, rollout: { ...rollout, isHalted, reason: event.judgement.sentence }, effects };
}

function hold(rollout: Rollout, { judgement, requests }: Event & { readonly kind: 'tick' }): Transition {
  const step = stepOf(rollout);
  if (rollout.elapsedMs < step.holdMs) return unchanged(rollout);
  const isOver = `the hold of step ${rollout.step + 1} is over`;
  // Nobody is sent there by chance, so there is nothing to wait for.
  if (step.share === 0) return onward(rollout, isOver);
  if (requests < step.minRequests) {
    const reason = `${isOver}, but ${rollout.candidate} has had ${requests} of ${step.minRequests} requests`;
    return { ok: true, rollout: { ...rollout, reason }, effects: [] };
  }
  return decide(rollout, judgement, isOver, onward);
}

function bake(rollout: Rollout, { judgement }: Event & { readonly kind: 'tick' }): Transition {
  if (rollout.elapsedMs < rollout.plan.bakeMs || rollout.errand !== null) return unchanged(rollout);
  return decide(rollout, judgement, 'the bake is over', toSuccess);
}

/** What a verdict means when the time is over. */
function decide(
  rollout: Rollout,
  { verdict, sentence }: Judgement,
  isOver: string,
  goOn: (rollout: Rollout, reason: string) => Transition,
): Transition {
  switch (verdict) {
    case 'healthy':
    case 'unjudged':
      return goOn(rollout, sentence === '' ? isOver : sentence);
    case 'waiting':
      return { ok: true, rollout: { ...rollout, reason: `${isOver}; ${sentence}` }, effects: [] };
    case 'inconclusive':
      return undecided(rollout, sentence, goOn);
    case 'worse':
    case 'halted':
      return unchanged(rollout);
    default:
      return verdict satisfies never;
  }
}

function undecided(
  rollout: Rollout,
  sentence: string,
  goOn: (rollout: Rollout, reason: string) => Transition,
): Transition {
  const { inconclusive } = rollout.plan;
  switch (inconclusive) {
    case 'pause':
      return toPause(rollout, rollout.phase as Pausable, 'inconclusive', `inconclusive, paused: ${sentence}`);
    case 'promote': {
      const text = `inconclusive, promoted all the same: ${sentence}`;
      return told(goOn(rollout, text), { kind: 'tell', what: 'inconclusive', text });
    }
    case 'rollback':
      return goBack(rollout, 'rolled-back', `inconclusive, rolled back: ${sentence}`);
    default:
      return inconclusive satisfies never;
  }
}

function told(transition: Transition, effect: Effect): Transition {
  return transition.ok ? { ...transition, effects: [effect, ...transition.effects] } : transition;
}
