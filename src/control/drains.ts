/**
 * Pools that went to 0% and still have exchanges in flight: when the rest is cut.
 *
 * A pool finishes what it has; what is still going on at the deadline (tunnels, endless streams) is ended. A pool that
 * gets weight again before that is no longer draining. Exchanges that were sent to the pool by a preview after it went
 * to 0% belong to a later epoch and are not touched.
 */
import { performance } from 'node:perf_hooks';
import type { Weights } from './operations.ts';

interface Drain {
  readonly service: string;
  readonly pool: string;
  /** Exchanges of positions before this one are cut. */
  readonly beforeEpoch: number;
  /** By the monotonic clock, which nobody sets. */
  readonly dueMs: number;
  /** The same by the calendar, for people. */
  readonly at: string;
}

export class Drains {
  readonly #drains = new Map<string, Drain>();

  readonly #now: () => number;

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A service's gate has moved, to the position `epoch`; pools that lost all weight are cut after `drainMs`. */
  moved(service: string, from: Weights, to: Weights, epoch: number, drainMs: number): void {
    const dueMs = performance.now() + drainMs;
    const at = new Date(this.#now() + drainMs).toISOString();
    for (const [pool, weight] of Object.entries(from)) {
      const key = `${service} ${pool}`;
      if ((to[pool] ?? 0) > 0) this.#drains.delete(key);
      else if (weight > 0) this.#drains.set(key, { service, pool, beforeEpoch: epoch, dueMs, at });
    }
    for (const [pool, weight] of Object.entries(to)) if (weight > 0) this.#drains.delete(`${service} ${pool}`);
  }

  forget(service: string): void {
    for (const [key, drain] of this.#drains) if (drain.service === service) this.#drains.delete(key);
  }

  /** When the pool's remaining exchanges are cut, ISO 8601, or null. */
  deadlineOf(service: string, pool: string): string | null {
    return this.#drains.get(`${service} ${pool}`)?.at ?? null;
  }

  /** The drains whose time has come; each is given once. */
  due(): Drain[] {
    const nowMs = performance.now();
    const due: Drain[] = [];
    for (const [key, drain] of this.#drains) {
      if (nowMs < drain.dueMs) continue;
      this.#drains.delete(key);
      due.push(drain);
    }
    return due;
  }
}
