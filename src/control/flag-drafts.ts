/**
 * What is to be said of flags, before it is: by the file and by a call.
 *
 * Who wins is decided as for traffic (`precedence.ts`): the last explicit instruction. What the file says of a flag is an instruction when it
 * changes; with each flag the fingerprint is kept of what the file said when somebody last said something of it. The same
 * fingerprint means that the file has nothing new to say. The switch is not the file's: a flag that was killed stays so,
 * whatever is written of it, until somebody restores it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { flagFingerprint } from '../config/fingerprint.ts';
import { checkRequired } from '../config/flag-checks.ts';
import { checkPlaces } from '../config/flag-config-checks.ts';
import { GUARDS_MAX, hasGuard } from '../config/flag-guard.ts';
import { changeFlag, inEnvironment } from '../config/flag-merge.ts';
import { FLAG_CHARACTERS_MAX, FLAGS_MAX, type FlagDefinition, flag, flagName } from '../config/flag-schema.ts';
import type { Config } from '../config/schema.ts';
import type { FlagDraft, FlagEntry, Word } from './flag-book.ts';
import { compileFlag } from './flag-compile.ts';
import { badFlag, badName, findingsOf } from './flag-problems.ts';
import type { FlagRecord, FlagStore } from './flag-store.ts';
import type { Refusal } from './operations.ts';

/** How many characters all flags may have together as JSON. */
const ALL_CHARACTERS_MAX = 32 * 1024 ** 2;

/** What the file says anew of flags, given how they stand; empty when it says what it said before. */
export function draftsOfFile(
  entries: readonly FlagEntry[],
  flags: ReadonlyMap<string, FlagDefinition>,
  word: Word,
): Map<string, FlagDraft> {
  const standing = new Map(entries.map((entry) => [entry.name, entry]));
  const drafts = new Map<string, FlagDraft>();
  for (const [name, definition] of flags) {
    const fingerprint = flagFingerprint(definition);
    if (standing.get(name)?.fingerprint !== fingerprint) drafts.set(name, { definition, fingerprint, word });
  }
  for (const { name, fingerprint } of entries) {
    if (fingerprint !== null && !flags.has(name)) drafts.set(name, { definition: null, fingerprint: null, word });
  }
  return drafts;
}

/** A flag as it would be after a call has said something of it, or why it cannot be. */
export function changedFlag(
  name: string,
  before: FlagDefinition | undefined,
  change: unknown,
  environment: string,
): FlagDefinition | Refusal {
  if (!flagName.safeParse(name).success) return badName(name);
  if (typeof change !== 'object' || change === null || Array.isArray(change)) {
    return badFlag(name, 'what is said of a flag must be a mapping', []);
  }
  const merged = before === undefined ? withoutNulls(change) : changeFlag(before, { ...change }, environment);
  const read = flag.safeParse(merged, { reportInput: true });
  if (!read.success) return badFlag(name, 'it does not fit', findingsOf(name, read.error.issues));
  if (JSON.stringify(read.data).length <= FLAG_CHARACTERS_MAX) return read.data;
  return badFlag(name, `it is longer than ${FLAG_CHARACTERS_MAX} characters`, []);
}

function withoutNulls(change: object): object {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null));
}

/** Why a call may not say how a flag is rolled out: of a flag of the file, the file says it. Null when it may. */
export function rolloutOfFile(
  name: string,
  inFile: FlagDefinition | undefined,
  said: unknown,
  environment: string,
): Refusal | null {
  const { rollout } = said as { readonly rollout?: unknown };
  if (inFile === undefined || rollout === undefined) return null;
  if (isDeepStrictEqual(rollout, inEnvironment(inFile, environment).rollout)) return null;
  const message = `${name} is in the config file, and how it is rolled out is said there`;
  return { refused: true, code: 'flag-in-file', message };
}

/** Why these flags cannot stand beside the others and in this config; null when they can. */
export function misfit(
  changed: readonly string[],
  flags: ReadonlyMap<string, FlagDefinition>,
  config: Pick<Config, 'routes' | 'services'>,
): Refusal | null {
  if (flags.size > FLAGS_MAX) {
    return {
      refused: true,
      code: 'too-many-flags',
      message: `there would be ${flags.size} flags: at most ${FLAGS_MAX}`,
    };
  }
  let characters = 0;
  for (const definition of flags.values()) characters += sizeOf(definition);
  if (characters > ALL_CHARACTERS_MAX) {
    const message = `all flags together would have ${characters} characters: at most ${ALL_CHARACTERS_MAX}`;
    return { refused: true, code: 'too-many-flags', message };
  }
  const guards = [...flags.values()].filter(hasGuard).length;
  if (guards > GUARDS_MAX) {
    const message = `${guards} flags would have a guard: at most ${GUARDS_MAX}`;
    return { refused: true, code: 'too-many-flags', message };
  }
  for (const name of changed) {
    const definition = flags.get(name);
    if (definition === undefined) continue;
    const findings = [...checkRequired(name, flags), ...checkPlaces(name, definition, config)];
    if (findings.length > 0) return badFlag(name, 'it does not fit to the others', findings);
  }
  for (const [name, definition] of flags) {
    const needed = needsOf(definition).find((other) => changed.includes(other));
    if (needed === undefined || changed.includes(name)) continue;
    const [finding] = checkRequired(name, flags);
    if (finding === undefined) continue;
    return { refused: true, code: 'flag-required', message: `${name} needs ${needed}: ${finding.message}` };
  }
  return null;
}

/** The flags that a flag needs, in any environment. */
export function needsOf({ requires, environments }: FlagDefinition): readonly string[] {
  const lists = [requires, ...Object.values(environments ?? {}).map((over) => over.requires)];
  return lists.flatMap((list) => (list ?? []).map(({ flag: other }) => other));
}

/** What of a flag decides who is in which bucket; null where nothing of that changes. */
export function resalting(
  name: string,
  before: FlagDefinition,
  after: FlagDefinition,
  environment: string,
): Refusal | null {
  const [from, to] = [before, after].map((one) => compileFlag(name, new Map([[name, one]]), environment).spec);
  const keys = (['salt', 'bucketing', 'bucketBy'] as const).filter((key) => from![key] !== to![key]);
  if (keys.length === 0) return null;
  const message = `another ${keys.join(' and ')} puts the users of ${name} into other buckets: say "resalt": true if that is meant`;
  return { refused: true, code: 'resalt', message, details: { keys } };
}

/** The flags of the state file; what cannot be read is left out, and told. */
export function keptFlags(store: FlagStore, log: Logger): readonly FlagRecord[] {
  const kept = store.load();
  if (!kept.ok) log.error({ error: kept.error }, 'the state file cannot be read; flags are what the config says');
  return (kept.ok ? kept.value : []).flatMap((record) => {
    const definition = readKept(record.definition);
    if (definition !== null) return [{ ...record, definition }];
    log.error({ flag: record.name }, 'this version cannot read a flag of the state file: it is left out');
    return [];
  });
}

function readKept(definition: unknown): FlagDefinition | null {
  const read = flag.safeParse(definition);
  return read.success ? read.data : null;
}

const sizes = new WeakMap<FlagDefinition, number>();

function sizeOf(definition: FlagDefinition): number {
  const known = sizes.get(definition);
  if (known !== undefined) return known;
  const size = JSON.stringify(definition).length;
  sizes.set(definition, size);
  return size;
}
