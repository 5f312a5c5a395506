/**
 * Whether the log that SQLite has left beside the state file can be read at all.
 *
 * After a kill the last changes are in the log only. SQLite takes a log whose header it does not understand for an empty
 * one, and an empty database for one without a log: both would forget, without a word, what was answered. A frame that is
 * damaged further on cannot be told from a write that the power cut short, and is left to SQLite's checksums. Source: the
 * SQLite file format, section 4.1.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

const HEADER_BYTES = 32;
const MAGIC = 0x377f0682;

/** Why the log beside a database of `databaseBytes` cannot be read, or null when it can or there is none. */
export function logFault(path: string, databaseBytes: number): string | null {
  const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= HEADER_BYTES) return null;
  if (databaseBytes === 0) return 'the file is empty and its log is not';
  const header = Buffer.alloc(HEADER_BYTES);
  try {
    const file = openSync(`${path}-wal`, 'r');
    try {
      readSync(file, header, 0, HEADER_BYTES, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    // Whoever may not read it finds that out by opening the database.
    return null;
  }
  return isHeader(header) ? null : 'the log of the file is damaged';
}

/** A header has the magic number, whose lowest bit is the byte order of its checksum over the first 24 bytes. */
function isHeader(header: Buffer): boolean {
  const magic = header.readUInt32BE(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return false;
  const word = (offset: number): number =>
    (magic & 1) === 1 ? header.readUInt32BE(offset) : header.readUInt32LE(offset);
  let [one, other] = [0, 0];
  for (let offset = 0; offset < 24; offset += 8) {
    one = (one + word(offset) + other) >>> 0;
    other = (other + word(offset + 4) + one) >>> 0;
  }
  return header.readUInt32BE(24) === one && header.readUInt32BE(28) === other;
}
