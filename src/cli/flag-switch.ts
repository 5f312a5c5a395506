/**
 * `tidegate flag kill|restore|delete FLAG`: the switch of a flag, and its end.
 */
import { type AdminRequest, adminOf } from './admin-client.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { changeFlag, FLAG_CHANGE_OPTIONS, flagInstruction, flagPath } from './flag-request.ts';
import type { CliIo } from './io.ts';

type FlagCommand = 'kill' | 'restore' | 'delete';

const ABOUT: Readonly<Record<FlagCommand, string>> = {
  kill: `Switches a flag off for everybody, whatever its rules say. When the command has ended,
no request that starts is treated any more. What the flag says is kept, and stays
without effect until \`tidegate flag restore\`.`,
  restore: 'Takes a kill back: the flag does again what it says.',
  delete: `Removes a flag that was made at run time. Whoever asks for it is told that there is
none and uses the default in the code. A flag of the file is removed in the file.`,
};

/** Runs one of the three on the flag that the words name, and says what came of it. */
export async function run(name: FlagCommand, args: readonly string[], io: CliIo): Promise<number> {
  const spec: VerbSpec = {
    name: `flag ${name}`,
    usage: 'FLAG [--reason TEXT] [--if-match REV]',
    about: ABOUT[name],
    words: { least: 1, most: 1 },
    options: FLAG_CHANGE_OPTIONS,
  };
  const command = readCommand(spec, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(spec, admin, io);
  const headers = flagInstruction(command);
  if (typeof headers === 'string') return misused(spec, headers, io);
  const flag = command.words[0]!;
  const request: AdminRequest =
    name === 'delete'
      ? { method: 'DELETE', path: flagPath(flag), headers, body: {} }
      : { method: 'POST', path: flagPath(flag, name), headers, body: {} };
  return changeFlag(admin, request, command.has('json'), io);
}
