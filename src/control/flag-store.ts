/**
 * Flags in the state file: what each says and where its switch stands, and the history of it.
 *
 * A flag is one row that is replaced; its history is rows that are only added, and outlives the flag, so that a question such as
 * "who took this away" has an answer and a revision never means two things. What the file does not take waits here, the
 * newest state of each flag and its last changes, and is written in one transaction as soon as that is possible.
 */
import type { FlagDefinition } from '../config/flag-schema.ts';
import type { FlagReceipt } from './flag-operations.ts';
import { DamagedRow } from './state-fault.ts';
import type { StateStore, Stored } from './state-store.ts';

/** Changes that are kept of each flag, the newest ones. */
export const FLAG_HISTORY_MAX = 200;
/** Bytes of them: a flag may have thousands of users in it. */
const FLAG_HISTORY_BYTES_MAX = 4 * 1024 * 1024;
/** Changes in memory that the file did not take; the oldest give way. */
const UNKEPT_MAX = 2_000;

/** A flag as it is kept. */
export interface FlagRecord {
  readonly name: string;
  readonly revision: number;
  readonly definition: FlagDefinition;
  /** Of what the file said of it when it was last changed; null when the file had nothing to say. */
  readonly fingerprint: string | null;
  readonly killed: boolean;
  readonly slot: number;
  readonly since: {
    readonly at: string;
    readonly by: string;
    readonly how: FlagReceipt['how'];
    readonly reason: string;
  };
}

/** The statements for the tables of flags. */
export const FLAG_SQL = {
  saveFlag: 'INSERT OR REPLACE INTO flags (name, body) VALUES (?, ?)',
  removeFlag: 'DELETE FROM flags WHERE name = ?',
  flags: 'SELECT body FROM flags ORDER BY name',
  saveFlagChange: 'INSERT OR REPLACE INTO flag_history (flag, revision, body) VALUES (?, ?, ?)',
  flagHistory: 'SELECT body FROM flag_history WHERE flag = ? ORDER BY revision DESC',
  lastFlagChange: 'SELECT body FROM flag_history WHERE flag = ? ORDER BY revision DESC LIMIT 1',
  trimFlagHistory: `DELETE FROM flag_history WHERE flag = ?1 AND revision <= (SELECT max(revision) FROM (
    SELECT revision, count(*) OVER newer AS changes, sum(octet_length(body)) OVER newer AS bytes FROM flag_history
    WHERE flag = ?1 WINDOW newer AS (ORDER BY revision DESC))
    WHERE changes > ${FLAG_HISTORY_MAX} OR (changes > 1 AND bytes > ${FLAG_HISTORY_BYTES_MAX}))`,
} as const;

export class FlagStore {
  readonly #file: StateStore;
  /** What the file does not have yet: the record of each flag, null for one that is gone. */
  readonly #records = new Map<string, FlagRecord | null>();
  #changes: FlagReceipt[] = [];
  /** How often the file did not take something. */
  errors = 0;

  constructor(file: StateStore) {
    this.#file = file;
  }

  /** All flags that are kept. */
  load(): Stored<readonly FlagRecord[]> {
    return this.#file.read(({ flags }) => flags.all().map((row) => parsed(row.body) as FlagRecord));
  }

  /** The last change that a flag ever had; undefined before the first. */
  lastChange(flag: string): FlagReceipt | undefined {
    const unkept = this.#changes.findLast((change) => change.flag === flag);
    if (unkept !== undefined) return unkept;
    const kept = this.#file.read(({ lastFlagChange }) => {
      const row = lastFlagChange.get(flag);
      return row === undefined ? undefined : (parsed(row.body) as FlagReceipt);
    });
    return kept.ok ? kept.value : undefined;
  }

  /** The changes of a flag that are kept, newest first. */
  history(flag: string): Stored<readonly FlagReceipt[]> {
    const kept = this.#file.read(({ flagHistory }) =>
      flagHistory.all(flag).map((row) => parsed(row.body) as FlagReceipt),
    );
    if (!kept.ok) return kept;
    const unkept = this.#changes.filter((change) => change.flag === flag).reverse();
    return { ok: true, value: [...unkept.map((change) => ({ ...change, stored: false })), ...kept.value] };
  }

  /** Keeps how flags stand after changes, and the changes: all or nothing. */
  save(records: ReadonlyMap<string, FlagRecord | null>, changes: readonly FlagReceipt[]): Stored<null> {
    for (const [name, record] of records) this.#records.set(name, record);
    this.#changes = [...this.#changes, ...changes].slice(-UNKEPT_MAX);
    return this.#keep();
  }

  /** Whether a restart now would find the flag as it is. */
  isKept(flag: string): boolean {
    return !this.#records.has(flag);
  }

  /** Flags and changes that are in memory only. */
  get unkept(): number {
    return this.#records.size + this.#changes.length;
  }

  /** The state file is another one than before: every flag is kept in it too. */
  keepAll(records: Iterable<FlagRecord>): void {
    for (const record of records) this.#records.set(record.name, record);
    this.keepUnkept();
  }

  /** Tries again to write what the file did not take. To be called every second or so. */
  keepUnkept(): void {
    if (this.unkept > 0) this.#keep();
  }

  #keep(): Stored<null> {
    const kept = this.#file.write(({ saveFlag, removeFlag, saveFlagChange, trimFlagHistory }) => {
      for (const [name, record] of this.#records) {
        if (record === null) removeFlag.run(name);
        else saveFlag.run(name, JSON.stringify(record));
      }
      for (const change of this.#changes) {
        saveFlagChange.run(change.flag, change.revision, JSON.stringify(change));
        trimFlagHistory.run(change.flag);
      }
      return null;
    });
    if (kept.ok) {
      this.#records.clear();
      this.#changes = [];
    } else this.errors += 1;
    return kept;
  }
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    throw new DamagedRow('a flag is damaged');
  }
}
