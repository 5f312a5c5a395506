/**
 * A verb that has verbs of its own, such as `rollout` and `flag`: finds the second word's file, or lists what there is.
 *
 * One table gives the dispatch, the overview and the suggestions. Each file is imported when it is called and not before.
 */
import { nearest } from '../config/suggest.ts';
import { type CliIo, EXIT } from './io.ts';

/** One verb below another: a line for the overview, and what runs it with the words after it. */
export interface SubVerb {
  readonly summary: string;
  readonly run: (args: readonly string[], io: CliIo) => Promise<number>;
}

/** A verb with verbs of its own. */
export interface VerbTable {
  readonly name: string;
  /** The words after the second verb, as in `SERVICE [--option ...]`. */
  readonly usage: string;
  readonly verbs: Readonly<Record<string, SubVerb>>;
  /** What its exit codes mean, in one or more lines. */
  readonly codes: string;
}

/** Runs the verb that `args` begin with. */
export async function runVerbOf(table: VerbTable, args: readonly string[], io: CliIo): Promise<number> {
  const [first, ...rest] = args;
  if (first === '--help' || first === '-h') {
    io.out(overview(table));
    return EXIT.done;
  }
  const verb = first !== undefined && Object.hasOwn(table.verbs, first) ? table.verbs[first] : undefined;
  if (verb !== undefined) return verb.run(rest, io);
  io.err(first === undefined ? overview(table) : unknownVerb(table, first));
  return EXIT.usage;
}

function unknownVerb({ name, verbs }: VerbTable, word: string): string {
  const meant = nearest(word, Object.keys(verbs));
  const hint =
    meant === undefined ? `\`tidegate ${name} --help\` lists them` : `did you mean \`tidegate ${name} ${meant}\`?`;
  return `tidegate ${name}: there is no ${JSON.stringify(word)}, ${hint}\n`;
}

function overview({ name, usage, verbs, codes }: VerbTable): string {
  const width = Math.max(...Object.keys(verbs).map((verb) => verb.length));
  const lines = Object.entries(verbs).map(([verb, { summary }]) => `  ${verb.padEnd(width)}  ${summary}`);
  return `usage: tidegate ${name} VERB ${usage}

${lines.join('\n')}

\`tidegate ${name} VERB --help\` explains a verb.
${codes}
`;
}
