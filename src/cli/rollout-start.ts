/**
 * `tidegate rollout start SERVICE`: begins a rollout, or says what it would do.
 *
 * `--dry-run` asks for the forecast with the very order that the start would send. With `--wait` this is what a CI job needs: it
 * follows the rollout to its end, and its exit code and last line say how it went.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { RolloutView } from '../control/operations.ts';
import { type Admin, type Answer, adminOf, ask, reportFailure } from './admin-client.ts';
import { instruction } from './change.ts';
import { misused, readCommand, type VerbSpec } from './command.ts';
import { forecastText } from './forecast-text.ts';
import { startGroup } from './group-start.ts';
import { type CliIo, EXIT } from './io.ts';
import { follow } from './rollout-follow.ts';
import { rolloutLine } from './rollout-line.ts';
import { GROUP_OPTION, PLAN_OPTIONS, startBody, subjectOf } from './rollout-options.ts';
import { isRolloutForecast, isRolloutView } from './rollout-shapes.ts';
import { shown } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'rollout start',
  usage: 'SERVICE|--group NAME [--to POOL] [--plan KIND] [--steps SHARES] [--wait] [--dry-run] [...]',
  about: `Begins to move the traffic of a service to another pool, along the plan of the config
file or another one. The candidate is verified, gets its share step by step, and is
taken back by itself when it is worse.
With --wait it shows the progress until the end: exit code 0 when the candidate has
been promoted, 1 when it has not, and the reason in the last line. Ctrl-C leaves the
rollout running, with exit code 130. With --group all services of the group begin, or
none; they go from step to step together, and back together.

  tidegate rollout start shop --to green --steps 1%,10%,100% --hold 5m --wait`,
  words: { least: 0, most: 1 },
  options: {
    group: GROUP_OPTION,
    ...PLAN_OPTIONS,
    alone: { help: 'also when the service belongs to a group, without the others of it' },
    wait: { help: 'show the progress and end with the rollout' },
    'dry-run': { help: 'only say what the plan can detect now, and what it may cost' },
    'if-epoch': { value: 'N', help: 'only if the service stands at epoch N' },
    reason: { value: 'TEXT', help: 'why, for the events' },
  },
};

const QUEUE_LOOK_MS = 1_000;

/** Begins the rollout that the words describe. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const body = startBody(command);
  if (typeof body === 'string') return misused(SPEC, body, io);
  const headers = instruction(command);
  if (typeof headers === 'string') return misused(SPEC, headers, io);
  const json = command.has('json');
  const subject = subjectOf(command);
  if (typeof subject === 'string') return misused(SPEC, subject, io);
  const { group } = subject;
  if (group !== null) {
    if (command.value('if-epoch') !== undefined) return misused(SPEC, '--if-epoch goes with one service', io);
    const [isDryRun, isWait] = [command.has('dry-run'), command.has('wait')];
    return startGroup({ admin, group, body, headers, isDryRun, isWait, json }, io);
  }
  const path = [...subject.path, 'rollout'];
  if (command.has('dry-run')) return foretell(admin, [...path, 'forecast'], body, json, io);
  const answer = await ask(admin, { method: 'POST', path, body, headers }, isRolloutView);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const begun = answer.value;
  if (!command.has('wait')) {
    io.out(json ? `${JSON.stringify(begun)}\n` : shown(startedLine(begun), io));
    return EXIT.done;
  }
  // Listened to before the first line is out: whoever reads it may interrupt at once.
  const signal = io.interrupted();
  if (!json) io.out(shown(startedLine(begun), io));
  if (!begun.isQueued) return follow({ admin, group: null, first: [begun], json, io }, EXIT.detached);
  const own = await afterQueue(admin, begun, signal);
  if (own === null) return EXIT.detached;
  if (own.kind !== 'ok') return reportFailure(own, json, io);
  return follow({ admin, group: null, first: [own.value], json, io }, EXIT.detached);
}

async function foretell(
  admin: Admin,
  path: readonly string[],
  body: unknown,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const answer = await ask(admin, { method: 'POST', path, body }, isRolloutForecast);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const { columns, colour, unicode } = io.screen();
  const text = forecastText(answer.value, { width: columns, colour, unicode });
  io.out(json ? `${JSON.stringify(answer.value)}\n` : text);
  return answer.value.obstacle?.kind === 'refuse' ? EXIT.refused : EXIT.done;
}

/** What was answered is the rollout before, behind which this one waits. */
function startedLine(rollout: RolloutView): string {
  return rollout.isQueued ? `waits for the end of another one: ${rolloutLine(rollout)}` : rolloutLine(rollout);
}

/** The rollout that began when the one before it had ended; null when interrupted meanwhile. */
async function afterQueue(admin: Admin, before: RolloutView, signal: AbortSignal): Promise<Answer<RolloutView> | null> {
  for (;;) {
    // Rejects only by the signal, which is then seen.
    await sleep(QUEUE_LOOK_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return null;
    const request = { method: 'GET', path: ['api', 'services', before.service, 'rollout'], signal } as const;
    const answer = await ask(admin, request, isRolloutView);
    if (signal.aborted) return null;
    if (answer.kind !== 'ok' || answer.value.id > before.id) return answer;
    if (answer.value.isQueued) continue;
    const message = `the rollout that waited for rollout ${before.id} was not begun; \`tidegate events\` says why`;
    return { kind: 'refused', code: 'not-begun', message, details: undefined };
  }
}
