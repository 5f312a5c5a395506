/**
 * What the verbs of `tidegate flag` have in common: where flags are asked for, who instructs, and how a change is told.
 */
import type { FlagReceipt } from '../control/flag-operations.ts';
import {
  type Admin,
  type AdminRequest,
  type Answer,
  ask,
  headerText,
  instructor,
  reportFailure,
} from './admin-client.ts';
import type { Command, OptionSpec } from './command.ts';
import { isFlagReceipt, isFlagView } from './flag-shapes.ts';
import { flagReceiptLine, UNSTORED } from './flag-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { shown } from './terminal-text.ts';

/** The options of every verb that changes a flag. */
export const FLAG_CHANGE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  reason: { value: 'TEXT', help: 'why, for the history and the events' },
  'if-match': { value: 'REV', help: 'only if the flag is at this revision' },
};

const REASON_CHARACTERS_MAX = 1000;

/** Where a flag is in the API. */
export function flagPath(name: string, ...rest: readonly string[]): readonly string[] {
  return ['api', 'flags', name, ...rest];
}

/** Who asks for a change and why, as headers; a text says what is wrong with the words. */
export function flagInstruction(command: Command): Record<string, string> | string {
  const headers: Record<string, string> = { 'x-tidegate-by': headerText(instructor()) };
  const reason = headerText((command.value('reason') ?? '').slice(0, REASON_CHARACTERS_MAX));
  if (reason !== '') headers['x-tidegate-reason'] = reason;
  const revision = command.value('if-match');
  if (revision === undefined) return headers;
  if (!/^[0-9]{1,15}$/.test(revision)) return '--if-match needs the number of a revision';
  headers['if-match'] = `"${Number(revision)}"`;
  return headers;
}

/** A flag as it is now; null for one that is not there. */
export async function currentFlag(admin: Admin, name: string) {
  const answer = await ask(admin, { method: 'GET', path: flagPath(name) }, isFlagView);
  if (answer.kind === 'refused' && answer.code === 'unknown-flag') return { kind: 'ok', value: null } as const;
  return answer;
}

/** Asks for a change of one flag and tells what came of it; answers the exit code. */
export async function changeFlag(admin: Admin, request: AdminRequest, json: boolean, io: CliIo): Promise<number> {
  const answer: Answer<FlagReceipt> = await ask(admin, request, isFlagReceipt);
  if (answer.kind === 'refused' && answer.code === 'resalt') {
    const message = `${answer.message}; here that is --yes, and \`tidegate flag preview\` says how many`;
    return reportFailure({ ...answer, message }, json, io);
  }
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  io.out(json ? `${JSON.stringify(answer.value)}\n` : shown(flagReceiptLine(answer.value), io));
  if (!json && !answer.value.stored) io.out(shown(`  ${UNSTORED}`, io));
  return EXIT.done;
}
