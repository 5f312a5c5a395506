/**
 * From the guard of a flag as it is written to what the judge works with: the same signals as for a release, with arms in place
 * of versions.
 */
import type { WrittenGuard } from '../config/flag-guard.ts';
import type { Service } from '../config/schema.ts';
import { parseDuration, parsePercent } from '../config/units.ts';
import type { FlagGuard } from '../flags/guard.ts';
import type { LatencyScale } from '../judge/latency.ts';
import type { JudgeSettings, Signal } from '../judge/signals.ts';
import { builtInSignals, FLOOR } from './rollout-settings.ts';
import { judgedSignals } from './signal-specs.ts';

/** What a written guard means, with what it leaves out. */
export function readGuard(written: WrittenGuard): FlagGuard {
  const { falseAlarm, missed, control, errors, latency, signals, renew, dryRun } = written;
  return {
    falseAlarm: shareOf(falseAlarm ?? '1%'),
    missed: shareOf(missed ?? '5%'),
    control: control ?? 'equal',
    errors: {
      margin: multipleOf(errors?.margin ?? '1.5x'),
      proof: multipleOf(errors?.proof ?? '3x'),
      rate: shareOf(errors?.rate ?? '1%'),
      ceiling: shareOf(errors?.ceiling ?? '20%'),
      ceilingRequests: errors?.ceilingRequests ?? 50,
    },
    latency: latency === 'off' ? null : { margin: multipleOf(latency?.margin ?? '1.2x') },
    signals: [...new Set(signals ?? [])],
    dryRun: dryRun ?? false,
    renewMs: parseDuration(renew ?? '168h')!,
  };
}

function shareOf(text: string): number {
  return parsePercent(text)! / 100;
}

function multipleOf(text: string): number {
  return Number(text.slice(0, -1));
}

/**
 * How a flag is judged, on the routes to these services. A signal that several of them have is judged as the first one says.
 * Without a scale latency has no boundaries yet and no counts; it keeps its part of the error budget, which must not
 * change while evidence is gathered.
 */
export function guardSettings(
  guard: FlagGuard,
  services: readonly Service[],
  scale: LatencyScale | null,
): JudgeSettings {
  const named = new Map<string, Signal>();
  for (const signal of services.flatMap(judgedSignals)) {
    if (signal.kind === 'compared' && guard.signals.includes(signal.name) && !named.has(signal.name))
      named.set(signal.name, signal);
  }
  const builtIn = builtInSignals(guard, scale).map((signal) => ({ ...signal, onUnknown: 'wait' as const }));
  return {
    candidate: 'treatment',
    active: 'control',
    falseAlarm: guard.falseAlarm,
    falseHealth: guard.missed,
    floor: FLOOR,
    signals: [...builtIn, ...named.values()],
  };
}
