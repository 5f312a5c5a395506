/**
 * What of a flag depends on the clock: whether its schedule has begun and not ended, and where its ramp stands.
 *
 * Both are functions of the moment that is passed in, so every thread, OFREP and `explain` say the same of the same moment, and
 * nothing has to be started, stopped or remembered over a restart.
 */
import type { Ramp, Schedule } from './flag.ts';

/** Whether the moment lies in the schedule: its beginning does, its end does not. */
export function isWithin({ fromMs, untilMs }: Schedule, nowMs: number): boolean {
  return (fromMs === null || nowMs >= fromMs) && (untilMs === null || nowMs < untilMs);
}

/** The share of a ramp at a moment, in whole thousandths of a percent; its first before it starts, its last from its end on. */
export function shareOfRamp({ fromShare, toShare, startMs, overMs }: Ramp, nowMs: number): number {
  const passed = nowMs - startMs;
  if (passed >= overMs) return toShare;
  return passed <= 0 ? fromShare : Math.round(fromShare + ((toShare - fromShare) * passed) / overMs);
}
