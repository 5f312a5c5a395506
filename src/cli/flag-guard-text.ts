/**
 * The guard of a flag for people: what it says with its numbers, both arms in each version, and whom it would blame.
 */

import type { ArmTally } from '../control/flag-evidence.ts';
import type { BlamedRelease, GuardView } from '../control/flag-guard-view.ts';
import { countText, shareText } from '../judge/figures.ts';
import { signalLines } from './signal-text.ts';
import type { TableStyle } from './status-table.ts';
import { plain, when } from './terminal-text.ts';

/** The lines of a guard, without their indent. */
export function guardLines(
  { rests, since, control, part, dryRun, verdict, unheard, table, releases }: GuardView,
  style: TableStyle,
): string[] {
  const mode = dryRun ? ' (dry run: kills nothing)' : '';
  const compared = control === 'others' ? 'all others' : 'as many';
  const arms = `compared with ${compared}: ${shareText(part)} of both arms treated, evidence since ${when(since)}`;
  return [
    `guard${mode}: ${rests === null ? plain(verdict.sentence) : `rests: ${plain(rests)}`}`,
    ...(rests === null ? [`  ${arms}`] : []),
    ...(unheard === 0 ? [] : [`  ${countText(unheard)} bad events not counted: its memory of who has spoken is full`]),
    ...signalLines(verdict, { candidate: 'treatment', active: 'control' }, style),
    ...tableLines(table),
    ...releases.map(({ text }) => `  if it were found worse now: ${plain(text)}`),
  ];
}

/** What a flag and the release of a service say of each other, for the card of the release. */
export function seenLines(flag: string, { text }: Pick<BlamedRelease, 'text'>, table: readonly ArmTally[]): string[] {
  return [`flag ${plain(flag)}; if the release were found worse now: ${plain(text)}`, ...tableLines(table)];
}

/** Version by arm. */
function tableLines(table: readonly ArmTally[]): string[] {
  return table.map(({ service, pool, version, treatment, control }) => {
    const where = `${plain(service)}/${plain(pool)} (${plain(version)})`;
    return `  ${where}: treatment ${tallyText(treatment)} failed, control ${tallyText(control)}`;
  });
}

function tallyText({ requests, bad }: ArmTally['treatment']): string {
  return `${countText(bad)} of ${countText(requests)} (${shareText(requests > 0 ? bad / requests : 0)})`;
}
