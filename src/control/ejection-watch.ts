/**
 * Who decides, for all threads at once, whether an endpoint admits requests and with how much of its weight.
 *
 *     outcomes (board) ─▶ ejection ─┐
 *     health checks ────────────────┼─▶ admits, weight, probe: the head of the endpoint's record, read by every thread
 *     the gate: has the pool weight?┘
 *
 * An endpoint admits when health checks and ejection both let it, or when ejection alone is against it and its pool is in
 * a panic. The decisions are pure (`src/health/ejection-pool.ts`, `slow-start.ts`); here they are fed from the board ten
 * times a second, and whenever a health check changes its mind. What is known belongs to an identity (service, pool,
 * address), so a reload keeps it.
 *
 * Time is that of a clock that never jumps; only what people read is turned into time of day.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { admittedAt, type EjectionState, type Seen } from '../health/ejection.ts';
import { type EjectionPolicy, stepPool } from '../health/ejection-pool.ts';
import { type UsedSince, usedSince, weightPart } from '../health/slow-start.ts';
import { endOfUse } from '../routing/terms.ts';
import { EndpointHead } from '../stats/endpoint-cells.ts';
import type { Board } from './board.ts';
import type { EventLog } from './event-log.ts';
import type { EjectionView } from './operations.ts';

export interface EjectionWatchOptions {
  readonly board: Board;
  readonly events: EventLog;
  readonly log: Logger;
  /** Whether health checks let the endpoint be used. */
  readonly isHealthy: (service: string, pool: string, endpoint: string) => boolean;
  /** How many endpoints of the pool the gate uses, the first ones that have weight: 0 where nobody is sent there. */
  readonly inUse: (service: string, pool: string) => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** One endpoint: where ejection and slow start stand, and where that is written. */
interface Followed {
  readonly address: string;
  readonly head: EndpointHead;
  weight: number;
  state: EjectionState;
  used: UsedSince;
}

/** How many endpoints are remembered that have left while they were ejected. */
const DEPARTED_MAX = 256;

interface FollowedPool {
  readonly service: string;
  readonly name: string;
  readonly endpoints: readonly Followed[];
  readonly policy: EjectionPolicy | null;
  readonly slowStartMs: number;
  /** How long a probe may take: no request that has come as a whole takes longer. */
  readonly probePatienceMs: number;
  panic: boolean;
}

export class EjectionWatch {
  readonly #options: EjectionWatchOptions;
  /** The pools of each service. */
  #pools = new Map<string, readonly FollowedPool[]>();
  /** Endpoints that left while they were not simply admitted, the last to leave at the end. */
  readonly #departed = new Map<string, EjectionState>();

  constructor(options: EjectionWatchOptions) {
    this.#options = options;
  }

  /** Follows the endpoints of a config that has just been committed; known ones keep their state. */
  follow(config: Config): void {
    const known = new Map<string, Followed>();
    const panics = new Set<string>();
    for (const { service, name, endpoints, panic } of this.#all()) {
      for (const endpoint of endpoints) known.set(`${service} ${name} ${endpoint.address}`, endpoint);
      if (panic) panics.add(`${service} ${name}`);
    }
    this.#pools = new Map();
    for (const service of config.services.values()) {
      const { timeouts } = service;
      const pools = [...service.pools.values()].map((pool) => ({
        service: service.name,
        name: pool.name,
        endpoints: pool.endpoints.map(({ name: text, weight }) => {
          const key = `${service.name} ${pool.name} ${text}`;
          const followed = known.get(key) ?? this.#begin(service.name, pool.name, text);
          known.delete(key);
          followed.weight = weight;
          return followed;
        }),
        policy: policyOf(service),
        slowStartMs: service.slowStartMs,
        probePatienceMs: timeouts.queueMs + timeouts.connectMs + timeouts.responseMs,
        panic: panics.has(`${service.name} ${pool.name}`),
      }));
      this.#pools.set(service.name, pools);
    }
    for (const [key, { state }] of known) this.#remember(key, state);
    this.tick();
  }

  /** An address that a name loses in one answer and has again in the next must not be taken for a new one. */
  #remember(key: string, state: EjectionState): void {
    if (state.kind === 'admitting') return;
    this.#departed.set(key, state);
    for (const oldest of this.#departed.keys()) {
      if (this.#departed.size <= DEPARTED_MAX) break;
      this.#departed.delete(oldest);
    }
  }

  /** Decides anew for all pools. To be called often. */
  tick(): void {
    const nowMs = performance.now();
    for (const pool of this.#all()) this.#settle(pool, nowMs);
  }

  /** Decides anew for one service, whose health or weights have just changed. */
  settle(service: string): void {
    const nowMs = performance.now();
    for (const pool of this.#pools.get(service) ?? []) this.#settle(pool, nowMs);
  }

  /** Whether any endpoint of the pool could take a request now, be it as a probe. A panic does not make one healthy. */
  canServe(service: Service, pool: string): boolean {
    const { endpoints } = this.#pools.get(service.name)!.find(({ name }) => name === pool)!;
    return endpoints.some(
      ({ address, weight, state }) =>
        weight > 0 && state.kind !== 'shut' && this.#options.isHealthy(service.name, pool, address),
    );
  }

  /** What people see of an ejected endpoint; null for one that is not. */
  view(service: string, pool: string, address: string): EjectionView | null {
    const state = this.#find(service, pool, address)?.state;
    if (state === undefined || state.kind === 'admitting') return null;
    const { kind, reason, row } = state;
    const until = kind === 'shut' ? this.#timeOfDay(state.untilMs) : null;
    return { state: kind, until, reason, row };
  }

  isInPanic(service: string, pool: string): boolean {
    return this.#pools.get(service)?.find(({ name }) => name === pool)?.panic ?? false;
  }

  #begin(service: string, pool: string, address: string): Followed {
    const entry = this.#options.board.findEndpoint(service, pool, address)!;
    const head = new EndpointHead(entry.board);
    const key = `${service} ${pool} ${address}`;
    const state = this.#departed.get(key) ?? admittedAt(performance.now());
    this.#departed.delete(key);
    return { address, head, weight: 0, state, used: null };
  }

  #settle(pool: FollowedPool, nowMs: number): void {
    const { isHealthy, inUse } = this.#options;
    const healthy = pool.endpoints.map(({ address }) => isHealthy(pool.service, pool.name, address));
    const { states, panic } = stepPool(
      pool.endpoints.map(({ state, weight, head }, index) => {
        const seen: Seen = { ...head.news(), probe: head.probeAnswer(), isUsedAnyway: pool.panic };
        return { state, seen, healthy: healthy[index]!, counts: weight > 0 };
      }),
      pool.policy,
      nowMs,
    );
    const most = inUse(pool.service, pool.name);
    const weights = pool.endpoints.map(({ weight }) => weight);
    // Zero endpoints and all of them are the same number to `endOfUse`.
    const end = most === 0 ? 0 : endOfUse(weights, Number.isFinite(most) ? most : 0);
    const admits = (index: number): boolean => healthy[index]! && (states[index]!.kind === 'admitting' || panic);
    // Who comes back is let in before anybody is left out, or a thread could find nobody between the two.
    const order = [...pool.endpoints.keys()].sort((one, other) => Number(admits(other)) - Number(admits(one)));
    for (const index of order) {
      const endpoint = pool.endpoints[index]!;
      const before = endpoint.state;
      const state = states[index]!;
      const admitted = state.kind === 'admitting';
      endpoint.state = state;
      if (before.kind !== 'admitting' && admitted) endpoint.head.forget();
      endpoint.used = usedSince(endpoint.used, index < end && healthy[index]! && admitted, nowMs);
      const part = weightPart(endpoint.used, pool.slowStartMs, nowMs);
      endpoint.head.set(admits(index), part, state.kind);
      const mayProbe = state.kind === 'probing' && healthy[index]! && endpoint.weight > 0 && !panic;
      if (mayProbe) endpoint.head.offerProbe(nowMs, pool.probePatienceMs);
      else endpoint.head.withdrawProbe();
      this.#tell(pool, endpoint, before, state);
    }
    if (panic !== pool.panic) this.#tellPanic(pool, panic);
    pool.panic = panic;
  }

  #tell({ service, name }: FollowedPool, { address, head }: Followed, before: EjectionState, now: EjectionState): void {
    if (now.kind === before.kind || now.kind === 'probing') return;
    const { events, log } = this.#options;
    const who = { service, pool: name, endpoint: address };
    if (now.kind === 'admitting') {
      const text = `${service}/${name}: ${address} is used again`;
      log.info(who, text);
      events.append('ejection', service, text, { ...who, state: 'admitting' });
      return;
    }
    head.ejected(now.reason);
    const until = this.#timeOfDay(now.untilMs);
    const text = `${service}/${name}: ${address} is ejected until ${until}: ${CAUSES[now.reason]}`;
    log.warn(who, text);
    events.append('ejection', service, text, { ...who, state: 'shut', reason: now.reason, until, row: now.row });
  }

  #tellPanic({ service, name }: FollowedPool, panic: boolean): void {
    const text = panic
      ? `${service}/${name}: too little of the pool admits requests, its ejected endpoints are used all the same`
      : `${service}/${name}: the panic is over, ejected endpoints are left out again`;
    this.#options.log[panic ? 'error' : 'info']({ service, pool: name }, text);
    this.#options.events.append('ejection', service, text, { pool: name, panic });
  }

  #timeOfDay(ms: number): string {
    return new Date(this.#options.now() + ms - performance.now()).toISOString();
  }

  #find(service: string, pool: string, address: string): Followed | undefined {
    const found = this.#pools.get(service)?.find(({ name }) => name === pool);
    return found?.endpoints.find((endpoint) => endpoint.address === address);
  }

  *#all(): Generator<FollowedPool> {
    for (const pools of this.#pools.values()) yield* pools;
  }
}

const CAUSES = {
  'consecutive-failures': 'too many failures in a row',
  'success-ratio': 'too few of its requests succeed',
  probe: 'its probe has failed',
} as const;

function policyOf({ ejection }: Service): EjectionPolicy | null {
  return ejection === undefined ? null : { ...ejection, successRatio: ejection.successRatio ?? null };
}
