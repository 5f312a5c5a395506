/**
 * `tidegate flag import --from unleash|growthbook|flagd FILE`: brings flags in from another product, with an account of what is not as it was.
 *
 * Reading the document is pure and happens here, so a dry run and `--yaml` need no Tidegate. What is brought in goes in one call, all
 * of it or nothing, and replaces no flag unless that is said: an export that is read twice must not undo what happened since.
 */
import { stringify } from 'yaml';
import type { Import } from '../flags/import-report.ts';
import { type Admin, adminOf, ask, reportFailure } from './admin-client.ts';
import { type Command, misused, readCommand, type VerbSpec } from './command.ts';
import { counted } from './figures.ts';
import { importLines } from './flag-import-text.ts';
import { flagInstruction } from './flag-request.ts';
import { isFlagList, isFlagReceipts } from './flag-shapes.ts';
import { UNSTORED } from './flag-text.ts';
import { readInput } from './input-text.ts';
import { type CliIo, EXIT } from './io.ts';
import { plain, shown } from './terminal-text.ts';

/** What makes flags of a document, by the name of the product that it comes from. */
const IMPORTERS: Readonly<Record<string, () => Promise<(document: unknown, environment?: string) => Import>>> = {
  unleash: async () => (await import('../flags/import-unleash.ts')).importUnleash,
  growthbook: async () => (await import('../flags/import-growthbook.ts')).importGrowthbook,
  flagd: async () => (await import('../flags/import-flagd.ts')).importFlagd,
};
const PRODUCTS = Object.keys(IMPORTERS).join('|');

const SPEC: VerbSpec = {
  name: 'flag import',
  usage: `--from ${PRODUCTS} FILE [--dry-run | --yaml]`,
  about: `Brings flags in from an export of Unleash, an SDK payload of GrowthBook, or a file of
flagd, with their way of putting keys into buckets: nobody gets another value than
before. Tells what could not be carried over, and why; what has no counterpart is left
out towards off. Takes all flags that it can read, or none.
Exits with 1 when a flag was left out.`,
  words: { least: 1, most: 1 },
  options: {
    from: { value: 'PRODUCT', help: `where FILE comes from: ${PRODUCTS.replaceAll('|', ', ')}` },
    environment: { value: 'NAME', help: 'which environment of the export, where it has several' },
    'dry-run': { help: 'only say what would be brought in; needs no Tidegate' },
    yaml: { help: 'print them as `flags:` for the config file, where routes can name them' },
    replace: { help: 'also flags that are there already' },
    yes: { help: 'also where a flag that is replaced puts everybody into buckets anew' },
    reason: { value: 'TEXT', help: 'why, for the history and the events' },
  },
};

/** Brings in what the file holds. */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
  const command = readCommand(SPEC, args, io);
  if (typeof command === 'number') return command;
  const from = command.value('from') ?? '';
  const importer = Object.hasOwn(IMPORTERS, from) ? IMPORTERS[from] : undefined;
  if (importer === undefined) return misused(SPEC, `--from is one of ${PRODUCTS.replaceAll('|', ', ')}`, io);
  if (command.has('yaml') && command.has('json')) return misused(SPEC, '--yaml and --json cannot both be', io);
  const admin = adminOf(command, io.env);
  if (typeof admin === 'string') return misused(SPEC, admin, io);
  const document = await readDocument(command.words[0]!);
  if ('wrong' in document) return misused(SPEC, document.wrong, io);
  const found = (await importer())(document.value, command.value('environment'));
  const isLeftOut = found.flags.length === 0 || found.notes.some(({ kind }) => kind === 'refused');
  if (command.has('yaml')) {
    for (const line of importLines(from, found)) io.err(`# ${line}\n`);
    const flags = Object.fromEntries(found.flags.map(({ name, definition }) => [name, definition]));
    io.out(stringify({ flags }, { lineWidth: 100 }));
    return isLeftOut ? EXIT.refused : EXIT.done;
  }
  const isDry = command.has('dry-run') || found.flags.length === 0;
  const code = isDry ? tell(from, found, command, io) : await bringIn(from, found, { admin, command, io });
  return code === EXIT.done && isLeftOut ? EXIT.refused : code;
}

async function readDocument(file: string): Promise<{ readonly value: unknown } | { readonly wrong: string }> {
  const input = await readInput(file);
  if (!input.ok) return { wrong: input.why };
  try {
    return { value: JSON.parse(input.text) };
  } catch {
    return { wrong: `${plain(file)} is no JSON` };
  }
}

function tell(from: string, found: Import, command: Command, io: CliIo): number {
  if (command.has('json')) io.out(`${JSON.stringify(found)}\n`);
  else for (const line of [...importLines(from, found), 'nothing is changed']) io.out(shown(line, io));
  return EXIT.done;
}

async function bringIn(
  from: string,
  found: Import,
  { admin, command, io }: { readonly admin: Admin; readonly command: Command; readonly io: CliIo },
): Promise<number> {
  const json = command.has('json');
  const headers = flagInstruction(command);
  if (typeof headers === 'string') return misused(SPEC, headers, io);
  if (!command.has('replace')) {
    const there = await ask(admin, { method: 'GET', path: ['api', 'flags'] }, isFlagList);
    if (there.kind !== 'ok') return reportFailure(there, json, io);
    const names = new Set(there.value.flags.map(({ name }) => name));
    const known = found.flags.filter(({ name }) => names.has(name)).map(({ name }) => plain(name));
    if (known.length > 0) {
      const message = `there already: ${known.join(', ')}; nothing is changed. --replace replaces them`;
      return reportFailure({ kind: 'refused', code: 'flags-exist', message, details: { flags: known } }, json, io);
    }
  }
  const body = { flags: found.flags, ...(command.has('yes') ? { resalt: true } : {}) };
  const answer = await ask(admin, { method: 'POST', path: ['api', 'flags', 'import'], headers, body }, isFlagReceipts);
  if (answer.kind !== 'ok') return reportFailure(answer, json, io);
  const { receipts } = answer.value;
  if (json) {
    io.out(`${JSON.stringify({ receipts, notes: found.notes })}\n`);
    return EXIT.done;
  }
  for (const line of importLines(from, found)) io.out(shown(line, io));
  io.out(shown(`${counted(receipts.length, 'flag')} brought in`, io));
  if (receipts.some(({ stored }) => !stored)) io.out(shown(`  ${UNSTORED}`, io));
  return EXIT.done;
}
