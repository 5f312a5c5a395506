/**
 * `tidegate flag preview FLAG --set percentage=25`: how many of the keys seen lately would get another value by a change, which is not made.
 *
 * A change that puts everybody into buckets anew is refused without `--yes`, as `flag set` refuses it: the numbers are shown
 * all the same, since they are the reason.
 */
import type { FlagPreview } from '../control/flag-preview.ts';
import { adminOf, ask, reportFailure } from './admin-client.ts';
import { type Command, misused, readCommand, type VerbSpec } from './command.ts';
import { changeOf, EDIT_OPTIONS, readEdit, type Wanted, wordsOfPairs } from './flag-edit.ts';
import { readDefinition } from './flag-file.ts';
import { previewLines } from './flag-preview-text.ts';
import { currentFlag, flagPath } from './flag-request.ts';
import { isFlagPreview } from './flag-shapes.ts';
import { type CliIo, EXIT } from './io.ts';
import { shown } from './terminal-text.ts';

const SPEC: VerbSpec = {
  name: 'flag preview',
  usage: 'FLAG --set KEY=VALUE... | --file FILE',
  about: `Says how many of the keys that the flag was lately drawn for would get another value
by a change, and makes none. What is kept of a key is where it stands in the flag's
draw, and nothing else, so rules and lists of keys cannot be foretold.
Exits with 1 when the change would be refused.`,
  words: { least: 1, most: 1 },
  options: {
    set: {
      value: 'KEY=VALUE',
      help: `what would be another: ${Object.keys(EDIT_OPTIONS).join(', ')}; may be repeated`,
    },
    file: { value: 'FILE', help: 'the whole definition, in YAML or JSON (`-` for standard input)' },
    yes: { help: 'also if it puts everybody into buckets anew' },
  },
};

/** Foretells the change that the words describe. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const wanted = await wantedBy(command);
  if (typeof wanted === 'string') return misused(SPEC, wanted, io);
  const json = command.has('json');
  const name = command.words[0]!;
  const current = await currentFlag(admin, name);
  if (current.kind !== 'ok') return reportFailure(current, json, io);
  const change = changeOf(wanted, current.value?.definition ?? null);
  if (typeof change === 'string') return misused(SPEC, change, io);
  const request = { method: 'POST', path: flagPath(name, 'preview'), body: change } as const;
  const answer = await ask(admin, request, isFlagPreview);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const preview: FlagPreview = answer.value;
  if (json) io.out(`${JSON.stringify(preview)}\n`);
  else for (const line of previewLines(preview)) io.out(shown(line, io));
  const isRefused = preview.sample.moved.length > 0 && !command.has('yes');
  if (isRefused && !json)
    io.err('tidegate: refused: it puts everybody into buckets anew; say --yes if that is meant\n');
  return isRefused ? EXIT.refused : EXIT.done;
}

async function wantedBy(command: Command): Promise<Wanted | string> {
  const pairs = command.all('set');
  const file = command.value('file');
  if (file !== undefined) {
    if (pairs.length > 0) return '--file is the whole definition, so --set cannot be beside it';
    const definition = await readDefinition(file);
    return typeof definition === 'string' ? definition : { kind: 'whole', definition };
  }
  if (pairs.length === 0) return 'it needs --set or --file';
  const words = wordsOfPairs(pairs);
  if (typeof words === 'string') return words;
  const edit = readEdit(words);
  return typeof edit === 'string' ? edit : { kind: 'edit', edit };
}
