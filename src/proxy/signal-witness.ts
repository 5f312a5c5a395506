/**
 * Says of an exchange what a signal of the business needs to know: whether it is about that exchange, and whether it was bad.
 *
 * The request is matched as routes are, by the same table with one route in it, on the path as it is normalised for routing.
 * The answer that counts is the first attempt's, also where it was not passed on because another attempt followed.
 * An attempt that ended without an answer is bad by the service's `badEvents.failures`: who got nothing has bought nothing.
 *
 * The exclusions are those of errors, since the caller asks neither of the two about an exchange that is not to be judged.
 */
import { normalisePath } from '../http1/path.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { type ValueTest, valuePasses, valueTest } from '../routing/pattern.ts';
import { RouteTable } from '../routing/route-table.ts';
import type { AnswerMatch, RequestSignalSpec } from '../routing/snapshot.ts';
import type { SignalWriter } from '../stats/signal-cells.ts';
import { UnitLedger } from '../stats/unit-ledger.ts';
import type { UnitHash } from './unit-hash.ts';

/** What came of an attempt: its status (0 for none), the head of its answer if there was one, and whether it failed without. */
export interface Answered {
  readonly status: number;
  readonly head: ResponseHead | null;
  readonly isFailure: boolean;
}

/** The conditions of one answer, ready for many. */
class AnswerTest {
  readonly #statuses: Uint8Array | null;
  readonly #fields: readonly { readonly name: string; readonly test: ValueTest }[];

  constructor({ statuses, headers }: AnswerMatch) {
    this.#statuses = statuses;
    this.#fields = headers.map(([name, match]) => ({ name, test: valueTest(match) }));
  }

  passes({ status, head }: Answered): boolean {
    if (this.#statuses !== null && this.#statuses[status] !== 1) return false;
    return this.#fields.every(({ name, test }) => valuePasses(test, head?.field(name)));
  }
}

export class SignalWitness {
  readonly #requests: RouteTable<true>;
  readonly #bad: readonly AnswerTest[];
  readonly #good: readonly AnswerTest[];
  readonly #rest: RequestSignalSpec['rest'];
  readonly #ledger: UnitLedger | null;

  constructor({ match, bad, good, rest, ledger }: RequestSignalSpec) {
    this.#requests = new RouteTable([{ match, target: true }]);
    this.#bad = bad.map((one) => new AnswerTest(one));
    this.#good = good.map((one) => new AnswerTest(one));
    this.#rest = rest;
    this.#ledger = ledger === null ? null : new UnitLedger(ledger);
  }

  /** Records the exchange if the signal is about it, and says whether it was counted as bad; `path` is the normalised one. */
  record(
    writer: SignalWriter,
    slot: number,
    request: RequestHead,
    path: string,
    answered: Answered,
    unit: UnitHash,
  ): boolean {
    const judged = this.judge(request, path, answered);
    if (judged === null) return false;
    writer.judged(slot);
    if (judged === 'good') return false;
    if (this.#ledger !== null && this.#ledger.raise(unit.low, unit.high, 1) !== 0) return false;
    writer.bad(slot);
    return true;
  }

  /** What the signal says of the exchange; null when it is not about it. */
  judge(request: RequestHead, path: string, answered: Answered): 'good' | 'bad' | null {
    if (this.#requests.find(request, path) === undefined) return null;
    if (answered.isFailure || this.#bad.some((test) => test.passes(answered))) return 'bad';
    return this.#good.some((test) => test.passes(answered)) ? 'good' : this.#rest;
  }
}

/** The path that signals are matched on; routing has refused a request without one. */
export function pathForSignals(request: RequestHead): string {
  return normalisePath(request.path)?.path ?? request.path;
}
