/**
 * The board's record of what was shed: requests and connections that Tidegate turned away because it, or a pool, had
 * enough to do. One row for each data thread, written by that thread only.
 */

/**
 * Why, as the label `reason`, in the order of the cells. `lag`: the event loop was behind; `connection`: so far behind that
 * connections were closed before their first request; `in-flight` and `pool-in-flight`: a limit on exchanges in flight.
 */
export const SHED_REASONS = ['lag', 'connection', 'in-flight', 'pool-in-flight'] as const;
export type ShedReason = (typeof SHED_REASONS)[number];

const ROW = 8;
const SHEDDING = SHED_REASONS.length;

/** Memory for `threads` rows. */
export function createOverloadMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row. */
export class OverloadWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  shed(reason: ShedReason): void {
    this.#cells[SHED_REASONS.indexOf(reason)]! += 1;
  }

  /** Whether the thread sheds for its lag just now. */
  setShedding(shedding: boolean): void {
    this.#cells[SHEDDING] = shedding ? 1 : 0;
  }
}

/** What was shed over all threads, in the order of `SHED_REASONS`. */
export function readShed(memory: SharedArrayBuffer): Float64Array {
  const cells = new Float64Array(memory);
  const sums = new Float64Array(SHED_REASONS.length);
  for (let row = 0; row < cells.length; row += ROW) {
    for (let index = 0; index < sums.length; index++) sums[index]! += cells[row + index]!;
  }
  return sums;
}

/** Whether a thread sheds for its lag just now. */
export function isShedding(memory: SharedArrayBuffer, thread: number): boolean {
  return new Float64Array(memory)[thread * ROW + SHEDDING] === 1;
}

/** A dead thread sheds no more; what it has shed stays counted. */
export function settleDeadOverloadRow(memory: SharedArrayBuffer, thread: number): void {
  new Float64Array(memory)[thread * ROW + SHEDDING] = 0;
}
