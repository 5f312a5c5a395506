/**
 * The bond between rollouts that were started together: whether they go on together, and who takes whom back.
 *
 * All of it follows from where the members are, so there is nothing to keep beside their own records, and a kill between two
 * of them is made good by asking again. Steps are counted from the end: all members arrive at 100% together, and one with
 * fewer steps begins later. So no two plans are too different to be bonded, and a budget that leaves out a step of one
 * member breaks no start. Counted from the start, a blue/green member would flip while the canary beside it has 1%.
 *
 * A *mark* is the number of a step as the bond counts it; the end of the bakes is the mark after the last step. No member
 * passes a mark before all have reached it.
 */
import { hasEnded, type Rollout } from './rollout.ts';

/** Why a success was taken back, and the member of its bond that it was taken back with; null for by itself. */
export interface Undone {
  readonly why: string;
  readonly along: string | null;
}

/** One rollout of a bond. */
export interface Member {
  readonly service: string;
  readonly rollout: Rollout;
  /** Null unless its success was taken back afterwards. */
  readonly undone: Undone | null;
}

/** The member that turned, and why: what takes the others back. */
export interface Turn {
  readonly service: string;
  readonly why: string;
}

/** How many marks each plan has before its first step, so that all end at the same one. */
export function leadsOf(stepCounts: readonly number[]): number[] {
  const most = Math.max(...stepCounts);
  return stepCounts.map((count) => most - count);
}

/** The highest mark that a member has reached: it stands at it and waits, or has passed it. */
export function reachedMark(rollout: Rollout): number {
  const { lead, step, phase, errand, occasion } = rollout;
  if (errand?.kind === 'join') return errand.mark;
  const place = rollout.pause?.from ?? phase;
  // What is verified or asked about is the step to come; a move is of a step that has been agreed on.
  const isBefore = (place === 'verifying' && occasion !== 'after') || (place === 'stepping' && errand?.kind !== 'move');
  const own = phase === 'succeeded' || errand?.kind === 'finish' ? rollout.plan.steps.length : step;
  return (lead ?? 0) + own - (isBefore ? 1 : 0);
}

/** The members that a mark is still waiting for, in their order. Whoever has ended holds nobody up. */
export function lagging<M extends Member>(members: readonly M[], mark: number): M[] {
  return members.filter(({ rollout }) => !hasEnded(rollout) && reachedMark(rollout) < mark);
}

/**
 * The member that turned first by itself, null when none has. A member whose traffic somebody has moved has turned if its
 * candidate was left nothing: whatever that was called, it was a way back.
 */
export function turnOf(members: readonly Member[]): Turn | null {
  const turned = members.filter(hasTurned);
  const first = turned.find(({ rollout, undone }) => (undone ?? rollout).along === null) ?? turned[0];
  if (first === undefined) return null;
  return { service: first.service, why: first.undone?.why ?? first.rollout.reason };
}

function hasTurned({ rollout, undone }: Member): boolean {
  switch (rollout.phase) {
    case 'rolling-back':
    case 'rolled-back':
    case 'aborted':
    case 'failed':
      return true;
    case 'superseded':
      return rollout.share === 0;
    case 'succeeded':
      return undone !== null;
    case 'verifying':
    case 'stepping':
    case 'holding':
    case 'awaiting-approval':
    case 'paused':
    case 'baking':
      return false;
    default:
      return rollout.phase satisfies never;
  }
}

/** The members that somebody has taken out of the bond by moving their traffic to where the candidate has some. */
export function parted<M extends Member>(members: readonly M[]): M[] {
  return members.filter(({ rollout }) => rollout.phase === 'superseded' && rollout.share > 0);
}
