/**
 * From the guard of a flag to what the judge works with: the same signals as for a release, with arms in place of versions.
 */
import type { Service } from '../config/schema.ts';
import type { FlagGuard } from '../flags/guard.ts';
import type { LatencyScale } from '../judge/latency.ts';
import type { JudgeSettings, Signal } from '../judge/signals.ts';
import { builtInSignals, FLOOR } from './rollout-settings.ts';
import { judgedSignals } from './signal-specs.ts';

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
