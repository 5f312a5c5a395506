/**
 * The configuration language as one definition: from it come the types that the rest of the code reads, the checks,
 * `config/schema.json` for editors and `docs/configuration.md`.
 *
 * A key takes its written form in (`5s`, `16KiB`, `127.0.0.1:3001`) and gives its normalised form out: durations as
 * `...Ms`, sizes as `...Bytes`, addresses split, defaults filled in, things with names chosen by users as a `Map`.
 * Types that are written by hand beside the schema were rejected, because they drift. A key of a feature that does
 * not exist is unknown here; a config that is accepted does what it says.
 */

import { z } from 'zod';
import { formatAddress } from './address.ts';
import { exposures } from './exposure-schema.ts';
import { flagContext } from './flag-context-schema.ts';
import { environment, flags } from './flag-schema.ts';
import { freeze } from './freeze-schema.ts';
import type { Immutable } from './immutable.ts';
import { notify } from './notify-schema.ts';
import { ofrep } from './ofrep-schema.ts';
import { route } from './route-schema.ts';
import { adminToken } from './rule-schema.ts';
import {
  dnsServer,
  duration,
  fileMode,
  listenAddress,
  listenPlace,
  name,
  secret,
  size,
  text,
  trustedPeer,
  whole,
} from './scalars.ts';
import { inFlight, service } from './service-schema.ts';
import { parsePercent } from './units.ts';

const listener = z
  .strictObject({
    name: name.optional().describe('The name of the listener in logs and metrics; without it, its address.'),
    address: listenPlace.describe(
      'Where clients connect. Port 0 lets the system choose one. A Unix socket is served by one data thread.',
    ),
    mode: fileMode.optional().describe('The rights of the file of a Unix socket; without it, what the umask leaves.'),
    trustedProxies: z
      .array(trustedPeer)
      .default([])
      .describe('Whose X-Forwarded-* and Forwarded fields, and whose PROXY header, are believed.'),
    proxyProtocol: z
      .enum(['off', 'accept', 'require'])
      .default('off')
      .describe(
        'Whether a trusted peer may (`accept`) or must (`require`) begin a connection with a PROXY header, version 1 or 2.',
      ),
    connections: whole(1, 1_000_000)
      .default(20_000)
      .describe('The most client connections at once on each data thread; more are closed at once and counted.'),
    connectionsPerClient: whole(1, 1_000_000)
      .optional()
      .describe(
        'The most connections of one client address (IPv6: one /64) at once on each data thread; more are closed at once and counted. Trusted proxies have no such limit; the clients that their PROXY headers name have.',
      ),
    timeouts: z
      .strictObject({
        head: duration().prefault('10s').describe("How long a request's head may take."),
        keepAlive: duration().prefault('75s').describe('How long a connection may wait for its next request.'),
      })
      .transform((value) => ({ headMs: value.head, keepAliveMs: value.keepAlive }))
      .prefault({})
      .describe('How long a client may take.'),
  })
  .transform((value) => ({ ...value, name: value.name ?? formatAddress(value.address) }))
  .describe('An address that clients connect to.');

const admin = z
  .strictObject({
    address: listenAddress
      .prefault('127.0.0.1:9900')
      .describe('Where the admin API listens. Another address than loopback needs a token.'),
    token: secret.optional().describe('The secret that changing calls must carry. Empty means none.'),
    tokens: z
      .array(adminToken)
      .default([])
      .refine((tokens) => new Set(tokens.map((token) => token.name)).size === tokens.length, {
        message: 'has a name twice',
        params: { allowed: 'each name once' },
      })
      .describe('Further secrets, each with a name and a role; `token` is one that may operate.'),
    readsNeedToken: z
      .boolean()
      .default(false)
      .describe('Whether calls that only read need a token too. Probes and /metrics never do.'),
    allowedHosts: z
      .array(text('a host name such as admin.example.com'))
      .default([])
      .describe('Further values of the Host field that the admin API answers to, beside its own address.'),
  })
  .prefault({})
  .describe('The admin API, which also serves /metrics.');

const access = z
  .union([
    z.enum(['off', 'errors', 'all']).transform((mode) => ({ mode })),
    z
      .string()
      .regex(/^sampled [0-9]{1,3}(?:\.[0-9]{1,9})?%$/)
      .meta({ allowed: '"sampled 1%"' })
      .transform((value, context) => {
        const percent = parsePercent(value.slice('sampled '.length));
        if (percent === undefined) {
          context.issues.push({ code: 'custom', message: '', input: value });
          return z.NEVER;
        }
        return { mode: 'sampled' as const, share: percent / 100 };
      }),
  ])
  .prefault('errors');

const log = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
      .default('info')
      .describe('The least severe lines that are written.'),
    access: access.describe('Which exchanges get a line: none, those that failed, a share of all, or all.'),
  })
  .prefault({})
  .describe('What is written to standard output.');

const limits = z
  .strictObject({
    head: size(1024, 1024 ** 2)
      .prefault('16KiB')
      .describe('The longest head of a request, with its fields. Heads of responses may have 64 KiB.'),
    target: size(256, 1024 ** 2)
      .prefault('8KiB')
      .describe('The longest request target.'),
    fields: whole(8, 10_000).default(128).describe('The most fields in a head.'),
    inFlight: inFlight(
      'The most requests that are on their way at once in the whole process; more are answered with 503.',
    ),
    body: z
      .union([z.literal('off').transform(() => Number.POSITIVE_INFINITY), size(0, Number.MAX_SAFE_INTEGER)])
      .prefault('off')
      .describe('The longest body of a request; bodies are streamed, so `off` costs no memory.'),
    paths: z
      .enum(['strict', 'lenient'])
      .default('strict')
      .describe(
        'Whether a path that servers read differently (encoded slashes, dot segments) is refused or passed on.',
      ),
  })
  .transform((value) => ({
    headBytes: value.head,
    targetBytes: value.target,
    fields: value.fields,
    bodyBytes: value.body,
    inFlight: value.inFlight,
    paths: value.paths,
  }))
  .prefault({})
  .describe('What clients may send.');

const overload = z
  .union([
    z.literal('off').transform(() => ({ lagMs: Number.POSITIVE_INFINITY })),
    z
      .strictObject({
        lag: duration(20, 60_000)
          .prefault('500ms')
          .describe('So far behind, a data thread answers new requests with 503 until it has caught up.'),
      })
      .transform((value) => ({ lagMs: value.lag })),
  ])
  .prefault({})
  .describe('When data threads refuse new work because they have too much; `off` for never.');

const shutdown = z
  .strictObject({
    delay: duration(0).prefault('0s').describe('How long readiness fails while clients are still accepted.'),
    deadline: duration(0).prefault('30s').describe('How long exchanges may go on after that before they are cut.'),
    spread: duration(0)
      .prefault('10s')
      .describe(
        'The last part of the deadline, in which WebSockets and event streams are ended one after the other; all of it at most.',
      ),
  })
  .transform((value) => ({
    delayMs: value.delay,
    deadlineMs: value.deadline,
    spreadMs: Math.min(value.spread, value.deadline),
  }))
  .prefault({})
  .describe('How Tidegate stops on SIGTERM.');

const dns = z
  .strictObject({
    servers: z
      .array(dnsServer)
      .max(8)
      .default([])
      .describe(
        "The servers that are asked for the names of endpoints; without them, the system's way of finding names.",
      ),
    timeout: duration(10, 60_000).prefault('2s').describe('How long a server may take to answer.'),
  })
  .transform((value) => ({ servers: value.servers, timeoutMs: value.timeout }))
  .prefault({})
  .describe('How the names of endpoints are looked up.');

/** The whole file. Its input is what is written, its output is `Config`. */
export const configSchema = z.strictObject({
  listeners: z.array(listener).min(1).describe('The addresses that clients connect to, at least one.'),
  admin,
  workers: z
    .union([z.literal('auto'), whole(1, 64)])
    .default('auto')
    .describe('The number of data threads; `auto` is one per core.'),
  state: text('a path of a file', 4096)
    .default('.tidegate/state.db')
    .describe('The file that keeps positions and events across restarts.'),
  log,
  limits,
  overload,
  shutdown,
  dns,
  notify,
  freeze,
  ofrep,
  services: z
    .record(name, service)
    .transform((all) => new Map(Object.entries(all).map(([key, one]) => [key, { name: key, ...one }])))
    .describe('The applications behind Tidegate, by name.'),
  routes: z.array(route).describe('Which requests go to which service.'),
  environment,
  flags,
  flagContext,
  exposures: exposures.optional(),
});

/** A config that was accepted: every default applied, every reference resolvable, every quantity in its unit. */
export type Config = Immutable<z.output<typeof configSchema>>;
/** An address that clients connect to. */
export type Listener = Config['listeners'][number];
/** A service with its pools; `traffic` has the weight of every pool, zero where none is written. */
export type Service = Config['services'] extends ReadonlyMap<string, infer V> ? V : never;
/** The endpoints that run one version. */
export type Pool = Service['pools'] extends ReadonlyMap<string, infer V> ? V : never;
/** One address of a pool, with its weight; `name` is its identity in the service. */
export type Endpoint = Pool['endpoints'][number];
/** What a client is recognised by. */
export type Sticky = NonNullable<Service['sticky']>;
/** How an endpoint is chosen. */
export type Balance = Service['balance'];
/** One that is told what happens. */
export type Webhook = Config['notify']['webhooks'][number];
/** What signs links and where they lead. */
export type LinkSettings = NonNullable<Config['notify']['links']>;
/** Who is asked before each step of a rollout. */
export type Confirm = NonNullable<Service['rollout']['confirm']>;
/** The active checks of a service. */
export type Health = NonNullable<Service['health']>;
/** A match and the service that it names; `id` is unique in the file. */
export type Route = Config['routes'][number];
/** What a release is judged by beside errors and latency. */
export type JudgedBy = Service['rollout']['guard']['signals'][string];
/** A signal that is counted from the requests that pass. */
export type RequestSignal = Extract<JudgedBy, { readonly kind: 'requests' }>;
/** A signal that is a number from elsewhere. */
export type ReadableSignal = Exclude<JudgedBy, RequestSignal>;
/** How the path is matched. */
export type PathMatch = Route['path'];
/** A condition on a header field, a query parameter or a cookie. */
export type FieldMatch = Route['headers'][number];
