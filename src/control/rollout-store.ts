/**
 * Rollouts and their decision logs in the state file: what is kept of each, and for how long.
 *
 * The record of a rollout is one row that is replaced; the decisions of it are rows that are only added. Both go with the
 * rollout when newer ones of its service have taken its place.
 */

import type { Decision, DecisionEntry, RolloutRecord } from './rollout-record.ts';
import { DamagedRow } from './state-fault.ts';
import type { StateStore, Stored } from './state-store.ts';

/** Rollouts that are kept for each service with all of their decisions, the newest ones. */
export const ROLLOUTS_MAX = 20;

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

  constructor(file: StateStore) {
    this.#file = file;
  }

  /** Keeps a rollout in place of what was known of it. */
  save(record: RolloutRecord): Stored<null> {
    return this.#file.write(({ saveRollout }) => {
      saveRollout.run(record.id, record.service, JSON.stringify(record));
      return null;
    });
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
    return this.#file.write(({ appendDecision }) => {
      appendDecision.run(rollout, at, JSON.stringify(entry));
      return null;
    });
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

function rolloutOf(row: Readonly<Record<string, unknown>>): RolloutRecord {
  return parsed(row.body) as RolloutRecord;
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    throw new DamagedRow('a rollout is damaged');
  }
}
