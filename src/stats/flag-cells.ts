/**
 * The board's record of one flag: how often requests were given each of its variants, and why. One row for each data thread, written
 * by that thread only.
 *
 * The block belongs to the flag and the names of its variants; with another list of variants it is another block.
 */
import type { Reason } from '../flags/flag.ts';

/** The reasons, in the order of the cells. */
export const FLAG_REASONS: readonly Reason[] = ['STATIC', 'DISABLED', 'TARGETING_MATCH', 'DEFAULT', 'SPLIT', 'ERROR'];

const REASON_CELLS = 8;

/** Memory for a flag with so many variants. */
export function createFlagMemory(threads: number, variants: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * variants * REASON_CELLS * 8);
}

/** One data thread's row of a flag. Only that thread may hold it. */
export class FlagWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, variants: number, thread: number) {
    const row = variants * REASON_CELLS;
    this.#cells = new Float64Array(memory, thread * row * 8, row);
  }

  /** A request was given this variant for this reason. */
  evaluated(variant: number, reason: Reason): void {
    this.#cells[variant * REASON_CELLS + FLAG_REASONS.indexOf(reason)]! += 1;
  }
}

/** How often requests were given each variant, over all threads, by the variant's index and then in the order of FLAG_REASONS. */
export function readEvaluations(memory: SharedArrayBuffer, variants: number): readonly (readonly number[])[] {
  const cells = new Float64Array(memory);
  const row = variants * REASON_CELLS;
  return Array.from({ length: variants }, (_, variant) =>
    FLAG_REASONS.map((_reason, reason) => {
      let sum = 0;
      for (let at = variant * REASON_CELLS + reason; at < cells.length; at += row) sum += cells[at]!;
      return sum;
    }),
  );
}
