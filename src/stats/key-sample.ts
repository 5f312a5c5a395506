/**
 * A bounded sample of the keys that a flag was lately asked about, of which nothing is kept but the roll: where the key stands on the
 * scale of shares. A roll alone says whether a percentage takes the key in, so a preview can count who would change. The table is in
 * memory only and leaves the process as a count, because with all keys at hand one could try which of them fits a cell.
 *
 *     a cell, 32 bits:   bits 0-16  the roll and 1 (0: empty)      bits 17-31  the minute in which it was written, of 22 days
 *
 * A key has one cell, by a hash of its own, so that a visitor counts once however many pages are loaded; of the keys that share a
 * cell the first of a minute is kept. Up to a few hundred keys nearly all are in the table, and beyond that it is a fair sample, since a
 * key's cell says nothing about its roll. A cell is written once a minute at most, which bounds what the sample costs a data
 * thread: mostly one hash and one load, and the roll is asked for only when it is stored.
 *
 * All threads write the same table without locks: a cell is one word, which is never torn, and which of two keys stays is the
 * same to a sample. Rejected: a ring in order of arrival (one busy client fills it), a ring for each thread (a key that
 * several threads have met counts several times), the keys themselves (who was here is nobody's business).
 */
import type { Buckets } from '../flags/bucket.ts';
import { SHARE_ALL } from '../flags/dial.ts';
import { murmur3 } from '../routing/hash.ts';

/** So many cells the table has, and so many keys it tells of at most. */
export const SAMPLE_CELLS = 4096;
/** Another seed than any bucket has, so that a cell is independent of a roll. */
const CELL_SEED = 0x6b657973;
const MINUTE_MS = 60_000;
const STAMP_SHIFT = 17;
const ROLL_MASK = (1 << STAMP_SHIFT) - 1;
const STAMP_MASK = 0x7fff;
/** What is older cannot be told from what is new, because the stamps have begun again. */
export const SAMPLE_AGE_MS_MAX = STAMP_MASK * MINUTE_MS;

/** Memory for the sample of one flag: 16 KiB, all empty. */
export function createSampleMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(SAMPLE_CELLS * 4);
}

/** One thread's way into the sample of one flag. */
export class KeySampler {
  readonly #cells: Int32Array;
  readonly #buckets: Pick<Buckets, 'roll'>;

  constructor(memory: SharedArrayBuffer, buckets: Pick<Buckets, 'roll'>) {
    this.#cells = new Int32Array(memory);
    this.#buckets = buckets;
  }

  /** The flag was drawn for this key now, in milliseconds since 1970; without a key nothing is kept. */
  saw(key: string | undefined, nowMs: number): void {
    if (key === undefined) return;
    const cell = murmur3(key, CELL_SEED) & (SAMPLE_CELLS - 1);
    const stamp = stampOf(nowMs);
    const word = this.#cells[cell]!;
    if (word !== 0 && word >>> STAMP_SHIFT === stamp) return;
    this.#cells[cell] = (stamp << STAMP_SHIFT) | (Math.min(Math.floor(this.#buckets.roll(key)), SHARE_ALL) + 1);
  }
}

/** The rolls of the keys that were seen within `withinMs` before now, a whole number of minutes at least, in no order. */
export function sampledRolls(memory: SharedArrayBuffer, nowMs: number, withinMs: number): Int32Array {
  const cells = new Int32Array(memory);
  const now = stampOf(nowMs);
  const ageMax = Math.min(withinMs, SAMPLE_AGE_MS_MAX) / MINUTE_MS;
  return cells.filter((word) => word !== 0 && ((now - (word >>> STAMP_SHIFT)) & STAMP_MASK) <= ageMax).map(rollIn);
}

/** Forgets everybody: what was rolled with another salt says nothing. */
export function clearSample(memory: SharedArrayBuffer): void {
  new Int32Array(memory).fill(0);
}

function rollIn(word: number): number {
  return (word & ROLL_MASK) - 1;
}

function stampOf(nowMs: number): number {
  return Math.floor(nowMs / MINUTE_MS) & STAMP_MASK;
}
