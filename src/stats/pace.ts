/**
 * A pace in shared memory: something may happen at most so many times a second, over all data threads together.
 *
 * The memory is one number, the earliest time of the next turn, and a turn is taken by one compare-and-swap that moves it on
 * by an interval. So turns are spread evenly, whoever has something to do takes the next one, a thread without anything
 * takes none, and a thread that dies holds nothing. A part of the rate for each thread was rejected: connections are not
 * spread evenly over threads, and the remainders of the division would be lost. So were turns given out by the control
 * plane in messages: those of a thread that is done would have to be asked back.
 *
 * Whoever takes turns looks only now and then, so turns that came due since it looked last are made up; earlier ones
 * lapse, or a pause would be followed by a burst. In any second there are thus at most `perSecond` turns and those of
 * `SLACK_MS`.
 */

/** How far back turns that nobody took are made up: a little more than the time from one look to the next. */
export const SLACK_MS = 60;

const SLACK_NS = BigInt(SLACK_MS * 1e6);

/** Memory for one pace, whose first turn is due at once. */
export function createPaceMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** One thread's view of a pace. */
export class Pace {
  readonly #next: BigInt64Array;
  /** The time from one turn to the next, in nanoseconds. */
  #interval: bigint;

  /** `perSecond` is positive. */
  constructor(memory: SharedArrayBuffer, perSecond: number) {
    this.#next = new BigInt64Array(memory);
    this.#interval = intervalOf(perSecond);
  }

  /** Turns are taken at this rate from now on; a turn that a slower rate has put far off comes as soon as one of this rate. */
  set(perSecond: number, nowNs: bigint): void {
    const interval = intervalOf(perSecond);
    if (interval === this.#interval) return;
    this.#interval = interval;
    const next = Atomics.load(this.#next, 0);
    if (next > nowNs + interval) Atomics.compareExchange(this.#next, 0, next, nowNs + interval);
  }

  /** Takes a turn if one is due; `nowNs` is of a clock that all threads share. */
  take(nowNs: bigint): boolean {
    for (;;) {
      const next = Atomics.load(this.#next, 0);
      if (next > nowNs) return false;
      const oldest = nowNs - SLACK_NS;
      const taken = next < oldest ? oldest : next;
      if (Atomics.compareExchange(this.#next, 0, next, taken + this.#interval) === next) return true;
    }
  }
}

function intervalOf(perSecond: number): bigint {
  return BigInt(Math.max(1, Math.round(1e9 / perSecond)));
}
