/**
 * `tidegate rollback SERVICE`: back to the position before, at once.
 *
 * Nothing is verified on the way back: who rolls back has a reason that no health check knows.
 */

import { CHANGE_OPTIONS, change } from './change.ts';
import { readCommand, type VerbSpec } from './command.ts';
import type { CliIo } from './io.ts';

const SPEC: VerbSpec = {
  name: 'rollback',
  usage: 'SERVICE [--reason TEXT] [--if-epoch N] [--wait]',
  about: `Moves the traffic of a service back to the position before, at once, and prints the
receipt. Works after a restart too.`,
  words: { least: 1, most: 1 },
  options: CHANGE_OPTIONS,
};

/** Rolls back the service that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const path = ['api', 'services', command.words[0]!, 'rollback'];
  return change(SPEC, command, io, { method: 'POST', path, body: {} });
}
