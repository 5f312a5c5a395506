/**
 * Decides from the outcomes of real requests whether one endpoint should be used: (state, what was seen) → state.
 *
 *     admitting ──eject──▶ shut ──its time is over──▶ probing ──the probe went well──▶ admitting
 *                            ▲───────────the probe failed───────────┘
 *
 * Two rules shut an endpoint: so many failures in a row, which finds what is broken, and a share of successes below a
 * limit over an exact window (`slice-window.ts`), which finds what is half broken and needs a minimum of requests. This
 * file says which endpoints deserve it; `ejection-pool.ts` says how many of a pool may be shut at once.
 *
 * The time for which an endpoint is shut doubles with each ejection in a row and is bounded. A row ends when the endpoint
 * has served for as long as it was shut last. After that time one real request is let through. Its answer decides, also
 * where there are health checks: an endpoint that answers its checks and fails requests is the very case that ejection
 * is for. (Checks have their say beside it: nothing is sent to an endpoint that they hold down, no probe either.)
 *
 * Failures in a row are counted over all threads without a shared counter. Each thread knows its own run, and the total of
 * failures since anybody's last success is kept here; the larger of the two is the run. A success on one thread and a
 * failure on another in the same moment have no order, so either may be taken for the later one.
 *
 * Rejected: letting probes be checks of our own (we would have to invent a request that means something to the
 * application), and admitting again without a probe as some proxies do (each round costs users as many failures as the
 * rule asks for, instead of one).
 */
import { addOutcomes, EMPTY_WINDOW, SLICES, type SliceWindow, windowTotals } from './slice-window.ts';

/** Why an endpoint was shut: by one of the two rules, or because its probe failed. */
export type EjectionReason = 'consecutive-failures' | 'success-ratio' | 'probe';

/** When an endpoint is shut, and for how long. */
export interface EjectionRule {
  /** Failures in a row; at least 1. */
  readonly consecutiveFailures: number;
  /** Shut below this share of successes, from 0 to 1; null for no such rule. */
  readonly successRatio: number | null;
  /** Requests in the window below which the ratio says nothing; at least 1. */
  readonly minRequests: number;
  /** The window of the ratio, ten slices together. */
  readonly windowMs: number;
  /** How long the first ejection of a row lasts; each further one lasts twice as long. */
  readonly baseMs: number;
  /** The longest that an ejection lasts. */
  readonly maxMs: number;
}

/** What has been seen of an endpoint since the last step. */
export interface Seen {
  readonly good: number;
  readonly bad: number;
  /** The longest run of failures that any one thread has behind it now; 0 after a success. */
  readonly run: number;
  /** What has become of the probe. */
  readonly probe: 'none' | 'good' | 'bad';
  /** The endpoint is used although it is shut (see `ejection-pool.ts`), so its ordinary requests are probes. */
  readonly isUsedAnyway: boolean;
}

export type EjectionState =
  | {
      readonly kind: 'admitting';
      /** Ejections in a row so far; 0 when the last row is over or there was none. */
      readonly row: number;
      readonly sinceMs: number;
      /** Failures since the last success, over all threads. */
      readonly streak: number;
      /** As the last step left it: the run of failures that counts. */
      readonly run: number;
      readonly window: SliceWindow;
    }
  | { readonly kind: 'shut'; readonly row: number; readonly reason: EjectionReason; readonly untilMs: number }
  | { readonly kind: 'probing'; readonly row: number; readonly reason: EjectionReason };

/** The state of an endpoint of which nothing is known. */
export function admittedAt(nowMs: number, row = 0): EjectionState {
  return { kind: 'admitting', row, sinceMs: nowMs, streak: 0, run: 0, window: EMPTY_WINDOW };
}

/** The state after what has been seen. Never shuts an endpoint that admits: that is for `eject`, if the pool allows it. */
export function observe(state: EjectionState, seen: Seen, rule: EjectionRule, nowMs: number): EjectionState {
  switch (state.kind) {
    case 'admitting': {
      if (seen.good === 0 && seen.bad === 0 && seen.run === state.run) return state;
      const streak = seen.good > 0 ? 0 : state.streak + seen.bad;
      const window = addOutcomes(state.window, seen, nowMs, rule.windowMs / SLICES);
      return { ...state, streak, run: Math.max(streak, seen.run), window };
    }
    case 'shut':
      return nowMs < state.untilMs ? state : { kind: 'probing', row: state.row, reason: state.reason };
    case 'probing':
      if (seen.probe === 'good' || (seen.isUsedAnyway && seen.good > 0)) return admittedAt(nowMs, state.row);
      if (seen.probe === 'bad' || (seen.isUsedAnyway && seen.bad > 0)) return eject(state, 'probe', rule, nowMs);
      return state;
    default:
      return state satisfies never;
  }
}

/** The rule by which an admitting endpoint deserves to be shut; null when there is none. */
export function reasonToEject(state: EjectionState, rule: EjectionRule, nowMs: number): EjectionReason | null {
  if (state.kind !== 'admitting') return null;
  if (state.run >= rule.consecutiveFailures) return 'consecutive-failures';
  if (rule.successRatio === null) return null;
  const { good, bad } = windowTotals(state.window, nowMs, rule.windowMs / SLICES);
  const isBelow = good < rule.successRatio * (good + bad);
  return isBelow && good + bad >= rule.minRequests ? 'success-ratio' : null;
}

/** Shuts the endpoint, for longer than the last time if that was not long ago. */
export function eject(state: EjectionState, reason: EjectionReason, rule: EjectionRule, nowMs: number): EjectionState {
  const isNewRow = state.kind === 'admitting' && nowMs - state.sinceMs >= shutMs(state.row, rule);
  const row = isNewRow ? 1 : state.row + 1;
  return { kind: 'shut', row, reason, untilMs: nowMs + shutMs(row, rule) };
}

/** How long the ejection with this number in a row lasts; 0 for none. */
function shutMs(row: number, { baseMs, maxMs }: EjectionRule): number {
  // Beyond 2^40 every duration is longer than any bound.
  return row === 0 ? 0 : Math.min(maxMs, baseMs * 2 ** Math.min(row - 1, 40));
}
