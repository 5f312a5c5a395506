/**
 * Good and bad outcomes of the last while, exactly: ten slices of equal length, the oldest of which is forgotten as a whole.
 *
 * A window of slices forgets what it says it forgets: after ten slices nothing of an outage is left. An exponentially
 * weighted average was rejected, because its memory has no end and depends on the rate of requests, so that nobody can say
 * which requests a decision was made from. Slices stand at fixed places in time (a slice is `floor(time / length)`), so
 * the window covers between nine and ten lengths. Values are immutable and time comes in as an argument.
 */

/** Slices of a window. */
export const SLICES = 10;

/** The outcomes of up to ten slices; the place of slice `n` is `n` modulo ten. */
export interface SliceWindow {
  /** The number of the newest slice; all times before it that are ten or more slices old are forgotten. */
  readonly newest: number;
  readonly good: readonly number[];
  readonly bad: readonly number[];
}

/** What a window holds in all. */
export interface WindowTotals {
  readonly good: number;
  readonly bad: number;
}

const NOTHING: readonly number[] = new Array<number>(SLICES).fill(0);

/** A window in which nothing has happened. */
export const EMPTY_WINDOW: SliceWindow = { newest: 0, good: NOTHING, bad: NOTHING };

/** The window after `good` and `bad` more outcomes at `nowMs`. A time before the newest slice counts into the newest. */
export function addOutcomes(
  window: SliceWindow,
  { good, bad }: WindowTotals,
  nowMs: number,
  sliceMs: number,
): SliceWindow {
  if (good === 0 && bad === 0) return window;
  const current = advance(window, nowMs, sliceMs);
  const place = current.newest % SLICES;
  return {
    newest: current.newest,
    good: current.good.with(place, current.good[place]! + good),
    bad: current.bad.with(place, current.bad[place]! + bad),
  };
}

/** What the window still remembers at `nowMs`. */
export function windowTotals(window: SliceWindow, nowMs: number, sliceMs: number): WindowTotals {
  const current = advance(window, nowMs, sliceMs);
  return { good: sum(current.good), bad: sum(current.bad) };
}

function advance(window: SliceWindow, nowMs: number, sliceMs: number): SliceWindow {
  const newest = Math.max(window.newest, Math.floor(nowMs / sliceMs));
  const passed = newest - window.newest;
  if (passed === 0) return window;
  if (passed >= SLICES) return { newest, good: NOTHING, bad: NOTHING };
  const isForgotten = (place: number): boolean => (((place - window.newest - 1) % SLICES) + SLICES) % SLICES < passed;
  const keep = (counts: readonly number[]): number[] => counts.map((one, place) => (isForgotten(place) ? 0 : one));
  return { newest, good: keep(window.good), bad: keep(window.bad) };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, one) => total + one, 0);
}
