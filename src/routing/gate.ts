/**
 * The gate of one service: where its traffic stands, in shared memory.
 *
 * The memory holds one word, the number of the slot in force, and POSITION_SLOTS slots. A slot holds a whole position:
 * its epoch, which pool is the active one (see `active-pool.ts`), which group of users is on and which pool it reaches (see
 * `group.ts`), and for each pool the upper bound of its interval of the 32-bit line (see `split.ts`), its weight (for sticky
 * clients, see `stick.ts`) and how many of its endpoints are used (see `terms.ts`). Moving the gate writes a free slot and
 * then stores its number: one atomic store, in a time that does not depend on how many routes or services there are. A
 * reader loads the word once and then reads a slot that nobody writes.
 *
 * The owner may write a slot again only when no thread can still be reading it and no exchange that it routed is in
 * flight; the board counts exchanges by slot, which is how the owner knows. Pools are numbered by their place in the
 * service's snapshot. A snapshot with other pools brings a new gate memory, into which the position is copied.
 *
 * Rejected: a sequence lock (readers would spin behind a writer that was suspended), packing weights into one word (16
 * bits a pool, four pools), a message to each thread (no moment at which all of them have it).
 */
import { POSITION_SLOTS } from '../stats/series.ts';
import { positionOf } from './split.ts';

const HEAD_BYTES = 64;

/** Memory for the gate of a service with `pools` pools; it stands at slot 0 with no traffic at all. */
export function createGateMemory(pools: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + POSITION_SLOTS * slotCells(pools) * 8);
}

/** Cells of a slot that are not about single pools: epoch, active pool, group, the group's pool. */
const HEAD_CELLS = 4;

function slotCells(pools: number): number {
  return HEAD_CELLS + 3 * pools;
}

/** The terms of a position, by numbers; see `terms.ts`. */
export interface GateTerms {
  /** The number of the pool. */
  readonly pool: number;
  /** The number of the group, 0 for none. */
  readonly group: number;
  /** How many endpoints of the pool are used, 0 for all. */
  readonly endpoints: number;
}

/** A data thread's view of a gate. */
export class GateReader {
  readonly #word: Int32Array;
  readonly #pools: number;
  /** The slots' cells; offsets into it come from `boundsAt` and `weightsAt`. */
  readonly cells: Float64Array;

  constructor(memory: SharedArrayBuffer, pools: number) {
    this.#word = new Int32Array(memory, 0, 1);
    this.#pools = pools;
    this.cells = new Float64Array(memory, HEAD_BYTES);
  }

  /** The slot of the position in force. Read it once for each exchange. */
  slot(): number {
    return Atomics.load(this.#word, 0);
  }

  epochAt(slot: number): number {
    return this.cells[slot * slotCells(this.#pools)]!;
  }

  /** The number of the active pool, or -1 when no pool has weight. */
  activeAt(slot: number): number {
    return this.cells[slot * slotCells(this.#pools) + 1]! - 1;
  }

  /** The number of the group of users that is on, or 0. */
  groupAt(slot: number): number {
    return this.cells[slot * slotCells(this.#pools) + 2]!;
  }

  /** The number of the pool that the group reaches, or -1. */
  groupPoolAt(slot: number): number {
    return this.cells[slot * slotCells(this.#pools) + 3]! - 1;
  }

  /** Where the pools' upper bounds begin in `cells`. */
  boundsAt(slot: number): number {
    return slot * slotCells(this.#pools) + HEAD_CELLS;
  }

  /** Where the pools' weights begin in `cells`. */
  weightsAt(slot: number): number {
    return this.boundsAt(slot) + this.#pools;
  }

  /** How many endpoints of the pool of this number are used, or 0 for all. */
  endpointsAt(slot: number, pool: number): number {
    return this.cells[this.boundsAt(slot) + 2 * this.#pools + pool]!;
  }
}

/** The owner's view of a gate: the control plane, and nobody else. */
export class GateWriter {
  readonly #word: Int32Array;
  readonly #cells: Float64Array;
  readonly #pools: number;

  constructor(memory: SharedArrayBuffer, pools: number) {
    this.#word = new Int32Array(memory, 0, 1);
    this.#cells = new Float64Array(memory, HEAD_BYTES);
    this.#pools = pools;
  }

  /**
   * Writes a position into a free slot and makes it the one in force. `weights` has one entry a pool; `active` is the number
   * of the active pool, or -1.
   */
  move(slot: number, epoch: number, weights: readonly number[], active = -1, terms: GateTerms | null = null): void {
    if (weights.length !== this.#pools) throw new RangeError('a gate position has one weight for each pool');
    const start = slot * slotCells(this.#pools);
    const bounds = start + HEAD_CELLS;
    this.#cells[start] = epoch;
    // New memory is all zeros, so 0 stands for none.
    this.#cells[start + 1] = active + 1;
    this.#cells[start + 2] = terms?.group ?? 0;
    this.#cells[start + 3] = terms === null || terms.group === 0 ? 0 : terms.pool + 1;
    this.#cells.set(positionOf(weights), bounds);
    this.#cells.set(weights, bounds + this.#pools);
    this.#cells.fill(0, bounds + 2 * this.#pools, bounds + 3 * this.#pools);
    if (terms !== null) this.#cells[bounds + 2 * this.#pools + terms.pool] = terms.endpoints;
    Atomics.store(this.#word, 0, slot);
  }
}
