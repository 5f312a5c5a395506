/**
 * When answers about flags change by themselves: at the two ends of a schedule, and while a share grows along a ramp.
 *
 * Nobody changes a flag at such a moment, so nobody would tell the change streams. A ramp never stands still; clients
 * are told every half minute while it runs, which is as fine as people look at it, and once at its end.
 *
 * Moments are of the calendar, and timers are not: a machine that was asleep, or whose clock was set, has passed moments that no
 * timer has announced, or has gone back behind one. So it is looked every few seconds whether a moment lies between the last one
 * that was told of and now. Rejected: one timer for the next moment, which is late by as much as the machine slept.
 */
import { inEnvironment } from '../config/flag-merge.ts';
import type { FlagDefinition } from '../config/flag-schema.ts';
import { parseDuration } from '../config/units.ts';

/** How often clients are told while a share grows. */
export const RAMP_NOTICE_MS = 30_000;

/** The longest time between two looks. */
const LOOK_MS = 5_000;

/** The first moment after `afterMs` (since 1970) at which one of the flags may answer otherwise by itself; null for none. */
export function nextMoment(definitions: Iterable<FlagDefinition>, environment: string, afterMs: number): number | null {
  let next: number | null = null;
  for (const definition of definitions) {
    for (const atMs of momentsOf(inEnvironment(definition, environment), afterMs)) {
      if (atMs > afterMs && (next === null || atMs < next)) next = atMs;
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

/** What `FlagMoments` looks at. */
export interface FlagMomentsOptions {
  /** What all flags say now. */
  readonly definitions: () => Iterable<FlagDefinition>;
  readonly environment: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A moment has come. */
  readonly onMoment: () => void;
}

/** Watches for the moments of all flags, until it is closed. */
export class FlagMoments {
  readonly #options: FlagMomentsOptions;
  /** When everybody was last told: nothing has passed between that and the last look. */
  #toldMs: number;
  #timer: NodeJS.Timeout;

  constructor(options: FlagMomentsOptions) {
    this.#options = options;
    this.#toldMs = options.now();
    this.#timer = this.#lookIn(0);
  }

  /** Flags say something else, and everybody is told of that: looks which moment is the next, soon and not in this call. */
  changed(): void {
    this.#toldMs = this.#options.now();
    clearTimeout(this.#timer);
    this.#timer = this.#lookIn(0);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Tells of what has passed, also backwards, and waits for what is next. To be called by itself and by tests. */
  look(): void {
    const { definitions, environment, now, onMoment } = this.#options;
    const nowMs = now();
    const all = [...definitions()];
    const passed = nextMoment(all, environment(), Math.min(nowMs, this.#toldMs));
    const hasPassed = passed !== null && passed <= Math.max(nowMs, this.#toldMs);
    if (hasPassed || nowMs < this.#toldMs) this.#toldMs = nowMs;
    const next = nextMoment(all, environment(), this.#toldMs);
    clearTimeout(this.#timer);
    this.#timer = this.#lookIn(Math.min(next === null ? LOOK_MS : next - nowMs, LOOK_MS));
    if (hasPassed) onMoment();
  }

  #lookIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.look(), ms).unref();
  }
}
