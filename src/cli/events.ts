/**
 * `tidegate events [--since ID] [--follow]`: what has happened, and with `--follow` what happens from now on.
 *
 * The API gives one endless stream that replays first and marks where the replay ends; without `--follow` that is where
 * this ends. With it, a stream that breaks off is opened again after the last event that was seen, so that none is
 * missed; only when nobody listens any more does it end.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { TidegateEvent } from '../control/operations.ts';
import { type Admin, type Answer, adminOf, notTidegate, open, readAnswer, reportFailure } from './admin-client.ts';
import { isEvent } from './answer-shapes.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { EventStreamReader } from './event-stream.ts';
import { type CliIo, EXIT } from './io.ts';
import { ascii, fit, plain, when } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'events',
  usage: '[--since ID] [--follow]',
  about: `Prints what has happened: traffic, reloads, health, threads. One line each, oldest
first; with --json one JSON document each.`,
  words: { least: 0, most: 0 },
  options: {
    since: { value: 'ID', help: 'only what came after this id (default: all; with --follow: from now on)' },
    follow: { help: 'go on with what happens from now on until Ctrl-C' },
  },
};

/** Between a stream that broke off and the next try. */
const REOPEN_MS = 1000;

/** How a stream ended. `replayed` only happens without `--follow`. */
type Ending = 'replayed' | 'broken' | 'interrupted';

/** Prints the events. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const given = command.value('since');
  if (given !== undefined && !/^[0-9]{1,15}$/.test(given)) return misused(SPEC, '--since needs the id of an event', io);
  const follows = command.has('follow');
  const json = command.has('json');
  const signal = io.interrupted();
  let since = given ?? (follows ? undefined : '0');
  const show = (data: string) => {
    const event = readEvent(data);
    if (event === undefined) return;
    since = String(event.id);
    io.out(json ? `${data}\n` : eventLine(event, io.screen().unicode));
  };
  for (;;) {
    const stream = await openStream(admin, since, signal);
    if (signal.aborted) return EXIT.done;
    if (stream.kind !== 'ok') return reportFailure(stream, json, io);
    const ending = await readStream(stream.value, follows, signal, show);
    if (ending !== 'broken') return EXIT.done;
    if (!follows) {
      const message = `${admin.url.origin} broke off before all events were read`;
      return reportFailure({ kind: 'unreachable', message }, json, io);
    }
    // Rejects only by the signal, which the next turn then sees.
    await sleep(REOPEN_MS, undefined, { signal }).catch(() => {});
  }
}

async function openStream(admin: Admin, since: string | undefined, signal: AbortSignal): Promise<Answer<Response>> {
  const answer = await open(admin, {
    method: 'GET',
    path: ['api', 'events'],
    ...(since === undefined ? {} : { query: { since } }),
    headers: { accept: 'text/event-stream' },
    isStream: true,
    signal,
  });
  if (answer.kind !== 'ok') return answer;
  const type = answer.value.headers.get('content-type') ?? '';
  if (answer.value.ok && type.startsWith('text/event-stream')) return answer;
  // A refusal is JSON; whatever else it is, it is no stream of events.
  return answer.value.ok ? notTidegate(admin, answer.value) : readAnswer(admin, answer.value, isNothing);
}

async function readStream(
  response: Response,
  follows: boolean,
  signal: AbortSignal,
  show: (data: string) => void,
): Promise<Ending> {
  const reader = response.body!.getReader();
  const messages = new EventStreamReader();
  const decoder = new TextDecoder();
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) return 'broken';
      const complete = messages.push(decoder.decode(value, { stream: true }));
      if (complete === undefined) return 'broken';
      for (const data of complete) show(data);
      if (messages.isLive && !follows) return 'replayed';
    }
    return 'interrupted';
  } catch {
    return signal.aborted ? 'interrupted' : 'broken';
  } finally {
    void reader.cancel().catch(() => {});
  }
}

function readEvent(data: string): TidegateEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return isEvent(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function eventLine(event: TidegateEvent, unicode: boolean): string {
  const kind = fit(plain(event.kind), 8, 'left', '');
  const service = event.service === null ? '' : `${plain(event.service)}: `;
  // The sentence of an event about a service may name it already.
  const text = plain(event.text);
  const line = `${String(event.id).padStart(6)}  ${when(event.at)}  ${kind}  ${text.startsWith(service) ? '' : service}${text}`;
  return `${unicode ? line : ascii(line)}\n`;
}

function isNothing(_: unknown): _ is never {
  return false;
}
