/**
 * Runs the health checks that a config asks for, and tells of what they find.
 *
 * Endpoints are checked once, here, and not once on each thread; so all threads agree about them at every moment. An
 * endpoint without checks counts as healthy. What follows from health for the data threads is for `ejection-watch.ts`.
 */
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { type EndpointHealth, HealthChecker, type HealthTarget } from '../health/checker.ts';
import { buildLocalProxyHeader } from '../http1/proxy-protocol.ts';
import type { EventLog } from './event-log.ts';
import { authorityOf } from './snapshot-builder.ts';

export interface HealthWatchOptions {
  readonly events: EventLog;
  readonly log: Logger;
  /** Called when the health of an endpoint of the service has changed. */
  readonly onHealth: (service: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class HealthWatch {
  readonly #onHealth: (service: string) => void;
  readonly #events: EventLog;
  readonly #log: Logger;
  readonly #checker: HealthChecker;

  constructor({ events, log, onHealth, now }: HealthWatchOptions) {
    this.#onHealth = onHealth;
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
  }

  stateOf(service: string, pool: string, endpoint: string): EndpointHealth {
    return this.#checker.stateOf(keyOf(service, pool, endpoint));
  }

  /** Why an endpoint should not be used, as far as checks go; null when it may be. */
  whyNot(service: string, pool: string, endpoint: string): string | null {
    const { admitting, health } = this.stateOf(service, pool, endpoint);
    return admitting ? null : `is ${health}`;
  }

  close(): Promise<void> {
    return this.#checker.close();
  }

  #onChange(key: string, { admitting, health }: EndpointHealth, detail: string): void {
    const [service, pool, endpoint] = key.split(' ') as [string, string, string];
    this.#onHealth(service);
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
