/**
 * `tidegate flag list`: every flag in one row, with when it was changed and whom it is on for.
 */
import type { FlagView } from '../control/flag-operations.ts';
import { adminOf, ask, reportFailure } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { isFlagList } from './flag-shapes.ts';
import { standText } from './flag-text.ts';
import { glanceWords } from './glance-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { plainTable } from './plain-table.ts';
import { ascii, plain, when } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'flag list',
  usage: '',
  about: `Lists all flags: the revision of each, when it was changed, whom it is on for, and
where its rollout is while one runs.`,
  words: { least: 0, most: 0 },
  options: {},
};

const COLUMNS = [
  { title: 'FLAG', side: 'left' },
  { title: 'REV', side: 'right' },
  { title: 'SINCE', side: 'left' },
  { title: 'ON FOR', side: 'left' },
] as const;
/** Of a moment, its date, hours and minutes. */
const MINUTES = 'YYYY-MM-DD hh:mm'.length;

/** Lists the flags. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const answer = await ask(admin, { method: 'GET', path: ['api', 'flags'] }, isFlagList);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  if (json) {
    io.out(`${JSON.stringify(answer.value)}\n`);
    return EXIT.done;
  }
  const { columns, unicode } = io.screen();
  const { flags } = answer.value;
  const layout = { width: io.isTerminal ? columns : Number.POSITIVE_INFINITY, indent: 0, mark: unicode ? '…' : '~' };
  const text = flags.length === 0 ? 'there is no flag' : plainTable(COLUMNS, flags.map(rowOf), layout).join('\n');
  io.out(`${unicode ? text : ascii(text)}\n`);
  return EXIT.done;
}

function rowOf(flag: FlagView): string[] {
  return [plain(flag.name), String(flag.revision), when(flag.since.at).slice(0, MINUTES), textOf(flag)];
}

function textOf(flag: FlagView): string {
  const { problem, rollout } = flag;
  const stands = problem === null ? standText(flag) : `nobody: ${plain(problem)}`;
  return rollout === undefined ? stands : `${stands}; ${glanceWords(rollout)}`;
}
