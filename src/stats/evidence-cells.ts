/**
 * What a release is judged by, on the board: for each gate position, how many exchanges were judged, how many of them were
 * bad, and how many were slower than each of up to 24 boundaries.
 *
 * Kept apart from the series, since only services with a rollout need it: 64 positions with 26 cells each are 13 KiB for each
 * version and data thread. As there, a row is written by one thread only. Where a reader meets a writer between two cells of
 * one exchange it sees the exchange a tick later in one of them.
 *
 * The boundaries belong to the rollout that is judged, and change from one to the next. So the level of a duration (how many
 * boundaries it has reached) is looked up in a table in shared memory that the control plane fills when a rollout begins;
 * an empty table has level 0 for all durations, and latency costs nothing then.
 *
 * While a version is the candidate of a rollout it is watched: its first bad event since the control plane has last looked is
 * news, for which the bell is rung (`bell.ts`). A good request, and any request of a version that is not watched, writes and
 * reads nothing for that.
 */
import { BUCKETS } from './histogram.ts';
import { POSITION_SLOTS } from './series.ts';

/** How many boundaries can be counted. */
export const BOUNDARIES_MAX = 24;

const JUDGED = 0;
const BAD = 1;
const ABOVE = 2;
const SLOT_CELLS = ABOVE + BOUNDARIES_MAX;
const ROW = POSITION_SLOTS * SLOT_CELLS;

/** The head of the memory: one word, and its padding. */
const HEAD_BYTES = 8;
const NOT_WATCHED = 0;
const NO_NEWS = 1;
const NEWS = 2;

/** Memory for the evidence of one version, all zero: nobody watches it. */
export function createEvidenceMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + threads * ROW * 8);
}

/** Memory for the level of each bucket of the histogram, all 0. */
export function createLevelMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BUCKETS);
}

/** One data thread's row. Only that thread may hold it. */
export class EvidenceWriter {
  readonly #cells: Float64Array;
  readonly #head: Int32Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, HEAD_BYTES + thread * ROW * 8, ROW);
    this.#head = new Int32Array(memory, 0, 1);
  }

  /** An exchange that the position in `slot` has routed was judged. */
  judged(slot: number): void {
    this.#cells[slot * SLOT_CELLS + JUDGED]! += 1;
  }

  /** It was bad. */
  bad(slot: number): void {
    this.#cells[slot * SLOT_CELLS + BAD]! += 1;
  }

  /**
   * Says that something bad has been counted, here or by a signal of the same version. True when whoever watches the version
   * has to be woken for it: it is watched, and nothing was said since the news were last taken.
   */
  isNews(): boolean {
    return Atomics.load(this.#head, 0) !== NOT_WATCHED && Atomics.exchange(this.#head, 0, NEWS) === NO_NEWS;
  }

  /** It was slower than the boundaries from `from` to before `to`. */
  above(slot: number, from: number, to: number): void {
    const start = slot * SLOT_CELLS + ABOVE;
    for (let boundary = from; boundary < to; boundary += 1) this.#cells[start + boundary]! += 1;
  }
}

/** Has bad events of this version told, or not any more. */
export function watchEvidence(memory: SharedArrayBuffer, isWatched: boolean): void {
  Atomics.store(new Int32Array(memory, 0, 1), 0, isWatched ? NO_NEWS : NOT_WATCHED);
}

/** Whether something bad was counted since the last call. To be called before the counts are read; it must be watched. */
export function takeNews(memory: SharedArrayBuffer): boolean {
  return Atomics.exchange(new Int32Array(memory, 0, 1), 0, NO_NEWS) === NEWS;
}

/** The counts of one position since the board began. */
export interface EvidenceCounts {
  readonly judged: number;
  readonly bad: number;
  /** How many were slower than each boundary, BOUNDARIES_MAX of them. */
  readonly above: readonly number[];
}

/** All rows, summed at the moment of the call. A slot serves many positions in turn: compare with what it was before. */
export function readEvidence(memory: SharedArrayBuffer, slot: number): EvidenceCounts {
  const cells = new Float64Array(memory, HEAD_BYTES);
  const sums = new Array<number>(SLOT_CELLS).fill(0);
  for (let row = 0; row * ROW < cells.length; row += 1) {
    const start = row * ROW + slot * SLOT_CELLS;
    for (let cell = 0; cell < SLOT_CELLS; cell += 1) sums[cell]! += cells[start + cell]!;
  }
  return { judged: sums[JUDGED]!, bad: sums[BAD]!, above: sums.slice(ABOVE) };
}

/** All positions and rows together: exchanges that were judged since the board began, and the bad ones among them. */
export function readJudged(memory: SharedArrayBuffer): { readonly judged: number; readonly bad: number } {
  const cells = new Float64Array(memory, HEAD_BYTES);
  let judged = 0;
  let bad = 0;
  for (let start = 0; start < cells.length; start += SLOT_CELLS) {
    judged += cells[start + JUDGED]!;
    bad += cells[start + BAD]!;
  }
  return { judged, bad };
}
