/**
 * The board's record of one series, that is of one (service, pool, version): counters, two latency histograms and the
 * account of each gate position.
 *
 * One block of shared memory holds one series: a row of cells for each data thread, and in a row writes that thread
 * only. So no atomic addition and no lock is needed, a reader sums the rows, and a thread that dies leaves whole numbers
 * behind. Cells are doubles: exact integers up to 2^53, and an aligned 64-bit store is not torn on the 64-bit
 * platforms that Node runs on. The memory belongs to the identity of the series, not to a configuration: a reload hands
 * the same block to the new snapshot, which is why counters survive it.
 *
 * Every finished exchange writes its cells in one straight run of stores (`finish`), without a call or a loop
 * between them. V8 stops a terminated thread only at calls and loop edges, so a killed thread leaves an exchange counted
 * in all of its cells or in none.
 *
 * What is derived is not stored: exchanges in flight are `started` less the ended ones, totals are sums over codes.
 */
import { BUCKETS, bucketOf } from './histogram.ts';

/** What the user saw, as the label `code`; `aborted` means that no response head was sent. */
export const CODES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'aborted'] as const;
export type Code = (typeof CODES)[number];

/**
 * What one attempt against an endpoint came to, as the label `outcome`. `unavailable`: no endpoint admitted, or the
 * queue for one was full or too slow. `client-gone` never speaks against the version.
 */
export const OUTCOMES = [
  'ok',
  '5xx',
  'connect',
  'timeout',
  'reset',
  'protocol',
  'unavailable',
  'client-gone',
  'reuse-race',
  'internal',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * What became of an exchange with a failed attempt, as the label `result`: retried and whole in the end, or retried in
 * vain; or not retried because repeating it was not safe, the budget was used up, or no time was left.
 */
export const RETRY_RESULTS = ['saved', 'failed', 'not-safe', 'budget', 'no-time'] as const;
export type RetryResult = (typeof RETRY_RESULTS)[number];

/** Gate positions that a series tells apart at once; a position's slot is used again when nothing of it is in flight. */
export const POSITION_SLOTS = 64;

const STARTED = 0;
const BYTES_IN = 1;
const BYTES_OUT = 2;
const TUNNELS_OPENED = 3;
const TUNNELS_CLOSED = 4;
const DURATION_SUM = 5;
const FIRST_BYTE_SUM = 6;
const CODE = 7;
const OUTCOME = CODE + 8;
const RETRY = OUTCOME + 16;
const DURATION = RETRY + 8;
const FIRST_BYTE = DURATION + BUCKETS;
const POSITION = FIRST_BYTE + BUCKETS;
const POSITION_CELLS = 5;
const POSITION_STARTED = 0;
const POSITION_ENDED = 1;
const POSITION_CUT = 2;
const POSITION_BAD = 3;
const POSITION_DRAINED = 4;
const ROW = POSITION + POSITION_SLOTS * POSITION_CELLS;

/** Memory for one series, `threads` rows, all zero. */
export function createSeriesMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** The code of a response status from 100 to 599; 0 (no response head was sent) is `aborted`. */
export function codeOf(status: number): number {
  return status < 100 ? 5 : Math.floor(status / 100) - 1;
}

/** One data thread's row of a series. Only that thread may hold it. */
export class SeriesWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  /** An exchange was routed here by the gate position in `slot`. */
  start(slot: number): void {
    const cells = this.#cells;
    cells[STARTED]! += 1;
    cells[POSITION + slot * POSITION_CELLS + POSITION_STARTED]! += 1;
  }

  /** An exchange that was started here is routed elsewhere after all, as if it had never been here. */
  withdraw(slot: number): void {
    const cells = this.#cells;
    cells[STARTED]! -= 1;
    cells[POSITION + slot * POSITION_CELLS + POSITION_STARTED]! -= 1;
  }

  /**
   * An exchange ended: `status` is what the user saw (0: nothing), `durationUs` the whole of it, `cut` whether its
   * response was cut short by something other than the client, `drained` whether a drain did that at its deadline.
   */
  finish(
    slot: number,
    status: number,
    durationUs: number,
    bytesIn: number,
    bytesOut: number,
    cut: boolean,
    drained = false,
  ): void {
    const cells = this.#cells;
    const code = CODE + codeOf(status);
    const bucket = DURATION + bucketOf(durationUs);
    const position = POSITION + slot * POSITION_CELLS;
    const cutBy = cut ? 1 : 0;
    const drainedBy = drained ? 1 : 0;
    cells[code]! += 1;
    cells[bucket]! += 1;
    cells[DURATION_SUM]! += durationUs;
    cells[BYTES_IN]! += bytesIn;
    cells[BYTES_OUT]! += bytesOut;
    cells[position + POSITION_CUT]! += cutBy;
    cells[position + POSITION_DRAINED]! += drainedBy;
    cells[position + POSITION_ENDED]! += 1;
  }

  /** An attempt ended with the outcome of this index in `OUTCOMES`; `bad` says whether it counts against the version. */
  attempt(slot: number, outcome: number, bad: boolean): void {
    const cells = this.#cells;
    const badBy = bad ? 1 : 0;
    cells[OUTCOME + outcome]! += 1;
    cells[POSITION + slot * POSITION_CELLS + POSITION_BAD]! += badBy;
  }

  /** The upstream's first response byte came `durationUs` after the attempt's first byte was sent. */
  firstByte(durationUs: number): void {
    const cells = this.#cells;
    const bucket = FIRST_BYTE + bucketOf(durationUs);
    cells[bucket]! += 1;
    cells[FIRST_BYTE_SUM]! += durationUs;
  }

  /** An exchange with a failed attempt came to the result of this index in `RETRY_RESULTS`. */
  retried(result: number): void {
    this.#cells[RETRY + result]! += 1;
  }

  tunnelOpened(): void {
    this.#cells[TUNNELS_OPENED]! += 1;
  }

  tunnelClosed(): void {
    this.#cells[TUNNELS_CLOSED]! += 1;
  }
}

/** What one gate position has come to in one series: exchanges started, ended, cut short, by a drain; bad attempts. */
export interface PositionAccount {
  readonly started: number;
  readonly ended: number;
  readonly cut: number;
  readonly drained: number;
  readonly bad: number;
}

/** All threads' rows of a series, summed at the moment of each call. Reading never disturbs a writer. */
export class SeriesReader {
  readonly #cells: Float64Array;
  readonly #rows: number;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Float64Array(memory);
    this.#rows = this.#cells.length / ROW;
  }

  #sum(cell: number): number {
    let sum = 0;
    for (let row = 0; row < this.#rows; row++) sum += this.#cells[row * ROW + cell]!;
    return sum;
  }

  #sums(cell: number, count: number): Float64Array {
    const sums = new Float64Array(count);
    for (let row = 0; row < this.#rows; row++) {
      const start = row * ROW + cell;
      for (let index = 0; index < count; index++) sums[index]! += this.#cells[start + index]!;
    }
    return sums;
  }

  /** Exchanges by what the user saw, in the order of `CODES`. */
  codes(): Float64Array {
    return this.#sums(CODE, CODES.length);
  }

  /** Attempts by outcome, in the order of `OUTCOMES`. */
  outcomes(): Float64Array {
    return this.#sums(OUTCOME, OUTCOMES.length);
  }

  /** Exchanges that have ended. */
  ended(): number {
    return this.codes().reduce((sum, count) => sum + count, 0);
  }

  /** Exchanges that were routed here and have not ended. */
  inFlight(): number {
    return this.#sum(STARTED) - this.ended();
  }

  /** Exchanges that were routed here. */
  started(): number {
    return this.#sum(STARTED);
  }

  tunnelsOpen(): number {
    return this.#sum(TUNNELS_OPENED) - this.#sum(TUNNELS_CLOSED);
  }

  /** Exchanges that drains have ended at their deadlines. */
  drained(): number {
    let sum = 0;
    for (let slot = 0; slot < POSITION_SLOTS; slot++)
      sum += this.#sum(POSITION + slot * POSITION_CELLS + POSITION_DRAINED);
    return sum;
  }

  /** Exchanges with a failed attempt by what became of them, in the order of `RETRY_RESULTS`. */
  retries(): Float64Array {
    return this.#sums(RETRY, RETRY_RESULTS.length);
  }

  bytesIn(): number {
    return this.#sum(BYTES_IN);
  }

  bytesOut(): number {
    return this.#sum(BYTES_OUT);
  }

  /** Bucket counts of whole exchanges (see `histogram.ts`). */
  durations(): Float64Array {
    return this.#sums(DURATION, BUCKETS);
  }

  durationSumUs(): number {
    return this.#sum(DURATION_SUM);
  }

  /** Bucket counts of the time to the upstream's first response byte. */
  firstBytes(): Float64Array {
    return this.#sums(FIRST_BYTE, BUCKETS);
  }

  firstByteSumUs(): number {
    return this.#sum(FIRST_BYTE_SUM);
  }

  /** The running account of a slot. A slot is used by many positions in turn: compare with the account at its start. */
  position(slot: number): PositionAccount {
    const cell = POSITION + slot * POSITION_CELLS;
    return {
      started: this.#sum(cell + POSITION_STARTED),
      ended: this.#sum(cell + POSITION_ENDED),
      cut: this.#sum(cell + POSITION_CUT),
      drained: this.#sum(cell + POSITION_DRAINED),
      bad: this.#sum(cell + POSITION_BAD),
    };
  }
}

/**
 * Closes the books of a data thread that has died: what it had in flight is counted as ended, aborted and cut. Only for
 * the owner of the board, between the death of the thread and the start of its replacement. Returns how many exchanges
 * were lost.
 */
export function settleDeadThread(memory: SharedArrayBuffer, thread: number): number {
  const cells = new Float64Array(memory, thread * ROW * 8, ROW);
  let lost = 0;
  for (let slot = 0; slot < POSITION_SLOTS; slot++) {
    const position = POSITION + slot * POSITION_CELLS;
    const open = cells[position + POSITION_STARTED]! - cells[position + POSITION_ENDED]!;
    cells[position + POSITION_CUT]! += open;
    cells[position + POSITION_ENDED]! += open;
    lost += open;
  }
  cells[CODE + codeOf(0)]! += lost;
  cells[TUNNELS_CLOSED] = cells[TUNNELS_OPENED]!;
  return lost;
}
