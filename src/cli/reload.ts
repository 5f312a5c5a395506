/**
 * `tidegate reload`: tells Tidegate to read its config file now, and says what changed.
 *
 * A file with errors changes nothing and is refused, with the errors as `tidegate validate` prints them.
 */

import { formatProblem } from '../config/problem.ts';
import { adminOf, ask, headerText, instructor, reportFailure } from './admin-client.ts';
import { isProblemList, isReloadAnswer } from './answer-shapes.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'reload',
  usage: '',
  about: `Makes Tidegate read its config file now and prints what changed. It also does so by
itself when the file changes. A file with errors changes nothing.`,
  words: { least: 0, most: 0 },
  options: {},
};

/** Reloads the config of the running Tidegate. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const json = command.has('json');
  const headers = { 'x-tidegate-by': headerText(instructor()) };
  const path = ['api', 'config', 'reload'];
  const answer = await ask(admin, { method: 'POST', path, body: {}, headers }, isReloadAnswer);
  if (answer.kind !== 'ok') {
    if (!json && answer.kind === 'refused') printProblems(answer.details, io);
    return reportFailure(answer, json, io);
  }
  if (json) {
    io.out(`${JSON.stringify(answer.value)}\n`);
    return EXIT.done;
  }
  const { result, generation, changes, problems } = answer.value;
  io.out(result === 'unchanged' ? `unchanged, generation ${generation}\n` : `applied as generation ${generation}\n`);
  for (const line of changes) io.out(`  ${plain(line)}\n`);
  printProblems(problems, io);
  return EXIT.done;
}

/** The control plane gives the problems as the details of a refusal, as a list or under `problems`. */
function printProblems(details: unknown, io: CliIo): void {
  const inner = typeof details === 'object' && details !== null && 'problems' in details ? details.problems : details;
  if (!isProblemList(inner)) return;
  for (const problem of inner) io.out(`${plain(formatProblem(problem))}\n`);
}
