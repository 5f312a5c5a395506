/**
 * `tidegate rollout VERB`: starts, watches, steers and explains the rollouts of services. Each verb has a file of its own, which
 * is imported when it is called; the five commands of a running rollout differ in a word only and share one.
 */

import type { CliIo } from './io.ts';
import { runVerbOf, type SubVerb, type VerbTable } from './verb-table.ts';

const VERBS: Readonly<Record<string, SubVerb>> = {
  start: {
    summary: 'begin one, or say with --dry-run what it would do',
    run: async (args, io) => (await import('./rollout-start.ts')).run(args, io),
  },
  status: {
    summary: 'where it is, and the verdict with all its numbers',
    run: async (args, io) => (await import('./rollout-status.ts')).run(args, io),
  },
  promote: steering('promote', 'on to the next step now, or with --full to 100%'),
  pause: steering('pause', 'stay at the present step'),
  resume: steering('resume', 'go on after a pause'),
  approve: steering('approve', 'take the step that waits for approval'),
  abort: steering('abort', 'give the traffic back at once'),
  history: {
    summary: 'the rollouts of a service that are kept',
    run: async (args, io) => (await import('./rollout-history.ts')).run(args, io),
  },
  explain: {
    summary: 'what happened and why, from the decision log',
    run: async (args, io) => (await import('./rollout-explain.ts')).run(args, io),
  },
};

const TABLE: VerbTable = {
  name: 'rollout',
  usage: 'SERVICE [--option ...]',
  verbs: VERBS,
  codes: `Exit codes: 0 done, healthy or promoted, 1 refused or rolled back, 2 wrong usage, 3 Tidegate not reachable,
130 a wait that was interrupted while the rollout goes on.`,
};

/** Runs the verb that `args` begin with. */
export function run(args: readonly string[], io: CliIo): Promise<number> {
  return runVerbOf(TABLE, args, io);
}

function steering(command: Parameters<typeof import('./rollout-command.ts').run>[0], summary: string): SubVerb {
  return { summary, run: async (args, io) => (await import('./rollout-command.ts')).run(command, args, io) };
}
