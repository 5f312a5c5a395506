/**
 * Says of each exchange what the judge needs to know: whether it was bad, and how slow.
 *
 * An exchange is judged once, by its first attempt: a candidate that failed it is to blame also when another pool saved the
 * user, and what the other did says nothing about the candidate. Not judged is what the gate did not assign by chance (a
 * preview) or what is not the version's doing (a client that went away, a fault of ours, the race for an idle connection,
 * after which the next attempt is the first).
 *
 * Users who stick to their pool speak once, about errors and about each boundary; see `unit-ledger.ts`.
 */
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { EvidenceSpec } from '../routing/snapshot.ts';
import type { EvidenceWriter } from '../stats/evidence-cells.ts';
import { bucketOf } from '../stats/histogram.ts';
import { OUTCOMES, type Outcome } from '../stats/series.ts';
import type { SignalWriter } from '../stats/signal-cells.ts';
import { UnitLedger } from '../stats/unit-ledger.ts';
import { type Answered, pathForSignals, SignalWitness } from './signal-witness.ts';
import { type UnitHash, unitHash } from './unit-hash.ts';

const NOT_JUDGED: ReadonlySet<Outcome> = new Set<Outcome>(['client-gone', 'internal', 'reuse-race']);
const OUTCOME_5XX = OUTCOMES.indexOf('5xx');

export class Witness {
  /** 1 for each outcome, by its index, that is bad; 2 for those that are not judged. */
  readonly #outcomes: Uint8Array;
  readonly #statuses: Uint8Array;
  readonly #slowerThanUs: number;
  readonly #levels: Uint8Array;
  readonly #failures: UnitLedger | null;
  readonly #delays: UnitLedger | null;
  readonly #signals: readonly SignalWitness[];

  constructor({ badStatuses, badOutcomes, slowerThanUs, levels, ledgers, signals }: EvidenceSpec) {
    this.#outcomes = Uint8Array.from(OUTCOMES, (outcome) =>
      NOT_JUDGED.has(outcome) ? 2 : badOutcomes.includes(outcome) ? 1 : 0,
    );
    this.#statuses = badStatuses;
    this.#slowerThanUs = slowerThanUs ?? Number.POSITIVE_INFINITY;
    this.#levels = new Uint8Array(levels);
    this.#failures = ledgers === null ? null : new UnitLedger(ledgers.failures);
    this.#delays = ledgers === null ? null : new UnitLedger(ledgers.delays);
    this.#signals = signals.map((signal) => new SignalWitness(signal));
  }

  /** Whether there are signals of the business, which want to see the heads of answers. */
  get wantsHeads(): boolean {
    return this.#signals.length > 0;
  }

  /** Whether an attempt with this outcome is one that its exchange is judged by. */
  counts(outcome: number): boolean {
    return this.#outcomes[outcome] !== 2;
  }

  /** Whether an attempt that counts was bad; `status` is 0 for one without an answer that was passed on. */
  isBad(outcome: number, status: number, durationUs: number): boolean {
    // An answer that was not passed on, because another attempt followed, is known by its outcome.
    const code = status === 0 && outcome === OUTCOME_5XX ? 500 : status;
    return this.#outcomes[outcome] === 1 || this.#statuses[code] === 1 || durationUs >= this.#slowerThanUs;
  }

  /**
   * Records an exchange that the position in `slot` has routed, and says whether it was counted as bad. `status` is 0 for an attempt
   * without one that was passed on; `unit` is the key that the user sticks by, '' where nobody sticks.
   */
  record(
    writer: EvidenceWriter,
    slot: number,
    outcome: number,
    status: number,
    durationUs: number,
    unit: string,
  ): boolean {
    const isBad = this.isBad(outcome, status, durationUs);
    const level = this.#levels[bucketOf(durationUs)]!;
    writer.judged(slot);
    if (!isBad && level === 0) return false;
    if (this.#failures === null || this.#delays === null) {
      if (isBad) writer.bad(slot);
      writer.above(slot, 0, level);
      return isBad;
    }
    return countOnce(
      writer,
      slot,
      { isBad, level },
      { failures: this.#failures, delays: this.#delays },
      unitHash(unit),
    );
  }

  /**
   * Records the same exchange for the signals of the business, and says whether any counted it as bad; `writers` are those of
   * its pool, in their order.
   */
  recordSignals(
    writers: readonly SignalWriter[],
    slot: number,
    outcome: number,
    request: RequestHead,
    status: number,
    head: ResponseHead | null,
    unit: string,
  ): boolean {
    const path = pathForSignals(request);
    const hash = unitHash(unit);
    const answered = this.#answered(outcome, status, head);
    let isBad = false;
    for (let index = 0; index < this.#signals.length; index += 1) {
      if (this.#signals[index]!.record(writers[index]!, slot, request, path, answered, hash)) isBad = true;
    }
    return isBad;
  }

  /** What the signal of the business at this index says of an exchange; null when it is not about it. */
  signalSays(
    index: number,
    outcome: number,
    request: RequestHead,
    status: number,
    head: ResponseHead | null,
  ): 'good' | 'bad' | null {
    return this.#signals[index]!.judge(request, pathForSignals(request), this.#answered(outcome, status, head));
  }

  #answered(outcome: number, status: number, head: ResponseHead | null): Answered {
    const isFailure = this.#outcomes[outcome] === 1 && outcome !== OUTCOME_5XX;
    return { status: status === 0 ? (head?.status ?? 0) : status, head, isFailure };
  }
}

/**
 * Counts what an exchange of a unit says that is bad: its first failure, and each boundary that none of its exchanges has reached
 * before. Says whether its failure was counted.
 */
export function countOnce(
  writer: EvidenceWriter,
  slot: number,
  { isBad, level }: { readonly isBad: boolean; readonly level: number },
  { failures, delays }: { readonly failures: UnitLedger; readonly delays: UnitLedger },
  { low, high }: UnitHash,
): boolean {
  const isFirst = isBad && failures.raise(low, high, 1) === 0;
  if (isFirst) writer.bad(slot);
  if (level === 0) return isFirst;
  const before = delays.raise(low, high, level);
  if (before >= 0) writer.above(slot, before, level);
  return isFirst;
}
