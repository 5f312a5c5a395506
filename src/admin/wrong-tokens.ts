/**
 * Slows down whoever guesses tokens: each wrong one from an address is answered later than the one before, up to a limit,
 * until the address has been quiet for a while.
 *
 * To be slowed down, a guess must not be told apart from the right token by how soon it is answered. So an address of
 * which `waitingOfOneMax` wrong tokens wait gets a 429 for every token, also for a right one. An operator who shares the
 * address with somebody who guesses is not locked out by that: a token that was right before, from the same address, is
 * never refused or delayed. Refusing only the wrong ones beyond the limit was rejected, since then a guesser would see in
 * the 429 itself, at any speed, that the guess was wrong.
 *
 * What waits is bounded over all addresses too; beyond that, a wrong token is answered at once, since holding its
 * connection would take it from those who have the right one. A call without a token has guessed nothing.
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
  /** Addresses that are remembered for their failures, and pairs of address and token that were right. */
  readonly addressesMax: number;
  /** Wrong tokens that wait for their answer: over all addresses, and of one. */
  readonly waitingMax: number;
  readonly waitingOfOneMax: number;
}

/** Delays that one who mistypes hardly sees. */
export const SLOW_DOWN: SlowDown = {
  firstMs: 100,
  mostMs: 5000,
  forgetMs: 600_000,
  addressesMax: 1024,
  waitingMax: 100,
  waitingOfOneMax: 8,
};

export class WrongTokens {
  readonly #rules: SlowDown;
  readonly #now: () => number;
  /** By address, the one that failed last at the end. */
  readonly #failures = new Map<string, { readonly count: number; readonly atMs: number }>();
  readonly #waiting = new Map<NodeJS.Timeout, () => void>();
  /** How many of an address wait; who has none waiting is not in it. */
  readonly #waitingOf = new Map<string, number>();
  /** Which token was right from which address, the pair seen last at the end. */
  readonly #proven = new Set<string>();

  /** `now` gives milliseconds. */
  constructor(rules: SlowDown, now: () => number = () => performance.now()) {
    this.#rules = rules;
    this.#now = now;
  }

  /** Null when a right token of this name may be used from the address; else the refusal that a wrong one would get. */
  checkRight(address: string, name: string): Fault | null {
    const key = clientKey(address);
    const pair = `${key} ${name}`;
    if (!this.#proven.delete(pair) && this.#isFull(key)) return this.#tooMany();
    this.#proven.add(pair);
    for (const oldest of this.#proven) {
      if (this.#proven.size <= this.#rules.addressesMax) break;
      this.#proven.delete(oldest);
    }
    return null;
  }

  /** Gives `done` the refusal, late if the call had a token, which is then a wrong one. */
  answer(address: string, refusal: Fault, hadToken: boolean, done: (fault: Fault) => void): void {
    if (!hadToken) {
      done(refusal);
      return;
    }
    const delayMs = this.delayMs(address);
    const key = clientKey(address);
    if (this.#isFull(key) || this.#waiting.size >= this.#rules.waitingMax) {
      done(this.#tooMany());
      return;
    }
    this.#waitingOf.set(key, (this.#waitingOf.get(key) ?? 0) + 1);
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      const left = this.#waitingOf.get(key)! - 1;
      if (left > 0) this.#waitingOf.set(key, left);
      else this.#waitingOf.delete(key);
      done(refusal);
    }, delayMs);
    this.#waiting.set(timer, () => done(refusal));
  }

  #isFull(key: string): boolean {
    return (this.#waitingOf.get(key) ?? 0) >= this.#rules.waitingOfOneMax;
  }

  #tooMany(): Fault {
    const retry = { 'Retry-After': String(Math.ceil(this.#rules.mostMs / 1000)) };
    return new Fault(429, 'too-many-failures', 'Too many wrong tokens are waiting for their answer.', null, retry);
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
    this.#waitingOf.clear();
  }
}
