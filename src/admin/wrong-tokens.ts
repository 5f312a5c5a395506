/**
 * Slows down whoever guesses tokens: each wrong one from an address is answered later than the one before, up to a limit,
 * until the address has been quiet for a while.
 *
 * A right token is never delayed, so an operator who shares an address with somebody who guesses is not locked out. What
 * waits is bounded: beyond it, a wrong token is answered at once with a 429, since holding its connection would take it
 * from those who have the right one. A call without a token has guessed nothing and is not delayed.
 */
import { clientKey } from '../routing/client-key.ts';
import { Fault } from './fault.ts';

/** How wrong tokens are slowed down. */
export interface SlowDown {
  /** The delay of the first; each further one doubles it. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** An address that has been quiet for so long begins anew. */
  readonly forgetMs: number;
  readonly addressesMax: number;
  readonly waitingMax: number;
}

/** Delays that one who mistypes hardly sees. */
export const SLOW_DOWN: SlowDown = {
  firstMs: 100,
  mostMs: 5000,
  forgetMs: 600_000,
  addressesMax: 1024,
  waitingMax: 100,
};

export class WrongTokens {
  readonly #rules: SlowDown;
  readonly #now: () => number;
  /** By address, the one that failed last at the end. */
  readonly #failures = new Map<string, { readonly count: number; readonly atMs: number }>();
  readonly #waiting = new Map<NodeJS.Timeout, () => void>();

  /** `now` gives milliseconds. */
  constructor(rules: SlowDown, now: () => number = () => performance.now()) {
    this.#rules = rules;
    this.#now = now;
  }

  /** Gives `done` the refusal, late if the call had a token, which is then a wrong one. */
  answer(address: string, refusal: Fault, hadToken: boolean, done: (fault: Fault) => void): void {
    if (!hadToken) {
      done(refusal);
      return;
    }
    const delayMs = this.delayMs(address);
    if (this.#waiting.size >= this.#rules.waitingMax) {
      const retry = { 'Retry-After': String(Math.ceil(this.#rules.mostMs / 1000)) };
      done(new Fault(429, 'too-many-failures', 'Too many wrong tokens are waiting for their answer.', null, retry));
      return;
    }
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      done(refusal);
    }, delayMs);
    this.#waiting.set(timer, () => done(refusal));
  }

  /** Counts one failure of the address more, and says how long its answer is to be held back. */
  delayMs(address: string): number {
    const { firstMs, mostMs, forgetMs, addressesMax } = this.#rules;
    const key = clientKey(address);
    const atMs = this.#now();
    const before = this.#failures.get(key);
    const count = before === undefined || atMs - before.atMs > forgetMs ? 1 : before.count + 1;
    this.#failures.delete(key);
    this.#failures.set(key, { count, atMs });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= addressesMax) break;
      this.#failures.delete(oldest);
    }
    return Math.min(mostMs, firstMs * 2 ** Math.min(count - 1, 30));
  }

  /** Answers all that wait, now. */
  close(): void {
    for (const [timer, done] of this.#waiting) {
      clearTimeout(timer);
      done();
    }
    this.#waiting.clear();
  }
}
