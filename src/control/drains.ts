/**
 * Pools that went to 0% and still have exchanges in flight: when the rest is ended.
 *
 *     moved to 0% ─▶ until `drain.after`: they go on ─▶ then: ended, `drain.perSecond` at most ─▶ nothing left: over
 *                          └────────── weight again: spared, at any moment ──────────┘
 *
 * What is ended is an order in shared memory, in the heads of the pool's endpoints (`setEndBefore`): the epoch before which
 * exchanges are ended. The threads obey at the service's pace, which they share (`pace.ts`). An order that stands, instead
 * of a message, means that sparing a pool takes effect before the move is answered, that a thread that has died needs no
 * telling, and that endpoints which have left the configuration obey too.
 *
 * A pool that gets weight again is no longer draining. One that has lost it again begins anew. Exchanges that were sent to
 * the pool by a preview after it went to 0% belong to a later epoch and are not touched. A pool or service that leaves the
 * configuration meanwhile keeps its deadline.
 */
import { performance } from 'node:perf_hooks';
import type { Board } from './board.ts';
import type { Weights } from './operations.ts';

interface Drain {
  readonly service: string;
  readonly pool: string;
  /** Exchanges of positions before this one are ended. */
  readonly beforeEpoch: number;
  /** By the monotonic clock, which nobody sets. */
  readonly dueMs: number;
  /** The same by the calendar, for people. */
  readonly at: string;
  /** How many exchanges drains had ended in the pool before. */
  readonly endedBefore: number;
}

/** A drain as people see it. */
export interface DrainView {
  /** From when on the remaining exchanges are ended, ISO 8601. */
  readonly deadline: string;
  /** How many it has ended. */
  readonly ended: number;
}

export interface DrainsOptions {
  readonly board: Pick<Board, 'drainOf' | 'endBefore'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Drains {
  readonly #drains = new Map<string, Drain>();
  readonly #options: DrainsOptions;

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  /** A service's gate has moved, to the position `epoch`; what pools that lost all weight have left is ended after `drainMs`. */
  moved(service: string, from: Weights, to: Weights, epoch: number, drainMs: number): void {
    const { board, now } = this.#options;
    const dueMs = performance.now() + drainMs;
    const at = new Date(now() + drainMs).toISOString();
    this.stands(service, to);
    for (const [pool, weight] of Object.entries(from)) {
      if (weight === 0 || (to[pool] ?? 0) > 0) continue;
      const endedBefore = board.drainOf(service, pool).ended;
      this.#drains.set(`${service} ${pool}`, { service, pool, beforeEpoch: epoch, dueMs, at, endedBefore });
    }
  }

  /** A service's gate stands here: what has weight is not draining. */
  stands(service: string, weights: Weights): void {
    for (const [pool, weight] of Object.entries(weights)) if (weight > 0) this.#end(service, pool);
  }

  /** The drain of a pool whose deadline is still to come or whose rest is being ended; null for none. */
  viewOf(service: string, pool: string): DrainView | null {
    const drain = this.#drains.get(`${service} ${pool}`);
    if (drain === undefined) return null;
    return { deadline: drain.at, ended: this.#options.board.drainOf(service, pool).ended - drain.endedBefore };
  }

  /** Has the rest of pools ended whose time has come. To be called often. */
  tick(): void {
    const { board } = this.#options;
    const nowMs = performance.now();
    for (const { service, pool, beforeEpoch, dueMs } of this.#drains.values()) {
      if (nowMs < dueMs) continue;
      if (board.drainOf(service, pool).inFlight === 0) this.#end(service, pool);
      // Each time, for endpoints that have come into the pool since.
      else board.endBefore(service, pool, beforeEpoch);
    }
  }

  #end(service: string, pool: string): void {
    if (this.#drains.delete(`${service} ${pool}`)) this.#options.board.endBefore(service, pool, 0);
  }
}
