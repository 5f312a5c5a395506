/**
 * The owner of flags: what each says, where its dial stands, and every way in which that changes.
 *
 * Which way a change takes follows from what changes:
 *
 *     kill, restore, a share     one store in the dial ─▶ grace period ─▶ state file ─▶ event ─▶ receipt
 *     what a routed flag says    drafted ─▶ snapshot with it (`Committer`), adopted in its commit ─▶ grace period ─▶ the same
 *     what another flag says     adopted at once ─▶ the same: no data thread has it
 *
 * All but kill and restore take their turn among the changes of the control plane. These two wait for nobody: a reload that
 * waits for a name server must not keep people treated. Both may therefore come while a snapshot is staged, which is why the
 * switch is read when what was staged is adopted and not before.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { flagFingerprint } from '../config/fingerprint.ts';
import type { FlagDefinition } from '../config/flag-schema.ts';
import type { Config } from '../config/schema.ts';
import type { Explanation } from '../flags/explanation.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from '../flags/flag.ts';
import type { ProcessOwner } from '../stats/process-cells.ts';
import { FlagAnswers } from './flag-answers.ts';
import {
  type AdoptedChange,
  FlagBook,
  type FlagDraft,
  type FlagEntry,
  legacyOf,
  recordOf,
  type StagedFlags,
  standOf,
  type Word,
} from './flag-book.ts';
import { changedFlag, draftsOfFile, keptFlags, misfit, needsOf, resalting, rolloutOfFile } from './flag-drafts.ts';
import type { GuardDecision } from './flag-guard-view.ts';
import { FlagJournal, type FlagJournalOptions } from './flag-journal.ts';
import type {
  FlagHow,
  FlagInstruction,
  FlagOperations,
  FlagReceipt,
  FlagToImport,
  FlagView,
} from './flag-operations.ts';
import { type FlagPreview, PREVIEW_WITHIN_MS } from './flag-preview.ts';
import { type BesideFlag, flagView } from './flag-views.ts';
import { GRACE_CLOCK, GRACE_MS, STUCK } from './grace.ts';
import { isRefusal, type Refusal } from './operations.ts';
import type { FlagFigures } from './published.ts';
import { routedSpecs } from './routed-flags.ts';

export interface FlagsOptions extends FlagJournalOptions {
  readonly threads: number;
  readonly owner: Pick<ProcessOwner, 'awaitGrace'>;
  readonly log: Logger;
  /** The config in force. */
  readonly config: () => Config;
  /** What its guard says of a flag, and the rollout of it that runs. */
  readonly besideOf: (flag: string) => BesideFlag;
  /** Does something when its turn among all changes has come; refused while Tidegate stops. */
  readonly inTurn: <T>(work: () => Promise<T | Refusal>) => Promise<T | Refusal>;
  /** Brings a snapshot with what is drafted into force. Null, or why nothing has changed. */
  readonly rebuild: () => Promise<string | null>;
}

/** Flags as a snapshot is to have them. `adopt` belongs to the moment of its commit, `conclude` to the end of the grace period. */
export interface PreparedFlags {
  /** Those that data threads have to know. */
  readonly specs: readonly FlagSpec[];
  readonly countsOf: (spec: FlagSpec) => SharedArrayBuffer;
  readonly sampleOf: (spec: FlagSpec) => SharedArrayBuffer;
  readonly adopt: () => void;
  readonly conclude: () => void;
}

type Drafts = ReadonlyMap<string, FlagDraft>;
type Receipts = readonly FlagReceipt[] | Refusal;

export class Flags implements FlagOperations {
  readonly #options: FlagsOptions;
  readonly #book = new FlagBook();
  readonly #journal: FlagJournal;
  readonly #answers: FlagAnswers;
  readonly #listeners = new Set<() => void>();
  readonly #readers = new Set<(receipt: FlagReceipt) => void>();
  #isRestored = false;
  /** What a call wants to say, while a snapshot with it is brought into force, and what has come of that. */
  #drafts: Drafts = new Map();
  #concluded: readonly FlagReceipt[] = [];
  #revision: string | null = null;

  constructor(options: FlagsOptions) {
    this.#options = options;
    this.#journal = new FlagJournal(options);
    this.#answers = new FlagAnswers({ ...options, entries: () => this.#book.all() });
  }

  /** Flags with a config that is to come into force and with what a call has drafted; has no effect until it is adopted. */
  prepare(config: Config): PreparedFlags {
    this.#restore(config.environment);
    const word: Word = { by: 'file', how: 'file', reason: '', startedAt: performance.now() };
    const drafts = new Map([...draftsOfFile(this.#book.all(), config.flags, word), ...this.#drafts]);
    const staged = this.#book.stage(drafts, config.environment);
    let adopted: readonly AdoptedChange[] = [];
    return {
      specs: routedSpecs(config, staged.specs),
      countsOf: (spec) => this.#answers.countsOf(spec),
      sampleOf: (spec) => this.#answers.samples.memoryOf(spec),
      adopt: () => {
        adopted = this.#adopt(staged);
      },
      conclude: () => {
        this.#concluded = this.#concludeInTurn(adopted);
      },
    };
  }

  said(): ReadonlyMap<string, FlagDefinition> {
    return this.#book.definitions();
  }

  /**
   * Makes what was said of flags since `before` the answer to what a config says of them, because it was said after somebody had
   * asked for the config; gives what takes that back.
   */
  supersede(config: Config, before: ReadonlyMap<string, FlagDefinition>): () => void {
    const later = this.#book.all().filter(({ name, definition }) => before.get(name) !== definition);
    const inFile = later.filter(({ name }) => config.flags.has(name));
    const answer = (fingerprintOf: (entry: FlagEntry) => string | null): void => {
      for (const entry of inFile) this.#book.answer(entry.name, fingerprintOf(entry));
      const records = inFile.map(({ name }) => [name, recordOf(this.#book.get(name)!)] as const);
      if (records.length > 0) this.#options.store.save(new Map(records), []);
    };
    answer(({ name }) => flagFingerprint(config.flags.get(name)!));
    return () => answer(({ fingerprint }) => fingerprint);
  }

  /** What the state file knows, once, before the first config. */
  #restore(environment: string): void {
    if (this.#isRestored) return;
    this.#isRestored = true;
    this.#book.restore(keptFlags(this.#options.store, this.#options.log), environment);
  }

  get revision(): string {
    this.#revision ??= this.#book.revision();
    return this.#revision;
  }

  list(): readonly FlagView[] {
    const needing = this.#needing();
    return this.#book.all().map((entry) => this.#view(entry, needing));
  }

  get(name: string): FlagView | Refusal {
    const entry = this.#book.get(name);
    return entry === undefined ? unknownFlag(name) : this.#view(entry);
  }

  set(name: string, change: unknown, instruction: FlagInstruction): Promise<FlagReceipt | Refusal> {
    const word = wordOf('set', instruction);
    return this.#options.inTurn(async () => {
      const before = this.#book.get(name)?.definition;
      const definition = changedFlag(name, before, change, this.#book.environment);
      if (isRefusal(definition)) return definition;
      const refusal =
        this.#mismatch(name, instruction) ??
        this.#rolloutOfFile(name, change) ??
        this.#resalting(name, definition, instruction);
      return refusal ?? only(await this.#say(new Map([[name, this.#draft(name, definition, word)]])));
    });
  }

  /** Sets the share of a flag, in percent, for a rollout. To be called in turn. */
  async moveShare(name: string, percent: number, instruction: FlagInstruction): Promise<FlagReceipt | Refusal> {
    const before = this.#book.get(name)?.definition;
    if (before === undefined) return unknownFlag(name);
    const definition = changedFlag(name, before, { value: percent }, this.#book.environment);
    if (isRefusal(definition)) return definition;
    return only(await this.#say(new Map([[name, this.#draft(name, definition, wordOf('rollout', instruction))]])));
  }

  import(flags: readonly FlagToImport[], instruction: FlagInstruction): Promise<Receipts> {
    const word = wordOf('import', instruction);
    return this.#options.inTurn(async () => {
      const drafts = new Map<string, FlagDraft>();
      for (const { name, definition: written } of flags) {
        const definition = changedFlag(name, undefined, written, this.#book.environment);
        if (isRefusal(definition)) return definition;
        const refusal = this.#rolloutOfFile(name, written) ?? this.#resalting(name, definition, instruction);
        if (refusal !== null) return refusal;
        if (drafts.has(name)) return { refused: true, code: 'bad-flag', message: `${name} is in the list twice` };
        drafts.set(name, this.#draft(name, definition, word));
      }
      return this.#say(drafts);
    });
  }

  remove(name: string, instruction: FlagInstruction): Promise<FlagReceipt | Refusal> {
    const word = wordOf('remove', instruction);
    return this.#options.inTurn(async () => {
      const entry = this.#book.get(name);
      if (entry === undefined) return unknownFlag(name);
      if (entry.fingerprint !== null) {
        const message = `${name} is in the config file and has to be taken away there; a kill switches it off`;
        return { refused: true, code: 'flag-in-file', message };
      }
      const refusal = this.#mismatch(name, instruction);
      return refusal ?? only(await this.#say(new Map([[name, { definition: null, fingerprint: null, word }]])));
    });
  }

  kill(name: string, instruction: FlagInstruction): Promise<FlagReceipt | Refusal> {
    return this.#turn(name, true, instruction, wordOf('kill', instruction));
  }

  /** Its guard kills it. The dial is turned before this returns. Null for a flag that is killed already. */
  killByGuard(name: string, decision: GuardDecision): Promise<FlagReceipt | Refusal | null> {
    if (this.#book.get(name)?.killed === true) return Promise.resolve(null);
    const instruction = { by: 'guard', reason: decision.sentence, ifEpoch: null };
    return this.#turn(name, true, instruction, { ...wordOf('guard', instruction), decision });
  }

  restore(name: string, instruction: FlagInstruction): Promise<FlagReceipt | Refusal> {
    return this.#turn(name, false, instruction, wordOf('restore', instruction));
  }

  async #turn(name: string, killed: boolean, instruction: FlagInstruction, word: Word): Promise<FlagReceipt | Refusal> {
    const before = this.#book.get(name);
    if (before === undefined) return unknownFlag(name);
    const refusal = this.#mismatch(name, instruction);
    if (refusal !== null) return refusal;
    if (!killed && !before.killed) return { refused: true, code: 'not-killed', message: `${name} is not killed` };
    const after = this.#book.turn(before, killed, this.#at(), word);
    this.#changed();
    await this.#grace();
    return this.#conclude([{ name, before, after, word }])[0]!;
  }

  /** Brings drafts into force by the way that they need. To be called in turn. */
  async #say(drafts: Drafts): Promise<Receipts> {
    const config = this.#options.config();
    const refusal = misfit([...drafts.keys()], this.#definitionsWith(drafts), this.said(), config);
    if (refusal !== null) return refusal;
    const staged = this.#book.stage(drafts);
    const known = new Set(this.#book.all().map(({ spec }) => spec));
    if (routedSpecs(config, staged.specs).every((spec) => known.has(spec))) {
      const adopted = this.#adopt(staged);
      await this.#grace();
      return this.#concludeInTurn(adopted);
    }
    this.#drafts = drafts;
    const error = await this.#options.rebuild();
    this.#drafts = new Map();
    return error === null
      ? this.#concluded
      : { refused: true, code: 'not-applied', message: `nothing has changed: ${error}` };
  }

  #definitionsWith(drafts: Drafts): Map<string, FlagDefinition> {
    const definitions = this.#book.definitions();
    for (const [name, { definition }] of drafts) {
      if (definition === null) definitions.delete(name);
      else definitions.set(name, definition);
    }
    return definitions;
  }

  #draft(name: string, definition: FlagDefinition, word: Word): FlagDraft {
    const inFile = this.#options.config().flags.get(name);
    return { definition, fingerprint: inFile === undefined ? null : flagFingerprint(inFile), word };
  }

  #adopt(staged: StagedFlags): readonly AdoptedChange[] {
    const { store } = this.#options;
    const adopted = this.#book.adopt(staged, this.#at(), (name) => legacyOf(store.lastChange(name)));
    if (adopted.some(({ before, after }) => before?.spec !== after?.spec)) this.#answers.renew();
    if (adopted.length > 0) this.#changed();
    return adopted;
  }

  /** Nobody counts in earlier memory: nothing is staged while another has its turn. */
  #concludeInTurn(adopted: readonly AdoptedChange[]): readonly FlagReceipt[] {
    this.#answers.settle();
    return this.#conclude(adopted);
  }

  #conclude(changes: readonly AdoptedChange[]): readonly FlagReceipt[] {
    const receipts = this.#journal.conclude(changes);
    for (const receipt of receipts) for (const reader of this.#readers) reader(receipt);
    return receipts;
  }

  #mismatch(name: string, { ifEpoch }: FlagInstruction): Refusal | null {
    const revision = this.#book.get(name)?.revision ?? 0;
    if (ifEpoch === null || ifEpoch === revision) return null;
    const message = `${name} is at revision ${revision} and not at ${ifEpoch}`;
    return { refused: true, code: 'revision-mismatch', message, details: { revision } };
  }

  #resalting(name: string, definition: FlagDefinition, { resalt }: FlagInstruction): Refusal | null {
    const before = this.#book.get(name)?.definition;
    if (before === undefined || resalt === true) return null;
    return resalting(name, before, definition, this.#book.environment);
  }

  #rolloutOfFile(name: string, said: unknown): Refusal | null {
    return rolloutOfFile(name, this.#options.config().flags.get(name), said, this.#book.environment);
  }

  /** Who needs each flag that is needed. */
  #needing(): ReadonlyMap<string, readonly string[]> {
    const needing = new Map<string, string[]>();
    for (const { name, definition } of this.#book.all()) {
      for (const needed of new Set(needsOf(definition))) needing.set(needed, [...(needing.get(needed) ?? []), name]);
    }
    return needing;
  }

  history(name: string): Receipts {
    const kept = this.#options.store.history(name);
    if (!kept.ok) return { refused: true, code: 'state-store', message: kept.error };
    return kept.value.length === 0 && this.#book.get(name) === undefined ? unknownFlag(name) : kept.value;
  }

  explain(name: string, context: EvaluationContext): Explanation | Refusal {
    return this.#answers.explain(name, context) ?? unknownFlag(name);
  }

  preview(name: string, change: unknown): FlagPreview | Refusal {
    const entry = this.#book.get(name);
    if (entry === undefined) return unknownFlag(name);
    const definition = changedFlag(name, entry.definition, change, this.#book.environment);
    if (isRefusal(definition)) return definition;
    const word = wordOf('set', { by: '', reason: '', ifEpoch: null });
    const drafts = new Map([[name, this.#draft(name, definition, word)]]);
    const refusal = misfit([name], this.#definitionsWith(drafts), this.said(), this.#options.config());
    if (refusal !== null) return refusal;
    const after = this.#book.imagine(name, definition);
    return {
      flag: name,
      revision: entry.revision,
      from: standOf(entry)!,
      to: standOf(after)!,
      withinMs: PREVIEW_WITHIN_MS,
      ...this.#answers.foretell(entry.spec, after.spec),
    };
  }

  evaluate(name: string, context: EvaluationContext): Evaluation {
    return this.#answers.evaluate(name, context);
  }

  evaluateAll(context: EvaluationContext): readonly Evaluation[] {
    return this.#answers.evaluateAll(context);
  }

  count(evaluation: Evaluation): void {
    this.#answers.count(evaluation);
  }

  onChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Calls back with the receipt of each change that somebody has made, when it is so. */
  onReceipt(reader: (receipt: FlagReceipt) => void): void {
    this.#readers.add(reader);
  }

  /** A flag as it stands; undefined for one that there is not. */
  entry(name: string): FlagEntry | undefined {
    return this.#book.get(name);
  }

  /** What is published of flags. */
  figures(): FlagFigures {
    return { ...this.#answers.figures(), changes: this.#journal.counts() };
  }

  /** How often the state file did not take something of these. */
  get storeErrors(): number {
    return this.#options.store.errors;
  }

  /** Flags and changes that are in memory only. */
  get unkept(): number {
    return this.#options.store.unkept;
  }

  /** Tries again to write what the file did not take. To be called every second or so. */
  keepUnkept(): void {
    this.#options.store.keepUnkept();
  }

  /** The state file is another one than before: every flag is kept in it too. */
  keepAll(): void {
    this.#options.store.keepAll(this.#book.all().map(recordOf));
  }

  #view(entry: FlagEntry, needing = this.#needing()): FlagView {
    return flagView(entry, {
      config: this.#options.config(),
      environment: this.#book.environment,
      requiredBy: needing.get(entry.name) ?? [],
      stored: this.#options.store.isKept(entry.name),
      ...this.#options.besideOf(entry.name),
    });
  }

  #changed(): void {
    this.#revision = null;
    for (const listener of [...this.#listeners]) listener();
  }

  async #grace(): Promise<void> {
    const { owner, log } = this.#options;
    if (!(await owner.awaitGrace(GRACE_MS, GRACE_CLOCK))) log.warn(STUCK);
  }

  #at(): string {
    return new Date(this.#options.now()).toISOString();
  }
}

function wordOf(how: FlagHow, { by, reason }: FlagInstruction): Word {
  return { by, how, reason, startedAt: performance.now() };
}

function only(receipts: Receipts): FlagReceipt | Refusal {
  return isRefusal(receipts) ? receipts : receipts[0]!;
}

function unknownFlag(name: string): Refusal {
  return { refused: true, code: 'unknown-flag', message: `there is no flag ${name.slice(0, 100)}` };
}
