/**
 * The board's record of what became of requests that had one variant of a flag and were routed to one pool: what users saw, how long
 * it took, what failed. One row for each data thread, written by that thread only.
 *
 * Kept apart from the series of versions, which know nothing of users: an exchange is in one of those, and here once for each flag
 * of its route. `judged` and `errors` are of the attempt that the version is judged by, as `witness.ts` says, also where the
 * variant and not the gate chose the pool.
 */
import { BUCKETS, bucketOf } from './histogram.ts';
import { CODES, codeOf } from './series.ts';

const CODE = 0;
const JUDGED = CODE + 8;
const ERRORS = JUDGED + 1;
const FALLBACKS = JUDGED + 2;
const DURATION_SUM = JUDGED + 3;
const DURATION = JUDGED + 4;
const ROW = DURATION + BUCKETS;

/** Memory for one (flag, variant, service, pool). */
export function createFlagSeriesMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row. Only that thread may hold it. */
export class FlagSeriesWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  /** An exchange has ended: what its user saw (0: nothing), and how long all of it took. */
  ended(status: number, durationUs: number): void {
    const cells = this.#cells;
    cells[CODE + codeOf(status)]! += 1;
    cells[DURATION + bucketOf(durationUs)]! += 1;
    cells[DURATION_SUM]! += durationUs;
  }

  /** An exchange says something about its version: whether it was bad. */
  judged(isBad: boolean): void {
    this.#cells[JUDGED]! += 1;
    this.#cells[ERRORS]! += isBad ? 1 : 0;
  }

  /** The variant names this pool, none of its endpoints admits anybody, and the exchange went to the active pool. */
  fellBack(): void {
    this.#cells[FALLBACKS]! += 1;
  }
}

/** The sums of all rows at the moment of the call. */
export interface FlagSeriesCounts {
  /** Exchanges by what their users saw, in the order of `CODES`. */
  readonly codes: readonly number[];
  readonly judged: number;
  readonly errors: number;
  readonly fallbacks: number;
  readonly durationSumUs: number;
  /** Bucket counts of whole exchanges (see `histogram.ts`). */
  readonly durations: Float64Array;
}

/** The sums of what is judged and what of it was bad, without the rest. */
export function readFlagJudged(memory: SharedArrayBuffer): { readonly judged: number; readonly bad: number } {
  const cells = new Float64Array(memory);
  let [judged, bad] = [0, 0];
  for (let start = 0; start < cells.length; start += ROW) {
    judged += cells[start + JUDGED]!;
    bad += cells[start + ERRORS]!;
  }
  return { judged, bad };
}

/** Reads a block; it never disturbs a writer. */
export function readFlagSeries(memory: SharedArrayBuffer): FlagSeriesCounts {
  const cells = new Float64Array(memory);
  const sums = new Float64Array(ROW);
  for (let start = 0; start < cells.length; start += ROW) {
    for (let cell = 0; cell < ROW; cell += 1) sums[cell]! += cells[start + cell]!;
  }
  return {
    codes: [...sums.subarray(CODE, CODE + CODES.length)],
    judged: sums[JUDGED]!,
    errors: sums[ERRORS]!,
    fallbacks: sums[FALLBACKS]!,
    durationSumUs: sums[DURATION_SUM]!,
    durations: sums.slice(DURATION),
  };
}
