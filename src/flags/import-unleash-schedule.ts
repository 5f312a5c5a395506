/**
 * Constraints of Unleash on the current time, as the schedule of a flag.
 *
 * A flag has one schedule for all of it, so this is done where a feature has one strategy. With several, a strategy that looks at the
 * clock is left out by whoever reads its constraints.
 */
import type { FlagDefinition } from './definition.ts';
import { listIn, recordIn, textIn } from './import-report.ts';
import { CLOCK } from './import-unleash-constraint.ts';
import type { UnleashFeature } from './import-unleash-document.ts';
import { parseMoment } from './moment.ts';

/** A feature without its constraints on the clock, and the schedule that they are; null where there are none that can be one. */
export function withoutClock(feature: UnleashFeature): {
  readonly feature: UnleashFeature;
  readonly schedule: NonNullable<FlagDefinition['schedule']> | null;
} {
  const [only] = feature.strategies;
  if (only === undefined || feature.strategies.length > 1) return { feature, schedule: null };
  const constraints = listIn(only.record.constraints);
  const bounds = constraints.map(boundIn);
  const from = Math.max(...bounds.map((bound) => bound?.fromMs ?? Number.NEGATIVE_INFINITY));
  const until = Math.min(...bounds.map((bound) => bound?.untilMs ?? Number.POSITIVE_INFINITY));
  if (bounds.every((bound) => bound === null) || from >= until) return { feature, schedule: null };
  const rest = constraints.filter((_, index) => bounds[index] === null);
  return {
    feature: { ...feature, strategies: [{ at: only.at, record: { ...only.record, constraints: rest } }] },
    schedule: {
      ...(Number.isFinite(from) ? { from: new Date(from).toISOString() } : {}),
      ...(Number.isFinite(until) ? { until: new Date(until).toISOString() } : {}),
    },
  };
}

/** Both sides leave out the moment itself there, and take it in when they are inverted; a schedule takes in its beginning only. */
function boundIn(constraint: unknown): { readonly fromMs?: number; readonly untilMs?: number } | null {
  const { contextName, operator, value, inverted } = recordIn(constraint) ?? {};
  const ms = contextName === CLOCK ? parseMoment(textIn(value) ?? '') : undefined;
  if (ms === undefined || (operator !== 'DATE_AFTER' && operator !== 'DATE_BEFORE')) return null;
  const isInverted = inverted === true;
  if (operator === 'DATE_AFTER') return isInverted ? { untilMs: ms + 1 } : { fromMs: ms + 1 };
  return isInverted ? { fromMs: ms } : { untilMs: ms };
}
