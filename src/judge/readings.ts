/**
 * A number from elsewhere with a condition on it: an endpoint's memory, the answer to a query.
 *
 * A reading is one number, or the candidate's and the active side's of the same thing, which are then compared by their
 * ratio. One reading beyond the limit is weather: the signal is worse after so many in a row. A source that gives no number,
 * or none for too long, makes the signal unknown. The run of bad readings is kept meanwhile: silence is no recovery. Before the
 * source was asked for the first time nobody can know, and that waits.
 */
import type { Opinion } from './opinion.ts';

/** The condition of a read signal. */
export interface ReadingRule {
  /** What is fine: at most or at least `limit`. */
  readonly fine: 'at-most' | 'at-least';
  readonly limit: number;
  /** The limit is for candidate divided by active, and not for the candidate's number. */
  readonly isRatio: boolean;
  /** Bad readings in a row that make the signal worse; at least 1. */
  readonly failures: number;
  /** A last reading older than this is none. */
  readonly staleMs: number;
}

/** One look at the source; null where it gave no number. */
export interface Reading {
  readonly atMs: number;
  readonly candidate: number | null;
  /** The active side's number, for a ratio. */
  readonly active: number | null;
}

/** What is kept of a source's readings: plain data. */
export interface ReadingState {
  /** The last number under the condition, and when it was read; null before the first. */
  readonly last: { readonly value: number; readonly atMs: number } | null;
  /** Bad readings in a row. */
  readonly failures: number;
  /** Whether the last look gave a number; null before the first look. */
  readonly isAnswering: boolean | null;
}

/** Nothing was read yet. */
export const NO_READING: ReadingState = { last: null, failures: 0, isAnswering: null };

/** The state after another look at the source; one that is not newer than the last changes nothing. */
export function withReading(state: ReadingState, reading: Reading, rule: ReadingRule): ReadingState {
  if (state.last !== null && reading.atMs <= state.last.atMs) return state;
  const value = numberOf(reading, rule);
  if (value === null) return { ...state, isAnswering: false };
  const isFine = rule.fine === 'at-most' ? value <= rule.limit : value >= rule.limit;
  return { last: { value, atMs: reading.atMs }, failures: isFine ? 0 : state.failures + 1, isAnswering: true };
}

/** What the readings say at this time. */
export function opinionOfReadings(state: ReadingState, rule: ReadingRule, nowMs: number): Opinion {
  if (state.isAnswering === null) return 'waiting';
  if (state.last === null || !state.isAnswering || nowMs - state.last.atMs > rule.staleMs) return 'unknown';
  if (state.failures === 0) return 'healthy';
  return state.failures >= rule.failures ? 'worse' : 'waiting';
}

/** The number under the condition; null when there is none, and for the ratio to an active side of 0. */
function numberOf({ candidate, active }: Reading, { isRatio }: ReadingRule): number | null {
  const value = !isRatio
    ? candidate
    : candidate === null || active === null || active === 0
      ? null
      : candidate / active;
  return value !== null && Number.isFinite(value) ? value : null;
}
