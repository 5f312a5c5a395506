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
import type { RolloutRun } from './rollout-run.ts';

/** `waits` is whom it waits for in place of time and the judge; null when it does not. */
export function glanceOf({ id, version, rollout }: RolloutRecord, waits: string | null): RolloutGlance {
  const { candidate, phase, step, plan, share } = rollout;
  const reason = waits ?? rollout.reason;
  const untilMs = phase === 'holding' ? stepOf(rollout).holdMs : phase === 'baking' ? plan.bakeMs : null;
  const elapsedMs = untilMs === null ? null : rollout.elapsedMs;
  return { id, candidate, version, phase, step: step + 1, steps: plan.steps.length, share, elapsedMs, untilMs, reason };
}

/** A run as far as it may have to do with a flag: its versions, and what its judge has counted of failures; null without one. */
export function releaseOf(run: Pick<RolloutRun, 'record' | 'beginnings'> | undefined): RunningRelease | null {
  if (run === undefined) return null;
  const { id, version, activeVersion, rollout, judge } = run.record;
  const { active, candidate } = rollout;
  const counted = () => {
    const errors = judge.signals.find(({ name }) => name === 'errors');
    const totals = errors === undefined ? null : totalsOf(errors.evidence, 0);
    const tally = (side: 'candidate' | 'active') => ({
      requests: totals?.[side].requests ?? 0,
      bad: totals?.[side].events[0] ?? 0,
    });
    return { candidate: tally('candidate'), active: tally('active') };
  };
  return { id: `${id} ${run.beginnings}`, active, candidate, activeVersion, version, counted };
}
