/**
 * `tidegate freeze --reason TEXT [--until TIME]` and `tidegate freeze --end`: keeps rollouts from being begun.
 *
 * A time is a moment (`2026-12-20T08:00:00Z`) or how long from now (`8h`): who declares a freeze at night knows the one or
 * the other. Without any option it says whether there is a freeze.
 */

import type { FreezeView } from '../control/operations.ts';
import { type AdminRequest, adminOf, ask, headerText, instructor, reportFailure } from './admin-client.ts';
import { isFreezeView } from './answer-shapes.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'freeze',
  usage: '[--reason TEXT [--until TIME] | --end]',
  about: `Keeps rollouts from being begun, and says why to whoever tries. Running ones pause,
unless their service says otherwise. Going back is always possible. Without an
option it says whether there is a freeze.`,
  words: { least: 0, most: 0 },
  options: {
    reason: { value: 'TEXT', help: 'why, for whoever wants to start a rollout' },
    until: { value: 'TIME', help: 'when it is over: 8h, 90m, or 2026-12-20T08:00:00Z' },
    end: { help: 'end a freeze that was declared' },
  },
};

const LENGTH = /^([0-9]{1,6})(m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,12}(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/** Declares or ends a freeze, or shows whether there is one. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const [reason, until, isEnd] = [command.value('reason'), command.value('until'), command.has('end')];
  if (isEnd && until !== undefined) return misused(SPEC, '--until goes with --reason, not with --end', io);
  if (!isEnd && reason === undefined && until !== undefined) return misused(SPEC, 'a freeze needs --reason', io);
  const over = until === undefined ? null : momentOf(until, Date.now());
  if (over === undefined) return misused(SPEC, '--until needs a time such as 8h or 2026-12-20T08:00:00Z', io);
  const json = command.has('json');
  const answer = await ask(admin, requestOf(reason, over, isEnd), isFreezeView);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  io.out(json ? `${JSON.stringify(answer.value)}\n` : shown(answer.value));
  return EXIT.done;
}

function requestOf(reason: string | undefined, until: string | null, isEnd: boolean): AdminRequest {
  const path = ['api', 'freeze'];
  if (!isEnd && reason === undefined) return { method: 'GET', path };
  const headers = { 'x-tidegate-by': headerText(instructor()) };
  if (isEnd) return { method: 'DELETE', path, headers, body: reason === undefined ? {} : { reason } };
  return { method: 'POST', path, headers, body: { reason, until } };
}

/** The moment that a text means, ISO 8601; `undefined` when it means none. */
export function momentOf(text: string, nowMs: number): string | undefined {
  const length = LENGTH.exec(text);
  const ms = length === null ? Date.parse(text) : nowMs + Number(length[1]) * UNIT_MS[length[2]!]!;
  return (length === null && !MOMENT.test(text)) || Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

function shown({ frozen, declared, windows }: FreezeView): string {
  const lines = [frozen === null ? 'no freeze: rollouts may be begun' : `frozen: ${frozen}`];
  if (declared?.stored === false) lines.push('the state file did not take it yet: a restart now would forget it');
  for (const { window, reason, isOpen } of windows) lines.push(`  ${window}: ${reason}${isOpen ? ' (now)' : ''}`);
  return `${lines.map(plain).join('\n')}\n`;
}
