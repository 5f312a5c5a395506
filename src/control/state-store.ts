/**
 * What must outlive the process: gate positions, receipts and events, in one SQLite file.
 *
 * Every operation is one transaction and is on disk before it answers, so that kill -9 loses nothing that was answered.
 * Every operation answers with a value: a full disk or a damaged page is an operating fault, and whoever moves traffic
 * has to decide what it means. Nothing here throws.
 *
 * The file may fall into trouble and come out of it while Tidegate runs, and the store goes through all of it without a
 * restart. Damage is set aside and a new file begun within the operation that met it. A file that was deleted is written
 * again from what is still open. Anything else leaves the store unwritable until a write succeeds again; `look` is what
 * tries. What could not be kept meanwhile is with those who asked, who try again.
 *
 * SQLite works on the caller's thread. That is the control plane, which may wait for a disk; the data threads never
 * touch this file. Rejected: one JSON file rewritten on each change (an event log of 10,000 lines for every event), an
 * append-only log of our own (recovery and trimming are what SQLite has already got right).
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { FLAG_SQL } from './flag-store.ts';
import { FREEZE_SQL } from './freeze-store.ts';
import { NOTIFY_SQL } from './notify-store.ts';
import type { Receipt, TidegateEvent } from './operations.ts';
import { ROLLOUT_SQL } from './rollout-store.ts';
import { DamagedRow, faultOf, faultText, type StateFault } from './state-fault.ts';
import { identityOf, type OpenedFile, openStateFile, type StateFile } from './state-file.ts';
import { eventOf, type PositionRecord, positionOf, positionValues, receiptOf } from './state-rows.ts';

export type { PositionRecord } from './state-rows.ts';

/** What an operation on the state came to. `error` is a sentence for people. */
export type Stored<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** Receipts that are kept for each service, the newest ones. */
export const RECEIPTS_MAX = 1_000;
/** Events that are kept, the newest ones; up to EVENTS_TRIM more between two trims. */
export const EVENTS_MAX = 10_000;
/** Events between two trims, so that not every append pays for a deletion. */
export const EVENTS_TRIM = 500;

/** How long a start waits for another process, such as a backup, to let go of the file. While running nobody waits. */
const START_BUSY_MS = 2_000;
/** Between two times that a damaged file is set aside: a disk that damages everything is not to be fed. */
const RENEWAL_PAUSE_MS = 60_000;
const CLOSED = 'the state file is closed';

/** An open store; `setAside` is where a damaged file was moved to before this one was begun, or null. */
export interface OpenedStore {
  readonly store: StateStore;
  readonly setAside: string | null;
}

const SQL = {
  savePosition: `INSERT OR REPLACE INTO positions
    (service, epoch, weights, previous, active, fingerprint, at, "by", reason, note, terms, seal)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
  damagedRows: `SELECT count(*) AS count FROM (SELECT body AS text FROM receipts UNION ALL SELECT data FROM events)
    WHERE NOT json_valid(text)`,
  ...ROLLOUT_SQL,
  ...NOTIFY_SQL,
  ...FREEZE_SQL,
  ...FLAG_SQL,
  lastEventId: "SELECT seq FROM sqlite_sequence WHERE name = 'events'",
} as const;
/** The prepared statements, by name. */
export type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

/** The state of one Tidegate; see `openStateFile` for how it is locked and what becomes of a damaged file. */
export class StateStore {
  readonly path: string;
  readonly #now: () => number;
  /** Null while there is nothing to read from. */
  #file: StateFile<Statements> | null;
  /** Whether the file is the one at the path, and may be written. */
  #inPlace: boolean;
  #fault: StateFault | null;
  readonly #setAside: string[];
  #renewedMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  /**
   * Called when another file than before is written to: a new one in place of a damaged one, or one that could not be
   * written until now. It does not know what stands.
   */
  onOtherFile: () => void = () => {};

  private constructor(path: string, now: () => number, opened: Exclude<OpenedFile<Statements>, { kind: 'refused' }>) {
    this.path = path;
    this.#now = now;
    this.#file = opened.file;
    this.#inPlace = opened.kind === 'open';
    this.#fault = opened.fault;
    this.#setAside = opened.setAside === null ? [] : [opened.setAside];
  }

  /**
   * Opens or creates the state file at `path`; `:memory:` keeps nothing. Fails when it is somebody else's: another process
   * holds it, or another program or a newer Tidegate has written it. Any other fault opens a store that says so.
   * `now`: milliseconds since 1970.
   */
  static open(path: string, now: () => number = Date.now): Stored<OpenedStore> {
    const opened = openWith(path, now, START_BUSY_MS);
    if (opened.kind === 'refused') return { ok: false, error: `${path}: ${opened.fault.text}` };
    return { ok: true, value: { store: new StateStore(path, now, opened), setAside: opened.setAside } };
  }

  /** Why nothing is kept at present, or null. */
  get fault(): StateFault | null {
    return this.#fault;
  }

  /** Where damaged files were moved to since the start, oldest first. */
  get setAside(): readonly string[] {
    return this.#setAside;
  }

  /** There was a file at the start, with nothing in it. */
  get wasEmpty(): boolean {
    return this.#file?.wasEmpty ?? false;
  }

  /** Looks whether the file is still where it was, and tries to open one that could not be used. To be called now and then. */
  look(): void {
    if (this.#closed) return;
    if (this.#file !== null && this.#file.identity !== null) this.#stayInPlace(this.#file);
    else if (!this.#inPlace) this.#reopen();
  }

  /** Keeps a position in place of the service's earlier one. */
  savePosition(record: PositionRecord): Stored<null> {
    return this.write((statements) => putPosition(statements, record));
  }

  /** Keeps a position and the event that tells of it: both or neither. The event's id must be new. */
  savePositionAndEvent(record: PositionRecord, event: TidegateEvent): Stored<null> {
    return this.write((statements) => {
      putPosition(statements, record);
      return putEvent(statements, event);
    });
  }

  /** The position of a service, or null when none was ever kept. */
  position(service: string): Stored<PositionRecord | null> {
    return this.read(({ position }) => {
      const row = position.get(service);
      return row === undefined ? null : positionOf(row);
    });
  }

  /** The positions of all services, those too that are no longer configured, sorted by name. */
  positions(): Stored<readonly PositionRecord[]> {
    return this.read(({ positions }) => positions.all().map(positionOf));
  }

  /** Keeps a receipt and forgets the service's oldest one beyond RECEIPTS_MAX. */
  saveReceipt(receipt: Receipt): Stored<null> {
    return this.write((statements) => {
      statements.saveReceipt.run(receipt.service, receipt.epoch, JSON.stringify(receipt));
      statements.trimReceipts.run(receipt.service);
      return null;
    });
  }

  /** Replaces a kept receipt; the answer is false when it is not there, for one that is forgotten stays so. */
  updateReceipt(receipt: Receipt): Stored<boolean> {
    return this.write(({ updateReceipt }) => {
      const { changes } = updateReceipt.run(JSON.stringify(receipt), receipt.service, receipt.epoch);
      return changes === 1;
    });
  }

  /** A kept receipt, or null. */
  receipt(service: string, epoch: number): Stored<Receipt | null> {
    return this.read((statements) => {
      const row = statements.receipt.get(service, epoch);
      return row === undefined ? null : receiptOf(row);
    });
  }

  /** The receipts that are not final. */
  openReceipts(): Stored<readonly Receipt[]> {
    return this.read(({ openReceipts }) => openReceipts.all().map(receiptOf));
  }

  /** Keeps an event under its own id, which must be new; see `lastEventId`. */
  appendEvent(event: TidegateEvent): Stored<null> {
    return this.write((statements) => putEvent(statements, event));
  }

  /** Kept events after `id`, oldest first, at most `limit`. */
  eventsSince(id: number, limit: number): Stored<readonly TidegateEvent[]> {
    return this.read(({ eventsSince }) => eventsSince.all(id, limit).map(eventOf));
  }

  /** The highest id that any event was ever kept under, forgotten ones too; 0 before the first. */
  lastEventId(): Stored<number> {
    return this.read(({ lastEventId }) => Number(lastEventId.get()?.seq ?? 0));
  }

  /** Lets go of the file. Every later operation answers with an error; a second call does nothing. */
  close(): Stored<null> {
    this.#closed = true;
    return this.#letGo();
  }

  /** Reads by the statements of this file; a damaged one is set aside on the way, and a new one is read. */
  read<T>(work: (statements: Statements) => T): Stored<T> {
    const answer = this.#attempt(work);
    // A new file can be read: it says that nothing is known, which is so.
    return !answer.ok && this.#renew(answer.fault) ? this.#attempt(work) : answer;
  }

  /** Writes in one transaction; a damaged file is set aside on the way, and a new one is written. */
  write<T>(work: (statements: Statements) => T): Stored<T> {
    if (this.#closed) return { ok: false, error: CLOSED };
    if (this.#file !== null && this.#file.identity !== null) this.#stayInPlace(this.#file);
    if (!this.#inPlace) return { ok: false, error: this.#fault?.text ?? CLOSED };
    let answer = this.#attempt((statements, database) => transaction(database, () => work(statements)));
    if (!answer.ok && this.#renew(answer.fault)) {
      answer = this.#attempt((statements, database) => transaction(database, () => work(statements)));
    }
    if (answer.ok) this.#fault = null;
    else this.#fault = answer.fault ?? this.#fault;
    return answer;
  }

  /** The answer, or the error with what it says about the file: null when it says nothing. */
  #attempt<T>(
    work: (statements: Statements, database: DatabaseSync) => T,
  ):
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly error: string; readonly fault: StateFault | null } {
    if (this.#file === null) return { ok: false, error: this.#fault?.text ?? CLOSED, fault: null };
    try {
      return { ok: true, value: work(this.#file.prepared, this.#file.database) };
    } catch (error) {
      return { ok: false, error: faultText(error), fault: faultOf(error) };
    }
  }

  /** Sets a damaged file aside and begins a new one; false where that is not the fault, or cannot be done. */
  #renew(fault: StateFault | null): boolean {
    if (fault?.kind !== 'damaged' || !this.#inPlace || this.path === ':memory:') return false;
    this.#fault = fault;
    const nowMs = performance.now();
    if (nowMs - this.#renewedMs < RENEWAL_PAUSE_MS) return false;
    this.#renewedMs = nowMs;
    this.#inPlace = false;
    this.#letGo();
    this.#file = null;
    this.#reopen();
    return this.#inPlace;
  }

  /** Opens what lies at the path, now that it may be of use. */
  #reopen(): void {
    const opened = openWith(this.path, this.#now, 0);
    if (opened.kind === 'open') {
      this.#letGo();
      this.#takeOver(opened);
      return;
    }
    this.#fault = opened.fault;
    if (opened.kind === 'unwritable') {
      opened.file?.database.close();
      if (opened.setAside !== null) this.#setAside.push(opened.setAside);
    }
  }

  #takeOver(opened: Extract<OpenedFile<Statements>, { kind: 'open' }>): void {
    this.#file = opened.file;
    this.#inPlace = true;
    this.#fault = opened.fault;
    if (opened.setAside !== null) this.#setAside.push(opened.setAside);
    this.onOtherFile();
  }

  /**
   * A database that was deleted goes on working, on a file that nobody will find again. So each write looks whether file
   * and log are where they were. What is gone is written again from what is still open; what somebody has put in its
   * place is theirs, and is not touched.
   */
  #stayInPlace(file: StateFile<Statements>): void {
    let found: string | null;
    try {
      found = identityOf(this.path);
    } catch (error) {
      this.#inPlace = false;
      this.#fault = { kind: 'displaced', text: `it cannot be looked at: ${faultText(error)}` };
      return;
    }
    if (found === file.identity && existsSync(`${this.path}-wal`)) {
      if (!this.#inPlace) this.#fault = null;
      this.#inPlace = true;
      return;
    }
    this.#inPlace = false;
    if (found !== null && found !== file.identity) {
      const text = 'another file has been put in its place: move that one away, or start Tidegate again to use it';
      this.#fault = { kind: 'displaced', text };
      return;
    }
    try {
      if (found === null) writeAgain(file.database, this.path);
      // Closing writes the rest of a log that has lost its name into the file.
      this.#letGo();
      this.#file = null;
      this.#reopen();
    } catch (error) {
      this.#fault = { kind: 'displaced', text: `it was deleted, and cannot be written again: ${faultText(error)}` };
    }
  }

  #letGo(): Stored<null> {
    try {
      if (this.#file?.database.isOpen === true) this.#file.database.close();
      return { ok: true, value: null };
    } catch (error) {
      return { ok: false, error: faultText(error) };
    }
  }
}

function openWith(path: string, now: () => number, busyMs: number): OpenedFile<Statements> {
  return openStateFile(path, { at: new Date(now()).toISOString(), busyMs, prepare });
}

/** Prepares all statements and reads what a start depends on, so that damage is found before anything relies on it. */
function prepare(database: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, text]) => [name, database.prepare(text)] as const);
  const statements = Object.fromEntries(prepared) as unknown as Statements;
  statements.positions.all().map(positionOf);
  if (Number(statements.damagedRows.get()?.count) > 0) throw new DamagedRow('a row is damaged');
  return statements;
}

/** Writes the whole database to a path where nothing is, and syncs it. */
function writeAgain(database: DatabaseSync, path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  database.prepare('VACUUM INTO ?').run(path);
  const file = openSync(path, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const value = work();
    database.exec('COMMIT');
    return value;
  } catch (error) {
    // Some faults, such as a full disk, have rolled back by themselves.
    if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function putPosition(statements: Statements, record: PositionRecord): null {
  statements.savePosition.run(...positionValues(record));
  return null;
}

function putEvent(statements: Statements, event: TidegateEvent): null {
  const { id, at, kind, service, text, data } = event;
  statements.appendEvent.run(id, at, kind, service, text, JSON.stringify(data ?? null));
  if (id % EVENTS_TRIM === 0) statements.trimEvents.run(id - EVENTS_MAX);
  return null;
}
