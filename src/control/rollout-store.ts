/**
 * Rollouts and their decision logs in the state file: what is kept of each, and for how long.
 *
 * The record of a rollout is one row that is replaced; the decisions of it are rows that are only added. Both go with the
 * rollout when newer ones of its service have taken its place.
 *
 * A file that takes nothing stops no rollout. What it did not take waits here, in its order, and is written in one
 * transaction as soon as that is possible: a decision log with a gap could not repeat its verdicts.
 */

import type { Decision, DecisionEntry, RolloutRecord } from './rollout-record.ts';
import { DamagedRow } from './state-fault.ts';
import type { StateStore, Stored } from './state-store.ts';

/** Rollouts that are kept for each service with all of their decisions, the newest ones. */
export const ROLLOUTS_MAX = 20;

/** Decisions that wait for a file that takes nothing, some minutes of them; the oldest give way. */
export const UNKEPT_MAX = 5_000;

/** The statements for the tables of rollouts. */
export const ROLLOUT_SQL = {
  saveRollout: 'INSERT OR REPLACE INTO rollouts (id, service, body) VALUES (?, ?, ?)',
  lastRollouts: 'SELECT body FROM rollouts WHERE id IN (SELECT max(id) FROM rollouts GROUP BY service) ORDER BY id',
  lastRolloutId: 'SELECT max(id) AS id FROM rollouts',
  rollout: 'SELECT body FROM rollouts WHERE id = ?',
  rolloutsOf: 'SELECT body FROM rollouts WHERE service = ? ORDER BY id DESC LIMIT ?',
  trimRollouts: `DELETE FROM rollouts WHERE service = ?1 AND id NOT IN
    (SELECT id FROM rollouts WHERE service = ?1 ORDER BY id DESC LIMIT ${ROLLOUTS_MAX})`,
  trimDecisions: 'DELETE FROM decisions WHERE rollout NOT IN (SELECT id FROM rollouts)',
  appendDecision: `INSERT INTO decisions (rollout, sequence, at, body)
    VALUES (?1, (SELECT coalesce(max(sequence), 0) + 1 FROM decisions WHERE rollout = ?1), ?2, ?3)`,
  decisions: 'SELECT * FROM decisions WHERE rollout = ? AND sequence > ? ORDER BY sequence LIMIT ?',
  lastSequence: 'SELECT coalesce(max(sequence), 0) AS last FROM decisions WHERE rollout = ?',
} as const;

export class RolloutStore {
  readonly #file: StateStore;
  /** Records and decisions that the file did not take, as they are written. */
  readonly #records = new Map<number, RolloutRecord>();
  #decisions: { readonly rollout: number; readonly at: string; readonly body: string }[] = [];
  /** The rollouts that have not ended, as they were kept last. */
  readonly #running = new Map<number, RolloutRecord>();
  #isFailing = false;
  /** How often the file did not take something. */
  errors = 0;

  constructor(file: StateStore) {
    this.#file = file;
  }

  /** Keeps rollouts in place of what was known of them, all or none. */
  save(...records: readonly RolloutRecord[]): Stored<null> {
    for (const record of records) {
      this.#records.set(record.id, record);
      if (record.endedAt === null) this.#running.set(record.id, record);
      else this.#running.delete(record.id);
    }
    return this.#keep();
  }

  /** The last rollout of each service, in the order in which they began. */
  last(): Stored<readonly RolloutRecord[]> {
    return this.#file.read(({ lastRollouts }) => lastRollouts.all().map(rolloutOf));
  }

  /** The newest rollouts of a service, newest first. */
  of(service: string, limit: number): Stored<readonly RolloutRecord[]> {
    return this.#file.read(({ rolloutsOf }) => rolloutsOf.all(service, limit).map(rolloutOf));
  }

  /** A kept rollout, or null. */
  find(id: number): Stored<RolloutRecord | null> {
    return this.#file.read(({ rollout }) => {
      const row = rollout.get(id);
      return row === undefined ? null : rolloutOf(row);
    });
  }

  /** Forgets the service's oldest rollouts beyond ROLLOUTS_MAX, with their decisions. */
  trim(service: string): Stored<null> {
    return this.#file.write(({ trimRollouts, trimDecisions }) => {
      trimRollouts.run(service);
      trimDecisions.run();
      return null;
    });
  }

  /** Adds to the decisions of a rollout. */
  append(rollout: number, at: string, entry: DecisionEntry): Stored<null> {
    this.#decisions.push({ rollout, at, body: JSON.stringify(entry) });
    if (this.#decisions.length > UNKEPT_MAX) this.#decisions.shift();
    return this.#keep();
  }

  /** Records and decisions that are in memory only. */
  get unkept(): number {
    return this.#records.size + this.#decisions.length;
  }

  /** The state file is another one than before: what runs is kept in it too. */
  keepAll(): void {
    for (const [id, record] of this.#running) this.#records.set(id, record);
    this.keepUnkept();
  }

  /** Tries again to write what the file did not take. To be called every second or so. */
  keepUnkept(): void {
    this.#isFailing = false;
    if (this.unkept > 0) this.#keep();
  }

  #keep(): Stored<null> {
    // A file in trouble is tried once a second and not with each look.
    if (this.#isFailing) return { ok: false, error: 'the state file takes nothing at present' };
    const kept = this.#file.write(({ saveRollout, appendDecision }) => {
      for (const record of this.#records.values()) saveRollout.run(record.id, record.service, JSON.stringify(record));
      for (const { rollout, at, body } of this.#decisions) appendDecision.run(rollout, at, body);
      return null;
    });
    if (kept.ok) {
      this.#records.clear();
      this.#decisions = [];
    } else {
      this.errors += 1;
      this.#isFailing = true;
    }
    return kept;
  }

  /** The sequence number of its newest decision, 0 without any. */
  lastSequence(rollout: number): Stored<number> {
    return this.#file.read(({ lastSequence }) => Number(lastSequence.get(rollout)?.last ?? 0));
  }

  /** Decisions of a rollout after a sequence number, oldest first, at most `limit`. */
  decisions(rollout: number, after: number, limit: number): Stored<readonly Decision[]> {
    return this.#file.read(({ decisions }) =>
      decisions.all(rollout, after, limit).map((row) => ({
        rollout: Number(row.rollout),
        sequence: Number(row.sequence),
        at: String(row.at),
        entry: parsed(row.body) as DecisionEntry,
      })),
    );
  }
}

/** What a record lacks that was written before there were groups. */
const ALONE = { bond: null, undone: null, asked: null } as const;

function rolloutOf(row: Readonly<Record<string, unknown>>): RolloutRecord {
  const record = parsed(row.body) as RolloutRecord;
  return { ...ALONE, ...record, rollout: { ...{ lead: null, along: null }, ...record.rollout } };
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    throw new DamagedRow('a rollout is damaged');
  }
}
