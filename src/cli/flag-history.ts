/**
 * `tidegate flag history FLAG`: each change of a flag, newest first, with who made it and why.
 *
 * The reason stands below its row and not in it, since a sentence beside five columns would be cut to a word.
 */
import type { FlagReceipt } from '../control/flag-operations.ts';
import { adminOf, ask, reportFailure } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { flagPath } from './flag-request.ts';
import { isFlagReceipts } from './flag-shapes.ts';
import { standText } from './flag-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { plainTable } from './plain-table.ts';
import { ascii, cut, plain, when } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'flag history',
  usage: 'FLAG',
  about: `Lists the changes of a flag, newest first: when, how, by whom, what it was on for after
each, and why. A flag that was removed keeps its history.`,
  words: { least: 1, most: 1 },
  options: {},
};

const COLUMNS = [
  { title: 'REV', side: 'right' },
  { title: 'AT', side: 'left' },
  { title: 'HOW', side: 'left' },
  { title: 'BY', side: 'left' },
  { title: 'ON FOR', side: 'left' },
] as const;
const REASON_INDENT = 5;

/** Lists what happened to the flag that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const path = flagPath(command.words[0]!, 'history');
  const answer = await ask(admin, { method: 'GET', path }, isFlagReceipts);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  if (json) {
    io.out(`${JSON.stringify(answer.value)}\n`);
    return EXIT.done;
  }
  const { columns, unicode } = io.screen();
  const text = historyText(answer.value.receipts, io.isTerminal ? columns : Number.POSITIVE_INFINITY, unicode);
  io.out(unicode ? text : ascii(text));
  return EXIT.done;
}

function historyText(receipts: readonly FlagReceipt[], width: number, unicode: boolean): string {
  const mark = unicode ? '…' : '~';
  const [titles, ...rows] = plainTable(COLUMNS, receipts.map(rowOf), { width, indent: 0, mark });
  const lines = rows.flatMap((row, index) => {
    const reason = cut(plain(receipts[index]!.reason), Math.max(1, width - REASON_INDENT), mark);
    return reason === '' ? [row] : [row, `${' '.repeat(REASON_INDENT)}${reason}`];
  });
  return `${[titles, ...lines].join('\n')}\n`;
}

function rowOf({ revision, at, how, by, to }: FlagReceipt): string[] {
  return [String(revision), when(at), plain(how), plain(by), to === null ? 'removed' : standText(to)];
}
