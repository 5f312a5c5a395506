/**
 * `tidegate flag set FLAG ...`: makes a flag, or changes what is said of it and keeps the rest.
 *
 * With `--file` the definition is what the file has and nothing else. A change that needs to know what there is (variants, a whole
 * definition) is made only of what was read: with nobody else's change between, or it is refused.
 */
import { parse } from 'yaml';
import { adminOf, reportFailure } from './admin-client.ts';
import { type Command, misused, readCommand, type VerbSpec } from './command.ts';
import {
  bucketsMovedBy,
  changeBy,
  changeTo,
  type Definition,
  EDIT_OPTIONS,
  type FlagEdit,
  readEdit,
  touchesVariants,
} from './flag-edit.ts';
import { changeFlag, currentFlag, FLAG_CHANGE_OPTIONS, flagInstruction, flagPath } from './flag-request.ts';
import { readInput } from './input-text.ts';
import type { CliIo } from './io.ts';
import { plain } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'flag set',
  usage: 'FLAG --percentage P | --users KEYS | --all | --none | --variants WEIGHTS | --file FILE',
  about: `Makes a flag, or changes it; what is not said stays as it is. It holds for every request
that starts after the command has ended, until the next command, or until the file
says something else of this flag. A change that puts everybody into buckets anew
needs --yes; \`tidegate flag preview\` says beforehand whom a change would change.`,
  words: { least: 1, most: 1 },
  options: {
    ...EDIT_OPTIONS,
    file: { value: 'FILE', help: 'the whole definition, in YAML or JSON (`-` for standard input)' },
    yes: { help: 'also if it puts everybody into buckets anew' },
    ...FLAG_CHANGE_OPTIONS,
  },
};

/** Sets the flag that the words name. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const headers = flagInstruction(command);
  if (typeof headers === 'string') return misused(SPEC, headers, io);
  const wanted = await wantedBy(command);
  if (typeof wanted === 'string') return misused(SPEC, wanted, io);
  const json = command.has('json');
  const name = command.words[0]!;
  const path = flagPath(name);
  const isBlind = wanted.kind === 'edit' && !touchesVariants(wanted.edit) && !('salt' in wanted.edit.texts);
  const seen = isBlind ? null : await currentFlag(admin, name);
  if (seen !== null && seen.kind !== 'ok') return reportFailure(seen, json, io);
  const current = seen?.value ?? null;
  const definition = current?.definition ?? null;
  const change = changeOf(wanted, definition);
  if (typeof change === 'string') return misused(SPEC, change, io);
  const moved = bucketsMovedBy(name, change, definition);
  if (moved.length > 0 && !command.has('yes')) {
    const message = `another ${moved.join(' and ')} puts everybody into buckets anew: who has the flag now may lose it, and others get it. Say --yes if that is meant; \`tidegate flag preview\` says how many`;
    return reportFailure({ kind: 'refused', code: 'needs-yes', message, details: undefined }, json, io);
  }
  // What was read is what is changed: somebody else's change meanwhile is not to be lost.
  if (current !== null) headers['if-match'] ??= `"${current.revision}"`;
  const query: Record<string, string> = command.has('yes') ? { resalt: 'true' } : {};
  return changeFlag(admin, { method: 'POST', path, query, headers, body: change }, json, io);
}

/** What a user wants of a definition: an edit of it, or another one. */
export type Wanted =
  | { readonly kind: 'edit'; readonly edit: FlagEdit }
  | { readonly kind: 'whole'; readonly definition: Definition };

/** What the words want; a text says what is wrong with them. */
export async function wantedBy(command: Command): Promise<Wanted | string> {
  const file = command.value('file');
  const edit = readEdit(command);
  if (file === undefined) return typeof edit === 'string' ? edit : { kind: 'edit', edit };
  const others = Object.keys(EDIT_OPTIONS).filter((name) => command.has(name) || command.all(name).length > 0);
  if (others.length > 0) return `--file is the whole definition, so --${others[0]} cannot be beside it`;
  const definition = await readDefinition(file);
  return typeof definition === 'string' ? definition : { kind: 'whole', definition };
}

/** The change of a definition, null for none, by what is wanted; a text says why there is none. */
export function changeOf(wanted: Wanted, current: Definition | null): Definition | string {
  return wanted.kind === 'edit' ? changeBy(wanted.edit, current) : changeTo(wanted.definition, current);
}

async function readDefinition(file: string): Promise<Definition | string> {
  const input = await readInput(file);
  if (!input.ok) return input.why;
  let value: unknown;
  try {
    value = parse(input.text);
  } catch (error) {
    return `${plain(file)} is no YAML: ${plain(error instanceof Error ? error.message.split('\n')[0]! : '')}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `${plain(file)} holds no definition: a mapping with the keys that stand below a flag's name in the config`;
  }
  return value as Definition;
}
