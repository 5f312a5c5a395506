/**
 * `tidegate receipt SERVICE EPOCH`: the account of one traffic change, final once the earlier position has drained.
 */

import { adminOf, ask, reportFailure } from './admin-client.ts';
import { isReceipt } from './answer-shapes.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { type CliIo, EXIT } from './io.ts';
import { receiptAccount } from './receipt-text.ts';
import { ascii } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'receipt',
  usage: 'SERVICE EPOCH',
  about: `Prints the account of the traffic change that brought a service to an epoch: what
moved, when it took effect, who did it and why, and what became of the requests
that were in flight on the earlier position.`,
  words: { least: 2, most: 2 },
  options: {},
};

/** Prints the receipt that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const [service = '', epoch = ''] = command.words;
  if (!/^[0-9]{1,15}$/.test(epoch)) return misused(SPEC, 'EPOCH has to be a number, `tidegate status` shows it', io);
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const path = ['api', 'receipts', epoch];
  const answer = await ask(admin, { method: 'GET', path, query: { service } }, isReceipt);
  if (answer.kind !== 'ok') return reportFailure(answer, command.has('json'), io);
  if (command.has('json')) {
    io.out(`${JSON.stringify(answer.value)}\n`);
  } else {
    const text = receiptAccount(answer.value);
    io.out(`${io.screen().unicode ? text : ascii(text)}\n`);
  }
  return EXIT.done;
}
