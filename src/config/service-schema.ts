/**
 * A service as it is configured: its pools, how traffic is divided between them, and the policies of the way there.
 *
 * Each key is defined here and nowhere else. Where a mapping may hold one of several keys (`cookie`, `header` or
 * `clientIp`), it is one object with optional keys and a rule, and not a union of objects: a union can only say that
 * nothing fitted, the rule says which key is one too many. What concerns several keys of a config is in `checks.ts`.
 */

import { z } from 'zod';
import { formatAddress, isName, type Place } from './address.ts';
import { ejection, slowStart } from './ejection-schema.ts';
import { retries } from './retries-schema.ts';
import { badEvents, rollout } from './rollout-schema.ts';
import { poolRules } from './rule-schema.ts';
import { cookieName, duration, endpointPlace, fieldName, name, secret, share, text, weight, whole } from './scalars.ts';
import { LONGEST_AGE_MS } from './units.ts';

/** What a request is recognised by, for stickiness and for the hash balance. */
const recognised = z.strictObject({
  cookie: cookieName.optional().describe('The cookie that carries the key; Tidegate sets it where it is missing.'),
  maxAge: duration(1, LONGEST_AGE_MS).optional().describe('How long the cookie lives; a year without it.'),
  header: fieldName.optional().describe('The header field that carries the key.'),
  clientIp: z.literal(true).optional().describe('The address of the client is the key.'),
});

type Recognised = z.output<typeof recognised>;
type StickyBy =
  | { readonly kind: 'cookie'; readonly name: string; readonly maxAgeMs: number | undefined }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'clientIp' };

function recognisedBy(value: Recognised, context: z.RefinementCtx): StickyBy {
  const kinds = [value.cookie, value.header, value.clientIp].filter((kind) => kind !== undefined);
  if (kinds.length !== 1) {
    const message = kinds.length === 0 ? 'says nothing to recognise a client by' : 'has more than one kind';
    context.issues.push({ code: 'custom', message, input: value, params: { allowed: ONE_KIND } });
    return z.NEVER;
  }
  if (value.maxAge !== undefined && value.cookie === undefined) {
    const params = { allowed: 'maxAge beside cookie only' };
    context.issues.push({
      code: 'custom',
      message: 'has no cookie to live that long',
      input: value,
      path: ['maxAge'],
      params,
    });
  }
  if (value.cookie !== undefined) return { kind: 'cookie', name: value.cookie, maxAgeMs: value.maxAge };
  return value.header === undefined ? { kind: 'clientIp' } : { kind: 'header', name: value.header };
}

const ONE_KIND = 'exactly one of cookie, header or clientIp';

/** How often a name is looked up again when the file does not say. */
const RESOLVE_MS = 10_000;

/** How many exchanges of a service a drain ends in a second when the file does not say. */
const DRAIN_PER_SECOND = 100;

const endpoint = z.union([
  endpointPlace.transform((address) => endpointAt(address, 1, isName(address) ? RESOLVE_MS : null)),
  z
    .strictObject({
      address: endpointPlace.describe(
        'The host and port of the endpoint, or the path of its Unix socket. Each address of a name is an endpoint.',
      ),
      weight: z.number().min(0).default(1).describe("The endpoint's share of its pool, against the other weights."),
      resolve: z
        .union([z.literal('off'), duration(1000, 24 * 3_600_000)])
        .optional()
        .describe(
          'The longest time until a name is looked up again, 10s if it is not given; `off` dials the name as it is.',
        ),
    })
    .transform(({ address, weight, resolve }, context) => {
      if (resolve !== undefined && resolve !== 'off' && !isName(address)) {
        const params = { allowed: 'resolve beside a name only' };
        const message = 'has nothing to look up';
        context.issues.push({ code: 'custom', message, input: resolve, path: ['resolve'], params });
      }
      const resolveMs = resolve === 'off' || !isName(address) ? null : (resolve ?? RESOLVE_MS);
      return endpointAt(address, weight, resolveMs);
    }),
]);

function endpointAt(address: Place, weight: number, resolveMs: number | null) {
  return { name: formatAddress(address), address, weight, resolveMs };
}

/** The most exchanges that may be under way at once somewhere, all threads together; no limit without it. */
export function inFlight(description: string) {
  return whole(1, 10_000_000)
    .optional()
    .describe(`${description} A tunnel, such as a WebSocket, counts until its end.`);
}

const pool = z.strictObject({
  version: text('a label such as v2.0', 64).describe('What the pool runs; every statistic carries this label.'),
  endpoints: z.array(endpoint).min(1).describe('The addresses that run this version.'),
  limits: z
    .strictObject({ inFlight: inFlight("In place of the service's `limits.inFlight`, for this pool.") })
    .prefault({})
    .describe('How much may be under way in this pool.'),
  ...poolRules,
});

const statusRange = z.union([
  z.int().min(100).max(599).meta({ allowed: 'a status from 100 to 599' }),
  z
    .string()
    .regex(/^[1-5][0-9]{2}(?:-[1-5][0-9]{2})?$/)
    .meta({ allowed: 'a range such as 200-399' }),
]);

const health = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/)
      .meta({ allowed: 'a path that starts with /' })
      .describe('The path that is asked.'),
    interval: duration(10).prefault('2s').describe('The time from one check of an endpoint to the next.'),
    timeout: duration().prefault('1s').describe('How long an answer may take.'),
    healthy: whole(1, 100).default(2).describe('So many good answers in a row admit an endpoint.'),
    unhealthy: whole(1, 100).default(3).describe('So many bad answers in a row shut it.'),
    status: z
      .union([statusRange.transform((one) => [one]), z.array(statusRange).min(1)])
      .prefault(['200-399'])
      .describe('The statuses that are a good answer.'),
    jitter: share.prefault('10%').describe('How far an interval may stray, so that checks do not march in step.'),
    host: text('a host name')
      .optional()
      .describe('The Host field of the checks; without it, the address of the endpoint.'),
    initial: z
      .enum(['admitted', 'shut'])
      .default('admitted')
      .describe('The state of an endpoint before its first checks.'),
  })
  .transform((value) => ({
    path: value.path,
    intervalMs: value.interval,
    timeoutMs: value.timeout,
    healthy: value.healthy,
    unhealthy: value.unhealthy,
    status: value.status.map(toStatusRange),
    jitterShare: value.jitter,
    host: value.host,
    initial: value.initial,
  }));

function toStatusRange(written: string | number): { readonly from: number; readonly to: number } {
  const [from, to] = String(written).split('-').map(Number);
  return { from: from!, to: to ?? from! };
}

const preview = z.strictObject({
  header: fieldName.describe('The header field by which a request asks for a pool.'),
  token: secret.describe('The secret that must come with it. Empty turns the preview off.'),
});

const WAITS = {
  connect: 'How long a connection to an endpoint may take.',
  response: "How long the endpoint may take to its response's head.",
  idle: 'How long a body or a tunnel may stand still.',
  queue: 'How long a request may wait for a free connection.',
} as const;

const timeouts = z
  .strictObject({
    connect: duration().prefault('2s').describe(WAITS.connect),
    response: duration().prefault('30s').describe(WAITS.response),
    idle: duration().prefault('5m').describe(WAITS.idle),
    queue: duration().prefault('5s').describe(WAITS.queue),
  })
  .transform((value) => ({
    connectMs: value.connect,
    responseMs: value.response,
    idleMs: value.idle,
    queueMs: value.queue,
  }))
  .prefault({});

/** The timeouts of a route: the service's, where a key is not given. */
export const routeTimeouts = z
  .strictObject({
    connect: duration().optional().describe(WAITS.connect),
    response: duration().optional().describe(WAITS.response),
    idle: duration().optional().describe(WAITS.idle),
    queue: duration().optional().describe(WAITS.queue),
  })
  .transform((value) => ({
    connectMs: value.connect,
    responseMs: value.response,
    idleMs: value.idle,
    queueMs: value.queue,
  }))
  .prefault({});

const limits = z
  .strictObject({
    connections: whole(1, 65_535).default(256).describe('Connections per endpoint and data thread.'),
    queue: whole(0, 1_000_000).default(1024).describe('Requests that may wait, per endpoint and data thread.'),
    inFlight: inFlight(
      'The most requests that are on their way at once in each pool, all data threads together; more are answered with 503.',
    ),
  })
  .prefault({});

const keepAlive = z
  .strictObject({ idle: duration().prefault('60s').describe('How long an unused connection to an endpoint is kept.') })
  .transform((value) => ({ idleMs: value.idle }))
  .prefault({});

const drain = z
  .union([
    duration(0).transform((after) => ({ after, perSecond: DRAIN_PER_SECOND })),
    z.strictObject({
      after: duration(0).prefault('5m').describe('How long exchanges and tunnels of the pool may go on.'),
      perSecond: whole(1, 1_000_000)
        .default(DRAIN_PER_SECOND)
        .describe(
          'So many of the rest are ended each second at most, over all pools of the service and all data threads.',
        ),
    }),
  ])
  .prefault('5m');

const traffic = z.union([name, z.record(name, weight)]);

/** One service; the name is added where the mapping of services is read. */
export const service = z
  .strictObject({
    pools: z
      .record(name, pool)
      .refine((pools) => Object.keys(pools).length > 0, {
        message: 'has no pool',
        params: { allowed: 'at least one pool' },
      })
      .describe('The sets of endpoints, each of one version.'),
    traffic: traffic
      .optional()
      .describe('The weights of the pools, or the pool that takes everything. A service with one pool needs none.'),
    balance: z
      .enum(['round-robin', 'least-request', 'random', 'hash'])
      .default('least-request')
      .describe('How an endpoint of the pool is chosen.'),
    hashOn: recognised
      .transform(recognisedBy)
      .optional()
      .describe('What `balance: hash` hashes; the address of the client if it is not given.'),
    sticky: recognised.transform(recognisedBy).optional().describe('What keeps a user in one pool.'),
    preview: preview.optional().describe('A way to reach a pool by name, also one that has 0%.'),
    health: health
      .optional()
      .describe('Active checks of every endpoint. Without it, every endpoint counts as healthy.'),
    ejection: ejection
      .optional()
      .describe('Takes endpoints that fail requests out of use for a while. Without it, none is.'),
    slowStart: slowStart.describe(
      'How long an endpoint that comes into use takes from a tenth of its weight to all of it; 0s for at once.',
    ),
    badEvents: badEvents.describe('Which exchanges speak against a version; each is judged by its first attempt.'),
    rollout: rollout.prefault({}).describe('How a release of this service goes on, and when it turns back by itself.'),
    timeouts: timeouts.describe('How long each part of an exchange may take.'),
    retries: retries.describe('What becomes of a request whose attempt has failed.'),
    limits: limits.describe('How much may be open towards one endpoint, and under way in one pool.'),
    keepAlive: keepAlive.describe('What becomes of connections to endpoints between exchanges.'),
    proxyProtocol: z
      .enum(['v1', 'v2'])
      .optional()
      .describe(
        'The version of the PROXY header that tells endpoints who the client is. Connections are then not shared by clients.',
      ),
    drain: drain.describe(
      'How long exchanges and tunnels of a pool that went to 0% may go on, and how fast the rest is then ended.',
    ),
    versionHeader: fieldName
      .optional()
      .describe('The response field that names the version that served; none if it is not given.'),
  })
  .transform((value, context) => {
    if (value.hashOn !== undefined && value.balance !== 'hash') {
      const params = { allowed: 'hashOn beside balance: hash only' };
      context.issues.push({
        code: 'custom',
        message: 'is not used by this balance',
        input: value.hashOn,
        path: ['hashOn'],
        params,
      });
    }
    return {
      pools: new Map(Object.entries(value.pools).map(([key, one]) => [key, { name: key, ...one }])),
      traffic: allWeights(value.traffic, Object.keys(value.pools)),
      balance: value.balance,
      hashOn: value.hashOn ?? ({ kind: 'clientIp' } satisfies StickyBy),
      sticky: value.sticky,
      preview:
        value.preview?.token === undefined ? undefined : { header: value.preview.header, token: value.preview.token },
      health: value.health,
      ejection: value.ejection,
      slowStartMs: value.slowStart,
      badEvents: value.badEvents,
      rollout: value.rollout,
      timeouts: value.timeouts,
      retries: value.retries,
      limits: value.limits,
      keepAlive: value.keepAlive,
      proxyProtocol: value.proxyProtocol,
      drainMs: value.drain.after,
      drainPerSecond: value.drain.perSecond,
      versionHeader: value.versionHeader,
    };
  });

/** Every pool has its weight, zero where none is written; it is empty when the file does not say and has a choice. */
function allWeights(
  written: string | Record<string, number> | undefined,
  pools: readonly string[],
): Record<string, number> {
  const weights: Record<string, number> = Object.create(null);
  const only = pools.length === 1 ? pools[0] : undefined;
  const named = written ?? only;
  if (named === undefined) return weights;
  for (const one of pools) weights[one] = 0;
  if (typeof named === 'string') weights[named] = 100;
  else Object.assign(weights, named);
  return weights;
}
