/**
 * The board's record of one route: what its rules refused, one row for each data thread, written by that thread only.
 */

/** What a rule does to a request, in the order of the cells. `would-limit` is a rate limit that only counts. */
export const RULE_RESULTS = ['ip-denied', 'rate-limited', 'would-limit', 'unauthorized', 'auth-busy'] as const;

/** A name of `RULE_RESULTS`. */
export type RuleResult = (typeof RULE_RESULTS)[number];

const ROW = 8;

/** Memory for one route of `threads` rows. */
export function createRouteMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row of a route. */
export class RouteWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  /** A rule has done this to a request. */
  count(result: RuleResult): void {
    this.#cells[RULE_RESULTS.indexOf(result)]! += 1;
  }
}

/** The counts of a route over all threads, in the order of `RULE_RESULTS`. */
export function readRoute(memory: SharedArrayBuffer): Float64Array {
  const cells = new Float64Array(memory);
  const sums = new Float64Array(RULE_RESULTS.length);
  for (let row = 0; row < cells.length; row += ROW) {
    for (let index = 0; index < sums.length; index++) sums[index]! += cells[row + index]!;
  }
  return sums;
}
