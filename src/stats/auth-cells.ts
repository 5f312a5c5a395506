/**
 * The board's record of the questions that one route asks of its forward-auth service: what came of them, why some came
 * to nothing, and how long they took. One row for each data thread, written by that thread only.
 */
import { BUCKETS, bucketOf } from './histogram.ts';

/**
 * What came of a question, in the order of the cells. What follows `cancelled` (the client has gone) are the reasons why a
 * question came to nothing and its request was answered with a 503.
 */
export const AUTH_RESULTS = [
  'allowed',
  'refused',
  'cancelled',
  'busy',
  'unavailable',
  'timeout',
  'invalid',
  'too-large',
] as const;

/** A name of `AUTH_RESULTS`. */
export type AuthResult = (typeof AUTH_RESULTS)[number];

/** The results that are failures. */
export const AUTH_FAILURES = AUTH_RESULTS.slice(3);

const SUM = AUTH_RESULTS.length;
const HISTOGRAM = SUM + 1;
/** A multiple of eight, so that no two threads write one cache line. */
const ROW = Math.ceil((HISTOGRAM + BUCKETS) / 8) * 8;

/** Memory for one route of `threads` rows. */
export function createAuthMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row of a route. */
export class AuthWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  /** A question is over. How long it took says nothing where the client did not wait for the end. */
  ended(result: AuthResult, durationUs: number): void {
    this.#cells[AUTH_RESULTS.indexOf(result)]! += 1;
    if (result === 'cancelled') return;
    this.#cells[SUM]! += durationUs;
    this.#cells[HISTOGRAM + bucketOf(durationUs)]! += 1;
  }
}

/** The figures of a route over all threads. */
export interface AuthTotals {
  /** In the order of `AUTH_RESULTS`. */
  readonly results: Float64Array;
  /** The buckets of `histogram.ts`. */
  readonly durations: Float64Array;
  readonly durationSumUs: number;
}

/** Adds up the rows of all threads. */
export function readAuth(memory: SharedArrayBuffer): AuthTotals {
  const cells = new Float64Array(memory);
  const sums = new Float64Array(ROW);
  for (let index = 0; index < cells.length; index++) sums[index % ROW]! += cells[index]!;
  return {
    results: sums.slice(0, SUM),
    durations: sums.slice(HISTOGRAM, HISTOGRAM + BUCKETS),
    durationSumUs: sums[SUM]!,
  };
}
