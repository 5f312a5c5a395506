/**
 * Moves a damaged state file out of the way, with the log that SQLite has left beside it, and never deletes a byte of it.
 *
 * The new name ends in the time, so that people see which outage it is from; where the name is taken (a clock that was
 * set back), a number follows. The log goes first: a log that stays behind would be replayed into the file that begins
 * anew. A disk that damages every file must not be filled with copies, so their number has a limit.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Damaged files that may lie beside the state file; beyond it somebody has to look. */
export const BROKEN_MAX = 20;

/** What belongs to a database: the log, the index of the log, the file itself. */
const SUFFIXES = ['-wal', '-shm', ''];

/** Renames the file; gives its new path. `at` is ISO 8601. Throws when it cannot be done. */
export function setFileAside(path: string, at: string): string {
  const prefix = `${basename(path)}.broken-`;
  const files = readdirSync(dirname(path)).filter((name) => name.startsWith(prefix) && !/-(wal|shm)$/.test(name));
  if (files.length >= BROKEN_MAX) throw new Error(`${BROKEN_MAX} damaged files lie beside it already: move them away`);
  const name = `${path}.broken-${at.slice(0, 19).replaceAll(':', '-')}`;
  let aside = name;
  for (let count = 2; SUFFIXES.some((suffix) => existsSync(aside + suffix)); count++) aside = `${name}-${count}`;
  for (const suffix of SUFFIXES) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}
