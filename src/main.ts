/**
 * The command line: finds the verb and gives it the rest of the words.
 *
 * One verb is one file in `cli/` that exports `run(args, io)` and answers an exit code. Files are imported when their
 * verb is called and not before: `tidegate status` starts in a fraction of the time that loading the proxy takes.
 */

import { readFileSync } from 'node:fs';

import { type CliIo, EXIT, processIo } from './cli/io.ts';
import { nearest } from './config/suggest.ts';

/** What the file of a verb exports; `args` are the words after the verb, the answer is the exit code. */
export interface VerbModule {
  readonly run: (args: readonly string[], io: CliIo) => Promise<number>;
}

interface Verb {
  readonly summary: string;
  readonly load: () => Promise<VerbModule>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  run: { summary: 'run the proxy', load: () => import('./cli/run.ts') },
  validate: {
    summary: 'check a config file: all problems, with line and column',
    load: () => import('./cli/validate.ts'),
  },
  status: { summary: 'pools, shares, health, live rates and latencies', load: () => import('./cli/status.ts') },
  traffic: { summary: 'set the weights of the pools of a service', load: () => import('./cli/traffic.ts') },
  flip: { summary: 'move all traffic of a service to the other pool', load: () => import('./cli/flip.ts') },
  rollback: { summary: 'back to the position before, at once', load: () => import('./cli/rollback.ts') },
  rollout: {
    summary: 'move traffic step by step, judged on every request',
    load: () => import('./cli/rollout.ts'),
  },
  judge: { summary: 'judge a past rollout again under other settings', load: () => import('./cli/judge.ts') },
  flag: {
    summary: 'feature flags: who gets what, kill, history, import',
    load: () => import('./cli/flag.ts'),
  },
  freeze: { summary: 'keep rollouts from being begun', load: () => import('./cli/freeze.ts') },
  receipt: { summary: 'the account of one traffic change', load: () => import('./cli/receipt.ts') },
  reload: { summary: 'read the config file again', load: () => import('./cli/reload.ts') },
  events: { summary: 'what has happened, and what happens', load: () => import('./cli/events.ts') },
  demo: { summary: 'pools, load and a flip on this computer, to watch', load: () => import('./cli/demo.ts') },
};

/** Runs the command line of this process and sets its exit code; the process ends when nothing is left to do. */
export async function start(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), processIo());
}

/** Runs the verb that `args` begin with; answers the exit code. */
export async function main(args: readonly string[], io: CliIo): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined) {
    io.err(overview());
    return EXIT.usage;
  }
  if (first === '--version' || first === '-v') {
    io.out(`tidegate ${version()}\n`);
    return EXIT.done;
  }
  if (first === '--help' || first === '-h') {
    io.out(overview());
    return EXIT.done;
  }
  if (first === 'help') {
    if (rest[0] !== undefined) return main([rest[0], '--help'], io);
    io.out(overview());
    return EXIT.done;
  }
  const verb = Object.hasOwn(VERBS, first) ? VERBS[first] : undefined;
  if (verb === undefined) {
    io.err(unknownVerb(first));
    return EXIT.usage;
  }
  return (await verb.load()).run(rest, io);
}

function unknownVerb(word: string): string {
  if (word.startsWith('-')) {
    return 'tidegate: the verb comes first, its options after it: tidegate VERB [--option ...]\n';
  }
  const meant = nearest(word, Object.keys(VERBS));
  const hint = meant === undefined ? '`tidegate --help` lists the verbs' : `did you mean \`tidegate ${meant}\`?`;
  return `tidegate: there is no verb ${JSON.stringify(word)}, ${hint}\n`;
}

function overview(): string {
  const width = Math.max(...Object.keys(VERBS).map((name) => name.length));
  const lines = Object.entries(VERBS).map(([name, verb]) => `  ${name.padEnd(width)}  ${verb.summary}`);
  return `usage: tidegate VERB [words] [--option ...]

${lines.join('\n')}

\`tidegate VERB --help\` explains a verb, \`tidegate --version\` says which Tidegate this is.
Exit codes: 0 done or healthy, 1 refused, 2 wrong usage, 3 Tidegate not reachable.
`;
}

function version(): string {
  // The package file lies one level up from src/ and from dist/ alike.
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
