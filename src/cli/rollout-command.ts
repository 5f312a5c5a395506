/**
 * `tidegate rollout promote|pause|resume|approve|abort SERVICE`: steers the rollout that runs, or with `--group` those that were
 * started together.
 *
 * What a command does in which phase is one table of the control plane; here are only its words.
 */

import { adminOf, ask, reportFailure } from './admin-client.ts';
import { instruction } from './change.ts';
import { misused, type OptionSpec, readCommand, type VerbSpec } from './command.ts';
import { groupLine } from './group-card.ts';
import { type CliIo, EXIT } from './io.ts';
import { rolloutLine } from './rollout-line.ts';
import { GROUP_OPTION, subjectOf } from './rollout-options.ts';
import { isGroupView, isRolloutView } from './rollout-shapes.ts';
import { shown } from './terminal-text.ts';

type RolloutCommand = 'promote' | 'pause' | 'resume' | 'approve' | 'abort';

const ABOUT: Readonly<Record<RolloutCommand, string>> = {
  promote: `Takes the next step now, whatever the judge has to say of this one; with --full the
last one. In the bake it ends the rollout well. A verification is not skipped.`,
  pause: `Stays at the present step until \`tidegate rollout resume\`. A candidate that turns out
to be worse is taken back all the same.`,
  resume: 'Goes on where a pause has interrupted the rollout.',
  approve: 'Takes the step that waits for approval.',
  abort: `Gives the traffic back to the active pool at once and ends the rollout. Done is when
the traffic has been asked to move; \`tidegate rollout status\` shows that it has.`,
};

const FULL: Readonly<Record<string, OptionSpec>> = { full: { help: 'to 100% at once' } };

function specOf(command: RolloutCommand): VerbSpec {
  const isPromote = command === 'promote';
  return {
    name: `rollout ${command}`,
    usage: `SERVICE|--group NAME${isPromote ? ' [--full]' : ''} [--reason TEXT]`,
    about: ABOUT[command],
    words: { least: 0, most: 1 },
    options: {
      group: GROUP_OPTION,
      ...(isPromote ? FULL : {}),
      reason: { value: 'TEXT', help: 'why, for the events' },
    },
  };
}

/** Sends one command to the rollout of the service that the words name, and says where it is then. */
export async function run(name: RolloutCommand, args: readonly string[], io: CliIo): Promise<number> {
  const spec = specOf(name);
  const command = readCommand(spec, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(spec, admin, io);
  const headers = instruction(command);
  if (typeof headers === 'string') return misused(spec, headers, io);
  const subject = subjectOf(command);
  if (typeof subject === 'string') return misused(spec, subject, io);
  const path = [...subject.path, 'rollout', name];
  const body = command.has('full') ? { full: true } : {};
  if (subject.group !== null) {
    const answer = await ask(admin, { method: 'POST', path, body, headers }, isGroupView);
    const json = command.has('json');
    if (answer.kind !== 'ok') return reportFailure(answer, json, io);
    io.out(json ? `${JSON.stringify(answer.value)}\n` : shown(groupLine(answer.value), io));
    return EXIT.done;
  }
  const answer = await ask(admin, { method: 'POST', path, body, headers }, isRolloutView);
  const json = command.has('json');
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  io.out(json ? `${JSON.stringify(answer.value)}\n` : shown(rolloutLine(answer.value), io));
  return EXIT.done;
}
