/**
 * What must hold between several keys of a config.
 *
 * The schema says what each key may be; here is what the keys must be to each other. Every check looks at a config
 * that has its shape and reports to the source, which knows the lines. A check that compares routes says only what is
 * certain: with Gateway API precedence a later route can be reached through a more specific match, so a route is
 * unreachable only when every single match of it is claimed, word for word, by routes above it.
 */

import { clash, formatAddress, isLoopback, type Place } from './address.ts';
import { checkFlags } from './flag-config-checks.ts';
import { checkFlagContext } from './flag-context-checks.ts';
import { type Check, checkServiceName, reportTwice, shown } from './name-checks.ts';
import { checkNotify } from './notify-checks.ts';
import { checkOfrep } from './ofrep-checks.ts';
import { checkPeers } from './peer-checks.ts';
import { formatValue, HIDDEN, type Path } from './problem.ts';
import type { Config, Route, Service } from './schema.ts';
import type { Source } from './source.ts';
import type { Structure } from './structure.ts';
import { nearest } from './suggest.ts';

/** Reports everything in the config that does not fit together. */
export function checkMeaning(config: Config, source: Source, structure: Structure): void {
  const check = { source, structure };
  checkAdmin(config, check);
  checkListeners(config, check);
  for (const service of config.services.values()) checkService(service, check);
  checkInFlight(config, check);
  checkRoutes(config, check);
  checkNotify(config, check);
  checkOfrep(config, check);
  checkFlags(config, check);
  checkFlagContext(config, check);
}

function checkAdmin(config: Config, { source, structure }: Check): void {
  if (structure.touched(['admin', 'address']) || structure.touched(['admin', 'token'])) return;
  const { token, tokens, readsNeedToken } = config.admin;
  const hasToken = token !== undefined || tokens.length > 0;
  if (readsNeedToken && !hasToken) {
    const message = 'asks for a token, and there is none';
    source.report({ path: ['admin', 'readsNeedToken'], message, allowed: 'admin.token or admin.tokens beside it' });
  }
  if (hasToken || isLoopback(config.admin.address.host)) return;
  const path = ['admin', 'address'];
  const address = shown(source, path, formatAddress(config.admin.address));
  const allowed = 'a loopback address, or admin.token beside it';
  source.report({
    path,
    message: `${address} can be reached from other machines and there is no token`,
    value: address,
    allowed,
  });
}

type OpenPlace = { readonly address: Place; readonly path: Path; readonly what: string };

function checkListeners(config: Config, { source, structure }: Check): void {
  const open: OpenPlace[] = [];
  const names = new Map<string, Path>();
  if (!structure.touched(['admin', 'address'])) {
    open.push({ address: config.admin.address, path: ['admin', 'address'], what: 'the admin API' });
  }
  if (config.ofrep.address !== undefined && !structure.touched(['ofrep', 'address'])) {
    reportClash(config.ofrep.address, ['ofrep', 'address'], open, source);
    open.push({ address: config.ofrep.address, path: ['ofrep', 'address'], what: 'the answers about flags' });
  }
  for (const [index, listener] of config.listeners.entries()) {
    const path = structure.original(['listeners', index, 'address']);
    reportClash(listener.address, path, open, source);
    open.push({ address: listener.address, path, what: 'another listener' });
    checkPeers(listener, path.slice(0, -1), source, structure);
    const namePath = [...path.slice(0, -1), 'name'];
    const first = names.get(listener.name);
    if (first !== undefined && source.has(namePath)) reportTwice(source, namePath, listener.name, first);
    else names.set(listener.name, namePath);
  }
}

function reportClash(address: Place, path: Path, open: readonly OpenPlace[], source: Source): void {
  const other = open.find((one) => clash(one.address, address));
  if (other === undefined) return;
  const value = shown(source, path, formatAddress(address));
  const where = source.has(other.path) ? `${other.what} (line ${source.lineOf(other.path)})` : other.what;
  source.report({
    path,
    message: `${value} cannot be open beside ${where}`,
    value,
    allowed: 'an address that nothing else listens on',
  });
}

function checkService(service: Service, check: Check): void {
  const { source, structure } = check;
  const path: Path = ['services', service.name];
  checkTraffic(service, [...path, 'traffic'], check);
  checkEndpoints(service, check);
  const preview: Path = [...path, 'preview'];
  if (service.preview === undefined && source.has(preview) && !structure.touched(preview)) {
    const message = 'is empty, so no pool of this service can be previewed';
    source.report({ path: [...preview, 'token'], message, severity: 'warning' });
  }
}

/** A limit of a pool that is above the one of the process can never be reached. */
function checkInFlight({ limits, services }: Config, { source, structure }: Check): void {
  const total = limits.inFlight;
  if (total === undefined || structure.touched(['limits', 'inFlight'])) return;
  for (const { name, pools, limits: own } of services.values()) {
    const service: Path = ['services', name];
    const below: readonly (readonly [Path, number | undefined])[] = [
      [service, own.inFlight],
      ...[...pools.values()].map((pool) => [[...service, 'pools', pool.name], pool.limits.inFlight] as const),
    ];
    for (const [at, most] of below) {
      const path = [...at, 'limits', 'inFlight'];
      if (most === undefined || most <= total || structure.touched(path)) continue;
      const message = `${most} is never reached: limits.inFlight is ${total} for the whole process`;
      source.report({ path, message, severity: 'warning' });
    }
  }
}

function checkTraffic(service: Service, path: Path, { source, structure }: Check): void {
  const pools: Path = ['services', service.name, 'pools'];
  const names = [...service.pools.keys()];
  const weights = Object.entries(service.traffic);
  if (structure.touched(path)) return;
  if (weights.length === 0) {
    // With pools taken out, nobody knows how many there would be.
    if (structure.touched(pools)) return;
    source.report({
      path,
      message: 'is missing, and there is more than one pool',
      allowed: `weights of ${names.join(', ')}`,
    });
    return;
  }
  for (const [pool] of weights) {
    if (service.pools.has(pool) || source.has([...pools, pool])) continue;
    const at = source.has([...path, pool]) ? [...path, pool] : path;
    const name = shown(source, at, formatValue(pool));
    const suggestion = name === HIDDEN ? undefined : nearest(pool, names);
    source.report({
      path: at,
      atKey: at !== path,
      message: `${name} is no pool of this service`,
      value: name,
      allowed: names.join(', '),
      suggestion,
    });
  }
  if (weights.every(([, weight]) => weight === 0)) {
    source.report({ path, message: 'all weights are zero, so every request gets a 503', severity: 'warning' });
  } else if (!Number.isFinite(weights.reduce((sum, [, weight]) => sum + weight, 0))) {
    source.report({ path, message: 'the sum of the weights is too large', allowed: 'smaller weights' });
  }
}

function checkEndpoints(service: Service, { source, structure }: Check): void {
  const seen = new Map<string, { readonly pool: string; readonly path: Path }>();
  for (const pool of service.pools.values()) {
    for (const [index, endpoint] of pool.endpoints.entries()) {
      const item = structure.original(['services', service.name, 'pools', pool.name, 'endpoints', index]);
      const path = source.has([...item, 'address']) ? [...item, 'address'] : item;
      const address = endpoint.name;
      const first = seen.get(address);
      if (first === undefined) {
        seen.set(address, { pool: pool.name, path });
        continue;
      }
      const value = shown(source, path, address);
      const where = `line ${source.lineOf(first.path)}`;
      const message =
        first.pool === pool.name
          ? `${value} is in this pool twice, first on ${where}`
          : `${value} is also in pool ${first.pool} (${where}), so nobody could tell which version served`;
      source.report({ path, message, value, allowed: 'each address once in a service' });
    }
  }
}

function checkRoutes(config: Config, check: Check): void {
  const { source, structure } = check;
  const services = [...config.services.keys()];
  const claimed = new Map<string, Path>();
  const names = new Map<string, Path>();
  for (const [index, route] of config.routes.entries()) {
    const path = structure.original(['routes', index]);
    checkServiceName(route.service, [...path, 'service'], services, check);
    checkServiceName(route.forwardAuth?.service, [...path, 'forwardAuth', 'service'], services, check);
    checkAuthTimeout(route, config.services.get(route.service ?? ''), [...path, 'forwardAuth', 'timeout'], check);
    const first = route.name === undefined ? undefined : names.get(route.name);
    if (first !== undefined) reportTwice(source, [...path, 'name'], route.name!, first);
    else if (route.name !== undefined) names.set(route.name, [...path, 'name']);
    if (structure.touched(path)) continue;
    const matches = singleMatches(route);
    const earlier = matches.map((match) => claimed.get(match));
    if (earlier.every((one) => one !== undefined)) {
      const lines = [...new Set(earlier.map((one) => source.lineOf(one)))].join(' and ');
      const message = `can never be reached: the route on line ${lines} matches exactly the same`;
      source.report({ path, message, allowed: 'a match that no route above has' });
    }
    for (const match of matches) if (!claimed.has(match)) claimed.set(match, path);
  }
}

/** A request that waits for its permission is at no endpoint, so draining does not end it. */
function checkAuthTimeout(
  { forwardAuth }: Route,
  service: Service | undefined,
  path: Path,
  { source, structure }: Check,
): void {
  if (forwardAuth === undefined || service === undefined || forwardAuth.timeoutMs <= service.drainMs) return;
  if (structure.touched(path) || structure.touched(['services', service.name])) return;
  const message = `is longer than the drain of ${service.name}: whoever waits so long may come to a pool that is gone`;
  source.report({ path: source.has(path) ? path : path.slice(0, -1), message, severity: 'warning' });
}

/** One text for each host and method of a route, equal where two matches are the same. */
function singleMatches(route: Route): string[] {
  const { path, headers, query, cookies } = route;
  const rest = JSON.stringify([path, headers, query, cookies]);
  const hosts = route.hosts.length === 0 ? ['any'] : route.hosts.map((host) => `=${host}`);
  const methods = route.methods.length === 0 ? ['any'] : route.methods.map((method) => `=${method}`);
  return hosts.flatMap((host) => methods.map((method) => `${host} ${method} ${rest}`));
}
