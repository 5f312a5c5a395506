/**
 * How often each signal of each service was read, with what result, and its last numbers: what /metrics publishes of them.
 *
 * Kept apart from the rollouts, so that counters do not go back when one ends, and bounded, so that edits of the file
 * cannot make it grow.
 */
import type { Config } from '../config/schema.ts';
import type { MetricsSource } from './operations.ts';
import { readableSignal } from './signal-specs.ts';

/** What a reading came to: a number, nothing to measure, or a source that is missing or broken. */
export type ReadResult = 'ok' | 'nothing' | 'failed';

/** Signals that are remembered, of all configs there were; of more, the first are forgotten. */
const BOOKS_MAX = 4_096;

interface Book {
  readonly reads: Record<ReadResult, number>;
  candidate: number | null;
  active: number | null;
}

/** Counts since the process began, also over rollouts and edits of the file. */
export class SignalBooks {
  readonly #books = new Map<string, Book>();

  /** A signal was read; null for a side that was not, or that has no number. */
  note(
    service: string,
    signal: string,
    result: ReadResult,
    numbers: { readonly candidate: number | null; readonly active: number | null },
  ): void {
    const book = this.#bookOf(service, signal);
    book.reads[result] += 1;
    book.candidate = numbers.candidate;
    book.active = numbers.active;
  }

  /** The figures of all signals of a config that are read, also of those that no rollout has asked for yet. */
  figures(config: Config): MetricsSource['signals'] {
    return [...config.services.values()].flatMap((service) =>
      Object.keys(service.rollout.guard.signals)
        .filter((name) => readableSignal(service, name) !== undefined)
        .map((signal) => ({
          service: service.name,
          signal,
          ...(this.#books.get(keyOf(service.name, signal)) ?? emptyBook()),
        })),
    );
  }

  #bookOf(service: string, signal: string): Book {
    const key = keyOf(service, signal);
    const known = this.#books.get(key);
    if (known !== undefined) return known;
    const book = emptyBook();
    this.#books.set(key, book);
    if (this.#books.size > BOOKS_MAX) this.#books.delete(this.#books.keys().next().value!);
    return book;
  }
}

function keyOf(service: string, signal: string): string {
  return JSON.stringify([service, signal]);
}

function emptyBook(): Book {
  return { reads: { ok: 0, nothing: 0, failed: 0 }, candidate: null, active: null };
}
