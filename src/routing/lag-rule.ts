/**
 * When a thread that falls behind refuses new work, decided from nothing but how late its timer is.
 *
 *     turn of the event loop:  [timers] tick │ poll: all that is ready is handled, one after another │ ...
 *     the next tick is due ────────────────────────┤ overdue ──────────▶ lag: from here on, what is new is refused
 *
 * A request that is read now was ready when its turn began, or before. A timer that is overdue was due in this turn or before
 * it began; so the request has certainly waited for as long as the timer is overdue. That is its sojourn time, in the
 * sense of CoDel (RFC 8289), as far as a process can know it: what lies in the kernel carries no time of arrival. It costs one
 * subtraction for each request, and it works inside of the very turn that has become too long: the turn spends its time
 * on the oldest requests and refuses the rest, which is cheap, so it ends soon. It sees an overload only where single turns are
 * long, which is less than there is (decision 0012 has the figures).
 *
 * As in CoDel, one late moment is no overload. A pause of the collector or of the machine passes by itself and its backlog
 * is short. Only when the tick before was too late as well, and more than a handful has come since, does the queue stand.
 * When a tick comes in time, it is over: that is the hysteresis.
 *
 * Where even refusing takes so long that a turn lasts `SEVERE` times the limit, new connections are not taken until the
 * thread has caught up: accepting one costs more than a request does.
 *
 * Rejected: a share of requests that is refused, moved up and down by a controller once a tick (PIE, RFC 8033, or the scaled
 * triggers of Envoy's overload manager). At three times the capacity each turn lasts three times as long as the one
 * before, so that the controller sees a turn of a second after one of a ninth. Utilisation as the signal: at 100% a loop
 * may be far from any harm. Newest first (adaptive LIFO): a thread does not hold the queue, the kernel does.
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
    if (this.#lagMs === null) return;
    this.#closed = this.#closed ? lateMs > this.#lagMs : this.#standing && isCrowded && lateMs > SEVERE * this.#lagMs;
    this.#standing = lateMs > this.#lagMs && (isCrowded || this.#closed);
  }

  /** A request has come; whether it is refused. */
  refuses(nowMs: number): boolean {
    this.#arrived += 1;
    return this.#standing && this.#arrived > HANDFUL && nowMs - this.#dueMs > this.#lagMs!;
  }

  /** A connection has come, and was taken or not. */
  connected(): void {
    this.#arrived += 1;
  }

  /** Requests are refused once the present turn has lasted too long. */
  get standing(): boolean {
    return this.#standing;
  }

  /** No connection is taken. */
  get closed(): boolean {
    return this.#closed;
  }
}
