/**
 * How the words after a verb are read: one description gives the parsing, the checks, the help and the suggestions.
 *
 * Built on `parseArgs` of Node in its lenient mode, whose tokens are then checked here: the strict mode throws
 * messages that quote values, and a value may be a token. So no message of this file repeats a value of an option,
 * and a wrong option is reported before the words that follow it are looked at.
 */

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/suggest.ts';
import { type CliIo, EXIT } from './io.ts';

/** An option `--name`, or `--name VALUE` where `value` says what to call the value in the help. */
export interface OptionSpec {
  readonly value?: string;
  readonly help: string;
}

/** What a verb takes. */
export interface VerbSpec {
  readonly name: string;
  /** The words after the verb as the help shows them, such as `SERVICE [--to POOL]`. */
  readonly usage: string;
  /** What it does, in one or more lines of at most 80 columns. */
  readonly about: string;
  /** How many words without `--` it takes. */
  readonly words: { readonly least: number; readonly most: number };
  readonly options: Readonly<Record<string, OptionSpec>>;
}

/** The words that a user has given, checked against a `VerbSpec`. */
export interface Command {
  readonly words: readonly string[];
  /** Whether an option without value was given. */
  readonly has: (option: string) => boolean;
  /** The value of an option; undefined when it was not given or is empty. The last one counts. */
  readonly value: (option: string) => string | undefined;
  /** All values of an option that may be given several times, in order. */
  readonly all: (option: string) => readonly string[];
}

/** Where Tidegate is looked for when nothing else is said. */
export const DEFAULT_ADMIN = 'http://127.0.0.1:9900';

/** The options of every verb. */
const COMMON: Readonly<Record<string, OptionSpec>> = {
  admin: { value: 'URL', help: `the admin API (default: $TIDEGATE_ADMIN or ${DEFAULT_ADMIN})` },
  token: { value: 'TOKEN', help: 'the token of the admin API (default: $TIDEGATE_TOKEN)' },
  json: { help: 'answer in JSON, for scripts' },
  help: { help: 'show this text' },
};

/**
 * Reads the words after a verb. Where there is nothing to run (help was asked for, or something is wrong), it has
 * said so on the right stream, and the answer is the exit code.
 */
export function readCommand(spec: VerbSpec, args: readonly string[], io: CliIo): Command | number {
  const options: Readonly<Record<string, OptionSpec>> = { ...spec.options, ...COMMON };
  const config: ParseArgsOptionsConfig = {};
  for (const [name, option] of Object.entries(options)) {
    config[name] = { type: option.value === undefined ? 'boolean' : 'string' };
  }
  config.help!.short = 'h';
  const parsed = parseArgs({ args, options: config, strict: false, allowPositionals: true, tokens: true });
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) return misused(spec, unknownOption(token.rawName, Object.keys(options)), io);
    if (option.value === undefined) {
      if (token.inlineValue) return misused(spec, `${token.rawName} takes no value`, io);
      flags.add(token.name);
    } else if (token.value === undefined || (!token.inlineValue && /^-./.test(token.value))) {
      return misused(spec, `${token.rawName} needs a value: --${token.name}=${option.value}`, io);
    } else {
      values.set(token.name, [...(values.get(token.name) ?? []), token.value]);
    }
  }
  if (flags.has('help')) {
    io.out(helpText(spec));
    return EXIT.done;
  }
  const words = parsed.positionals;
  if (words.length < spec.words.least) return misused(spec, 'something is missing', io);
  if (words.length > spec.words.most) return misused(spec, 'there are more words than it takes', io);
  return {
    words,
    has: (name) => flags.has(name),
    value: (name) => values.get(name)?.at(-1) || undefined,
    all: (name) => values.get(name) ?? [],
  };
}

/** Says on standard error what is wrong with a command, and how it is used; answers the exit code. */
export function misused(spec: VerbSpec, wrong: string, io: CliIo): number {
  io.err(`tidegate ${spec.name}: ${wrong}\nusage: tidegate ${spec.name} ${spec.usage}\n`);
  io.err(`\`tidegate ${spec.name} --help\` explains it.\n`);
  return EXIT.usage;
}

/** The help of a verb: usage, what it does, and each option with its line. */
export function helpText(spec: VerbSpec): string {
  const rows = Object.entries({ ...spec.options, ...COMMON }).map(([name, option]) => ({
    left: option.value === undefined ? `--${name}` : `--${name} ${option.value}`,
    help: option.help,
  }));
  const width = Math.max(...rows.map((row) => row.left.length));
  const lines = rows.map((row) => `  ${row.left.padEnd(width)}  ${row.help}`);
  return `usage: tidegate ${spec.name} ${spec.usage}\n\n${spec.about}\n\n${lines.join('\n')}\n`;
}

function unknownOption(rawName: string, known: readonly string[]): string {
  const meant = nearest(rawName.replace(/^-+/, ''), known);
  return `there is no option ${rawName}${meant === undefined ? '' : `, did you mean --${meant}?`}`;
}
