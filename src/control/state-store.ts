/**
 * What must outlive the process: gate positions, receipts and events, in one SQLite file.
 *
 * Every operation is one transaction and is on disk before it answers, so that kill -9 loses nothing that was answered.
 * Every operation answers with a value: a full disk or a damaged page is an operating fault, and whoever moves traffic
 * has to decide what it means. Nothing here throws.
 *
 * SQLite works on the caller's thread. That is the control plane, which may wait for a disk; the data threads never
 * touch this file. Rejected: one JSON file rewritten on each change (an event log of 10,000 lines for every event), an
 * append-only log of our own (recovery and trimming are what SQLite has already got right).
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { MoveReason, Receipt, TidegateEvent, Weights } from './operations.ts';
import { faultText, openStateFile, type Stored } from './state-file.ts';

export type { Stored } from './state-file.ts';

/** Receipts that are kept for each service, the newest ones. */
export const RECEIPTS_MAX = 1_000;
/** Events that are kept, the newest ones; up to EVENTS_TRIM more between two trims. */
export const EVENTS_MAX = 10_000;
/** Events between two trims, so that not every append pays for a deletion. */
export const EVENTS_TRIM = 500;

/** Where a service's gate stands, and how it came there. */
export interface PositionRecord {
  readonly service: string;
  readonly epoch: number;
  readonly weights: Weights;
  /** The position before, to which `rollback` returns; null when there is none. */
  readonly previous: Weights | null;
  /** The pool that is the active one by what went before (`routing/active-pool.ts`); null when that is not known. */
  readonly active: string | null;
  /** Of the `traffic:` block of the file that this position came from or superseded. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly reason: MoveReason;
  readonly note: string;
}

/** An open store; `setAside` is where a damaged file was moved to before this one was begun, or null. */
export interface OpenedStore {
  readonly store: StateStore;
  readonly setAside: string | null;
}

const SQL = {
  savePosition: `INSERT OR REPLACE INTO positions 
    (service, epoch, weights, previous, active, fingerprint, at, "by", reason, note)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  position: 'SELECT * FROM positions WHERE service = ?',
  positions: 'SELECT * FROM positions ORDER BY service',
  saveReceipt: 'INSERT OR REPLACE INTO receipts (service, epoch, body) VALUES (?, ?, ?)',
  updateReceipt: 'UPDATE receipts SET body = ? WHERE service = ? AND epoch = ?',
  receipt: 'SELECT body FROM receipts WHERE service = ? AND epoch = ?',
  openReceipts: "SELECT body FROM receipts WHERE json_extract(body, '$.drained') IS NULL",
  trimReceipts: `DELETE FROM receipts WHERE service = ?1 AND epoch <=
    (SELECT epoch FROM receipts WHERE service = ?1 ORDER BY epoch DESC LIMIT 1 OFFSET ${RECEIPTS_MAX})`,
  appendEvent: 'INSERT INTO events (id, at, kind, service, text, data) VALUES (?, ?, ?, ?, ?, ?)',
  eventsSince: 'SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?',
  trimEvents: 'DELETE FROM events WHERE id <= ?',
  lastEventId: "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
} as const;
type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

/** The state of one Tidegate; see `openStateFile` for how it is locked and what becomes of a damaged file. */
export class StateStore {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  private constructor(database: DatabaseSync, statements: Statements) {
    this.#database = database;
    this.#statements = statements;
  }

  /** Opens or creates the state file at `path`; `:memory:` keeps nothing. Fails when another process holds it. */
  static open(path: string): Stored<OpenedStore> {
    const file = openStateFile(path);
    if (!file.ok) return file;
    const { database, setAside } = file.value;
    try {
      const prepared = Object.entries(SQL).map(([name, text]) => [name, database.prepare(text)] as const);
      const store = new StateStore(database, Object.fromEntries(prepared) as unknown as Statements);
      return { ok: true, value: { store, setAside } };
    } catch (error) {
      database.close();
      return { ok: false, error: `${path}: ${faultText(error)}` };
    }
  }

  /** Keeps a position in place of the service's earlier one. */
  savePosition(record: PositionRecord): Stored<null> {
    return this.#attempt(() => this.#putPosition(record));
  }

  /** Keeps a position and the event that tells of it: both or neither. The event's id must be new. */
  savePositionAndEvent(record: PositionRecord, event: TidegateEvent): Stored<null> {
    return this.#transaction(() => {
      this.#putPosition(record);
      return this.#putEvent(event);
    });
  }

  /** The position of a service, or null when none was ever kept. */
  position(service: string): Stored<PositionRecord | null> {
    return this.#attempt(() => {
      const row = this.#statements.position.get(service);
      return row === undefined ? null : positionOf(row);
    });
  }

  /** The positions of all services, those too that are no longer configured, sorted by name. */
  positions(): Stored<readonly PositionRecord[]> {
    return this.#attempt(() => this.#statements.positions.all().map(positionOf));
  }

  /** Keeps a receipt and forgets the service's oldest one beyond RECEIPTS_MAX. */
  saveReceipt(receipt: Receipt): Stored<null> {
    return this.#transaction(() => {
      this.#statements.saveReceipt.run(receipt.service, receipt.epoch, JSON.stringify(receipt));
      this.#statements.trimReceipts.run(receipt.service);
      return null;
    });
  }

  /** Replaces a kept receipt; the answer is false when it is not there, for one that is forgotten stays so. */
  updateReceipt(receipt: Receipt): Stored<boolean> {
    return this.#attempt(() => {
      const { changes } = this.#statements.updateReceipt.run(JSON.stringify(receipt), receipt.service, receipt.epoch);
      return changes === 1;
    });
  }

  /** A kept receipt, or null. */
  receipt(service: string, epoch: number): Stored<Receipt | null> {
    return this.#attempt(() => {
      const row = this.#statements.receipt.get(service, epoch);
      return row === undefined ? null : (JSON.parse(String(row.body)) as Receipt);
    });
  }

  /** The receipts that are not final. */
  openReceipts(): Stored<readonly Receipt[]> {
    return this.#attempt(() =>
      this.#statements.openReceipts.all().map((row) => JSON.parse(String(row.body)) as Receipt),
    );
  }

  /** Keeps an event under its own id, which must be higher than any before; see `lastEventId`. */
  appendEvent(event: TidegateEvent): Stored<null> {
    return this.#transaction(() => this.#putEvent(event));
  }

  /** Kept events after `id`, oldest first, at most `limit`. */
  eventsSince(id: number, limit: number): Stored<readonly TidegateEvent[]> {
    return this.#attempt(() => this.#statements.eventsSince.all(id, limit).map(eventOf));
  }

  /** The highest id that any event was ever kept under, forgotten ones too; 0 before the first. */
  lastEventId(): Stored<number> {
    return this.#attempt(() => Number(this.#statements.lastEventId.get()?.seq ?? 0));
  }

  /** Lets go of the file. Every later operation answers with an error; a second call does nothing. */
  close(): Stored<null> {
    return this.#attempt(() => {
      if (this.#database.isOpen) this.#database.close();
      return null;
    });
  }

  #putPosition(record: PositionRecord): null {
    const { service, epoch, weights, previous, active, fingerprint, at, by, reason, note } = record;
    const before = previous === null ? null : JSON.stringify(previous);
    const values: SQLInputValue[] = [
      service,
      epoch,
      JSON.stringify(weights),
      before,
      active,
      fingerprint,
      at,
      by,
      reason,
      note,
    ];
    this.#statements.savePosition.run(...values);
    return null;
  }

  #putEvent(event: TidegateEvent): null {
    const { id, at, kind, service, text, data } = event;
    this.#statements.appendEvent.run(id, at, kind, service, text, JSON.stringify(data ?? null));
    if (id % EVENTS_TRIM === 0) this.#statements.trimEvents.run(id - EVENTS_MAX);
    return null;
  }

  #attempt<T>(work: () => T): Stored<T> {
    try {
      return { ok: true, value: work() };
    } catch (error) {
      return { ok: false, error: faultText(error) };
    }
  }

  #transaction<T>(work: () => T): Stored<T> {
    const answer = this.#attempt(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      const value = work();
      this.#database.exec('COMMIT');
      return value;
    });
    // Some faults, such as a full disk, have rolled back by themselves.
    if (!answer.ok && this.#database.isOpen && this.#database.isTransaction) {
      this.#attempt(() => this.#database.exec('ROLLBACK'));
    }
    return answer;
  }
}

type Row = Readonly<Record<string, unknown>>;

function positionOf(row: Row): PositionRecord {
  const previous = row.previous;
  return {
    service: String(row.service),
    epoch: Number(row.epoch),
    weights: JSON.parse(String(row.weights)) as Weights,
    previous: previous === null ? null : (JSON.parse(String(previous)) as Weights),
    active: row.active === null ? null : String(row.active),
    fingerprint: String(row.fingerprint),
    at: String(row.at),
    by: String(row.by),
    reason: row.reason as MoveReason,
    note: String(row.note),
  };
}

function eventOf(row: Row): TidegateEvent {
  const service = row.service;
  return {
    id: Number(row.id),
    at: String(row.at),
    kind: String(row.kind),
    service: service === null ? null : String(service),
    text: String(row.text),
    data: JSON.parse(String(row.data)),
  };
}
