/**
 * `tidegate flag get FLAG`: one flag with its definition, as it would stand in the file.
 */
import { stringify } from 'yaml';
import type { FlagView } from '../control/flag-operations.ts';
import { adminOf, ask, reportFailure } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { guardLines } from './flag-guard-text.ts';
import { flagPath } from './flag-request.ts';
import { isFlagView } from './flag-shapes.ts';
import { byLine, standText, UNSTORED } from './flag-text.ts';
import { glanceText } from './glance-text.ts';
import { type CliIo, EXIT } from './io.ts';
import type { TableStyle } from './status-table.ts';
import { plain, shown } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'flag get',
  usage: 'FLAG',
  about: `Shows a flag: its revision, whom it is on for, its last change, the rollout that runs,
the routes that name it, and its definition, as it would stand in the file under \`flags:\`.`,
  words: { least: 1, most: 1 },
  options: {},
};

const YAML_WIDTH = 100;

/** Shows the flag that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const answer = await ask(admin, { method: 'GET', path: flagPath(command.words[0]!) }, isFlagView);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  if (json) io.out(`${JSON.stringify(answer.value)}\n`);
  else {
    const { columns, colour, unicode } = io.screen();
    for (const line of linesOf(answer.value, { width: columns, colour, unicode })) io.out(shown(line, io));
  }
  return EXIT.done;
}

function linesOf(flag: FlagView, style: TableStyle): string[] {
  const { name, revision, since, inFile, asInFile, routes, requiredBy, problem, stored, definition, guard, rollout } =
    flag;
  const place = inFile ? (asInFile ? 'as the file says' : 'changed since the file said otherwise') : 'not in the file';
  return [
    `${plain(name)}  revision ${revision}: ${standText(flag)}`,
    `  since     ${byLine(since)}`,
    ...(rollout === undefined ? [] : [`  now       ${glanceText(rollout, name)}`]),
    `  file      ${place}`,
    ...(routes.length === 0 ? [] : [`  routes    ${routes.map(plain).join(', ')}`]),
    ...(requiredBy.length === 0 ? [] : [`  needed by ${requiredBy.map(plain).join(', ')}`]),
    ...(guard === undefined ? [] : guardLines(guard, style).map((line) => `  ${line}`)),
    ...(problem === null ? [] : [`  ! off for everybody: ${plain(problem)}`]),
    ...(stored ? [] : [`  ! ${UNSTORED}`]),
    ...stringify({ [name]: definition }, { lineWidth: YAML_WIDTH })
      .trimEnd()
      .split('\n')
      .map(yamlLine),
  ];
}

/** `plain` would join what YAML writes in several lines; so each line is made harmless by itself. */
function yamlLine(line: string): string {
  return `  ${plain(line)}`;
}
