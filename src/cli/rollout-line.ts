/**
 * A rollout in one line: for the answer to a command, for logs of CI jobs, and for its end.
 *
 * What makes a new line of a log is decided here too: a phase, a step, a share, an opinion of a signal. Not the numbers, which change
 * each second and stand in the line anyway.
 */

import type { RolloutView } from '../control/operations.ts';
import { percent, span } from './figures.ts';
import { candidateText, placeText, untilMsOf } from './rollout-card.ts';
import { signalProgress } from './signal-text.ts';
import { plain } from './terminal-text.ts';

/** `shop: rollout 12 to green (v2.0): holding, step 2 of 5, green has 5%, 5 min 48 s left; REASON`. */
export function rolloutLine(rollout: RolloutView): string {
  const { service, id, candidate, share, reason, elapsedMs } = rollout;
  const untilMs = untilMsOf(rollout);
  const left = untilMs === null ? '' : `, ${span(Math.max(0, untilMs - elapsedMs))} left`;
  const head = `${plain(service)}: rollout ${id} to ${candidateText(rollout)}: ${placeText(rollout)}`;
  return `${head}, ${plain(candidate)} has ${percent(share)}%${left}; ${plain(reason)}`;
}

/** The same for a log that is read later: with its time, and the verdict instead of the reason while it is judged. */
export function progressLine(rollout: RolloutView, at: Date): string {
  const { verdict, candidate, share, elapsedMs } = rollout;
  const untilMs = untilMsOf(rollout);
  const left = untilMs === null ? '' : `, ${span(Math.max(0, untilMs - elapsedMs))} left`;
  const where = `${at.toISOString().slice(11, 19)}Z ${placeText(rollout)}: ${plain(candidate)} ${percent(share)}%${left}`;
  const reason = waitText(rollout) ?? rollout.reason;
  if (untilMs === null || verdict === null || reason !== rollout.reason) return `${where}; ${plain(reason)}`;
  return `${where}; ${plain(verdict.sentence)}${signalProgress(verdict)}`;
}

/** Whom it waits for, other than for time and the judge; null when it does not. */
function waitText({ group, confirmation }: RolloutView): string | null {
  const others = group?.waitsFor.map(({ service }) => service) ?? [];
  if (others.length > 0) return `waits for ${others.join(', ')}`;
  return confirmation === null ? null : `step ${confirmation.step} waits for its confirmation: ${confirmation.why}`;
}

/** What `progressLine` is printed anew for. */
export function changeKey(rollout: RolloutView): string {
  const { phase, step, share, pausedBy, isHalted, verdict, endedAt } = rollout;
  const opinions = verdict?.signals.map(({ name, opinion }) => `${name} ${opinion}`) ?? [];
  return JSON.stringify([phase, step, share, pausedBy, isHalted, verdict?.kind, opinions, endedAt, waitText(rollout)]);
}

/** How it has ended and why: the last line of a wait. */
export function endLine(rollout: RolloutView): string {
  const { service, id, phase, reason, undone } = rollout;
  const end = phase === 'succeeded' ? 'promoted' : plain(phase).replace('-', ' ');
  const afterwards = undone === null ? '' : `; afterwards ${plain(undone)}`;
  return `${plain(service)}: rollout ${id} to ${candidateText(rollout)} ${end}: ${plain(reason)}${afterwards}`;
}
