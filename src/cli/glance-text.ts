/**
 * Running rollouts in one line each: that of a service below its pools, those of flags below all services.
 *
 * The rollouts of flags stand in the status of the services because whoever is woken asks for that first, and a flag that grows is as
 * good a reason for errors as a version that does.
 */
import type { FlagRolloutGlance, RolloutGlance } from '../control/operations.ts';
import { percent, span } from './figures.ts';
import { paint } from './paint.ts';
import { versionText } from './rollout-card.ts';
import type { TableStyle } from './status-table.ts';
import { ascii, cut, plain } from './terminal-text.ts';

/** `rollout 12 to green (v2.0): holding step 2 of 5, 5%, 4 min left; REASON`; `flag` is null for a service. */
export function glanceText(glance: RolloutGlance, flag: string | null): string {
  const { id, candidate, version, reason } = glance;
  const head = `rollout ${id} to ${plain(candidate)} (${versionText({ version, flag })})`;
  return `${head}: ${plain(placeOf(glance))}; ${plain(reason)}`;
}

/** `rollout 12 holding 2/5`: for a row of a table. */
export function glanceWords({ id, phase, step, steps }: RolloutGlance): string {
  return `rollout ${id} ${plain(phase).replace('-', ' ')} ${step}/${steps}`;
}

function placeOf({ phase, step, steps, share, elapsedMs, untilMs }: RolloutGlance): string {
  const left = elapsedMs === null || untilMs === null ? '' : `, ${span(Math.max(0, untilMs - elapsedMs))} left`;
  return `${phase.replace('-', ' ')} step ${step} of ${steps}, ${percent(share)}%${left}`;
}

/** The running rollouts of flags, each line with its line break, after an empty one; empty while none runs. */
export function renderFlagRollouts(rollouts: readonly FlagRolloutGlance[], style: TableStyle): string {
  if (rollouts.length === 0) return '';
  const lines = rollouts.map((one) => {
    const text = cut(`> flag ${plain(one.flag)}: ${glanceText(one, one.flag)}`, style.width, style.unicode ? '…' : '~');
    return `${paint(text, 'cyan', style.colour)}\n`;
  });
  const text = `\n${lines.join('')}`;
  return style.unicode ? text : ascii(text);
}
