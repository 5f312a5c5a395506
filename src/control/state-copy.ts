/**
 * Reads a state file that cannot be written, by way of a copy.
 *
 * SQLite needs to write beside a database in WAL mode even to read it, so on a read-only volume the last changes would
 * be out of reach, and with them where traffic stands. File and log are copied into a temporary folder, which is removed
 * as soon as the copy is open; nothing is ever written into it. Rejected: `immutable=1`, which leaves out the log.
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What `use` makes of an open copy of the file; null when there is nothing to copy, or it cannot be read. */
export function copyForReading<T>(path: string, use: (database: DatabaseSync) => T): T | null {
  if (path === ':memory:' || !existsSync(path)) return null;
  let folder: string | undefined;
  let database: DatabaseSync | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-state-'));
    const copy = join(folder, 'state.db');
    for (const suffix of ['', '-wal']) {
      if (!existsSync(path + suffix)) continue;
      copyFileSync(path + suffix, copy + suffix);
      // A copy has the rights of its original, and SQLite wants to lock it.
      chmodSync(copy + suffix, 0o600);
    }
    database = new DatabaseSync(copy);
    database.exec('PRAGMA locking_mode=EXCLUSIVE');
    const result = use(database);
    database.exec('PRAGMA query_only=ON');
    return result;
  } catch {
    // The fault that led here is the one that is told.
    if (database?.isOpen === true) database.close();
    return null;
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
