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
  const { verdict, candidate, share, reason, elapsedMs } = rollout;
  const untilMs = untilMsOf(rollout);
  const left = untilMs === null ? '' : `, ${span(Math.max(0, untilMs - elapsedMs))} left`;
  const where = `${at.toISOString().slice(11, 19)}Z ${placeText(rollout)}: ${plain(candidate)} ${percent(share)}%${left}`;
  if (untilMs === null || verdict === null) return `${where}; ${plain(reason)}`;
  return `${where}; ${plain(verdict.sentence)}${signalProgress(verdict)}`;
}

/** What `progressLine` is printed anew for. */
export function changeKey({ phase, step, share, pausedBy, isHalted, verdict, endedAt }: RolloutView): string {
  const opinions = verdict?.signals.map(({ name, opinion }) => `${name} ${opinion}`) ?? [];
  return JSON.stringify([phase, step, share, pausedBy, isHalted, verdict?.kind, opinions, endedAt]);
}

/** How it has ended and why: the last line of a wait. */
export function endLine(rollout: RolloutView): string {
  const { service, id, phase, reason } = rollout;
  const end = phase === 'succeeded' ? 'promoted' : plain(phase).replace('-', ' ');
  return `${plain(service)}: rollout ${id} to ${candidateText(rollout)} ${end}: ${plain(reason)}`;
}

/** Whether it has ended with all traffic on the candidate. */
export function isPromoted({ phase }: RolloutView): boolean {
  return phase === 'succeeded';
}
