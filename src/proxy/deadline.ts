/**
 * What an exchange waits for, and until when: one number and the fault that it means when the time has passed.
 *
 * Setting it is two stores; a timer for each wait would cost more than parsing a head. The sweeper asks at each tick, by the
 * clock of `waiting-clock.ts`, which says how long a wait can be.
 */
import type { Fault } from './fault.ts';

export class Deadline {
  #atMs = 0;
  #fault: Fault | null = null;

  /** Waits until `atMs` of the thread's clock for waits, in place of whatever was waited for. */
  set(atMs: number, fault: Fault): void {
    this.#atMs = atMs;
    this.#fault = fault;
  }

  /** The fault if the time has passed, once; null otherwise. */
  passed(nowMs: number): Fault | null {
    if (this.#fault === null || nowMs < this.#atMs) return null;
    const fault = this.#fault;
    this.#fault = null;
    return fault;
  }
}
