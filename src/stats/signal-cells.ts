/**
 * What a signal of the business is judged by, on the board: for each gate position, how many exchanges it was about, and how
 * many of them were bad.
 *
 * One block for each (service, pool, version, signal), so that a service without such signals pays nothing, and a signal that
 * is moved to another place in the file goes on counting where it stood. Rejected: further cells in `evidence-cells.ts`, whose
 * meaning would change with the order of the file. As there, a row is written by one data thread only.
 */
import { POSITION_SLOTS } from './series.ts';

const JUDGED = 0;
const BAD = 1;
const SLOT_CELLS = 2;
const ROW = POSITION_SLOTS * SLOT_CELLS;

/** Memory for one signal of one version, all zero. */
export function createSignalMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row. Only that thread may hold it. */
export class SignalWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  /** The signal was about an exchange that the position in `slot` has routed. */
  judged(slot: number): void {
    this.#cells[slot * SLOT_CELLS + JUDGED]! += 1;
  }

  /** It was bad. */
  bad(slot: number): void {
    this.#cells[slot * SLOT_CELLS + BAD]! += 1;
  }
}

/** The counts of one position since the board began. */
export interface SignalCounts {
  readonly judged: number;
  readonly bad: number;
}

/** All rows, summed at the moment of the call. A slot serves many positions in turn: compare with what it was before. */
export function readSignal(memory: SharedArrayBuffer, slot: number): SignalCounts {
  const cells = new Float64Array(memory);
  let judged = 0;
  let bad = 0;
  for (let at = slot * SLOT_CELLS; at < cells.length; at += ROW) {
    judged += cells[at + JUDGED]!;
    bad += cells[at + BAD]!;
  }
  return { judged, bad };
}

/** All positions and rows together: what was counted since the board began. */
export function readAllSignal(memory: SharedArrayBuffer): SignalCounts {
  const cells = new Float64Array(memory);
  let judged = 0;
  let bad = 0;
  for (let at = 0; at < cells.length; at += SLOT_CELLS) {
    judged += cells[at + JUDGED]!;
    bad += cells[at + BAD]!;
  }
  return { judged, bad };
}
