/**
 * Looks of the judge between two ticks: one as soon as a bad event of a candidate, or of a flag's treatment, has been counted.
 *
 *     bad event ─▶ bell ─▶ look ─▶ rest ─▶ (has it rung meanwhile? look) ─▶ wait for the bell
 *
 * The tick is the ground beat, by which time passes and everything is judged. It alone would cost a bad release the requests of
 * 50 ms on average after the one that has decided, which at some hundred requests a second is more than the judge itself
 * needs. Evidence holds however often and whenever is looked (`relative-risk.ts`), so a look more costs no false alarm. It
 * alone acts here: the ceiling is an absolute rule without such a promise, and waits for the tick.
 *
 * A storm of bad events must not keep the control plane from its other work: after a look it rests, for a multiple of what the
 * look has taken, and a bad event in that time is looked at when it is over. Nothing waits while nobody has anything to watch.
 *
 * There is one bell, and only one may wait for it; so rollouts and the guards of flags join the same looks.
 */
import { performance } from 'node:perf_hooks';
import type { Bell } from '../stats/bell.ts';

/** The rest after a look: at least so long, and at least so many times as long as the look took. */
const REST_MS = 2;
const REST_TIMES = 4;

export interface EarlyLooksOptions {
  readonly bell: Bell;
  /** Calls `then` after `ms`, and gives what calls that off; a timer that keeps no process alive unless given. */
  readonly rest?: (then: () => void, ms: number) => () => void;
}

/** One of those that look. */
export interface Looker {
  /** It has something to watch. Saying it again changes nothing. */
  start(): void;
  /** It has nothing to watch any more. */
  stop(): void;
}

export class EarlyLooks {
  readonly #options: Required<EarlyLooksOptions>;
  /** Those that have something to watch. */
  readonly #looks = new Set<() => void>();
  #isWaiting = false;
  #endRest: (() => void) | null = null;

  constructor(options: EarlyLooksOptions) {
    this.#options = { rest: timer, ...options };
  }

  /** Somebody who will look when it rings, while there is something to watch. */
  join(look: () => void): Looker {
    return { start: () => this.#start(look), stop: () => this.#stop(look) };
  }

  #start(look: () => void): void {
    const wasOn = this.#isOn;
    this.#looks.add(look);
    if (wasOn) return;
    this.#options.bell.listen();
    this.#wait();
  }

  #stop(look: () => void): void {
    if (!this.#looks.delete(look) || this.#isOn) return;
    this.#endRest?.();
    this.#endRest = null;
    this.#options.bell.ring();
  }

  get #isOn(): boolean {
    return this.#looks.size > 0;
  }

  #wait(): void {
    // A wait from before a stop may still be about to end: then it is the one that goes on.
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    void this.#options.bell.rung().then(() => {
      this.#isWaiting = false;
      if (this.#isOn) this.#look();
    });
  }

  #look(): void {
    const { bell, rest } = this.#options;
    bell.listen();
    const beganAt = performance.now();
    for (const look of [...this.#looks]) look();
    const tookMs = performance.now() - beganAt;
    // The look may have ended the last thing that was watched.
    if (this.#isOn) this.#endRest = rest(() => this.#wait(), Math.max(REST_MS, REST_TIMES * tookMs));
  }
}

function timer(then: () => void, ms: number): () => void {
  const timeout = setTimeout(then, ms).unref();
  return () => clearTimeout(timeout);
}
