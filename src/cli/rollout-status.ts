/**
 * `tidegate rollout status SERVICE [--watch]`: the rollout that runs, or the last one, as a card.
 *
 * The exit code says whether it is well: 0 while it runs unblamed and when it was promoted, 1 when it is taken back or has ended
 * otherwise.
 */

import { isStillPromoted } from '../control/group-outcome.ts';
import type { RolloutView } from '../control/operations.ts';
import { type Admin, adminOf, ask, reportFailure } from './admin-client.ts';
import { type Command, misused, readCommand, type VerbSpec } from './command.ts';
import { groupCard } from './group-card.ts';
import { type CliIo, EXIT } from './io.ts';
import { rolloutCard } from './rollout-card.ts';
import { follow } from './rollout-follow.ts';
import { GROUP_OPTION, subjectOf } from './rollout-options.ts';
import { isGroupView, isRolloutView } from './rollout-shapes.ts';

const SPEC: VerbSpec = {
  name: 'rollout status',
  usage: 'SERVICE|--group NAME [--watch]',
  about: `Shows the rollout that runs, or the last one: its step and how long that lasts, the
shares, and for each signal what the judge thinks, with counts, rates, the risk with
its range, and the evidence of what it needs.
Exits with 0 while nothing is wrong and when it was promoted, else with 1.`,
  words: { least: 0, most: 1 },
  options: { group: GROUP_OPTION, watch: { help: 'go on until the rollout ends, or Ctrl-C' } },
};

/** Shows the rollout of the service that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const json = command.has('json');
  const subject = subjectOf(command);
  if (typeof subject === 'string') return misused(SPEC, subject, io);
  const path = [...subject.path, 'rollout'];
  if (subject.group !== null) return groupStatus(admin, path, command, io);
  const answer = await ask(admin, { method: 'GET', path }, isRolloutView);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const rollout = answer.value;
  if (command.has('watch') && rollout.endedAt === null) {
    return follow({ admin, group: null, first: [rollout], json, io }, exitCode(rollout));
  }
  const { columns, colour, unicode } = io.screen();
  io.out(json ? `${JSON.stringify(rollout)}\n` : rolloutCard(rollout, { width: columns, colour, unicode }, false));
  return exitCode(rollout);
}

async function groupStatus(admin: Admin, path: readonly string[], command: Command, io: CliIo): Promise<number> {
  const answer = await ask(admin, { method: 'GET', path }, isGroupView);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const { group, rollouts, hasEnded } = answer.value;
  const code = rollouts.every((rollout) => exitCode(rollout) === EXIT.done) ? EXIT.done : EXIT.refused;
  if (command.has('watch') && !hasEnded) return follow({ admin, group, first: rollouts, json, io }, code);
  const { columns, colour, unicode } = io.screen();
  io.out(json ? `${JSON.stringify(answer.value)}\n` : groupCard(group, rollouts, { width: columns, colour, unicode }));
  return code;
}

function exitCode(rollout: RolloutView): number {
  const { endedAt, phase, verdict } = rollout;
  const isWell = endedAt === null ? phase !== 'rolling-back' && verdict?.kind !== 'worse' : isStillPromoted(rollout);
  return isWell ? EXIT.done : EXIT.refused;
}
