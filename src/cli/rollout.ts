/**
 * `tidegate rollout VERB`: starts, watches, steers and explains the rollouts of services. Each verb has a file of its own, which
 * is imported when it is called; the five commands of a running rollout differ in a word only and share one.
 */

import { nearest } from '../config/suggest.ts';
import { type CliIo, EXIT } from './io.ts';

interface RolloutVerb {
  readonly summary: string;
  readonly run: (args: readonly string[], io: CliIo) => Promise<number>;
}

const VERBS: Readonly<Record<string, RolloutVerb>> = {
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

/** Runs the verb that `args` begin with. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const [first, ...rest] = args;
  if (first === '--help' || first === '-h') {
    io.out(overview());
    return EXIT.done;
  }
  const verb = first !== undefined && Object.hasOwn(VERBS, first) ? VERBS[first] : undefined;
  if (verb !== undefined) return verb.run(rest, io);
  io.err(first === undefined ? overview() : unknownVerb(first));
  return EXIT.usage;
}

function steering(command: Parameters<typeof import('./rollout-command.ts').run>[0], summary: string): RolloutVerb {
  return { summary, run: async (args, io) => (await import('./rollout-command.ts')).run(command, args, io) };
}

function unknownVerb(word: string): string {
  const meant = nearest(word, Object.keys(VERBS));
  const hint =
    meant === undefined ? '`tidegate rollout --help` lists them' : `did you mean \`tidegate rollout ${meant}\`?`;
  return `tidegate rollout: there is no ${JSON.stringify(word)}, ${hint}\n`;
}

function overview(): string {
  const width = Math.max(...Object.keys(VERBS).map((name) => name.length));
  const lines = Object.entries(VERBS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `usage: tidegate rollout VERB SERVICE|--group NAME [--option ...]

${lines.join('\n')}

\`tidegate rollout VERB --help\` explains a verb.
Exit codes: 0 done, healthy or promoted, 1 refused or rolled back, 2 wrong usage, 3 Tidegate not reachable,
130 a wait that was interrupted while the rollout goes on.
`;
}
