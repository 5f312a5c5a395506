/**
 * `tidegate validate [FILE]`: all problems of a config file, with line and column, without a running Tidegate.
 *
 * Problems are the result and go to standard output. A file that cannot be read is wrong usage (2) and not a bad config
 * (1), so that a pipeline which mistypes a path does not read as one that caught a mistake.
 */

import { decodeConfig, loadConfig } from '../config/load.ts';
import { type Parsed, parseConfig } from '../config/parse.ts';
import { formatProblem } from '../config/problem.ts';
import { readCommand, type VerbSpec } from './command.ts';
import { counted } from './figures.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain } from './terminal-text.ts';

const DEFAULT_FILE = 'tidegate.yaml';
/** A config of thousands of services is a few megabytes. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

const SPEC: VerbSpec = {
  name: 'validate',
  usage: '[FILE]',
  about: `Checks a config file (default: ${DEFAULT_FILE}; - reads standard input) and prints all its
problems with line and column. Needs no running Tidegate: --admin and --token have no
effect. Exits with 0 when the file is good, 1 when it is not, 2 when it cannot be read.`,
  words: { least: 0, most: 1 },
  options: {},
};

/** Checks the file that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const file = command.words[0] ?? DEFAULT_FILE;
  const parsed = file === '-' ? await readInput(io) : await loadConfig(file, io.env);
  const { problems } = parsed;
  const isReadable = parsed.text !== undefined;
  const isValid = parsed.config !== undefined;
  if (command.has('json')) {
    io.out(`${JSON.stringify({ file, valid: isValid, problems })}\n`);
  } else {
    const say = isReadable ? io.out : io.err;
    for (const problem of problems) say(`${plain(formatProblem(problem))}\n`);
    if (isReadable) io.out(`${plain(file)}: ${verdict(isValid, problems)}\n`);
  }
  if (!isReadable) return EXIT.usage;
  return isValid ? EXIT.done : EXIT.refused;
}

function verdict(isValid: boolean, problems: Parsed['problems']): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  const beside = warnings === 0 ? '' : `, ${counted(warnings, 'warning')}`;
  return isValid ? `valid${beside}` : `not valid: ${counted(errors, 'error')}${beside}`;
}

async function readInput(io: CliIo): Promise<Parsed & { readonly text: string }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > INPUT_BYTES_MAX) break;
  }
  const text = decodeConfig(Buffer.concat(chunks));
  return { ...parseConfig(text, { file: '<stdin>', env: io.env }), text };
}
