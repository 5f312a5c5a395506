/**
 * What became of the requests about flags, counted for /metrics. Labels are fixed words; what clients send is never one.
 */
import { OFREP_REFUSALS, type OfrepRefusal } from './ofrep-fault.ts';
import type { ChangeStreamFigures } from './ofrep-streams.ts';

/** What a request was about. */
export const OFREP_CALLS = ['evaluate', 'bulk', 'events', 'preflight', 'other'] as const;
export type OfrepCall = (typeof OFREP_CALLS)[number];

/** Classes of statuses, as the label `code`. */
export const OFREP_CODES = ['2xx', '3xx', '4xx', '5xx'] as const;

/** Everything that is published of OFREP. */
export interface OfrepFigures {
  readonly answers: readonly { readonly call: OfrepCall; readonly code: string; readonly count: number }[];
  readonly refusals: readonly { readonly reason: OfrepRefusal; readonly count: number }[];
  readonly streams: ChangeStreamFigures;
}

export class OfrepCounts {
  readonly #answers = new Map<string, number>();
  readonly #refusals = new Map<OfrepRefusal, number>();

  /** A request of this kind was answered with this status. */
  answered(call: OfrepCall, status: number): void {
    const key = `${call} ${Math.floor(status / 100)}xx`;
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
  }

  /** A request was not answered as asked. */
  refused(reason: OfrepRefusal): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
  }

  /** All counts, also those at zero. */
  figures(streams: ChangeStreamFigures): OfrepFigures {
    return {
      answers: OFREP_CALLS.flatMap((call) =>
        OFREP_CODES.map((code) => ({ call, code, count: this.#answers.get(`${call} ${code}`) ?? 0 })),
      ),
      refusals: OFREP_REFUSALS.map((reason) => ({ reason, count: this.#refusals.get(reason) ?? 0 })),
      streams,
    };
  }
}
