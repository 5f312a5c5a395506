/**
 * The board's record of one listener: its client connections, one row for each data thread, written by that thread only.
 */

const ROW = 16;
const ACCEPTED = 0;
const OPEN = 1;
const ACTIVE = 2;
const REFUSED = 3;
const DROPPED = 4;
const CLIENT_LIMITED = 5;
const TURNED_AWAY = 6;
const GAVE_WAY = 7;
const LIMIT = 8;

/** The limits on what a client sends and how long it takes, as the label `limit`, named as the access log names their ends. */
export const CLIENT_LIMITS = [
  'target-too-long',
  'head-too-large',
  'fields-too-many',
  'body-too-large',
  'head-timeout',
  'client-idle',
  'client-stalled',
  'keep-alive-timeout',
] as const;

/** Memory for one listener of `threads` rows. */
export function createListenerMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * ROW * 8);
}

/** One data thread's row of a listener. */
export class ListenerWriter {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#cells = new Float64Array(memory, thread * ROW * 8, ROW);
  }

  opened(): void {
    this.#cells[ACCEPTED]! += 1;
    this.#cells[OPEN]! += 1;
  }

  closed(): void {
    this.#cells[OPEN]! -= 1;
  }

  /** A connection has begun (`1`) or ended (`-1`) to work on requests. */
  active(by: 1 | -1): void {
    this.#cells[ACTIVE]! += by;
  }

  /** A connection was closed at once because there were too many. */
  dropped(): void {
    this.#cells[DROPPED]! += 1;
  }

  /** A connection was closed at once because its client had too many. */
  clientLimited(): void {
    this.#cells[CLIENT_LIMITED]! += 1;
  }

  /** A request or a connection has ended for a reason of this name; only limits on clients are counted. */
  limited(kind: string): void {
    const index = (CLIENT_LIMITS as readonly string[]).indexOf(kind);
    if (index >= 0) this.#cells[LIMIT + index]! += 1;
  }

  /** A connection was closed at once because no socket was left for it. */
  turnedAway(): void {
    this.#cells[TURNED_AWAY]! += 1;
  }

  /** An idle connection was closed because others needed its socket. */
  gaveWay(): void {
    this.#cells[GAVE_WAY]! += 1;
  }

  /** A request was refused on this listener before it was routed. */
  refused(): void {
    this.#cells[REFUSED]! += 1;
  }
}

/** A listener's connections over all threads. */
export interface ListenerTotals {
  readonly accepted: number;
  readonly active: number;
  readonly idle: number;
  readonly refused: number;
  readonly dropped: number;
  readonly clientLimited: number;
  readonly turnedAway: number;
  readonly gaveWay: number;
}

export function readListener(memory: SharedArrayBuffer): ListenerTotals {
  const cells = new Float64Array(memory);
  let accepted = 0;
  let open = 0;
  let active = 0;
  let refused = 0;
  let dropped = 0;
  let clientLimited = 0;
  let turnedAway = 0;
  let gaveWay = 0;
  for (let row = 0; row < cells.length; row += ROW) {
    accepted += cells[row + ACCEPTED]!;
    open += cells[row + OPEN]!;
    active += cells[row + ACTIVE]!;
    refused += cells[row + REFUSED]!;
    dropped += cells[row + DROPPED]!;
    clientLimited += cells[row + CLIENT_LIMITED]!;
    turnedAway += cells[row + TURNED_AWAY]!;
    gaveWay += cells[row + GAVE_WAY]!;
  }
  return { accepted, active, idle: open - active, refused, dropped, clientLimited, turnedAway, gaveWay };
}

/** How often clients have met each of `CLIENT_LIMITS`, over all threads. */
export function readClientLimits(memory: SharedArrayBuffer): Float64Array {
  const cells = new Float64Array(memory);
  const sums = new Float64Array(CLIENT_LIMITS.length);
  for (let row = 0; row < cells.length; row += ROW) {
    for (let index = 0; index < sums.length; index++) sums[index]! += cells[row + LIMIT + index]!;
  }
  return sums;
}

/** Zeroes the gauges of a dead thread; what it accepted and refused stays counted. */
export function settleDeadListenerRow(memory: SharedArrayBuffer, thread: number): void {
  const cells = new Float64Array(memory, thread * ROW * 8, ROW);
  cells[OPEN] = 0;
  cells[ACTIVE] = 0;
}
