/**
 * What the guards of flags learn from an exchange: which arm of each guarded flag its user is in, and how it went.
 *
 * A key is put into an arm once and for all, so a key is the unit and speaks once, as a user does who sticks to a version (see
 * `unit-ledger.ts`). Its arm is drawn by the very word of the dial by which the flag was decided, and counted under the slot in
 * that word, also when the exchange ends after the dial has moved.
 *
 * What is judged is judged as for a version (`witness.ts`): by the first attempt that says something. A pool that a group or a
 * variant has chosen does not matter here, for the hash that draws the arms knows nothing of it. What the treated have counted
 * of their version is counted beside it, so that a release and a flag can be told apart when both are under suspicion.
 */
import type { Arm } from '../flags/arm.ts';
import type { ArmBlocks, FlagGuardSpec, GuardBlocks, RequestSignalSpec } from '../routing/snapshot.ts';
import { EvidenceWriter } from '../stats/evidence-cells.ts';
import { bucketOf } from '../stats/histogram.ts';
import { SignalWriter } from '../stats/signal-cells.ts';
import { UnitLedger } from '../stats/unit-ledger.ts';
import { type UnitHash, unitHash } from './unit-hash.ts';
import { countOnce } from './witness.ts';

/** Where a request's key stands with one guarded flag. */
export interface ArmStanding {
  readonly arm: Arm;
  /** Of the dial, when the flag was decided. */
  readonly slot: number;
  /** What was put into buckets; it is hashed only for who speaks, which with all others as control few of the requests are. */
  readonly key: string;
}

/** How an exchange went. `signal` says what a signal of the service, by its index there, says of it. */
export interface Testimony {
  readonly isBad: boolean;
  readonly durationUs: number;
  readonly signal: (index: number) => 'good' | 'bad' | null;
}

/** One arm in one version. */
class ArmWriters {
  readonly evidence: EvidenceWriter;
  readonly signals: readonly SignalWriter[];

  constructor({ evidence, signals }: ArmBlocks, thread: number) {
    this.evidence = new EvidenceWriter(evidence, thread);
    this.signals = signals.map((memory) => new SignalWriter(memory, thread));
  }
}

/** What a data thread has of the guard of one flag, whatever the route. */
export class GuardLedgers {
  readonly spec: FlagGuardSpec;
  readonly levels: Uint8Array;
  readonly failures: UnitLedger;
  readonly delays: UnitLedger;
  readonly signals: readonly UnitLedger[];

  constructor(spec: FlagGuardSpec) {
    this.spec = spec;
    this.levels = new Uint8Array(spec.levels);
    this.failures = new UnitLedger(spec.ledgers.failures);
    this.delays = new UnitLedger(spec.ledgers.delays);
    this.signals = spec.signals.map(({ ledger }) => new UnitLedger(ledger));
  }
}

/** The guard of one flag in one version of a service. */
export class FlagGuard {
  readonly #ledgers: GuardLedgers;
  readonly #arms: Readonly<Record<Arm, ArmWriters>>;
  readonly #treated: SignalWriter;
  /** For each signal of the guard its index among those of the service; -1 for one that the service does not have. */
  readonly #signals: readonly number[];

  constructor(
    ledgers: GuardLedgers,
    { treatment, control, treated }: GuardBlocks,
    signals: readonly RequestSignalSpec[],
    thread: number,
  ) {
    this.#ledgers = ledgers;
    this.#arms = { treatment: new ArmWriters(treatment, thread), control: new ArmWriters(control, thread) };
    this.#treated = new SignalWriter(treated, thread);
    this.#signals = ledgers.spec.signals.map(({ name }) => signals.findIndex((one) => one.name === name));
  }

  /** Counts an exchange; true when whoever watches the treatment has to be woken for it. */
  record({ arm, slot, key }: ArmStanding, { isBad, durationUs, signal }: Testimony): boolean {
    const { evidence, signals } = this.#arms[arm];
    const level = this.#ledgers.levels[bucketOf(durationUs)]!;
    evidence.judged(slot);
    let unit: UnitHash | null = isBad || level > 0 ? unitHash(key) : null;
    let isNews = unit !== null && countOnce(evidence, slot, { isBad, level }, this.#ledgers, unit);
    for (let index = 0; index < signals.length; index += 1) {
      const place = this.#signals[index]!;
      const said = place < 0 ? null : signal(place);
      if (said === null) continue;
      signals[index]!.judged(slot);
      if (said === 'good') continue;
      unit ??= unitHash(key);
      if (this.#ledgers.signals[index]!.raise(unit.low, unit.high, 1) !== 0) continue;
      signals[index]!.bad(slot);
      isNews = true;
    }
    return isNews && evidence.isNews();
  }

  /** A treated exchange was counted for its version, under a position of the gate. */
  toldOfVersion(gateSlot: number, isBad: boolean): void {
    this.#treated.judged(gateSlot);
    if (isBad) this.#treated.bad(gateSlot);
  }
}
