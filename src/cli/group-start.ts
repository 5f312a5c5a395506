/**
 * `tidegate rollout start --group NAME`: begins the rollouts of all services of a group, or none, or says what it would do.
 *
 * The order is that of one service and goes to each of them. With `--wait` all are followed to their ends: the exit code is 0
 * only when all are promoted, and the last line has the reason of the service that turned first.
 */
import { type Admin, ask, reportFailure } from './admin-client.ts';
import { forecastText } from './forecast-text.ts';
import { groupLine } from './group-card.ts';
import { type CliIo, EXIT } from './io.ts';
import { follow } from './rollout-follow.ts';
import { isGroupForecast, isGroupView } from './rollout-shapes.ts';
import { shown } from './terminal-text.ts';

/** What is to be started, and how. */
export interface GroupStart {
  readonly admin: Admin;
  readonly group: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Record<string, string>;
  readonly isDryRun: boolean;
  readonly isWait: boolean;
  readonly json: boolean;
}

/** Begins the group, or foretells it. */
export async function startGroup(start: GroupStart, io: CliIo): Promise<number> {
  const { admin, group, body, headers, json } = start;
  const path = ['api', 'groups', group, 'rollout'];
  if (start.isDryRun) return foretell(start, [...path, 'forecast'], io);
  const answer = await ask(admin, { method: 'POST', path, body, headers }, isGroupView);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const begun = answer.value;
  if (!start.isWait) {
    io.out(json ? `${JSON.stringify(begun)}\n` : shown(groupLine(begun), io));
    return EXIT.done;
  }
  // Listened to before the first line is out: whoever reads it may interrupt at once.
  io.interrupted();
  if (!json) io.out(shown(groupLine(begun), io));
  return follow({ admin, group, first: begun.rollouts, json, io }, EXIT.detached);
}

async function foretell({ admin, body, json }: GroupStart, path: readonly string[], io: CliIo): Promise<number> {
  const answer = await ask(admin, { method: 'POST', path, body }, isGroupForecast);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const { columns, colour, unicode } = io.screen();
  const { forecasts } = answer.value;
  const texts = forecasts.map((forecast) => forecastText(forecast, { width: columns, colour, unicode }));
  io.out(json ? `${JSON.stringify(answer.value)}\n` : texts.join('\n'));
  // A group waits for no other rollout, so whatever is in the way of one is in the way of all.
  return forecasts.some(({ obstacle }) => obstacle !== null) ? EXIT.refused : EXIT.done;
}
