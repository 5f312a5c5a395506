/**
 * Active checks of all endpoints, from the control plane: each endpoint is asked once per interval for the whole
 * process, however many data threads there are.
 *
 * State belongs to a key (service, pool and address), not to a configuration: `update` keeps what is known about every
 * target that is still there and only gives it the new parameters. Intervals are counted from the start of one check to
 * the start of the next and stray by a random part, so that checks of many endpoints do not march in step. The first
 * check comes within FIRST_CHECK_MS, so that a start does not wait for an interval.
 *
 * At most CHECKS_MAX run at once; more wait in the order they fell due. When so many endpoints hang that the places do
 * not suffice, checks come late but none is forgotten. Rejected: one timer per service (a burst of dials), checks from
 * the data threads (N times the load on the endpoint, and N opinions).
 */

import { performance } from 'node:perf_hooks';
import type { EndpointPlace } from './ask.ts';
import { admits, type Health, type HealthState, type InitialHealth, initialState, judge } from './health-judgement.ts';
import { type ProbeRequest, type ProbeResult, probe } from './probe.ts';

/** The first check of an endpoint starts within this time, or within its interval where that is shorter. */
export const FIRST_CHECK_MS = 100;
/** Checks that run at once; others wait for their turn. */
export const CHECKS_MAX = 64;

/** How a target is checked. */
export interface HealthCheck {
  /** Sent as it is; starts with `/`. */
  readonly path: string;
  readonly intervalMs: number;
  /** For a whole check, from dialling to the end of the body. */
  readonly timeoutMs: number;
  /** Good results in a row that bring a shut endpoint back; at least 1. */
  readonly healthy: number;
  /** Bad results in a row that shut an endpoint; at least 1. */
  readonly unhealthy: number;
  /** Accepted statuses as ranges, both ends included. */
  readonly status: readonly (readonly [from: number, to: number])[];
  /** How far an interval may stray, as a share of it from 0 to 1. */
  readonly jitterShare: number;
  /** The Host field. */
  readonly hostHeader: string;
  /** What is sent ahead of the request on each connection, such as a PROXY header; null for nothing. */
  readonly preface: Uint8Array | null;
  /** The state before the first check; a change of it says nothing to a target that is already known. */
  readonly initial: InitialHealth;
}

/** One endpoint that is to be checked. */
export interface HealthTarget {
  /** Its identity from one `update` to the next: service, pool and address. */
  readonly key: string;
  readonly place: EndpointPlace;
  readonly check: HealthCheck;
}

/** What is known about one endpoint. */
export interface EndpointHealth {
  readonly health: Health;
  /** Whether requests may be sent to it. */
  readonly admitting: boolean;
  /** What the last check said; null before the first. */
  readonly lastCheck: { readonly at: string; readonly ok: boolean; readonly detail: string } | null;
}

/** What a checker is given from outside. */
export interface HealthCheckerOptions {
  /** Called when the health of a target has changed by a check; `detail` is what that check said. */
  readonly onChange: (key: string, state: EndpointHealth, detail: string) => void;
  readonly log: { warn(fields: object, text: string): void };
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number;
  /** From 0 up to but not including 1; default `Math.random`. */
  readonly random?: () => number;
}

const UNCHECKED: EndpointHealth = { health: 'admitted', admitting: true, lastCheck: null };

/** One target with what is known of it. `timer` is set exactly while neither waiting for a place nor running. */
class Watched {
  target: HealthTarget;
  state: HealthState;
  lastCheck: EndpointHealth['lastCheck'] = null;
  timer: NodeJS.Timeout | undefined;
  removed = false;
  readonly stop = new AbortController();

  constructor(target: HealthTarget) {
    this.target = target;
    this.state = initialState(target.check.initial);
  }

  view(): EndpointHealth {
    return { health: this.state.health, admitting: admits(this.state.health), lastCheck: this.lastCheck };
  }
}

/** Checks the targets it was last given until it is closed. */
export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #watched = new Map<string, Watched>();
  readonly #due: Watched[] = [];
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(options: HealthCheckerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Makes these the targets: known keys keep their state and get the new parameters, new ones start, others stop.
   * Of two targets with the same key the later one counts. After `close` it does nothing.
   */
  update(targets: readonly HealthTarget[]): void {
    if (this.#closed) return;
    const wanted = new Map(targets.map((target) => [target.key, target]));
    for (const [key, watched] of this.#watched) {
      if (!wanted.has(key)) this.#remove(key, watched);
    }
    for (const [key, target] of wanted) {
      const known = this.#watched.get(key);
      if (known === undefined) this.#add(target);
      else this.#change(known, target);
    }
  }

  /** What is known about a target; a key that is not checked is `admitted`, because nothing speaks against it. */
  stateOf(key: string): EndpointHealth {
    return this.#watched.get(key)?.view() ?? UNCHECKED;
  }

  /** Stops all checks, those under way too, and returns once they have ended; `onChange` is not called any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [key, watched] of this.#watched) this.#remove(key, watched);
    await Promise.all(this.#running);
  }

  #add(target: HealthTarget): void {
    const watched = new Watched(target);
    this.#watched.set(target.key, watched);
    this.#wait(watched, this.#random() * Math.min(target.check.intervalMs, FIRST_CHECK_MS));
  }

  #change(watched: Watched, target: HealthTarget): void {
    const sooner = target.check.intervalMs < watched.target.check.intervalMs;
    watched.target = target;
    if (!sooner || watched.timer === undefined) return;
    clearTimeout(watched.timer);
    this.#wait(watched, this.#random() * target.check.intervalMs);
  }

  #remove(key: string, watched: Watched): void {
    watched.removed = true;
    clearTimeout(watched.timer);
    watched.stop.abort();
    this.#watched.delete(key);
  }

  #wait(watched: Watched, ms: number): void {
    watched.timer = setTimeout(() => {
      watched.timer = undefined;
      this.#due.push(watched);
      this.#startDue();
    }, ms);
  }

  #startDue(): void {
    while (this.#running.size < CHECKS_MAX) {
      const watched = this.#due.shift();
      if (watched === undefined) return;
      if (watched.removed) continue;
      const check = this.#check(watched).finally(() => {
        this.#running.delete(check);
        this.#startDue();
      });
      this.#running.add(check);
    }
  }

  async #check(watched: Watched): Promise<void> {
    const startedAt = performance.now();
    const result = await probe(requestOf(watched.target), watched.stop.signal);
    if (watched.removed) return;
    const { intervalMs, jitterShare } = watched.target.check;
    const interval = intervalMs * (1 + jitterShare * (2 * this.#random() - 1));
    const wait = Math.max(0, startedAt + interval - performance.now());
    this.#wait(watched, wait);
    this.#record(watched, result);
  }

  #record(watched: Watched, result: ProbeResult): void {
    const before = watched.state.health;
    watched.state = judge(watched.state, result.ok, watched.target.check);
    watched.lastCheck = { at: new Date(this.#now()).toISOString(), ...result };
    if (watched.state.health === before) return;
    const { key } = watched.target;
    try {
      this.#options.onChange(key, watched.view(), result.detail);
    } catch (error) {
      this.#options.log.warn({ err: error, endpoint: key }, 'a change of health was not taken note of');
    }
  }
}

function requestOf(target: HealthTarget): ProbeRequest {
  const { path, timeoutMs, status, hostHeader, preface } = target.check;
  return { place: target.place, path, timeoutMs, status, hostHeader, preface };
}
