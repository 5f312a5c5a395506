/**
 * The sources of one rollout's signals, each asked on a timer of its own for as long as the rollout runs.
 *
 * What they hear waits here until the judge takes its next look, so that a source that hangs holds up nobody, and a look holds
 * what was known at its moment, which is what makes a replay exact. Of what was heard of a signal between two looks the last
 * counts.
 *
 * A reading that fails is tried again; only so many in a row as the signal's `failures` make it unknown, and from then on every
 * one does until there is a number again. Where there is nothing to measure nothing is said: no traffic is no failure. A ratio
 * is asked for only while both pools have traffic, because nobody is left to compare with otherwise.
 *
 * The definition is looked up in the config before each reading, so an edited address or token is in effect with the next one.
 * The condition is part of the rollout's settings and stays what it was when it began.
 */
import type { Logger } from 'pino';
import type { Service } from '../config/schema.ts';
import type { SignalLook } from '../judge/look.ts';
import type { Measured } from '../signals/measured.ts';
import { pause } from './pause.ts';
import type { SignalBooks } from './signal-books.ts';
import { type Sides, SignalReader } from './signal-reader.ts';
import { readableSignal } from './signal-specs.ts';

/** How soon a signal that has left the file is looked for again. */
const MISSING_MS = 1_000;

/** What was heard of a signal; the judge's clock dates it when it takes it. */
export type Heard =
  | { readonly kind: 'reading'; readonly name: string; readonly candidate: number; readonly active: number | null }
  | { readonly kind: 'silence'; readonly name: string; readonly reason: string };

/** What the sources need of the world. */
export interface SignalWorld {
  readonly sides: Sides;
  /** The service as the config has it now; undefined when it has left the file. */
  service(): Service | undefined;
  /** Whether both pools have traffic. */
  isCompared(): boolean;
  readonly books: SignalBooks;
  readonly log: Pick<Logger, 'error'>;
  /** Milliseconds of a clock that only goes forward. */
  nowMs(): number;
}

export class SignalSources {
  readonly #names: readonly string[];
  readonly #world: SignalWorld;
  readonly #heard = new Map<string, Heard>();
  readonly #stop = new AbortController();

  constructor(names: readonly string[], world: SignalWorld) {
    this.#names = names;
    this.#world = world;
  }

  /** Begins to ask. To be called once. */
  start(): void {
    for (const name of this.#names) this.#follow(name).catch((error: unknown) => this.#broken(name, error));
  }

  /** Ends everything that is under way. */
  stop(): void {
    this.#stop.abort();
  }

  /** Whether something was heard since it was last taken. */
  get hasNews(): boolean {
    return this.#heard.size > 0;
  }

  /** What was heard since the last call, dated with `atMs` of the judge's clock. */
  take(atMs: number): SignalLook[] {
    const heard = [...this.#heard.values()];
    this.#heard.clear();
    return heard.map((one) => {
      if (one.kind === 'silence') return one;
      const { name, candidate, active } = one;
      return { kind: 'reading', name, reading: { atMs, candidate, active } };
    });
  }

  /** Nobody asks any more: the signal stays unknown. */
  #broken(name: string, error: unknown): void {
    this.#world.log.error({ err: error, signal: name }, 'reading a signal has failed in an unforeseen way');
    this.#heard.set(name, { kind: 'silence', name, reason: 'Tidegate could not read it; its log says why' });
  }

  async #follow(name: string): Promise<void> {
    const { signal: stop } = this.#stop;
    const reader = new SignalReader(this.#world.sides, () => this.#world.nowMs());
    let misses = 0;
    while (!stop.aborted) {
      const beganMs = this.#world.nowMs();
      const service = this.#world.service();
      const signal = readableSignal(service, name);
      if (service === undefined || signal === undefined) {
        this.#heard.set(name, { kind: 'silence', name, reason: 'the signal has left the file' });
        await pause(MISSING_MS, stop);
        continue;
      }
      if (!signal.isRatio || this.#world.isCompared()) {
        const [candidate, active] = await Promise.all([
          reader.read(signal, service, 'candidate', stop),
          signal.isRatio ? reader.read(signal, service, 'active', stop) : null,
        ]);
        if (stop.aborted) return;
        const result = resultOf(candidate, active);
        misses = result.kind === 'failed' ? misses + 1 : 0;
        const numbers = { candidate: numberOf(candidate), active: active === null ? null : numberOf(active) };
        this.#world.books.note(service.name, name, result.kind === 'number' ? 'ok' : result.kind, numbers);
        if (result.kind === 'number') {
          this.#heard.set(name, { kind: 'reading', name, candidate: result.value, active: numbers.active });
        } else if (result.kind === 'failed' && misses >= signal.failures) {
          this.#heard.set(name, { kind: 'silence', name, reason: result.why });
        }
      }
      await pause(Math.max(0, signal.intervalMs - (this.#world.nowMs() - beganMs)), stop);
    }
  }
}

/** The candidate's number, or why there is none to be judged. */
function resultOf(candidate: Measured, active: Measured | null): Measured {
  if (active === null || candidate.kind === 'failed') return candidate;
  if (active.kind !== 'number') return active;
  if (candidate.kind !== 'number') return candidate;
  return active.value === 0
    ? { kind: 'failed', why: "the active pool's number is 0, and nothing can be a multiple of it" }
    : candidate;
}

function numberOf(found: Measured): number | null {
  return found.kind === 'number' ? found.value : null;
}
