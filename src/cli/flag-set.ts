/**
 * `tidegate flag set FLAG ...`: makes a flag, or changes what is said of it and keeps the rest.
 *
 * With `--file` the definition is what the file has and nothing else. A change that needs to know what there is (variants, a whole
 * definition) is made only of what was read: with nobody else's change between, or it is refused.
 */
import { adminOf, reportFailure } from './admin-client.ts';
import { type Command, misused, readCommand, type VerbSpec } from './command.ts';
import { changeOf, EDIT_OPTIONS, needsVariants, readEdit, type Wanted } from './flag-edit.ts';
import { readDefinition } from './flag-file.ts';
import { changeFlag, currentFlag, FLAG_CHANGE_OPTIONS, flagInstruction, flagPath } from './flag-request.ts';
import type { CliIo } from './io.ts';

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
  // What is said of variants, or as a whole, is said of what there is; everything else is put over it by Tidegate.
  const isBlind = wanted.kind === 'edit' && !needsVariants(wanted.edit);
  const seen = isBlind ? null : await currentFlag(admin, name);
  if (seen !== null && seen.kind !== 'ok') return reportFailure(seen, json, io);
  const current = seen?.value ?? null;
  const change = changeOf(wanted, current?.definition ?? null);
  if (typeof change === 'string') return misused(SPEC, change, io);
  // Somebody else's change meanwhile is not to be lost.
  if (current !== null) headers['if-match'] ??= `"${current.revision}"`;
  const query: Record<string, string> = command.has('yes') ? { resalt: 'true' } : {};
  return changeFlag(admin, { method: 'POST', path, query, headers, body: change }, json, io);
}

/** What the words want; a text says what is wrong with them. */
async function wantedBy(command: Command): Promise<Wanted | string> {
  const file = command.value('file');
  if (file === undefined) {
    const edit = readEdit(command);
    return typeof edit === 'string' ? edit : { kind: 'edit', edit };
  }
  const other = Object.keys(EDIT_OPTIONS).find((name) => command.has(name) || command.all(name).length > 0);
  if (other !== undefined) return `--file is the whole definition, so --${other} cannot be beside it`;
  const definition = await readDefinition(file);
  return typeof definition === 'string' ? definition : { kind: 'whole', definition };
}
