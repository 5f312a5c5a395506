/**
 * When answers about flags change by themselves: at the two ends of a schedule, and while a share grows along a ramp.
 *
 * Nobody changes a flag at such a moment, so nobody would tell the change streams. A ramp never stands still; clients
 * are told every half minute while it runs, which is as fine as people look at it, and once at its end.
 */
import { inEnvironment } from '../config/flag-merge.ts';
import type { FlagDefinition } from '../config/flag-schema.ts';
import { parseDuration } from '../config/units.ts';

/** How often clients are told while a share grows. */
export const RAMP_NOTICE_MS = 30_000;

/** The first moment after `nowMs` (since 1970) at which one of the flags may answer otherwise by itself; null for none. */
export function nextMoment(definitions: Iterable<FlagDefinition>, environment: string, nowMs: number): number | null {
  let next: number | null = null;
  for (const definition of definitions) {
    for (const atMs of momentsOf(inEnvironment(definition, environment), nowMs)) {
      if (atMs > nowMs && (next === null || atMs < next)) next = atMs;
    }
  }
  return next;
}

function momentsOf({ schedule, ramp }: Omit<FlagDefinition, 'environments'>, nowMs: number): number[] {
  const moments = [schedule?.from, schedule?.until].filter((at) => at !== undefined).map((at) => Date.parse(at));
  if (ramp === undefined) return moments;
  const startMs = Date.parse(ramp.start);
  const endMs = startMs + parseDuration(ramp.over)!;
  const isGrowing = nowMs >= startMs && nowMs < endMs;
  return [...moments, startMs, endMs, ...(isGrowing ? [nowMs + RAMP_NOTICE_MS] : [])];
}
