/**
 * When an endpoint closes connections that nothing passes on, learnt from watching it.
 *
 * A request that meets the closing of its connection on the way is lost, unless it may be repeated. So it matters to give a
 * connection up before the endpoint does, and few endpoints say when that is. One that closes by a timer closes at the
 * same age each time; one that restarts, or sheds connections, closes at any age and many at once. So only ages that
 * agree three times, at different moments, are believed. What was learnt is forgotten after a while, because whoever
 * keeps to it never sees it again, and the endpoint may have been set otherwise since.
 */

const BELIEVED_AFTER = 3;
/** Closings within this time of one another are one event. */
const TOGETHER_MS = 100;
/** Shorter ages say nothing: too much happens by chance in that time. */
const AGE_MIN_MS = 400;
const FORGOTTEN_AFTER_MS = 10 * 60_000;

export class IdleLesson {
  #ageMs = 0;
  #seen = 0;
  #seenAtMs = Number.NEGATIVE_INFINITY;
  #limitMs = Number.POSITIVE_INFINITY;
  #learntAtMs = 0;

  /** The endpoint has closed a connection that was idle for `ageMs`. */
  closed(ageMs: number, nowMs: number): void {
    if (ageMs < AGE_MIN_MS || nowMs - this.#seenAtMs < TOGETHER_MS) return;
    this.#seenAtMs = nowMs;
    const isSame = this.#seen > 0 && Math.abs(ageMs - this.#ageMs) <= Math.max(TOGETHER_MS, this.#ageMs / 10);
    this.#seen = isSame ? this.#seen + 1 : 1;
    this.#ageMs = isSame ? Math.min(ageMs, this.#ageMs) : ageMs;
    if (this.#seen < BELIEVED_AFTER) return;
    this.#limitMs = this.#ageMs - Math.max(TOGETHER_MS, this.#ageMs / 10);
    this.#learntAtMs = nowMs;
    this.#seen = 0;
  }

  /** How long a connection may be idle before it had better be given up; infinite when nothing is known. */
  limitMs(nowMs: number): number {
    if (nowMs - this.#learntAtMs > FORGOTTEN_AFTER_MS) this.#limitMs = Number.POSITIVE_INFINITY;
    return this.#limitMs;
  }
}
