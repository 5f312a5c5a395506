// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/**
 * Config texts that several tests start from, and the shortest way to read one.
 *
 * A test changes one thing of a text that is known to be good, so that what it sees can only come from that change.
 */

import { type Parsed, parseConfig } from '../../../src/config/parse.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { Config } from '../../../src/config/schema.ts';

/** The smallest config that is accepted. */
export const SMALL = `listeners:
  - address: 127.0.0.1:8080
services:
  shop:
    pools:
      blue: { version: v1.0, endpoints: [127.0.0.1:3001] }
routes:
  - { service: shop }
`;

/** A config that uses most of the language. */
export const LARGE = `listeners:
  - address: 0.0.0.0:8080
    trustedProxies: [10.0.0.0/8]           # whose X-Forwarded-* to believe
    timeouts: { head: 5s, keepAlive: 1m }
admin:
  address: 127.0.0.1:9900
  token: \${TIDEGATE_TOKEN:-}
workers: auto
state: .tidegate/state.db
log: { level: info, access: sampled 1% }
limits: { head: 32KiB, target: 4KiB, fields: 64, body: 1MiB, paths: lenient }
shutdown: { delay: 2s, deadline: 1m }
services:
  shop:
    pools:
      blue:  { version: v1.0, endpoints: [127.0.0.1:3001, 127.0.0.1:3002] }
      green: { version: v2.0, endpoints: [127.0.0.1:3101, { address: 127.0.0.1:3102, weight: 2 }] }
    traffic: { blue: 95, green: 5% }
    balance: hash
    hashOn: { header: X-User-Id }
    sticky: { cookie: tg, maxAge: 1h }
    preview: { header: x-tidegate-pool, token: \${PREVIEW_TOKEN:-open} }
    health: { path: /healthz, interval: 2s, timeout: 1s, healthy: 2, unhealthy: 3, status: [200, 300-399] }
    timeouts: { connect: 2s, response: 30s, idle: 5m, queue: 5s }
    limits: { connections: 256, queue: 1024 }
    keepAlive: { idle: 30s }
    drain: 1m
    versionHeader: X-Version
  api:
    pools:
      only: { version: v7, endpoints: ["[::1]:4000"] }
routes:
  - { host: shop.example.com, path: /api/, service: shop }
  - { name: tenants, path: { regex: '^/v[0-9]+/' }, headers: { X-Tenant: acme }, service: shop }
  - host: ["*.example.com", Example.org]
    path: { exact: /a }
    method: [get, post]
    service: api
    timeouts: { response: 1s }
  - { query: { q: { present: true } }, cookies: { beta: { regex: '^y' } }, service: api, upgrade: [] }
`;

/** Reads a text with the given environment. */
export function read(text: string, env: Readonly<Record<string, string>> = {}): Parsed {
  return parseConfig(text, { file: 't.yaml', env });
}

/** The config of a text; throws its problems when there is none. */
export function accept(text: string, env: Readonly<Record<string, string>> = {}): Config {
  const { config, problems } = read(text, env);
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  return config;
}

/** The problems of a text as they are shown. */
export function complaints(text: string, env: Readonly<Record<string, string>> = {}): string[] {
  return read(text, env).problems.map(formatProblem);
}
