/**
 * Every flag with what it says and where its dial stands, and how one state of all of them follows another.
 *
 * A change is staged first: what is said of some flags is put beside what stands, everything that this touches is compiled, and
 * nothing is in force. Then it is adopted at once, in the moment in which the snapshot that has it comes into force.
 *
 * What becomes of a dial: a flag that says the same as before, but for its share, keeps its memory, and the share is one store. One that
 * says something else with the same share keeps it too. One that says something else with another share gets new memory, so
 * that nobody evaluates what it said before with the share that it has now. Each share has its slot, the next of 64.
 */
import type { FlagDefinition } from '../config/flag-schema.ts';
import { createDialMemory, DIAL_SLOTS, Dial } from '../flags/dial.ts';
import type { FlagSpec } from '../flags/flag.ts';
import { compileFlag, digest } from './flag-compile.ts';
import { needsOf } from './flag-drafts.ts';
import type { GuardDecision } from './flag-guard-view.ts';
import type { FlagHow, FlagReceipt, FlagStand } from './flag-operations.ts';
import type { FlagRecord } from './flag-store.ts';

/** A flag as it stands. */
export interface FlagEntry extends FlagRecord {
  readonly spec: FlagSpec;
  /** The environment that it was compiled for. */
  readonly environment: string;
  /** In thousandths of a percent. */
  readonly share: number;
  /** Why it is off whatever it says; null for a sound flag. */
  readonly problem: string | null;
}

/** Who says something of a flag, and why. */
export interface Word {
  readonly by: string;
  readonly how: FlagHow;
  readonly reason: string;
  /** When the call came, by the clock of `performance.now()`. */
  readonly startedAt: number;
  /** Why its guard killed it. */
  readonly decision?: GuardDecision;
}

/** What is to be said of a flag; null where there is to be none. */
export interface FlagDraft {
  readonly definition: FlagDefinition | null;
  readonly fingerprint: string | null;
  readonly word: Word;
}

interface StagedFlag {
  readonly name: string;
  readonly draft: FlagDraft | null;
  /** Null for a flag that goes. */
  readonly next: Pick<FlagEntry, 'definition' | 'environment' | 'spec' | 'share' | 'problem'> | null;
}

/** What would be so, and what is different then. */
export interface StagedFlags {
  readonly specs: readonly FlagSpec[];
  readonly changes: readonly StagedFlag[];
  readonly environment: string;
}

/** What a flag that comes has of one of the same name that is gone. */
export interface Legacy {
  readonly revision: number;
  readonly killed: boolean;
}

/**
 * A killed flag that has left the file is killed when it comes back: nobody has restored it, and a file that lacks it may be no more than
 * a commit that was taken back. Whoever removes a flag by a call is done with it, its kill included.
 */
export function legacyOf(last: Pick<FlagReceipt, 'revision' | 'how' | 'from'> | undefined): Legacy {
  return { revision: last?.revision ?? 0, killed: last?.how === 'file' && last.from?.killed === true };
}

/** One flag before and after an adoption. */
export interface AdoptedChange {
  readonly name: string;
  readonly before: FlagEntry | null;
  readonly after: FlagEntry | null;
  /** Null where nobody has said anything of it: it follows what was said of another, or of the environment. */
  readonly word: Word | null;
}

export class FlagBook {
  readonly #entries = new Map<string, FlagEntry>();
  #environment = '';

  get(name: string): FlagEntry | undefined {
    return this.#entries.get(name);
  }

  /** Sorted by name. */
  all(): readonly FlagEntry[] {
    return [...this.#entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get environment(): string {
    return this.#environment;
  }

  definitions(): Map<string, FlagDefinition> {
    return new Map([...this.#entries].map(([name, { definition }]) => [name, definition]));
  }

  /** Takes flags in as they were kept; to be called once, before anything else. */
  restore(records: readonly FlagRecord[], environment: string): void {
    this.#environment = environment;
    const definitions = new Map(records.map(({ name, definition }) => [name, definition]));
    for (const record of records) {
      const { name, slot, killed } = record;
      const { spec, share, problem } = compileFlag(name, definitions, environment);
      const dial = dialAt(share, slot, killed);
      this.#entries.set(name, { ...record, environment, spec: { ...spec, dial }, share, problem });
    }
  }

  /** What would be so with these drafts in this environment; has no effect. */
  stage(drafts: ReadonlyMap<string, FlagDraft>, environment = this.#environment): StagedFlags {
    const definitions = this.definitions();
    for (const [name, { definition }] of drafts) {
      if (definition === null) definitions.delete(name);
      else definitions.set(name, definition);
    }
    const changes: StagedFlag[] = [];
    for (const [name, draft] of drafts) {
      if (draft.definition === null) changes.push({ name, draft, next: null });
    }
    const specs: FlagSpec[] = [];
    for (const [name, definition] of definitions) {
      const before = this.#entries.get(name);
      const draft = drafts.get(name) ?? null;
      // What a flag needs may have changed, so that it has to be looked at although nothing was said of it.
      const isNear = needsOf(definition).some((needed) => drafts.has(needed));
      const needsLook = draft !== null || environment !== this.#environment || isNear;
      const next = needsLook ? this.#next(name, definitions, environment) : before!;
      specs.push(next.spec);
      if (draft !== null || next.spec !== before?.spec || next.problem !== before.problem) {
        const { spec, share, problem } = next;
        changes.push({ name, draft, next: { definition, environment, spec, share, problem } });
      }
    }
    return { specs, changes, environment };
  }

  #next(name: string, definitions: ReadonlyMap<string, FlagDefinition>, environment: string) {
    const before = this.#entries.get(name);
    const { spec, share, problem } = compileFlag(name, definitions, environment);
    if (before?.spec.revision === spec.revision) return { spec: before.spec, share, problem };
    const dial = before?.share === share ? before.spec.dial : createDialMemory();
    return { spec: { ...spec, dial }, share, problem };
  }

  /** A flag that there is as it would be if it said this, with a dial of its own. */
  imagine(name: string, definition: FlagDefinition): FlagEntry {
    const before = this.#entries.get(name)!;
    const definitions = this.definitions().set(name, definition);
    const { spec, share, problem } = compileFlag(name, definitions, this.#environment);
    const dial = dialAt(share, before.slot, before.killed);
    return { ...before, definition, spec: { ...spec, dial }, share, problem };
  }

  /** Notes that what a flag says is the answer to what the file says, of this fingerprint. */
  answer(name: string, fingerprint: string | null): void {
    this.#entries.set(name, { ...this.#entries.get(name)!, fingerprint });
  }

  /** Makes what was staged so; `legacy` knows of flags that are gone. */
  adopt(staged: StagedFlags, at: string, legacy: (name: string) => Legacy): readonly AdoptedChange[] {
    const { environment } = staged;
    if (environment !== this.#environment) {
      this.#environment = environment;
      for (const [name, entry] of this.#entries) this.#entries.set(name, { ...entry, environment });
    }
    return staged.changes.map(({ name, draft, next }) => {
      const before = this.#entries.get(name) ?? null;
      const word = draft?.word ?? null;
      if (next === null) {
        this.#entries.delete(name);
        return { name, before, after: null, word };
      }
      const { revision, killed } = before ?? legacy(name);
      const slot = before === null ? 0 : before.share === next.share ? before.slot : (before.slot + 1) % DIAL_SLOTS;
      const after: FlagEntry = {
        name,
        revision: word === null && before !== null ? revision : revision + 1,
        fingerprint: draft === null ? (before?.fingerprint ?? null) : draft.fingerprint,
        killed,
        slot,
        since: word === null ? before!.since : { at, by: word.by, how: word.how, reason: word.reason },
        ...next,
      };
      new Dial(next.spec.dial).set({ share: next.share, slot, killed });
      this.#entries.set(name, after);
      return { name, before, after, word };
    });
  }

  /** Turns the switch of a flag: one store, and everybody who asks from now on meets it. */
  turn(before: FlagEntry, killed: boolean, at: string, { by, how, reason }: Word): FlagEntry {
    const after = { ...before, killed, revision: before.revision + 1, since: { at, by, how, reason } };
    new Dial(before.spec.dial).set({ share: before.share, slot: before.slot, killed });
    this.#entries.set(before.name, after);
    return after;
  }

  /** A text that is another one after each change of any flag, its share and its switch. */
  revision(): string {
    return digest(this.all().map(({ name, spec, share, killed }) => [name, spec.revision, share, killed]));
  }
}

/** A flag as receipts have it. */
export function standOf(entry: FlagEntry | null): FlagStand | null {
  if (entry === null) return null;
  const { definition, environment, share, killed, spec } = entry;
  return { definition, environment, share: 'share' in spec.strategy ? share / 1000 : null, killed };
}

/** A flag as it is kept. */
export function recordOf({ name, revision, definition, fingerprint, killed, slot, since }: FlagEntry): FlagRecord {
  return { name, revision, definition, fingerprint, killed, slot, since };
}

function dialAt(share: number, slot: number, killed: boolean): SharedArrayBuffer {
  const memory = createDialMemory();
  new Dial(memory).set({ share, slot, killed });
  return memory;
}
