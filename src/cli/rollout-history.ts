/**
 * `tidegate rollout history SERVICE`: the rollouts of a service that are kept, newest first.
 *
 * Why each has ended as it did stands below its row and not in it, since a sentence beside seven columns would be cut to a word.
 */

import type { RolloutView } from '../control/operations.ts';
import { adminOf, ask, reportFailure } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { span } from './figures.ts';
import { type CliIo, EXIT } from './io.ts';
import { plainTable } from './plain-table.ts';
import { versionText } from './rollout-card.ts';
import { FLAG_OPTION, subjectOf } from './rollout-options.ts';
import { isRolloutList } from './rollout-shapes.ts';
import { ascii, cut, plain, when } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'rollout history',
  usage: 'SERVICE|--flag NAME [--limit N]',
  about: `Lists the rollouts of a service or of a flag that are kept, newest first, with how each has ended
and why. \`tidegate rollout explain ID\` tells the whole story of one.`,
  words: { least: 0, most: 1 },
  options: { flag: FLAG_OPTION, limit: { value: 'N', help: 'at most N of them (default: 20)' } },
};

const COLUMNS = [
  { title: 'ID', side: 'right' },
  { title: 'STARTED', side: 'left' },
  { title: 'VERSION', side: 'left' },
  { title: 'POOLS', side: 'left' },
  { title: 'PLAN', side: 'left' },
  { title: 'RAN', side: 'right' },
  { title: 'STATE', side: 'left' },
] as const;
const REASON_INDENT = 4;

/** Lists what is kept. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const limit = command.value('limit') ?? '20';
  if (!/^[1-9][0-9]{0,2}$/.test(limit)) return misused(SPEC, '--limit needs a whole number from 1 to 999', io);
  const subject = subjectOf(command);
  if (typeof subject === 'string') return misused(SPEC, subject, io);
  const path = [...subject.path, 'rollouts'];
  const answer = await ask(admin, { method: 'GET', path, query: { limit } }, isRolloutList);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const { rollouts } = answer.value;
  if (json) {
    io.out(`${JSON.stringify(answer.value)}\n`);
    return EXIT.done;
  }
  const { columns, unicode } = io.screen();
  const text =
    rollouts.length === 0
      ? `${plain(subject.path.at(-1)!)} has had no rollout.\n`
      : historyText(rollouts, columns, unicode);
  io.out(unicode ? text : ascii(text));
  return EXIT.done;
}

/** A table, and below each row why it came to what it is. */
function historyText(rollouts: readonly RolloutView[], width: number, unicode: boolean): string {
  const mark = unicode ? '…' : '~';
  const [titles, ...rows] = plainTable(COLUMNS, rollouts.map(rowOf), { width, indent: 0, mark });
  const lines = rows.flatMap((row, index) => {
    const { reason: why, undone } = rollouts[index]!;
    const reason = cut(
      plain(undone === null ? why : `${why}; afterwards ${undone}`),
      Math.max(1, width - REASON_INDENT),
      mark,
    );
    return [row, `${' '.repeat(REASON_INDENT)}${reason}`];
  });
  return `${[titles, ...lines].join('\n')}\n`;
}

function rowOf(rollout: RolloutView): string[] {
  const { id, startedAt, active, candidate, plan, ranMs, phase } = rollout;
  const pools = `${plain(active)}→${plain(candidate)}`;
  return [String(id), when(startedAt), versionText(rollout), pools, plain(plan), span(ranMs), plain(phase)];
}
