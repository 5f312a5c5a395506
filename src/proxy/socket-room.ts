/**
 * How many sockets this data thread may have open, and who gives way when there are no more.
 *
 * The process has so many file descriptors, and each thread a share of them (`control/descriptor-limit.ts`). When they have
 * run out, libuv accepts a client and closes it without a word to anybody: it cannot be waited for, logged or counted, and
 * neither can `accept` be paused from JavaScript. So the limit is never reached:
 *
 *     open sockets   0 ───────────────────────── low ──────────── full
 *     a client       comes in                     │ comes in if one that waits between two requests can be closed
 *     an endpoint    is dialled                   │ is dialled     │ the request waits for a connection that is open
 *
 * Closing the client that has waited longest is what nginx does when its connections run out. What lies between low and full
 * is kept for endpoints, because a client that is let in and cannot be served is worse off than one that is turned away.
 */
import type { Downstream } from './downstream.ts';

/** What new clients do not get: this part of all sockets, and of many sockets no more than so many. */
const ENDPOINTS_PART = 0.2;
const ENDPOINTS_MAX = 512;
/** Idle clients that are closed at once, so that the next clients find room without a search. */
const BATCH = 32;
/** A shortage that has not been felt for so long is over. */
const OVER_AFTER_MS = 5000;

export class SocketRoom {
  #max = Number.POSITIVE_INFINITY;
  #low = Number.POSITIVE_INFINITY;
  #open = 0;
  /** No client was idle at the search of this tick. */
  #isSearched = false;
  #isShort = false;
  #nowMs = 0;
  #turn = 0;
  #isTurnCounted = false;
  #lastFeltMs = Number.NEGATIVE_INFINITY;
  #closed = 0;
  #turnedAway = 0;
  #postponed = 0;

  /** Sets the most that may be open, as long as it is known. */
  limit(max: number): void {
    this.#max = max;
    this.#low = max - Math.min(ENDPOINTS_MAX, Math.ceil(max * ENDPOINTS_PART));
  }

  opened(): void {
    this.#open += 1;
  }

  closed(): void {
    this.#open -= 1;
  }

  /** Whether an endpoint may be dialled. */
  mayDial(): boolean {
    if (this.#open < this.#max) return true;
    this.#lastFeltMs = this.#nowMs;
    this.#postponed += 1;
    return false;
  }

  /** A number that grows by one with a turn of the event loop in which clients come in, and with each tick. */
  get turn(): number {
    return this.#turn;
  }

  /** Whether a new client may come in; one or more idle ones of `clients`, oldest first, may be closed for it. */
  mayCome(clients: Iterable<Downstream>): boolean {
    this.#countTurn();
    if (this.#open < this.#low) return true;
    this.#lastFeltMs = this.#nowMs;
    if (!this.#isSearched) {
      let closed = 0;
      for (const client of clients) {
        if (!client.mayGiveWay) continue;
        client.giveWay();
        closed += 1;
        if (closed === BATCH) break;
      }
      this.#closed += closed;
      this.#isSearched = closed < BATCH;
      if (closed > 0) return true;
    }
    this.#turnedAway += 1;
    return false;
  }

  /** Called at each tick: a sentence when a shortage has begun or is over, else null. */
  news(nowMs: number): string | null {
    this.#nowMs = nowMs;
    this.#turn += 1;
    this.#isSearched = false;
    const isFelt = nowMs - this.#lastFeltMs < OVER_AFTER_MS;
    if (isFelt === this.#isShort) return null;
    this.#isShort = isFelt;
    if (isFelt) {
      return `file descriptors run out: of ${this.#max} sockets of this thread ${this.#open} are open; idle clients are closed for new ones, and new ones are turned away when none is idle`;
    }
    const sentence = `there are file descriptors enough again: ${this.#closed} idle clients were closed for others, ${this.#turnedAway} were turned away, ${this.#postponed} connections to endpoints were not made at once`;
    this.#closed = 0;
    this.#turnedAway = 0;
    this.#postponed = 0;
    return sentence;
  }

  #countTurn(): void {
    if (this.#isTurnCounted) return;
    this.#isTurnCounted = true;
    setImmediate(() => {
      this.#isTurnCounted = false;
      this.#turn += 1;
    });
  }
}

/** That of this thread: each thread loads the module anew. */
export const socketRoom = new SocketRoom();

/** Why a connection could not be made for want of something that is ours: descriptors, ports, memory for sockets. */
const OWN_WANTS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM']);

/** Whether the system's error of a failed dial says nothing about the endpoint. */
export function isOwnWant(code: string): boolean {
  return OWN_WANTS.has(code);
}
