/**
 * `tidegate flip SERVICE`: moves all traffic of a service to the other pool, or to the one that is named.
 *
 * That a pool without a healthy endpoint is refused is decided by the control plane; `--no-verify` tells it not to look.
 */

import { CHANGE_OPTIONS, change } from './change.ts';
import { readCommand, type VerbSpec } from './command.ts';
import type { CliIo } from './io.ts';

const SPEC: VerbSpec = {
  name: 'flip',
  usage: 'SERVICE [--to POOL] [--no-verify] [--reason TEXT] [--if-epoch N] [--wait]',
  about: `Moves all traffic of a service to the other pool, at once, and prints the receipt.
Refused when that pool has no healthy endpoint, and when there are several other
pools and none is named.`,
  words: { least: 1, most: 1 },
  options: {
    to: { value: 'POOL', help: 'the pool to move to (default: the only other one)' },
    'no-verify': { help: 'move even if the pool has no healthy endpoint' },
    ...CHANGE_OPTIONS,
  },
};

/** Flips the service that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const to = command.value('to');
  const body = { ...(to === undefined ? {} : { to }), verify: !command.has('no-verify') };
  return change(SPEC, command, io, { method: 'POST', path: ['api', 'services', command.words[0]!, 'flip'], body });
}
