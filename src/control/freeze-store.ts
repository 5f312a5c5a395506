/**
 * The freeze that somebody has declared, in the state file: at most one, and it outlives the process.
 *
 * Windows are not kept: the config says them anew at each start. Who declared what before is in the event log.
 */
import { DamagedRow } from './state-fault.ts';
import type { StateStore, Stored } from './state-store.ts';

/** A freeze that was declared by hand. */
export interface Declared {
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  /** When it is over by itself, ISO 8601; null for when somebody ends it. */
  readonly until: string | null;
}

/** The statements for its table. */
export const FREEZE_SQL = {
  saveFreeze: 'INSERT OR REPLACE INTO freezes (id, body) VALUES (1, ?)',
  endFreeze: 'DELETE FROM freezes',
  freeze: 'SELECT body FROM freezes WHERE id = 1',
} as const;

export class FreezeStore {
  readonly #file: StateStore;

  constructor(file: StateStore) {
    this.#file = file;
  }

  /** Keeps a freeze in place of an earlier one, or that there is none. */
  save(declared: Declared | null): Stored<null> {
    return this.#file.write(({ saveFreeze, endFreeze }) => {
      if (declared === null) endFreeze.run();
      else saveFreeze.run(JSON.stringify(declared));
      return null;
    });
  }

  /** The freeze that stands, or null. */
  load(): Stored<Declared | null> {
    return this.#file.read(({ freeze }) => {
      const row = freeze.get();
      if (row === undefined) return null;
      try {
        return JSON.parse(String(row.body)) as Declared;
      } catch {
        throw new DamagedRow('a freeze is damaged');
      }
    });
  }
}
