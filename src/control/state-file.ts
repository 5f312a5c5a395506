/**
 * Opens the state file: one SQLite database that belongs to one process, with the schema of this version.
 *
 * `locking_mode=EXCLUSIVE` from before the first read is what keeps a second Tidegate out: two of them would each move
 * gates and each forget the other's. The kernel drops the lock with the process, so kill -9 leaves no stale one behind.
 * WAL with `synchronous=FULL` syncs the log at every commit: an answered change survives the process and the power.
 *
 * What is found decides what becomes of it. A damaged file is set aside and a new one begun. A file that cannot be written
 * is read all the same, because what it says is where traffic stood. A file that another process holds, that another
 * program or a newer Tidegate has written, is whole and not ours: it is refused and not touched. Schema steps run in one
 * transaction, counted by `user_version`; opening always writes, which is the proof that the next write can succeed.
 */
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { lockHolder } from './lock-holder.ts';
import { setFileAside } from './set-aside.ts';
import { copyForReading } from './state-copy.ts';
import { DamagedRow, faultOf, faultText, type StateFault, sqliteCode } from './state-fault.ts';
import { logFault } from './write-ahead-log.ts';

/** What was found at the path. `setAside` is where a damaged file was moved to, or null. */
export type OpenedFile<T> =
  /** Ready; `fault` is what a full disk said to the first write, else null. */
  | {
      readonly kind: 'open';
      readonly file: StateFile<T>;
      readonly fault: StateFault | null;
      readonly setAside: string | null;
    }
  /** Nothing can be written; `file` is a copy to read from, or null when nothing can be read either. */
  | {
      readonly kind: 'unwritable';
      readonly file: StateFile<T> | null;
      readonly fault: StateFault;
      readonly setAside: string | null;
    }
  /** Somebody else's; it was not touched. */
  | { readonly kind: 'refused'; readonly fault: StateFault };

/** An open database, and what its owner has made of it. */
export interface StateFile<T> {
  readonly database: DatabaseSync;
  readonly prepared: T;
  /** The file itself, whatever its path names later; null for one in memory and for a copy. */
  readonly identity: string | null;
  /** There was a file, with nothing in it: what was known before is gone. */
  readonly wasEmpty: boolean;
}

export interface OpenOptions<T> {
  /** ISO 8601, for the name of what is set aside. */
  readonly at: string;
  /** How long to wait for another process to let go of the file, in milliseconds. */
  readonly busyMs: number;
  /** Prepares the database and reads through it; throws when it is damaged. */
  readonly prepare: (database: DatabaseSync) => T;
}

/** `TDGT`: marks a database as Tidegate's. */
const APPLICATION_ID = 0x54444754;
const SQLITE_ERROR = 1;

/** Each step leads from the `user_version` of its index to the next one. Steps are never changed, only added. */
const STEPS: readonly string[] = [
  `CREATE TABLE positions (
     service TEXT PRIMARY KEY, epoch INTEGER NOT NULL, weights TEXT NOT NULL, previous TEXT, fingerprint TEXT NOT NULL,
     at TEXT NOT NULL, "by" TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE receipts (
     service TEXT NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (service, epoch)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, service TEXT, text TEXT NOT NULL,
     data TEXT NOT NULL
   ) STRICT;`,
  'ALTER TABLE positions ADD COLUMN active TEXT;',
  "ALTER TABLE positions ADD COLUMN seal TEXT NOT NULL DEFAULT '';",
  `CREATE TABLE rollouts (id INTEGER PRIMARY KEY, service TEXT NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE INDEX rollouts_by_service ON rollouts (service, id);
   CREATE TABLE decisions (
     rollout INTEGER NOT NULL, sequence INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (rollout, sequence)
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE positions ADD COLUMN terms TEXT;
   CREATE TABLE freezes (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;`,
  `CREATE TABLE webhooks (name TEXT PRIMARY KEY, heard INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE deliveries (
     id TEXT PRIMARY KEY, webhook TEXT NOT NULL, event INTEGER NOT NULL, body TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE used_links (id TEXT PRIMARY KEY, expires_s INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE flags (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE flag_history (
     flag TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (flag, revision)
   ) STRICT;`,
];

/** Opens or creates the file with its folder; `:memory:` keeps nothing. Never throws. */
export function openStateFile<T>(path: string, options: OpenOptions<T>): OpenedFile<T> {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openOrBeginAnew(path, options);
  } catch (error) {
    return unwritable(path, faultOrUnusable(error), null, options);
  }
}

function openOrBeginAnew<T>(path: string, options: OpenOptions<T>): OpenedFile<T> {
  const first = openOnce(path, options);
  if (first.kind !== 'damaged') return settled(path, first, null, options);
  let setAside: string;
  try {
    setAside = first.setAside ?? setFileAside(path, options.at);
  } catch (error) {
    const text = `${first.fault.text}, and it cannot be set aside: ${faultText(error)}`;
    return { kind: 'unwritable', file: null, fault: { kind: 'damaged', text }, setAside: null };
  }
  return settled(path, openOnce(path, options), setAside, options);
}

/** What tells this file from any other that may later lie at the same path; null when there is none. */
export function identityOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}

type Opened<T> =
  | { readonly kind: 'open'; readonly file: StateFile<T>; readonly fault: StateFault | null }
  | { readonly kind: 'failed'; readonly fault: StateFault }
  | { readonly kind: 'refused'; readonly fault: StateFault }
  /** `setAside` where it was moved while it was still held. */
  | { readonly kind: 'damaged'; readonly fault: StateFault; readonly setAside: string | null };

function settled<T>(path: string, opened: Opened<T>, setAside: string | null, options: OpenOptions<T>): OpenedFile<T> {
  switch (opened.kind) {
    case 'open':
      return { ...opened, setAside };
    case 'refused':
      return opened;
    case 'failed':
      return unwritable(path, opened.fault, setAside, options);
    case 'damaged':
      return { kind: 'unwritable', file: null, fault: opened.fault, setAside };
  }
}

function unwritable<T>(
  path: string,
  fault: StateFault,
  setAside: string | null,
  options: OpenOptions<T>,
): OpenedFile<T> {
  const file = copyForReading(path, (database) => {
    if (checkOwner(database) !== null) throw new DamagedRow('not a state file of this version');
    return { database, prepared: options.prepare(database), identity: null, wasEmpty: false };
  });
  return { kind: 'unwritable', file, fault, setAside };
}

function openOnce<T>(path: string, options: OpenOptions<T>): Opened<T> {
  const before = statSync(path, { throwIfNoEntry: false });
  const log = logFault(path, before?.size ?? 0);
  // SQLite deletes the log of an empty file at once, so it cannot be looked at later.
  if (log !== null && before?.size === 0 && lockHolder(path) === null) {
    return { kind: 'damaged', fault: { kind: 'damaged', text: log }, setAside: null };
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: options.busyMs });
    database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;');
    database.exec('PRAGMA journal_size_limit=4194304');
    const refusal = checkOwner(database);
    if (refusal !== null) {
      database.close();
      return { kind: 'refused', fault: { kind: 'foreign', text: refusal } };
    }
    if (log !== null) throw new DamagedRow(log);
    const verdict = database.prepare('PRAGMA quick_check(1)').get()?.quick_check;
    if (verdict !== 'ok') throw new DamagedRow(`the file is damaged (${String(verdict)})`);
    const fault = migrate(database);
    const prepared = options.prepare(database);
    const identity = path === ':memory:' ? null : identityOf(path);
    return { kind: 'open', file: { database, prepared, identity, wasEmpty: before?.size === 0 }, fault };
  } catch (error) {
    return failed(path, error, database, before === undefined, options.at);
  }
}

function failed<T>(
  path: string,
  error: unknown,
  database: DatabaseSync | undefined,
  isNew: boolean,
  at: string,
): Opened<T> {
  // A table or a column that is missing from a database that is ours has been damaged away.
  const fault = sqliteCode(error) === SQLITE_ERROR ? damage(error) : faultOrUnusable(error);
  let setAside: string | null = null;
  if (fault.kind === 'damaged') {
    try {
      // While it is still open: closing it would write back or delete a log that somebody may want to read.
      setAside = setFileAside(path, at);
    } catch {
      // It is tried again once the file is closed, and what it says then is told.
    }
  }
  if (database?.isOpen === true) database.close();
  if (fault.kind === 'damaged') return { kind: 'damaged', fault, setAside };
  if (fault.kind === 'locked') {
    const holder = lockHolder(path);
    const text = holder === null ? fault.text : `another process (pid ${holder}) holds this state file`;
    return { kind: 'refused', fault: { ...fault, text } };
  }
  if (isNew) removeEmpty(path);
  return { kind: 'failed', fault };
}

/** Why a database is not ours to open, or null. */
function checkOwner(database: DatabaseSync): string | null {
  const names = database
    .prepare('SELECT name FROM sqlite_schema')
    .all()
    .map((row) => String(row.name));
  if (names.length > 0 && pragma(database, 'application_id') !== APPLICATION_ID) {
    // One flipped bit in the mark does not make it a stranger's.
    if (['positions', 'receipts', 'events'].every((name) => names.includes(name))) {
      throw new DamagedRow('the file is damaged (its mark)');
    }
    return 'this database belongs to another program';
  }
  const version = pragma(database, 'user_version');
  if (version <= STEPS.length) return null;
  return `a newer Tidegate has written this state file (schema ${version}, this one knows ${STEPS.length}): run that one, or name another file`;
}

/** Brings the schema up to date, and writes in any case. Gives what kept a schema that is up to date from being written. */
function migrate(database: DatabaseSync): StateFault | null {
  const steps = STEPS.slice(pragma(database, 'user_version'));
  try {
    // Also the lock is held for certain from here on.
    database.exec(`BEGIN IMMEDIATE; ${steps.join('\n')}
      PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${STEPS.length}; COMMIT;`);
    return null;
  } catch (error) {
    const fault = faultOf(error);
    const isRoom = sqliteCode(error) === 10 || fault?.kind === 'full';
    if (database.isTransaction) database.exec('ROLLBACK');
    if (steps.length > 0 || fault === null || !isRoom) throw error;
    return fault;
  }
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function damage(error: unknown): StateFault {
  return { kind: 'damaged', text: `the file is damaged (${faultText(error)})` };
}

function faultOrUnusable(error: unknown): StateFault {
  return faultOf(error) ?? { kind: 'unusable', text: faultText(error) };
}

/** A file that could be created and not written says nothing, and would be taken for one that was emptied. */
function removeEmpty(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.size === 0) rmSync(path);
    if (existsSync(`${path}-wal`) && !existsSync(path)) rmSync(`${path}-wal`);
  } catch {
    // It stays, and is found empty by whoever opens it.
  }
}
