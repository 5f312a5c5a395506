/**
 * The password checks of one data thread: what has been proven is remembered, what has not is checked a few at a time.
 *
 *     request ──▶ proven before? ──▶ goes on at once
 *                 being checked? ──▶ waits for that check
 *                 fewer than WAITING_MAX checks wait? ──▶ is checked, RUNNING_MAX at a time
 *                 else ──▶ busy, a 503
 *
 * A password hash is slow on purpose, so without a memory every request of a page would pay for it again. What is kept is
 * not the password but a hash of it under a key that is drawn at the start, and the stored hash is part of what is hashed:
 * a password that is changed in the config is proven anew. Failures are not remembered, since whoever guesses never
 * guesses the same twice.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { fitsPassword } from './password-hash.ts';

/** What is to be proven. `known` is false for a user who does not exist: the check then takes its time and fails. */
export interface PasswordCheck {
  readonly user: string;
  readonly password: string;
  readonly hash: string;
  readonly known: boolean;
}

/** Who waits for a check. */
export interface PasswordWaiter {
  onPassword(verdict: boolean | 'busy'): void;
}

const PROVEN_MAX = 4096;
const RUNNING_MAX = 2;
/** Checks that wait for their turn, and waiters of one check. */
const WAITING_MAX = 64;
const WAITERS_MAX = 256;

interface Job {
  readonly digest: string;
  readonly check: PasswordCheck;
  readonly waiters: PasswordWaiter[];
}

export class PasswordChecks {
  readonly #key = randomBytes(32);
  /** Digests of what is proven, the one used last at the end. */
  readonly #proven = new Set<string>();
  readonly #jobs = new Map<string, Job>();
  readonly #queue: Job[] = [];
  #running = 0;
  readonly #fits: (password: string, hash: string) => Promise<boolean>;

  /** `fits` is how a password is compared with a hash. */
  constructor(fits: (password: string, hash: string) => Promise<boolean> = fitsPassword) {
    this.#fits = fits;
  }

  /** Whether this has been proven before and is still remembered. */
  isProven(check: PasswordCheck): boolean {
    if (!check.known || this.#proven.size === 0) return false;
    const digest = this.#digest(check);
    if (!this.#proven.delete(digest)) return false;
    this.#proven.add(digest);
    return true;
  }

  /** Checks, and tells the waiter; it is told at once when there is too much to do. */
  begin(check: PasswordCheck, waiter: PasswordWaiter): void {
    const digest = this.#digest(check);
    const known = this.#jobs.get(digest);
    if (known === undefined ? this.#queue.length >= WAITING_MAX : known.waiters.length >= WAITERS_MAX) {
      waiter.onPassword('busy');
      return;
    }
    if (known !== undefined) {
      known.waiters.push(waiter);
      return;
    }
    const job = { digest, check, waiters: [waiter] };
    this.#jobs.set(digest, job);
    this.#queue.push(job);
    this.#next();
  }

  #next(): void {
    while (this.#running < RUNNING_MAX && this.#queue.length > 0) {
      const job = this.#queue.shift()!;
      this.#running += 1;
      this.#fits(job.check.password, job.check.hash).then(
        (fits) => this.#done(job, fits && job.check.known),
        () => this.#done(job, false),
      );
    }
  }

  #done(job: Job, fits: boolean): void {
    this.#running -= 1;
    this.#jobs.delete(job.digest);
    if (fits) {
      this.#proven.add(job.digest);
      for (const oldest of this.#proven) {
        if (this.#proven.size <= PROVEN_MAX) break;
        this.#proven.delete(oldest);
      }
    }
    this.#next();
    for (const waiter of job.waiters) waiter.onPassword(fits);
  }

  #digest({ user, password, hash, known }: PasswordCheck): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([hash, user, password, known]))
      .digest('base64');
  }
}
