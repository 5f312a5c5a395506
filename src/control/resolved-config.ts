/**
 * The config as it is in effect: each name of an endpoint replaced by the addresses that the name has now.
 *
 * Everything behind it (snapshot, health checks, views) knows addresses only. An endpoint's identity is its address under
 * the name that it was found by, `shop.internal:8080/10.0.0.1`: two names with one address are two endpoints, as the file
 * says, and an address that stays keeps its counters, its health and its connections while others come and go. Each
 * address has the weight of its name.
 */
import { formatAddress } from '../config/address.ts';
import type { Config, Endpoint, Pool, Service } from '../config/schema.ts';

/** The addresses of each name. */
export type NameTable = ReadonlyMap<string, readonly string[]>;

/** The names that the config's endpoints have, each with the shortest of the times that are asked for it. */
export function namesOf(config: Config): Map<string, number> {
  const names = new Map<string, number>();
  for (const { host, everyMs } of namedEndpoints(config)) {
    names.set(host, Math.min(everyMs, names.get(host) ?? Number.POSITIVE_INFINITY));
  }
  return names;
}

/** Every endpoint of the config that is a name, with where it is. */
export function namedEndpoints(
  config: Config,
): { readonly service: string; readonly pool: string; readonly host: string; readonly everyMs: number }[] {
  return [...config.services.values()].flatMap((service) =>
    [...service.pools.values()].flatMap((pool) =>
      pool.endpoints.flatMap(({ address, resolveMs }) =>
        resolveMs === null || !('host' in address)
          ? []
          : [{ service: service.name, pool: pool.name, host: address.host, everyMs: resolveMs }],
      ),
    ),
  );
}

/** The config with addresses for names; a name that `table` does not have stands for no endpoint. */
export function withAddresses(config: Config, table: NameTable): Config {
  if (namesOf(config).size === 0) return config;
  const services = new Map<string, Service>();
  for (const [key, service] of config.services) {
    const pools = new Map<string, Pool>();
    for (const [name, pool] of service.pools) {
      pools.set(name, { ...pool, endpoints: pool.endpoints.flatMap((endpoint) => resolved(endpoint, table)) });
    }
    services.set(key, { ...service, pools });
  }
  return { ...config, services };
}

function resolved(endpoint: Endpoint, table: NameTable): readonly Endpoint[] {
  const { address, name, resolveMs } = endpoint;
  if (resolveMs === null || !('host' in address)) return [endpoint];
  return (table.get(address.host) ?? []).map((host) => ({
    ...endpoint,
    name: `${name}/${host}`,
    address: { host, port: address.port },
    resolveMs: null,
  }));
}

/**
 * The addresses that stand in two pools of one service because a name stands for them, as sentences: nobody could tell
 * which version served there. Addresses that the file itself writes twice never get this far.
 */
export function addressesInTwoPools(effective: Config): string[] {
  return [...effective.services.values()].flatMap((service) => {
    const seen = new Map<string, { readonly pool: string; readonly name: string }>();
    const found: string[] = [];
    for (const pool of service.pools.values()) {
      for (const { name, address } of pool.endpoints) {
        const place = formatAddress(address);
        const first = seen.get(place);
        if (first === undefined) seen.set(place, { pool: pool.name, name });
        else if (first.pool !== pool.name) {
          found.push(
            `${service.name}: ${place} is in pool ${first.pool} (${first.name}) and in pool ${pool.name} (${name})`,
          );
        }
      }
    }
    return found;
  });
}
