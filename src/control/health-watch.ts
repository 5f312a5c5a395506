/**
 * Carries what the health checks find to where the data threads see it: one word of shared memory for each endpoint.
 *
 * Endpoints are checked once, here, and not once on each thread; so all threads agree about them at every moment. An
 * endpoint without checks admits always.
 */
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { type EndpointHealth, HealthChecker, type HealthTarget } from '../health/checker.ts';
import { buildLocalProxyHeader } from '../http1/proxy-protocol.ts';
import { setAdmitting } from '../stats/endpoint-cells.ts';
import type { Board } from './board.ts';
import type { EventLog } from './event-log.ts';
import { authorityOf } from './snapshot-builder.ts';

export interface HealthWatchOptions {
  readonly board: Board;
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class HealthWatch {
  readonly #board: Board;
  readonly #events: EventLog;
  readonly #log: Logger;
  readonly #checker: HealthChecker;

  constructor({ board, events, log, now }: HealthWatchOptions) {
    this.#board = board;
    this.#events = events;
    this.#log = log;
    this.#checker = new HealthChecker({
      onChange: (key, state, detail) => this.#onChange(key, state, detail),
      log,
      now,
    });
  }

  /** Watches the endpoints of a config that has just been committed; known ones keep their state. */
  follow(config: Config): void {
    this.#checker.update([...config.services.values()].flatMap(targetsOf));
    for (const { service, pool, endpoint, board } of this.#board.endpoints()) {
      setAdmitting(board, this.stateOf(service, pool, endpoint).admitting);
    }
  }

  stateOf(service: string, pool: string, endpoint: string): EndpointHealth {
    return this.#checker.stateOf(keyOf(service, pool, endpoint));
  }

  /** Whether any endpoint of the pool could take a request now. */
  canServe(service: Service, pool: string): boolean {
    return service.pools
      .get(pool)!
      .endpoints.some(({ name, weight }) => weight > 0 && this.stateOf(service.name, pool, name).admitting);
  }

  close(): Promise<void> {
    return this.#checker.close();
  }

  #onChange(key: string, { admitting, health }: EndpointHealth, detail: string): void {
    const [service, pool, endpoint] = key.split(' ') as [string, string, string];
    const entry = this.#board.findEndpoint(service, pool, endpoint);
    if (entry === undefined) return;
    setAdmitting(entry.board, admitting);
    const text = `${service}/${pool}: ${endpoint} is ${health}: ${detail}`;
    this.#log[admitting ? 'info' : 'warn']({ service, pool, endpoint }, text);
    this.#events.append('health', service, text, { pool, endpoint, health, detail });
  }
}

function targetsOf(service: Service): HealthTarget[] {
  if (service.health === undefined) return [];
  const { status, host, ...rest } = service.health;
  const check = {
    ...rest,
    status: status.map(({ from, to }) => [from, to] as const),
    preface: service.proxyProtocol === undefined ? null : buildLocalProxyHeader(service.proxyProtocol),
  };
  return [...service.pools.values()].flatMap((pool) =>
    pool.endpoints.map(({ name, address }) => ({
      key: keyOf(service.name, pool.name, name),
      place: address,
      check: { ...check, hostHeader: host ?? authorityOf(name) },
    })),
  );
}

/** The identity of an endpoint; names and addresses have no spaces. */
function keyOf(service: string, pool: string, endpoint: string): string {
  return `${service} ${pool} ${endpoint}`;
}
