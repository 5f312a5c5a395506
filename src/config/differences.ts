/**
 * What changed between two configs, in sentences that can be read in a log.
 *
 * Compared is what the configs mean, not how they are written, so that reordering a file or adding a comment changes
 * nothing. Things are known by their identity: listeners by address, services and pools by name, endpoints by address,
 * routes by their name or, without one, by their match. Secrets are compared and never shown.
 */

import { formatAddress } from './address.ts';
import { compareFlags } from './flag-differences.ts';
import { windowText } from './freeze-schema.ts';
import { compareRoutes } from './route-differences.ts';
import { ruleTexts } from './rule-differences.ts';
import type { Config, Endpoint, Listener, Pool, Service } from './schema.ts';
import { compareTexts, textsOf } from './text-differences.ts';

/** What kind of thing a difference is about. */
export type DifferenceKind = 'traffic' | 'service' | 'pool' | 'endpoint' | 'route' | 'listener' | 'flag' | 'setting';

/** One change. `text` is the whole sentence; `subject` names the thing, as `shop.green` or `log.level`. */
export type Difference = {
  readonly kind: DifferenceKind;
  readonly subject: string;
  readonly text: string;
  /** The change waits for the next start, since what it concerns cannot be replaced in a running process. */
  readonly needsRestart: boolean;
};

/** All changes from one config to another, in a stable order; empty when the two mean the same. */
export function differences(before: Config, after: Config): Difference[] {
  return [
    ...compareSettings(before, after),
    ...compareListeners(before, after),
    ...compareServices(before, after),
    ...compareRoutes(before.routes, after.routes),
    ...compareFlags(before.flags, after.flags),
  ];
}

const RESTART: ReadonlySet<string> = new Set(['workers', 'state', 'admin.address', 'ofrep.address']);

function compareSettings(before: Config, after: Config): Difference[] {
  const [left, right] = [settingsOf(before), settingsOf(after)];
  return compareTexts(left, right).map(({ key, text }) => setting(key, text, RESTART.has(key)));
}

function settingsOf(config: Config): Map<string, string> {
  const { workers, state, admin, log, limits, overload, shutdown, dns, notify, ofrep, environment } = config;
  const tokens = Object.fromEntries(admin.tokens.map((token) => [token.name, token]));
  const applications = Object.fromEntries(ofrep.tokens.map((token) => [token.name, token]));
  const webhooks = Object.fromEntries(notify.webhooks.map((webhook) => [webhook.name, webhook]));
  const freeze = config.freeze.map((window) => `${windowText(window)}: ${window.reason}`);
  const told = { links: notify.links, webhooks };
  return textsOf({
    workers,
    state,
    admin: { ...admin, tokens },
    log,
    limits,
    overload,
    shutdown,
    dns,
    freeze,
    notify: told,
    ofrep: { ...ofrep, tokens: applications },
    flagContext: { ...config.flagContext, attributes: Object.fromEntries(config.flagContext.attributes) },
    exposures: config.exposures,
    environment,
  });
}

function compareListeners(before: Config, after: Config): Difference[] {
  const [left, right] = [byAddress(before), byAddress(after)];
  const found: Difference[] = [];
  for (const [key, listener] of left) {
    const other = right.get(key);
    if (other === undefined) found.push(changed('listener', key, `listener ${key} removed`));
    else {
      for (const { key: name, text } of compareTexts(textsOf(listener), textsOf(other))) {
        found.push(changed('listener', key, `listener ${key}: ${name} ${text}`));
      }
    }
  }
  for (const key of right.keys()) if (!left.has(key)) found.push(changed('listener', key, `listener ${key} added`));
  return found;
}

/** Listeners by address; several on port 0 are told apart by their order. */
function byAddress(config: Config): Map<string, Listener> {
  const listeners = new Map<string, Listener>();
  for (const listener of config.listeners) {
    const address = formatAddress(listener.address);
    let key = address;
    for (let count = 2; listeners.has(key); count += 1) key = `${address} (${count})`;
    listeners.set(key, listener);
  }
  return listeners;
}

function compareServices(before: Config, after: Config): Difference[] {
  const found: Difference[] = [];
  for (const [name, service] of before.services) {
    const other = after.services.get(name);
    if (other === undefined) found.push(changed('service', name, `service ${name} removed`));
    else found.push(...compareService(name, service, other));
  }
  for (const name of after.services.keys()) {
    if (!before.services.has(name)) found.push(changed('service', name, `service ${name} added`));
  }
  return found;
}

function compareService(name: string, before: Service, after: Service): Difference[] {
  const found: Difference[] = [];
  const moved = movedWeights(before.traffic, after.traffic);
  if (moved !== '') found.push(changed('traffic', name, `${name}: ${moved}`));
  for (const [pool, one] of before.pools) {
    const other = after.pools.get(pool);
    const subject = `${name}.${pool}`;
    if (other === undefined) found.push(changed('pool', subject, `${name}: pool ${pool} removed`));
    else found.push(...comparePool(subject, one, other));
  }
  for (const [pool, one] of after.pools) {
    if (before.pools.has(pool)) continue;
    found.push(changed('pool', `${name}.${pool}`, `${name}: pool ${pool} added (version ${one.version})`));
  }
  for (const { key, text } of compareTexts(policiesOf(before), policiesOf(after))) {
    found.push(setting(`${name}.${key}`, text, false));
  }
  return found;
}

/** What a service has beside its pools and its traffic. */
function policiesOf(service: Service): Map<string, string> {
  return textsOf({ ...service, name: undefined, pools: undefined, traffic: undefined });
}

function movedWeights(before: Service['traffic'], after: Service['traffic']): string {
  const pools = new Set([...Object.keys(before), ...Object.keys(after)]);
  const moves: string[] = [];
  for (const pool of pools) {
    const [from, to] = [before[pool] ?? 0, after[pool] ?? 0];
    if (from !== to) moves.push(`${pool} ${from}→${to}`);
  }
  return moves.join(', ');
}

function comparePool(subject: string, before: Pool, after: Pool): Difference[] {
  const found: Difference[] = [];
  if (before.version !== after.version) {
    found.push(changed('pool', subject, `${subject}: version ${before.version}→${after.version}`));
  }
  const [left, right] = [endpointsOf(before), endpointsOf(after)];
  for (const [address, endpoint] of left) {
    const other = right.get(address);
    if (other === undefined) found.push(changed('endpoint', subject, `${subject}: endpoint ${address} removed`));
    else {
      for (const { key, text } of compareTexts(settingsOfEndpoint(endpoint), settingsOfEndpoint(other))) {
        found.push(changed('endpoint', subject, `${subject}: endpoint ${address} ${key} ${text}`));
      }
    }
  }
  for (const address of right.keys()) {
    if (!left.has(address)) found.push(changed('endpoint', subject, `${subject}: endpoint ${address} added`));
  }
  for (const { key, text } of compareTexts(settingsOfPool(before), settingsOfPool(after))) {
    found.push(changed('pool', subject, `${subject}: ${key} ${text}`));
  }
  return found;
}

/** What a pool has beside its version and its endpoints. */
function settingsOfPool(pool: Pool): Map<string, string> {
  return textsOf({ limits: pool.limits, ...ruleTexts(pool) });
}

function endpointsOf(pool: Pool): Map<string, Endpoint> {
  return new Map(pool.endpoints.map((endpoint) => [endpoint.name, endpoint]));
}

function settingsOfEndpoint({ weight, resolveMs }: Endpoint): Map<string, string> {
  return textsOf({ weight, resolveMs: resolveMs ?? undefined });
}

function changed(kind: DifferenceKind, subject: string, text: string): Difference {
  return { kind, subject, text, needsRestart: false };
}

function setting(key: string, text: string, needsRestart: boolean): Difference {
  return { kind: 'setting', subject: key, text: `${key} ${text}`, needsRestart };
}
