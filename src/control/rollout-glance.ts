/**
 * A running rollout in a few words: what the view of its service says of it.
 *
 * Not the whole view of the rollout: a list of a thousand services is asked for every second by somebody's `status --watch`, and a
 * verdict has more numbers than all pools together.
 */
import { totalsOf } from '../judge/evidence.ts';
import { stepOf } from '../rollout/course.ts';
import type { RunningRelease } from './flag-blame.ts';
import type { RolloutGlance } from './operations.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** `waits` is whom it waits for in place of time and the judge; null when it does not. */
export function glanceOf({ id, version, rollout }: RolloutRecord, waits: string | null): RolloutGlance {
  const { candidate, phase, step, plan, share } = rollout;
  const reason = waits ?? rollout.reason;
  const untilMs = phase === 'holding' ? stepOf(rollout).holdMs : phase === 'baking' ? plan.bakeMs : null;
  const elapsedMs = untilMs === null ? null : rollout.elapsedMs;
  return { id, candidate, version, phase, step: step + 1, steps: plan.steps.length, share, elapsedMs, untilMs, reason };
}

/** The same as far as it may have to do with a flag: its versions, and what its judge has counted of failures; null without one. */
export function releaseOf(record: RolloutRecord | undefined): RunningRelease | null {
  if (record === undefined) return null;
  const { id, version, activeVersion, rollout, judge } = record;
  const { active, candidate } = rollout;
  const errors = judge.signals.find(({ name }) => name === 'errors');
  const totals = errors === undefined ? null : totalsOf(errors.evidence, 0);
  const tally = (side: 'candidate' | 'active') => ({
    requests: totals?.[side].requests ?? 0,
    bad: totals?.[side].events[0] ?? 0,
  });
  const counted = { candidate: tally('candidate'), active: tally('active') };
  return { id, active, candidate, activeVersion, version, counted };
}
