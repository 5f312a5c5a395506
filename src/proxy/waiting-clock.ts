/**
 * The clock by which a data thread waits for others: for clients, endpoints, answers.
 *
 * It stands still while the thread was not there. What came in time while the thread was busy or suspended still lies in the
 * kernel, and a wait that begins late in a long turn begins by what the clock said before that turn. By a clock that
 * jumps at the next tick, either would be over although the other side was never late. So a tick moves this one on by
 * `COUNTED_MS_MAX` at most, and a wait gets that much on top: whenever it begins between two ticks, it is up to one tick
 * more than that too long, and longer only by what the thread was away, but never too short.
 *
 * Rejected: to read the real clock for each wait, which costs as much as parsing a short head and leaves the first half
 * unmended. What another side counts by its own clock, such as the age of an idle connection, is not measured by this one.
 */

/** The precision of every deadline of the data plane, in milliseconds. */
export const TICK_MS = 50;

/** So much of the time between two ticks counts: room for a tick that comes a little late. */
const COUNTED_MS_MAX = 2 * TICK_MS;

export class WaitingClock {
  #tickedAtMs: number;
  #nowMs = 0;

  /** A clock that is at 0; `atMs` is what the real clock says, which is monotonic. */
  constructor(atMs: number) {
    this.#tickedAtMs = atMs;
  }

  /** Milliseconds, as of the last tick. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** When a wait of `ms` that begins now is over. */
  after(ms: number): number {
    return this.#nowMs + COUNTED_MS_MAX + ms;
  }

  /** A tick has come; `atMs` is what the real clock says. */
  tick(atMs: number): void {
    this.#nowMs += Math.min(atMs - this.#tickedAtMs, COUNTED_MS_MAX);
    this.#tickedAtMs = atMs;
  }
}
