/**
 * How long an exchange waits for each of its steps, and how much time all its attempts have together.
 *
 * All of it by the clock that stands still while the thread is away (`waiting-clock.ts`). The pause before a further attempt
 * is a number that the sweeper compares, like every other wait.
 */
import type { Timeouts } from '../routing/snapshot.ts';
import { Deadline } from './deadline.ts';
import { FAULTS, type Fault } from './fault.ts';
import type { WaitingClock } from './waiting-clock.ts';

export class Patience {
  readonly #clock: WaitingClock;
  readonly #timeouts: Timeouts;
  readonly #deadline = new Deadline();
  /** When the time of all attempts is over; 0 until one of them could be answered. */
  #answerUntilMs = 0;
  #resumeAtMs = 0;

  constructor(clock: WaitingClock, timeouts: Timeouts) {
    this.#clock = clock;
    this.#timeouts = timeouts;
  }

  /** What is left of the time in which the endpoints must have answered: all of it until they could. */
  get leftMs(): number {
    return this.#answerUntilMs === 0 ? this.#timeouts.responseMs : this.#answerUntilMs - this.#clock.nowMs;
  }

  /** Waits for so long, in place of whatever was waited for. */
  wait(ms: number, fault: Fault): void {
    this.#deadline.set(this.#clock.after(ms), fault);
  }

  forQueue(): void {
    this.wait(this.#bounded(this.#timeouts.queueMs), FAULTS.queueTimeout);
  }

  forConnection(): void {
    this.wait(this.#bounded(this.#timeouts.connectMs), FAULTS.connectTimeout);
  }

  /** Until then the client's time runs, not the endpoint's. */
  forRequest(): void {
    this.wait(this.#timeouts.idleMs, FAULTS.clientIdle);
  }

  /** The endpoint has the whole request; `tryMs` is what this attempt may take. */
  forAnswer(tryMs: number): void {
    const { leftMs } = this;
    this.#answerUntilMs = this.#clock.nowMs + leftMs;
    if (tryMs < leftMs) this.wait(tryMs, FAULTS.tryTimeout);
    else this.wait(leftMs, FAULTS.responseTimeout);
  }

  /** Bytes have passed and more are to come. */
  forMore(fault: Fault): void {
    this.wait(this.#timeouts.idleMs, fault);
  }

  /** Waits before another attempt; there must be time for it. */
  pause(ms: number): void {
    this.wait(Number.POSITIVE_INFINITY, FAULTS.responseTimeout);
    this.#resumeAtMs = this.#clock.after(ms);
  }

  /** Whether a pause is over, once. */
  resumes(nowMs: number): boolean {
    if (this.#resumeAtMs === 0 || nowMs < this.#resumeAtMs) return false;
    this.#resumeAtMs = 0;
    return true;
  }

  /** The fault if the time has passed, once; null otherwise. */
  passed(nowMs: number): Fault | null {
    return this.#deadline.passed(nowMs);
  }

  /** Further attempts do not get more time than is left. */
  #bounded(ms: number): number {
    return this.#answerUntilMs === 0 ? ms : Math.min(ms, this.leftMs);
  }
}
