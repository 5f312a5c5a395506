/**
 * What happened in about the last minute, from totals that only grow: for the absolute rule, which looks at now.
 *
 * A side that fails from this moment on would take hours to push its total over a ceiling after hours without fault, so the
 * ceiling looks at a window. The window is a handful of marks of the totals, a few seconds apart; what happened since the
 * oldest is the difference. Plain data, kept with the evidence, so a restart goes on. A clock that goes back drops the marks
 * of its future, and the window starts again.
 */

/** How far the window reaches back. */
export const WINDOW_MS = 60_000;
const MARK_EVERY_MS = 5_000;

/** Requests and bad ones of one side. */
export interface Tally {
  readonly requests: number;
  readonly bad: number;
}

/** Both sides at one moment. */
export interface Tallies {
  readonly candidate: Tally;
  readonly active: Tally;
}

/** Totals at some moment. */
export interface Mark extends Tallies {
  readonly atMs: number;
}

/** The marks after this moment, oldest first; at most one of them is older than the window. */
export function withMark(marks: readonly Mark[], totals: Tallies, atMs: number): readonly Mark[] {
  const past = marks.filter((mark) => mark.atMs <= atMs);
  const outside = past.filter((mark) => mark.atMs <= atMs - WINDOW_MS);
  const kept = outside.length > 1 ? past.slice(outside.length - 1) : past;
  const last = kept.at(-1);
  if (last !== undefined && atMs - last.atMs < MARK_EVERY_MS) return kept;
  return [...kept, { ...totals, atMs }];
}

/** What happened since the oldest mark. */
export function recentOf(marks: readonly Mark[], totals: Tallies): Tallies {
  const oldest = marks[0] ?? totals;
  return {
    candidate: difference(totals.candidate, oldest.candidate),
    active: difference(totals.active, oldest.active),
  };
}

function difference(now: Tally, then: Tally): Tally {
  return { requests: now.requests - then.requests, bad: now.bad - then.bad };
}
