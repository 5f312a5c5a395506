/**
 * What `traffic`, `flip` and `rollback` have in common: how a change is asked for, and how its receipt is shown.
 *
 * With `--wait` the receipt is read again until the earlier position has drained. There is no limit to that but the
 * user's patience: how long requests may go on is the business of the drain deadline in the config, not of the CLI.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt } from '../control/operations.ts';
import { type Admin, type AdminRequest, adminOf, ask, headerText, instructor, reportFailure } from './admin-client.ts';
import { isReceipt } from './answer-shapes.ts';
import { type Command, misused, type OptionSpec, type VerbSpec } from './command.ts';
import { type CliIo, EXIT } from './io.ts';
import { drainLine, receiptLine } from './receipt-text.ts';
import { shown } from './terminal-text.ts';

/** The options of every verb that moves traffic. */
export const CHANGE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  reason: { value: 'TEXT', help: 'why, for the receipt and the events' },
  'if-epoch': { value: 'N', help: 'only if the service stands at epoch N' },
  wait: { help: 'wait until the earlier position has drained' },
};

/** Far more than is kept. A long reason is cut, because it is no ground to refuse a rollback. */
const REASON_CHARACTERS_MAX = 1000;
const WAIT_FIRST_MS = 50;
const WAIT_LONGEST_MS = 1000;

/** Asks for the change, prints its receipt, waits for the drain if told to; answers the exit code. */
export async function change(
  spec: VerbSpec,
  command: Command,
  io: CliIo,
  request: Pick<AdminRequest, 'method' | 'path' | 'body'>,
): Promise<number> {
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(spec, admin, io);
  const headers = instruction(command);
  if (typeof headers === 'string') return misused(spec, headers, io);
  const json = command.has('json');
  const answer = await ask(admin, { ...request, headers }, isReceipt);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const receipt = answer.value;
  if (!command.has('wait')) {
    io.out(json ? `${JSON.stringify(receipt)}\n` : shown(receiptLine(receipt), io));
    return EXIT.done;
  }
  // Listened to before the first line is out: whoever reads it may interrupt at once.
  const signal = io.interrupted();
  if (!json) io.out(shown(receiptLine(receipt), io));
  return awaitDrain(admin, receipt, signal, json, io);
}

async function awaitDrain(
  admin: Admin,
  first: Receipt,
  signal: AbortSignal,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const path = ['api', 'receipts', String(first.epoch)];
  let receipt = first;
  let waitMs = WAIT_FIRST_MS;
  while (receipt.drained === null && !signal.aborted) {
    // Rejects only by the signal, which the loop then sees.
    await sleep(waitMs, undefined, { signal }).catch(() => {});
    waitMs = Math.min(waitMs * 2, WAIT_LONGEST_MS);
    const answer = await ask(admin, { method: 'GET', path, query: { service: first.service }, signal }, isReceipt);
    if (signal.aborted) break;
    if (answer.kind !== 'ok') {
      // The traffic has moved all the same; whoever reads only the last line must know.
      const message = `the change was made at epoch ${first.epoch}, but its drain could not be followed: ${answer.message}`;
      return reportFailure({ ...answer, message }, json, io);
    }
    receipt = answer.value;
  }
  io.out(json ? `${JSON.stringify(receipt)}\n` : shown(drainLine(receipt), io));
  return EXIT.done;
}

/** Who asks for a change and why, as headers; a text says what is wrong with the words. */
export function instruction(command: Command): Record<string, string> | string {
  const headers: Record<string, string> = { 'x-tidegate-by': headerText(instructor()) };
  const reason = headerText((command.value('reason') ?? '').slice(0, REASON_CHARACTERS_MAX));
  if (reason !== '') headers['x-tidegate-reason'] = reason;
  const epoch = command.value('if-epoch');
  if (epoch === undefined) return headers;
  if (!/^[0-9]{1,15}$/.test(epoch)) return '--if-epoch needs the number of an epoch';
  headers['if-match'] = `"${Number(epoch)}"`;
  return headers;
}
