/**
 * The board's record of one flag: how often each of its variants was given, and for what reason.
 *
 * One row for each data thread, written by that thread only, and one more for the control plane, which answers over OFREP. A row has
 * a cell for each pair of variant and reason, so its size is bounded by what the config allows and nothing that a client
 * sends can make it grow. The memory is made for the variants that the flag has; with others, there is another.
 */

/** The reasons of an evaluation, in the order of the cells. */
export const FLAG_REASONS = ['STATIC', 'DISABLED', 'TARGETING_MATCH', 'DEFAULT', 'SPLIT', 'ERROR'] as const;

/** A name of `FLAG_REASONS`. */
export type FlagReason = (typeof FLAG_REASONS)[number];

/** Memory for a flag with so many variants, with `threads` rows and the control plane's. */
export function createFlagMemory(threads: number, variants: number): SharedArrayBuffer {
  return new SharedArrayBuffer((threads + 1) * rowOf(variants) * 8);
}

/** The row of one data thread, or that of the control plane, whose number is that of the data threads. */
export class FlagWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, variants: number, row: number) {
    this.#cells = new Float64Array(memory, row * rowOf(variants) * 8, rowOf(variants));
  }

  /** The variant with this index was given. */
  count(variant: number, reason: FlagReason): void {
    this.#cells[variant * FLAG_REASONS.length + FLAG_REASONS.indexOf(reason)]! += 1;
  }
}

/** The counts over all rows: variant by variant, each with the reasons in their order. */
export function readFlag(memory: SharedArrayBuffer, variants: number): Float64Array {
  const row = rowOf(variants);
  const cells = new Float64Array(memory);
  const sums = new Float64Array(row);
  for (let index = 0; index < cells.length; index++) sums[index % row]! += cells[index]!;
  return sums;
}

function rowOf(variants: number): number {
  return variants * FLAG_REASONS.length;
}
