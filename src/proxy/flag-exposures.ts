/**
 * Notes which variants users were given by a draw, for whoever analyses experiments elsewhere, and hands the notes to the control plane
 * in batches.
 *
 * Noted is what was drawn (`SPLIT`): who got something by a rule was not assigned by chance, and says nothing in an experiment. The same
 * user, flag and variant are noted once in a window. A key is hashed the moment it is noted, and what leaves the thread is the hash.
 * What does not fit into a batch is dropped and counted: a request never waits for any of this.
 */
import { createHash, createHmac } from 'node:crypto';
import type { ExposureSpec } from '../flags/context-spec.ts';
import type { Evaluation } from '../flags/flag.ts';
import { mixInteger, murmur3 } from '../routing/hash.ts';
import { ExposureWindow } from '../stats/exposure-window.ts';
import type { FlagTallyWriter } from '../stats/flag-tally.ts';
import type { Exposure } from './messages.ts';

/** Exposures of one thread that wait for the next tick. */
export const EXPOSURES_WAITING_MAX = 1000;

const HASH_CHARACTERS = 32;

export class ExposureNotes {
  readonly #send: (exposures: readonly Exposure[]) => void;
  #spec: ExposureSpec | null = null;
  #window: ExposureWindow | null = null;
  #waiting: Exposure[] = [];

  constructor(send: (exposures: readonly Exposure[]) => void) {
    this.#send = send;
  }

  /** Takes over what the config says; a window that stays as it is remembers what it has. */
  configure(spec: ExposureSpec | null): void {
    const before = this.#spec;
    this.#spec = spec;
    if (spec === null) this.#window = null;
    else if (before?.windowMs !== spec.windowMs || before.memory !== spec.memory) {
      this.#window = new ExposureWindow(spec.memory, spec.windowMs);
    }
  }

  get isWanted(): boolean {
    return this.#spec !== null;
  }

  /** This unit (a key, or what the flag draws by) was given a variant by a draw. `service` is where its request goes. */
  drawn(evaluation: Evaluation, unit: string, service: string, nowMs: number, tally: FlagTallyWriter): void {
    const high = murmur3(unit, murmur3(evaluation.flag, evaluation.index));
    const low = mixInteger(murmur3(unit, murmur3(evaluation.variant, ~high)));
    if (!this.#window!.isNew(high, low, nowMs)) return;
    if (this.#waiting.length === EXPOSURES_WAITING_MAX) {
      tally.count('exposure-dropped');
      return;
    }
    const { flag, variant, revision } = evaluation;
    this.#waiting.push({ atMs: nowMs, flag, variant, key: this.#hashed(unit), service, revision });
  }

  /** Hands over what has been noted. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    this.#send(this.#waiting);
    this.#waiting = [];
  }

  #hashed(unit: string): string {
    const { secret } = this.#spec!;
    const hash = secret === '' ? createHash('sha256') : createHmac('sha256', secret);
    return hash.update(unit).digest('hex').slice(0, HASH_CHARACTERS);
  }
}
