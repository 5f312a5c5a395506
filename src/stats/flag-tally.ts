/**
 * The board's record of what flags do that is not about one of them: tokens and choices that were not believed, keys that were given
 * out, what had no room. One row for each data thread, written by that thread only.
 */

/**
 * What is counted, in the order of the cells. `override-used`, `-expired` and `-refused`: a tester's choice; `token-refused`: a token
 * that is none, or not signed as it should be; `anonymous-key`: a visitor was given a key; `header-left-out`: a flag that
 * did not fit into Feature-Flags; `exposure-dropped`: too many waited for the control plane.
 */
export const FLAG_TALLIES = [
  'override-used',
  'override-expired',
  'override-refused',
  'token-refused',
  'anonymous-key',
  'header-left-out',
  'exposure-dropped',
] as const;

/** A name of `FLAG_TALLIES`. */
export type FlagTally = (typeof FLAG_TALLIES)[number];

const ROW = 8;

/** Memory for `threads` rows. */
export function createFlagTallyMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row. */
export class FlagTallyWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  count(what: FlagTally): void {
    this.#cells[FLAG_TALLIES.indexOf(what)]! += 1;
  }
}

/** The counts over all threads. */
export function readFlagTally(memory: SharedArrayBuffer): Readonly<Record<FlagTally, number>> {
  const cells = new Float64Array(memory);
  const sumAt = (index: number): number => {
    let sum = 0;
    for (let at = index; at < cells.length; at += ROW) sum += cells[at]!;
    return sum;
  };
  return Object.fromEntries(FLAG_TALLIES.map((name, index) => [name, sumAt(index)])) as Record<FlagTally, number>;
}
