/**
 * Opens the state file: one SQLite database that belongs to one process, with the schema of this version.
 *
 * `locking_mode=EXCLUSIVE` from before the first read is what keeps a second Tidegate out: two of them would each move
 * gates and each forget the other's. The kernel drops the lock with the process, so kill -9 leaves no stale one behind.
 * WAL with `synchronous=FULL` syncs the log at every commit: an answered change survives the process and the power.
 *
 * A damaged file must not keep the proxy from starting, and must not be lost either: it is moved aside as
 * `<path>.broken-<n>` with the log that SQLite has left, if any, and a new file begins. A file that is whole but not
 * ours, or that a newer Tidegate wrote, is left alone and refused. Schema steps run in one transaction, counted by
 * `user_version`.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What an operation on the state came to. `error` is a sentence for people. */
export type Stored<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** An open database; `setAside` is where a damaged file was moved to, or null. */
export interface StateFile {
  readonly database: DatabaseSync;
  readonly setAside: string | null;
}

/** How long to wait for an earlier process to let go of the file. */
const BUSY_MS = 1_000;
/** Damaged files that are kept; beyond it somebody has to look. */
const BROKEN_MAX = 100;
/** `TDGT`: marks a database as Tidegate's. */
const APPLICATION_ID = 0x54444754;

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOT_A_DATABASE = 26;

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
];

/** Opens or creates the file with its folder; `:memory:` keeps nothing. Never throws. */
export function openStateFile(path: string): Stored<StateFile> {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    return { ok: false, error: `${path}: ${faultText(error)}` };
  }
  const first = openOnce(path);
  if (first.kind === 'open') return { ok: true, value: { database: first.database, setAside: null } };
  if (first.kind === 'refused') return { ok: false, error: `${path}: ${first.error}` };
  const setAside = moveAside(path);
  if (!setAside.ok) return { ok: false, error: `${path}: ${first.error}, and ${setAside.error}` };
  const second = openOnce(path);
  if (second.kind === 'open') return { ok: true, value: { database: second.database, setAside: setAside.value } };
  return { ok: false, error: `${path}: ${second.error}` };
}

/** A sentence about a fault of SQLite or of the file system. */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown fault';
  return errcodeOf(error) === SQLITE_BUSY ? 'another process holds this state file' : error.message;
}

type Opened =
  | { readonly kind: 'open'; readonly database: DatabaseSync }
  | { readonly kind: 'refused' | 'damaged'; readonly error: string };

function openOnce(path: string): Opened {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: BUSY_MS });
    database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;');
    database.exec('PRAGMA journal_size_limit=4194304');
    const refusal = migrate(database);
    if (refusal === null) return { kind: 'open', database };
    database.close();
    return refusal;
  } catch (error) {
    if (database?.isOpen === true) database.close();
    const errcode = errcodeOf(error);
    const damaged = errcode === SQLITE_CORRUPT || errcode === SQLITE_NOT_A_DATABASE;
    return { kind: damaged ? 'damaged' : 'refused', error: faultText(error) };
  }
}

/** Brings the schema up to date; answers why that is not possible, or null. */
function migrate(database: DatabaseSync): Opened | null {
  const version = pragma(database, 'user_version');
  const tables = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count;
  if (tables !== 0 && pragma(database, 'application_id') !== APPLICATION_ID) {
    return { kind: 'refused', error: 'this database belongs to another program' };
  }
  if (version > STEPS.length) return { kind: 'refused', error: 'a newer Tidegate has written this state file' };
  const verdict = database.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (verdict !== 'ok') return { kind: 'damaged', error: `the file is damaged (${String(verdict)})` };
  // Even without a step to take, the write transaction makes sure that the lock is held from here on.
  const steps = STEPS.slice(version).join('\n');
  database.exec(`BEGIN IMMEDIATE; ${steps}
    PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${STEPS.length}; COMMIT;`);
  return null;
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** Renames the file and its log; without the log first, SQLite would replay it into the new file. */
function moveAside(path: string): Stored<string> {
  try {
    for (let count = 1; count <= BROKEN_MAX; count++) {
      const aside = `${path}.broken-${count}`;
      if (existsSync(aside) || existsSync(`${aside}-wal`)) continue;
      for (const suffix of ['-wal', '-shm', '']) {
        if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
      }
      return { ok: true, value: aside };
    }
    return { ok: false, error: `${BROKEN_MAX} damaged files lie beside it already` };
  } catch (error) {
    return { ok: false, error: `it could not be moved aside: ${faultText(error)}` };
  }
}

function errcodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  // Extended codes carry the primary one in their lowest byte.
  return error.errcode & 0xff;
}
