/**
 * What can be wrong with the state file, told apart by what somebody has to do about it, and said in sentences for people.
 *
 * SQLite and the file system each have their own numbers; one table turns them into kinds. A fault that is in no row is
 * not one of the file (a value that JSON cannot hold, a key that exists): it is answered to the caller and says nothing
 * about whether the next write will succeed. Extended codes of SQLite carry the primary one in their lowest byte.
 */

/**
 * `locked`: another process has it. `damaged`: what is in it cannot be trusted. `full`: no room. `read-only`: no right to
 * write. `unusable`: it cannot be opened, read or written for another reason. `displaced`: it has been removed, or another
 * file put in its place. `foreign`: it is whole, and not this version's.
 */
export type FaultKind = 'locked' | 'damaged' | 'full' | 'read-only' | 'unusable' | 'displaced' | 'foreign';

/** A fault of the state file; `text` is a sentence without the path. */
export interface StateFault {
  readonly kind: FaultKind;
  readonly text: string;
}

/** A row that does not say what was once written into it. */
export class DamagedRow extends Error {}

const SQLITE_KINDS: ReadonlyMap<number, FaultKind> = new Map([
  [3, 'read-only'],
  [5, 'locked'],
  [6, 'locked'],
  [8, 'read-only'],
  [10, 'unusable'],
  [11, 'damaged'],
  [13, 'full'],
  [14, 'unusable'],
  [26, 'damaged'],
]);
const SYSTEM_KINDS: ReadonlyMap<string, FaultKind> = new Map([
  ['EACCES', 'read-only'],
  ['EPERM', 'read-only'],
  ['EROFS', 'read-only'],
  ['ENOSPC', 'full'],
  ['EDQUOT', 'full'],
  ['EFBIG', 'full'],
  ['ENOENT', 'unusable'],
  ['ENOTDIR', 'unusable'],
  ['EISDIR', 'unusable'],
  ['EEXIST', 'unusable'],
  ['EBUSY', 'unusable'],
  ['EIO', 'unusable'],
]);

/** What an error says about the file, or null when it says nothing about it. */
export function faultOf(error: unknown): StateFault | null {
  if (!(error instanceof Error)) return null;
  const kind = kindOf(error);
  return kind === null ? null : { kind, text: faultText(error) };
}

/** A sentence about any fault. */
export function faultText(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown fault';
  return kindOf(error) === 'locked' ? 'another process holds this state file' : error.message;
}

/** The primary code of SQLite, or null for an error of something else. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

function kindOf(error: Error): FaultKind | null {
  if (error instanceof DamagedRow) return 'damaged';
  const code = sqliteCode(error);
  if (code !== null) return SQLITE_KINDS.get(code) ?? null;
  return 'code' in error ? (SYSTEM_KINDS.get(String(error.code)) ?? null) : null;
}
