/**
 * What a release is judged by, and how several opinions become one.
 *
 * A *compared* signal counts bad events on both sides and is judged by the engine: errors, latency, an outcome of the business.
 * A *read* signal is a number from elsewhere with a condition (see `readings.ts`).
 *
 * Compared signals that act share the error budget `falseAlarm`: each gets its part by weight and must reach 1 / part. The
 * mean of their evidence against the whole budget would be valid too and never slower, but by less than a single failed
 * request in practice, and then no signal's number would explain the verdict. A verdict that says "errors: evidence 51, needs
 * 200" can be checked by anybody. The parts are fixed by the settings, so a signal that is silent gives nothing to the others.
 * Read signals spend nothing: whoever writes a condition decides how often it is wrong.
 *
 * A signal that does not act is a dry run: it is judged as if the whole budget were its own, shown, and changes nothing.
 */
import type { Ceiling } from './guards.ts';
import type { UnknownPolicy } from './opinion.ts';
import type { ProofRule } from './promotion.ts';
import type { ReadingRule } from './readings.ts';

interface SignalBase {
  /** As it is shown; unique among the signals of a service. */
  readonly name: string;
  /** False for a dry run. */
  readonly acts: boolean;
  readonly onUnknown: UnknownPolicy;
}

/** A signal that is judged by comparing both sides. */
export interface ComparedSignal extends SignalBase {
  readonly kind: 'compared';
  /** What a bad event did, for sentences: `failed`. Boundaries speak for themselves. */
  readonly verb: string;
  /** The boundaries of a latency signal in microseconds, one for each threshold; null for a signal with one threshold. */
  readonly boundariesUs: readonly number[] | null;
  /** Up to so many times as many bad events are fine; at least 1. */
  readonly margin: number;
  /** The signal's part of the error budget, beside those of the others; above 0. */
  readonly weight: number;
  /** What must be shown before it is healthy; null for a signal that can only object. */
  readonly proof: ProofRule | null;
  readonly ceiling: Ceiling | null;
}

/** A signal that is a number from elsewhere. */
export interface ReadSignal extends SignalBase {
  readonly kind: 'read';
  readonly rule: ReadingRule;
}

export type Signal = ComparedSignal | ReadSignal;

/** Everything that a release is judged under. */
export interface JudgeSettings {
  /** The chance that a harmless release is ever blamed by the compared signals together; between 0 and 1. */
  readonly falseAlarm: number;
  /** The chance that a step is called healthy although the candidate is as bad as a proof's margin; between 0 and 1. */
  readonly falseHealth: number;
  /** Distinct units with a bad event on the candidate before it may be blamed. */
  readonly floor: number;
  readonly signals: readonly Signal[];
  /** Names of the two pools, for sentences. */
  readonly candidate: string;
  readonly active: string;
}

/** How many compared signals a service may have; with them grows what each has to show. */
export const SIGNALS_MAX = 32;

/** Refuses settings that mean nothing. They come from a checked config, so this is a programmer's error. */
export function assertSettings({ falseAlarm, falseHealth, floor, signals }: JudgeSettings): void {
  for (const [name, value] of Object.entries({ falseAlarm, falseHealth })) {
    if (!(value > 0 && value < 1)) throw new RangeError(`${name} is ${value}, not between 0 and 1`);
  }
  if (!(floor >= 0)) throw new RangeError(`floor is ${floor}`);
  if (signals.length > SIGNALS_MAX) throw new RangeError(`${signals.length} signals`);
  if (new Set(signals.map(({ name }) => name)).size < signals.length) throw new RangeError('two signals of one name');
  for (const signal of signals) {
    if (signal.kind === 'read') continue;
    const { name, margin, weight, proof } = signal;
    if (!(margin >= 1 && margin <= 1e6)) throw new RangeError(`margin of ${name} is ${margin}`);
    if (!(weight > 0 && weight < Number.POSITIVE_INFINITY)) throw new RangeError(`weight of ${name} is ${weight}`);
    if (proof !== null && !(proof.margin > 1 && proof.thresholds >= 1)) throw new RangeError(`proof of ${name}`);
    if (proof?.rate != null && !(proof.rate > 0 && proof.rate <= 1)) throw new RangeError(`rate of ${name}`);
  }
}

/** ln of the evidence that a compared signal needs to blame the candidate. */
export function logNeeded(signal: ComparedSignal, settings: JudgeSettings): number {
  if (!signal.acts) return -Math.log(settings.falseAlarm);
  const acting = settings.signals.filter((other) => other.kind === 'compared' && other.acts);
  const weights = acting.reduce((sum, other) => sum + (other as ComparedSignal).weight, 0);
  return -Math.log(settings.falseAlarm * (signal.weight / weights));
}
