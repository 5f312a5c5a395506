/**
 * `tidegate status [SERVICE] [--watch]`: pools, shares, health, live rates and latencies per version.
 *
 * The exit code answers the question that a script asks: does every pool with traffic have somewhere to send it?
 * A watch goes on while Tidegate is away, because that is when somebody watches; only a first try that reaches nobody
 * ends it.
 */

import type { FlagRolloutGlance, ServiceView, StateView } from '../control/operations.ts';
import { type Admin, type Answer, adminOf, ask, reportFailure } from './admin-client.ts';
import { isServiceList, isServiceView } from './answer-shapes.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { renderFlagRollouts } from './glance-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { LiveScreen } from './live-screen.ts';
import { renderState } from './state-text.ts';
import { isServing, renderStatus } from './status-table.ts';
import { cut } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'status',
  usage: '[SERVICE] [--watch]',
  about: `Shows for each service who moved its traffic last, and for each pool its state, its
share, and of the last seconds: requests per second, errors, latencies (in ms unless
marked s), requests in flight and how many endpoints admit requests; below them the
rollouts that run, those of flags after all services.
Exits with 0 when every pool with traffic has an endpoint that admits it, else 1.`,
  words: { least: 0, most: 1 },
  options: { watch: { help: 'show it again every second until Ctrl-C' } },
};

const WATCH_INTERVAL_MS = 1000;

/** What was asked for: the views, and the answer as it is printed with `--json`. */
interface Status {
  readonly services: readonly ServiceView[];
  /** Null where one service was asked for, and for an earlier version. */
  readonly state: StateView | null;
  /** Those that run; empty where one service was asked for. */
  readonly flagRollouts: readonly FlagRolloutGlance[];
  readonly json: unknown;
}

/** Prints the status once, or again and again. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const service = command.words[0];
  const json = command.has('json');
  const first = await askStatus(admin, service);
  if (first.kind !== 'ok') return reportFailure(first, json, io);
  if (command.has('watch')) return watch(first, () => askStatus(admin, service, io.interrupted()), json, io);
  io.out(json ? `${JSON.stringify(first.value.json)}\n` : tableOf(first.value, io));
  return exitCode(first);
}

async function askStatus(admin: Admin, service: string | undefined, signal?: AbortSignal): Promise<Answer<Status>> {
  const path = service === undefined ? ['api', 'services'] : ['api', 'services', service];
  const request = { method: 'GET', path, ...(signal === undefined ? {} : { signal }) } as const;
  if (service === undefined) {
    const answer = await ask(admin, request, isServiceList);
    if (answer.kind !== 'ok') return answer;
    const { services, state = null, flagRollouts = [] } = answer.value;
    return { kind: 'ok', value: { services, state, flagRollouts, json: answer.value } };
  }
  const answer = await ask(admin, request, isServiceView);
  if (answer.kind !== 'ok') return answer;
  return { kind: 'ok', value: { services: [answer.value], state: null, flagRollouts: [], json: answer.value } };
}

async function watch(
  first: Answer<Status>,
  next: () => Promise<Answer<Status>>,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const signal = io.interrupted();
  const live = io.isTerminal && !json ? new LiveScreen() : undefined;
  let latest = first;
  const show = () => {
    if (live !== undefined) io.out(live.frame(frameOf(latest, io), io.screen()));
    else if (!json) io.out(`${frameOf(latest, io)}\n`);
    else if (latest.kind === 'ok') io.out(`${JSON.stringify(latest.value.json)}\n`);
    else reportFailure(latest, true, io);
  };
  const stopResize = live === undefined ? () => {} : io.onResize(show);
  try {
    while (!signal.aborted) {
      const began = performance.now();
      show();
      await pause(Math.max(0, WATCH_INTERVAL_MS - (performance.now() - began)), signal);
      if (signal.aborted) break;
      const answer = await next();
      if (signal.aborted) break;
      latest = answer;
    }
  } finally {
    stopResize();
    if (live !== undefined) io.out(live.end());
  }
  return exitCode(latest);
}

/** Ends after the time or with the signal, whichever is first. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

function frameOf(answer: Answer<Status>, io: CliIo): string {
  if (answer.kind === 'ok') return tableOf(answer.value, io);
  const { columns, unicode } = io.screen();
  return `${cut(`tidegate: ${answer.message}`, columns, unicode ? '…' : '~')}\n`;
}

function tableOf(status: Status, io: CliIo): string {
  const { columns, colour, unicode } = io.screen();
  const style = { width: columns, colour, unicode };
  const { state, services, flagRollouts } = status;
  return renderState(state, style) + renderStatus(services, style) + renderFlagRollouts(flagRollouts, style);
}

function exitCode(answer: Answer<Status>): number {
  switch (answer.kind) {
    case 'ok':
      return isServing(answer.value.services) ? EXIT.done : EXIT.refused;
    case 'refused':
      return EXIT.refused;
    case 'unreachable':
      return EXIT.unreachable;
  }
}
