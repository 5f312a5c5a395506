/**
 * `tidegate flag VERB`: shows, changes, kills and explains feature flags, and brings them in from other products. Each verb has a
 * file of its own, which is imported when it is called; `kill`, `restore` and `delete` differ in a word only and share one.
 */
import type { CliIo } from './io.ts';
import { runVerbOf, type SubVerb, type VerbTable } from './verb-table.ts';

const TABLE: VerbTable = {
  name: 'flag',
  usage: '[FLAG] [--option ...]',
  verbs: {
    list: {
      summary: 'all flags, and whom each is on for',
      run: async (args, io) => (await import('./flag-list.ts')).run(args, io),
    },
    get: {
      summary: 'one flag, with its definition',
      run: async (args, io) => (await import('./flag-get.ts')).run(args, io),
    },
    set: {
      summary: 'make one, or change what is said and keep the rest',
      run: async (args, io) => (await import('./flag-set.ts')).run(args, io),
    },
    kill: switching('kill', 'off for everybody, at once'),
    restore: switching('restore', 'take a kill back'),
    delete: switching('delete', 'remove one that the file does not have'),
    history: {
      summary: 'who changed it, when and why',
      run: async (args, io) => (await import('./flag-history.ts')).run(args, io),
    },
    explain: {
      summary: 'what one key gets, and why',
      run: async (args, io) => (await import('./flag-explain.ts')).run(args, io),
    },
    preview: {
      summary: 'how many of the keys seen lately a change would change',
      run: async (args, io) => (await import('./flag-preview.ts')).run(args, io),
    },
    override: {
      summary: 'sign a choice of variants for a tester',
      run: async (args, io) => (await import('./flag-override.ts')).run(args, io),
    },
    import: {
      summary: 'bring flags in from Unleash, GrowthBook or flagd',
      run: async (args, io) => (await import('./flag-import.ts')).run(args, io),
    },
  },
  codes: 'Exit codes: 0 done, 1 refused, 2 wrong usage, 3 Tidegate not reachable.',
};

/** Runs the verb that `args` begin with. */
export function run(args: readonly string[], io: CliIo): Promise<number> {
  return runVerbOf(TABLE, args, io);
}

function switching(command: Parameters<typeof import('./flag-switch.ts').run>[0], summary: string): SubVerb {
  return { summary, run: async (args, io) => (await import('./flag-switch.ts')).run(command, args, io) };
}
