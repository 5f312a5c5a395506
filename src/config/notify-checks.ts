/**
 * What webhooks, links and confirmations must be to the rest of a config.
 *
 * What cannot work is an error. What works and may be read or answered by others on the way is a warning, because a network
 * may be trusted by whoever built it, and nobody can tell from here.
 */
import { isLoopback } from './address.ts';
import { type Check, checkServiceName, reportTwice } from './name-checks.ts';
import type { Path } from './problem.ts';
import type { Config } from './schema.ts';

/** Reports what does not fit together, and warns of what goes over a network that others may read. */
export function checkNotify(config: Config, check: Check): void {
  const { source, structure } = check;
  const { webhooks, links } = config.notify;
  const services = [...config.services.keys()];
  const names = new Map<string, Path>();
  for (const [index, webhook] of webhooks.entries()) {
    const path = structure.original(['notify', 'webhooks', index]);
    const first = names.get(webhook.name);
    if (first !== undefined) reportTwice(source, [...path, 'name'], webhook.name, first);
    else names.set(webhook.name, [...path, 'name']);
    for (const [at, service] of (webhook.services ?? []).entries()) {
      checkServiceName(service, structure.original(['notify', 'webhooks', index, 'services', at]), services, check);
    }
    if (links !== undefined) warnOfReaders(webhook.url, [...path, 'url'], 'may use its links', check);
    else if (webhook.secret === undefined)
      warnOfReaders(webhook.url, [...path, 'url'], 'may change its messages', check);
  }
  for (const { name, rollout } of config.services.values()) {
    if (rollout.confirm === undefined) continue;
    warnOfReaders(rollout.confirm.url, ['services', name, 'rollout', 'confirm', 'url'], 'may answer for it', check);
  }
  checkLinks(config, check);
}

function warnOfReaders(url: string, path: Path, what: string, { source, structure }: Check): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, '')) || structure.touched(path)) return;
  source.report({ path, message: `is not encrypted: whoever is on the way ${what}`, severity: 'warning' });
}

function checkLinks({ admin, notify }: Config, { source, structure }: Check): void {
  const path: Path = ['notify', 'links'];
  if (structure.touched(path) || !source.has(path)) return;
  if (notify.links === undefined) {
    source.report({ path: [...path, 'secret'], message: 'is empty, so messages have no links', severity: 'warning' });
    return;
  }
  const { hostname, host } = new URL(notify.links.baseUrl);
  const plain = hostname.replace(/^\[|\]$/g, '');
  const known = admin.allowedHosts.map((one) => one.toLowerCase());
  // An address that the connection came in on is answered to, and which ones there are nobody knows here.
  const isAnswered = known.includes(hostname) || known.includes(host) || /^[0-9.]+$|:/.test(plain) || isLoopback(plain);
  if (isAnswered || plain === admin.address.host) return;
  source.report({
    path: [...path, 'baseUrl'],
    message: 'has a name that the admin API does not answer to: add it to admin.allowedHosts',
    severity: 'warning',
  });
}
