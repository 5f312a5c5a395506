/**
 * Pools that went to 0% and still have exchanges in flight: when the rest is cut.
 *
 * A pool finishes what it has; what is still going on at the deadline (tunnels, endless streams) is ended. A pool that
 * gets weight again before that is no longer draining. Exchanges that were sent to the pool by a preview after it went
 * to 0% belong to a later epoch and are not touched.
 */
import type { Weights } from './operations.ts';

interface Drain {
  readonly service: string;
  readonly pool: string;
  /** Exchanges of positions before this one are cut. */
  readonly beforeEpoch: number;
  readonly atMs: number;
}

export class Drains {
  readonly #drains = new Map<string, Drain>();

  /** A service's gate has moved, to the position `epoch`. */
  moved(service: string, from: Weights, to: Weights, epoch: number, atMs: number): void {
    for (const [pool, weight] of Object.entries(from)) {
      const key = `${service} ${pool}`;
      if ((to[pool] ?? 0) > 0) this.#drains.delete(key);
      else if (weight > 0) this.#drains.set(key, { service, pool, beforeEpoch: epoch, atMs });
    }
    for (const [pool, weight] of Object.entries(to)) if (weight > 0) this.#drains.delete(`${service} ${pool}`);
  }

  forget(service: string): void {
    for (const [key, drain] of this.#drains) if (drain.service === service) this.#drains.delete(key);
  }

  /** When the pool's remaining exchanges are cut, ISO 8601, or null. */
  deadlineOf(service: string, pool: string): string | null {
    const drain = this.#drains.get(`${service} ${pool}`);
    return drain === undefined ? null : new Date(drain.atMs).toISOString();
  }

  /** The drains whose time has come; each is given once. */
  due(nowMs: number): Drain[] {
    const due: Drain[] = [];
    for (const [key, drain] of this.#drains) {
      if (nowMs < drain.atMs) continue;
      this.#drains.delete(key);
      due.push(drain);
    }
    return due;
  }
}
