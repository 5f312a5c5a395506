/**
 * What an exchange waits for, and until when: one number and the fault that it means when the time has passed; and the time
 * that all its attempts have together.
 *
 * Setting it is two stores; a timer for each wait would cost more than parsing a head. The sweeper asks at each tick, and the
 * clock that a wait begins by is that of the last tick. One tick is added, so a wait is up to two ticks too long and never
 * too short. The pause before a further attempt is such a number too.
 */
import type { Timeouts } from '../routing/snapshot.ts';
import { type ThreadContext, TICK_MS } from './context.ts';
import { FAULTS, type Fault } from './fault.ts';

export class Patience {
  readonly #context: ThreadContext;
  readonly #timeouts: Timeouts;
  #atMs = 0;
  #fault: Fault | null = null;
  /** When the time of all attempts is over; 0 until one of them could be answered. */
  #answerUntilMs = 0;
  #resumeAtMs = 0;

  constructor(context: ThreadContext, timeouts: Timeouts) {
    this.#context = context;
    this.#timeouts = timeouts;
  }

  /** What is left of the time in which the endpoints must have answered: all of it until they could. */
  get leftMs(): number {
    return this.#answerUntilMs === 0 ? this.#timeouts.responseMs : this.#answerUntilMs - this.#context.nowMs;
  }

  /** Waits for so long, in place of whatever was waited for. */
  wait(ms: number, fault: Fault): void {
    this.#atMs = this.#context.nowMs + TICK_MS + ms;
    this.#fault = fault;
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
    this.#answerUntilMs = this.#context.nowMs + leftMs;
    if (tryMs < leftMs) this.wait(tryMs, FAULTS.tryTimeout);
    else this.wait(leftMs, FAULTS.responseTimeout);
  }

  /** Bytes have passed and more are to come. */
  forMore(fault: Fault): void {
    this.wait(this.#timeouts.idleMs, fault);
  }

  /** Waits before another attempt. */
  pause(ms: number): void {
    this.#fault = null;
    this.#resumeAtMs = this.#context.nowMs + ms;
  }

  /** Whether a pause is over, once. */
  resumes(nowMs: number): boolean {
    if (this.#resumeAtMs === 0 || nowMs < this.#resumeAtMs) return false;
    this.#resumeAtMs = 0;
    return true;
  }

  /** The fault if the time has passed, once; null otherwise. */
  passed(nowMs: number): Fault | null {
    if (this.#fault === null || nowMs < this.#atMs) return null;
    const fault = this.#fault;
    this.#fault = null;
    return fault;
  }

  /** Further attempts do not get more time than is left. */
  #bounded(ms: number): number {
    return this.#answerUntilMs === 0 ? ms : Math.min(ms, this.leftMs);
  }
}
