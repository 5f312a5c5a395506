/**
 * What became of rollouts that were started together, in a sentence: the one that turned first has the reason of all.
 */
import { ENDINGS } from '../rollout/rollout.ts';
import type { GroupView, RolloutView } from './operations.ts';

/** The outcome of a group so far. At least one rollout. */
export function outcomeOf(rollouts: readonly RolloutView[]): Pick<GroupView, 'hasEnded' | 'isPromoted' | 'reason'> {
  const hasEnded = rollouts.every(({ endedAt }) => endedAt !== null);
  const isPromoted = hasEnded && rollouts.every(isStillPromoted);
  return { hasEnded, isPromoted, reason: reasonOf(rollouts, isPromoted) };
}

/** Whether a rollout has given its candidate everything, and nobody has taken that back while the earlier pool was warm. */
export function isStillPromoted({ phase, undone }: Pick<RolloutView, 'phase' | 'undone'>): boolean {
  return phase === 'succeeded' && undone === null;
}

function reasonOf(rollouts: readonly RolloutView[], isPromoted: boolean): string {
  const names = rollouts.map(({ service }) => service).join(', ');
  if (isPromoted) return `${names}: all are promoted`;
  const turned = rollouts.filter((one) => !isStillPromoted(one) && isTurned(one));
  const cause = turned.find(({ takenBackWith }) => takenBackWith === null) ?? turned[0];
  if (cause !== undefined) {
    const { service, undone, phase, reason } = cause;
    return undone === null
      ? `${service} ${phase.replace('-', ' ')}: ${reason}`
      : `${service} was taken back after its success: ${undone}`;
  }
  const waiting = rollouts.find(({ group }) => (group?.waitsFor.length ?? 0) > 0);
  if (waiting === undefined) return `${names}: all go on together`;
  return `${waiting.service} waits for ${waiting.group!.waitsFor.map(({ service }) => service).join(', ')}`;
}

function isTurned({ phase, undone }: RolloutView): boolean {
  return phase === 'rolling-back' || undone !== null || ENDINGS.some((one) => one === phase && one !== 'succeeded');
}
