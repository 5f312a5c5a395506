/**
 * Decides what the results of active checks say about an endpoint: (state, result) → state, and nothing else.
 *
 * Two thresholds keep a single odd answer from moving an endpoint: `unhealthy` bad results in a row take it down,
 * `healthy` good ones in a row bring it back. One case is exempt: an endpoint that has never given a good answer is
 * admitted by its first one. Such an endpoint is starting, not flapping, and making it wait would only delay a release.
 *
 * An endpoint that has not been proven is in a state of its own (`admitted`), so that nobody mistakes "not yet asked"
 * for "healthy". Rejected: a score or a moving average, which cannot be explained by the log of the last few checks.
 */

/** `admitted`: not yet proven; `up` and `down`: by checks, or `down` because the configuration starts it shut. */
export type Health = 'admitted' | 'up' | 'down';

/** Where an endpoint starts before its first check. */
export type InitialHealth = 'admitted' | 'shut';

/** How many results in a row change the mind; each at least 1. */
export interface Thresholds {
  readonly healthy: number;
  readonly unhealthy: number;
}

/** What is known about one endpoint. */
export interface HealthState {
  readonly health: Health;
  /** Whether any check has ever been good. */
  readonly proven: boolean;
  /** Results in a row that contradict `health`; below the threshold that would change it. */
  readonly contradictions: number;
}

/** The state of an endpoint before its first check. */
export function initialState(initial: InitialHealth): HealthState {
  return { health: initial === 'shut' ? 'down' : 'admitted', proven: false, contradictions: 0 };
}

/** Whether requests may be sent to an endpoint of this health. */
export function admits(health: Health): boolean {
  return health !== 'down';
}

/** The state after one more result. */
export function judge(state: HealthState, good: boolean, thresholds: Thresholds): HealthState {
  return good ? afterGood(state, thresholds.healthy) : afterBad(state, thresholds.unhealthy);
}

function afterGood(state: HealthState, healthy: number): HealthState {
  const contradictions = state.health === 'down' ? state.contradictions + 1 : 0;
  const stays = state.health === 'down' && state.proven && contradictions < healthy;
  return stays ? { ...state, contradictions } : { health: 'up', proven: true, contradictions: 0 };
}

function afterBad(state: HealthState, unhealthy: number): HealthState {
  if (state.health === 'down') return { ...state, contradictions: 0 };
  const contradictions = state.contradictions + 1;
  return contradictions < unhealthy ? { ...state, contradictions } : { ...state, health: 'down', contradictions: 0 };
}
