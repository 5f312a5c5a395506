/**
 * When a thread that falls behind refuses new work, decided from nothing but how late its timer is.
 *
 *     turn of the event loop:  [timers] tick │ poll: 1,024 events │ 1,024 │ 1,024 │ ... │ less ─▶ next turn
 *     the next tick is due ────────────────────────┤ overdue ─────────────▶
 *                                                  ├─ lag ─┤ looked at ─ lag ─┤ from here on, what is new is refused
 *
 * libuv hands out what is ready in batches, and comes to its timers when a batch is not full, or after 48 of them: under a load
 * that never lets up, a turn lasts for seconds. So a timer that stays overdue while one request after the other is
 * handled says that a thousand events have been waiting all the time, and that what is read now has waited as well. That is the queue
 * that stands, in the sense of CoDel (RFC 8289), as far as a process can know it: what lies in the kernel carries no
 * time of arrival. It costs one subtraction for each request, and works inside of the very turn that has become too
 * long: the rest of it is refused, which is cheap, so it ends soon.
 *
 * As in CoDel, one late moment is no overload. A pause of the collector or of the machine passes by itself and its backlog is
 * short. So a turn that is too long is given `lag` to end, and only what comes to its turn after that is refused.
 *
 * Where even refusing takes so long that a turn lasts `SEVERE` times the limit, new connections are not taken until the
 * thread has caught up: accepting one costs more than a request does.
 *
 * Rejected: to wait for a second late tick, since the first may come when all is lost. A share of requests that is refused,
 * moved up and down by a controller once a tick (PIE, RFC 8033, or the scaled triggers of Envoy's overload manager), for the
 * same reason. Utilisation as the signal: at 100% a loop may be far from any harm. Newest first (adaptive LIFO): a
 * thread does not hold the queue, the kernel does.
 */

/** Requests and connections that one thread takes between two ticks and that are no load, however late it is. */
const HANDFUL = 16;
/** So many times the limit, and no connection is taken. */
const SEVERE = 3;

export class LagRule {
  readonly #tickMs: number;
  #lagMs: number | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  #arrived = 0;
  /** Since when the thread works in a turn that is too long, and what had arrived before. */
  #overSinceMs = Number.POSITIVE_INFINITY;
  #arrivedBefore = 0;
  #standing = false;
  #closed = false;

  /** `tickMs`: the time from one tick to the next when none is late. */
  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** How late a tick may come before work is refused; null for never. */
  configure(lagMs: number | null): void {
    this.#lagMs = lagMs;
    if (lagMs !== null) return;
    this.#standing = false;
    this.#closed = false;
  }

  /** A tick has come. */
  tick(nowMs: number): void {
    const lateMs = nowMs - this.#dueMs;
    const isCrowded = this.#arrived > HANDFUL;
    this.#dueMs = nowMs + this.#tickMs;
    this.#arrived = 0;
    this.#overSinceMs = Number.POSITIVE_INFINITY;
    if (this.#lagMs === null) return;
    this.#closed = this.#closed ? lateMs > this.#lagMs : this.#standing && isCrowded && lateMs > SEVERE * this.#lagMs;
    this.#standing = lateMs > this.#lagMs && (isCrowded || this.#closed);
  }

  /** A request has come; whether it is refused. */
  refuses(nowMs: number): boolean {
    this.#arrived += 1;
    const lagMs = this.#lagMs;
    if (lagMs === null || nowMs - this.#dueMs <= lagMs) return false;
    if (this.#overSinceMs > nowMs) {
      this.#overSinceMs = nowMs;
      this.#arrivedBefore = this.#arrived;
    }
    return nowMs - this.#overSinceMs > lagMs && this.#arrived - this.#arrivedBefore > HANDFUL;
  }

  /** A connection has come, and was taken or not. */
  connected(): void {
    this.#arrived += 1;
  }

  /** The last turn was too long: requests are refused as soon as the present one is. */
  get standing(): boolean {
    return this.#standing;
  }

  /** No connection is taken. */
  get closed(): boolean {
    return this.#closed;
  }
}
