/**
 * The board's record of how many exchanges are under way in one place, which is a pool or the whole process, and how a
 * limit on them holds over all threads without a lock and without a leak.
 *
 * Each thread counts its own exchanges in its own line. To enter, it first counts itself in and then adds up all lines;
 * over the limit, it counts itself out again and is refused. The additions have one order for all threads, so of those who
 * are let in the last has seen all others: together they are never more than the limit. Two that come to the last place
 * at the same moment may both be refused, which costs a place for as long as it takes to say so.
 *
 * One shared counter was rejected: what a dead thread had added to it would have to be known from elsewhere, and a thread
 * that dies between the two would leak for ever. Here its line is zeroed, in one store. So was a limit divided by the
 * number of threads: the kernel spreads connections, not work, and a thread would refuse while others have room.
 */

const LINE = 128;
const LINE_INTS = LINE / 4;
const LINE_FLOATS = LINE / 8;
const IN_FLIGHT = 0;
const REFUSED = 1;

/** Memory for one place, with a line for each thread. */
export function createInFlightMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(LINE * threads);
}

/** One data thread's view of a place: its own line to write, the others' to read. */
export class InFlightCells {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #own: number;
  readonly #refused: number;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#ints = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#own = thread * LINE_INTS + IN_FLIGHT;
    this.#refused = thread * LINE_FLOATS + REFUSED;
  }

  /** Counts one exchange in; false, and only a refusal counted, when `most` are under way. Without a limit it is always let in. */
  enter(most: number | null): boolean {
    const ints = this.#ints;
    Atomics.add(ints, this.#own, 1);
    if (most === null) return true;
    let sum = 0;
    for (let cell = IN_FLIGHT; cell < ints.length; cell += LINE_INTS) sum += Atomics.load(ints, cell);
    if (sum <= most) return true;
    Atomics.sub(ints, this.#own, 1);
    this.#floats[this.#refused]! += 1;
    return false;
  }

  /** An exchange that was let in has ended. */
  leave(): void {
    Atomics.sub(this.#ints, this.#own, 1);
  }
}

/** What all threads together have under way in a place, and have refused since the process started. */
export interface InFlightTotals {
  readonly inFlight: number;
  readonly refused: number;
}

export function readInFlight(memory: SharedArrayBuffer): InFlightTotals {
  const ints = new Int32Array(memory);
  const floats = new Float64Array(memory);
  let inFlight = 0;
  let refused = 0;
  for (let line = 0; line < memory.byteLength / LINE; line++) {
    inFlight += ints[line * LINE_INTS + IN_FLIGHT]!;
    refused += floats[line * LINE_FLOATS + REFUSED]!;
  }
  return { inFlight, refused };
}

/** Gives back what a dead thread had under way. Only for the owner of the board. */
export function settleDeadInFlightLine(memory: SharedArrayBuffer, thread: number): void {
  Atomics.store(new Int32Array(memory), thread * LINE_INTS + IN_FLIGHT, 0);
}
