/**
 * Rollouts that were started together, as one card: a line for each service, and the reason of all below them.
 *
 * A service in a few words and not its whole card: five cards are longer than a terminal. `tidegate rollout status SERVICE` has
 * the numbers of one.
 */
import { outcomeOf } from '../control/group-outcome.ts';
import type { GroupView, RolloutView } from '../control/operations.ts';
import { percent, span } from './figures.ts';
import { paint } from './paint.ts';
import { placeText, untilMsOf } from './rollout-card.ts';
import { signalProgress } from './signal-text.ts';
import type { TableStyle } from './status-table.ts';
import { ascii, columnsOf, plain, when, wrapped } from './terminal-text.ts';

const WIDTH_MOST = 120;
const WIDTH_LEAST = 60;

/** The card. Ends with a line break. */
export function groupCard(group: string, rollouts: readonly RolloutView[], style: TableStyle): string {
  const width = Math.min(WIDTH_MOST, Math.max(WIDTH_LEAST, style.width));
  const { startedBy, startedAt } = rollouts[0]!;
  const label = Math.max(6, ...rollouts.map(({ service }) => columnsOf(plain(service))));
  const lines = [`${paint(plain(group), 'bold', style.colour)}  started by ${plain(startedBy)}, ${when(startedAt)}`];
  const entry = (name: string, text: string): void => {
    wrapped(text, width - label - 4).forEach((line, index) => {
      lines.push(`  ${paint((index === 0 ? name : '').padEnd(label), 'dim', style.colour)}  ${line}`);
    });
  };
  for (const rollout of rollouts) entry(plain(rollout.service), memberText(rollout));
  const { hasEnded, isPromoted, reason } = outcomeOf(rollouts);
  entry(hasEnded ? 'end' : 'now', plain(hasEnded && !isPromoted ? `not promoted: ${reason}` : reason));
  const text = `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
  return style.unicode ? text : ascii(text);
}

/** How a group has ended and why: the last line of a wait. */
export function groupEndLine(group: string, rollouts: readonly RolloutView[]): string {
  const { isPromoted, reason } = outcomeOf(rollouts);
  return `${plain(group)}: ${isPromoted ? 'promoted' : 'not promoted'}: ${plain(reason)}`;
}

/** A group in one line, for the answer to a command. */
export function groupLine({ group, rollouts, reason }: Pick<GroupView, 'group' | 'rollouts' | 'reason'>): string {
  const members = rollouts.map((one) => `${one.service} ${one.candidate} ${percent(one.share)}% (${placeText(one)})`);
  return `${plain(group)}: ${plain(members.join(', '))}; ${plain(reason)}`;
}

function memberText(rollout: RolloutView): string {
  const { id, candidate, version, share, group, confirmation, verdict, elapsedMs, endedAt, undone, reason } = rollout;
  const untilMs = untilMsOf(rollout);
  const left = untilMs === null ? '' : `, ${span(Math.max(0, untilMs - elapsedMs))} left`;
  const place = `${candidate} (${version}) ${percent(share)}%, ${placeText(rollout)}${left}`;
  const others = group?.waitsFor.map(({ service }) => service) ?? [];
  const waits = others.length > 0 ? `, waits for ${others.join(', ')}` : '';
  const asks =
    confirmation === null ? '' : `, step ${confirmation.step} waits for its confirmation: ${confirmation.why}`;
  const judged = endedAt !== null || verdict === null ? '' : `, verdict ${verdict.kind}${signalProgress(verdict)}`;
  const why = endedAt === null && rollout.phase !== 'rolling-back' ? '' : `: ${undone ?? reason}`;
  return plain(`rollout ${id}: ${place}${waits}${asks}${judged}${why}`);
}
