/**
 * The guard of one flag while the flag says what it says: looks at both arms, and has the judge say what it thinks of the treatment.
 *
 *     tick ─▶ where the dial stands ─▶ board ─▶ judge ─▶ verdict
 *
 * Evidence is gathered in periods. A period begins with what the flag says (another revision is another guard), with a flag
 * that is restored, with the process, and after `renew`; it has books of its own (who has spoken is forgotten) and a false
 * alarm budget of its own. For a flag may live for years: a test that never begins anew would have heard every key once, after an
 * outage that struck them all, and be deaf to the day on which the treatment breaks.
 *
 * A new share is no new period, so a flag that goes 5%, 25%, 50% has one budget for all of it. A key that was in the control and is
 * treated at the next share has spoken or has not. With all others as control whoever has not spoken has not failed in either
 * arm, so its place on the line is as open as at the beginning, and the part is exact wherever the share goes. With an equal control
 * those who have spoken are more among the treated than in the control, so a growing share can only make the evidence
 * weaker than it is, and never find fault where there is none.
 */
import type { Service } from '../config/schema.ts';
import { hasArms, partAt } from '../flags/arm.ts';
import { Dial } from '../flags/dial.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { FlagGuard } from '../flags/guard.ts';
import { isWithin, shareOfRamp } from '../flags/timing.ts';
import { judge, openJudgement } from '../judge/judgement.ts';
import { chooseScale, type LatencyScale, levelTable } from '../judge/latency.ts';
import type { JudgeState, Look, SignalLook } from '../judge/look.ts';
import type { JudgeSettings } from '../judge/signals.ts';
import type { Verdict } from '../judge/verdict.ts';
import type { FlagGuardSpec } from '../routing/snapshot.ts';
import { BUCKETS } from '../stats/histogram.ts';
import { clearUnits, UnitLedger } from '../stats/unit-ledger.ts';
import { FlagEvidence, type Stratum } from './flag-evidence.ts';
import { guardSettings } from './flag-guard-settings.ts';

/** How often the judge looks while nothing bad comes. */
const LOOK_MS = 1_000;
/** So many requests of the untreated have to be measured before boundaries are chosen from them. */
const SCALE_REQUESTS = 200;
/** A period is over when it has had so many versions or positions, whatever its age. */
const STRATA_MAX = 128;
const POSITIONS_MAX = 1_000;

/** A guarded flag, as the snapshot in force has it. */
export interface GuardedFlag {
  readonly spec: FlagSpec & { readonly guard: FlagGuard };
  /** A flag that it requires and that picks by the same hash, so that nobody knows the parts of its arms; null for none. */
  readonly sameDraw: string | null;
  readonly shared: FlagGuardSpec;
  readonly strata: readonly Stratum[];
  /** Those that its routes lead to. */
  readonly services: readonly Service[];
  /** The durations of those who got the off value, over all of them and since the board began. */
  readonly untreated: () => Float64Array;
}

/** Two clocks: `ms` only goes forward; `atMs` is since 1970. */
export interface GuardClock {
  readonly ms: number;
  readonly atMs: number;
}

export class FlagGuardRun {
  #flag: GuardedFlag;
  readonly #dial: Dial;
  #evidence: FlagEvidence;
  #settings: JudgeSettings;
  #state: JudgeState;
  #verdict: Verdict;
  #scale: LatencyScale | null = null;
  #began: GuardClock;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #seen = -1;
  #wasKilled = false;
  #part = 0;
  #rests: string | null = null;
  /** Whether its verdict of `worse` has been told in this period. */
  isTold = false;

  constructor(flag: GuardedFlag, clock: GuardClock) {
    this.#flag = flag;
    this.#dial = new Dial(flag.spec.dial);
    this.#began = clock;
    this.#evidence = new FlagEvidence([], 1);
    this.#settings = guardSettings(flag.spec.guard, flag.services, null);
    this.#state = openJudgement(this.#settings);
    this.#verdict = NOTHING_YET;
    this.#begin(clock);
  }

  get spec(): GuardedFlag['spec'] {
    return this.#flag.spec;
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  get settings(): JudgeSettings {
    return this.#settings;
  }

  get state(): JudgeState {
    return this.#state;
  }

  /** When the period began, since 1970. */
  get sinceMs(): number {
    return this.#began.atMs;
  }

  /** The treatment's part of both arms now. */
  get part(): number {
    return this.#part;
  }

  /** Why nothing is judged now; null while it is. */
  get rests(): string | null {
    return this.#rests;
  }

  /** Requests of the treatment in this period since the dial came to a slot; 0 for another than the present one. */
  requestsAt(slot: number): number {
    return this.#evidence.requestsAt(slot);
  }

  /** Reads what has been counted since the last look. */
  sample(): void {
    this.#evidence.sample();
  }

  /** Bad events of this period that were not counted, since there was no place left to remember who had them. */
  get unheard(): number {
    const { ledgers, signals } = this.#flag.shared;
    const all = [ledgers.failures, ledgers.delays, ...signals.map(({ ledger }) => ledger)];
    return all.reduce((sum, memory) => sum + new UnitLedger(memory).dropped(), 0);
  }

  table(): ReturnType<FlagEvidence['table']> {
    return this.#evidence.table();
  }

  /** The versions that it is counted in now. */
  get strata(): readonly Stratum[] {
    return this.#flag.strata;
  }

  /** The same flag in another snapshot. */
  follow(flag: GuardedFlag): void {
    this.#flag = flag;
    this.#evidence.follow(flag.strata);
  }

  close(): void {
    this.#evidence.close();
  }

  /** The flag is killed for what it has found: whenever it is on again, that is another period. */
  conclude(): void {
    this.#wasKilled = true;
  }

  /** Looks at everything, as time passes; whether the flag stands before the judge, and is not killed. */
  tick(clock: GuardClock): boolean {
    const { ms } = clock;
    if (!this.#comeToJudge(clock)) return false;
    this.#chooseScale();
    this.#evidence.sample();
    const bad = this.#badEvents();
    if (bad === this.#seen && ms - this.#lookedAtMs < LOOK_MS) return true;
    this.#seen = bad;
    this.#lookedAtMs = ms;
    this.#look(ms);
    return true;
  }

  /** Looks between two ticks, if the treatment has had a bad event since; whether it did. */
  lookEarly(clock: GuardClock): boolean {
    if (!this.#evidence.takeNews() || !this.#comeToJudge(clock)) return false;
    this.#evidence.sample();
    this.#look(clock.ms);
    return true;
  }

  /** Sees where the dial stands, and begins a period where one is due; false for a flag that is killed. */
  #comeToJudge(clock: GuardClock): boolean {
    const { killed } = this.#dial.position();
    const { strata, positions } = this.#evidence.size;
    const isOver =
      this.#wasKilled ||
      clock.ms - this.#began.ms >= this.spec.guard.renewMs ||
      strata > STRATA_MAX ||
      positions > POSITIONS_MAX;
    if (isOver && !killed) this.#begin(clock);
    this.#wasKilled = killed;
    this.#stand(clock.atMs);
    return !killed;
  }

  /** A new period. */
  #begin(clock: GuardClock): void {
    const { shared, spec, strata } = this.#flag;
    const firstEpoch = this.#evidence.nextEpoch;
    this.#evidence.close();
    clearUnits(shared.ledgers.failures);
    clearUnits(shared.ledgers.delays);
    for (const { ledger } of shared.signals) clearUnits(ledger);
    new Uint8Array(shared.levels).fill(0);
    this.#scale = null;
    this.#evidence = new FlagEvidence(spec.guard.signals, firstEpoch);
    this.#evidence.follow(strata);
    this.#settings = guardSettings(spec.guard, this.#flag.services, null);
    this.#state = openJudgement(this.#settings);
    this.#verdict = NOTHING_YET;
    this.#began = clock;
    this.#seen = -1;
    this.isTold = false;
  }

  #stand(atMs: number): void {
    const { spec, strata, sameDraw } = this.#flag;
    const { slot, share: ofDial, killed } = this.#dial.position();
    const share = spec.ramp === null ? ofDial : shareOfRamp(spec.ramp, atMs);
    this.#part = hasArms(spec) && sameDraw === null ? partAt(spec, share) : 0;
    this.#rests = whyNot(this.#flag, { isRouted: strata.length > 0, killed, part: this.#part, atMs });
    if (!killed) this.#evidence.stand(slot, this.#part);
  }

  /** Once enough of the untreated have been seen: the boundaries of this period. */
  #chooseScale(): void {
    if (this.#scale !== null || this.spec.guard.latency === null) return;
    const durations = this.#flag.untreated();
    let total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) total += durations[bucket]!;
    if (total < SCALE_REQUESTS) return;
    this.#scale = chooseScale(durations);
    if (this.#scale === null) return;
    this.#evidence.warm();
    new Uint8Array(this.#flag.shared.levels).set(levelTable(this.#scale));
    this.#settings = guardSettings(this.spec.guard, this.#flag.services, this.#scale);
  }

  #badEvents(): number {
    const counted = [this.#evidence.errors(), ...this.spec.guard.signals.map((name) => this.#evidence.signal(name))];
    return counted.flat().reduce((sum, { candidate, active }) => sum + candidate.events[0]! + active.events[0]!, 0);
  }

  #look(ms: number): void {
    const { signals: names, latency } = this.spec.guard;
    const counts = (name: string, epochs: ReturnType<FlagEvidence['errors']>): SignalLook => ({
      kind: 'counts',
      name,
      epochs,
    });
    const signals = [
      counts('errors', this.#evidence.errors()),
      ...(latency === null || this.#scale === null ? [] : [counts('latency', this.#evidence.latency())]),
      ...names.map((name) => counts(name, this.#evidence.signal(name))),
    ];
    const look: Look = { atMs: ms - this.#began.ms, sinceEpoch: 0, isHoldOver: false, signals };
    const judged = judge(this.#state, look, this.#settings);
    this.#state = judged.state;
    this.#verdict = judged.verdict;
  }
}

const NOTHING_YET: Verdict = {
  kind: 'waiting',
  decidedBy: null,
  sentence: 'waiting: nothing has been judged yet',
  signals: [],
};

function whyNot(
  { spec, sameDraw }: Pick<GuardedFlag, 'spec' | 'sameDraw'>,
  {
    isRouted,
    killed,
    part,
    atMs,
  }: { readonly isRouted: boolean; readonly killed: boolean; readonly part: number; readonly atMs: number },
): string | null {
  if (killed) return 'the flag is killed';
  if (!isRouted) return 'no route to a service names the flag';
  if (!hasArms(spec)) return `the strategy is ${spec.strategy.kind}: there is nobody to compare with`;
  if (spec.schedule !== null && !isWithin(spec.schedule, atMs)) return 'it is not the time of its schedule';
  if (sameDraw !== null)
    return `${sameDraw}, which it requires, has the same salt and picks the same keys: only the ceiling holds`;
  if (part === 0) return 'nobody is treated';
  return part === 1 ? 'everybody is treated: there is nobody to compare with, and only the ceiling holds' : null;
}
