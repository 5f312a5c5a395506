/**
 * The rules of a config as the snapshot has them: what is not configured is null, so that a data thread sees at a glance
 * that there is nothing to do.
 */
import { randomBytes } from 'node:crypto';
import type { Pool, Route, Service } from '../config/schema.ts';
import type { ForwardAuthSpec, PassRules, RateLimitSpec } from '../routing/rules.ts';
import type { RouteSpec, Snapshot } from '../routing/snapshot.ts';
import { createBucketMemory } from '../routing/token-bucket.ts';
import type { Board } from './board.ts';

/** What only routes have of rules. */
type RouteRules = Pick<RouteSpec, 'rules' | 'rateLimit' | 'basicAuth' | 'forwardAuth' | 'board'>;

/** A route that counts what it refuses, and where it asks a forward-auth service, what came of that. */
export interface RefusingRoute {
  readonly name: string;
  readonly board: SharedArrayBuffer;
  readonly forwardAuth: SharedArrayBuffer | null;
}

/** The routes of a snapshot that count what they refuse. */
export function refusingRoutes(snapshot: Snapshot | null): RefusingRoute[] {
  const routes = snapshot?.routes ?? [];
  return routes.flatMap(({ name, board, forwardAuth }) =>
    board === null ? [] : [{ name, board, forwardAuth: forwardAuth?.board ?? null }],
  );
}

/** Whether the route, or a pool of its service, has a rule by which a request can be refused. */
function mayRefuse(route: Route, service: Service | null): boolean {
  const { basicAuth, rateLimit, forwardAuth } = route;
  if (basicAuth !== undefined || rateLimit !== undefined || forwardAuth !== undefined || isClosed(route)) return true;
  return service !== null && [...service.pools.values()].some(isClosed);
}

/** The rules of a route; its counters and buckets are those of the last route of its name. `indexes`: of all services. */
export function routeRules(
  route: Route,
  service: Service | null,
  indexes: ReadonlyMap<string, number>,
  board: Board,
): RouteRules {
  const { basicAuth, forwardAuth, rateLimit, path } = route;
  const rules = passRules(route, path.value);
  return {
    rules,
    rateLimit: rateLimit === undefined ? null : rateLimitSpec(route.id, rateLimit, board),
    basicAuth:
      basicAuth === undefined
        ? null
        : {
            realm: basicAuth.realm,
            users: basicAuth.users.map(({ name, password }) => ({ name, hash: password })),
            userHeader: basicAuth.userHeader ?? null,
          },
    forwardAuth: forwardAuth === undefined ? null : forwardAuthSpec(route.id, forwardAuth, indexes, board),
    board: mayRefuse(route, service) ? board.route(route.id) : null,
  };
}

/** The rules of a pool, or null for none. */
export function poolRules(pool: Pool): PassRules | null {
  return passRules(pool, '');
}

type Passing = Pick<
  Pool,
  'ipAllow' | 'ipDeny' | 'requestHeaders' | 'responseHeaders' | 'rewrite' | 'redirect' | 'respond'
>;

function isClosed({ ipAllow, ipDeny }: Pick<Passing, 'ipAllow' | 'ipDeny'>): boolean {
  return ipAllow !== undefined || ipDeny.length > 0;
}

function passRules(one: Passing, prefix: string): PassRules | null {
  const { requestHeaders, responseHeaders, rewrite } = one;
  const answer = answerOf(one);
  const does = [requestHeaders, responseHeaders, rewrite].some((rule) => rule !== undefined);
  if (!does && answer === null && !isClosed(one)) return null;
  return {
    ipAllow: one.ipAllow?.map(rangeText) ?? null,
    ipDeny: one.ipDeny.map(rangeText),
    requestHeaders: requestHeaders ?? null,
    responseHeaders: responseHeaders ?? null,
    rewrite: rewrite === undefined ? null : rewriteSpec(rewrite, prefix),
    answer,
  };
}

function rewriteSpec(rewrite: NonNullable<Passing['rewrite']>, prefix: string): PassRules['rewrite'] {
  return rewrite.kind === 'prefix'
    ? { kind: 'prefix', from: prefix, to: rewrite.to }
    : { kind: 'regex', source: rewrite.regex, to: rewrite.to };
}

function answerOf({ redirect, respond }: Passing): PassRules['answer'] {
  if (respond !== undefined) return { kind: 'respond', ...respond };
  if (redirect === undefined) return null;
  return {
    kind: 'redirect',
    status: redirect.status,
    scheme: redirect.scheme ?? null,
    host: redirect.host ?? null,
    port: redirect.port ?? null,
    path: redirect.path ?? null,
    keepQuery: redirect.query,
  };
}

function forwardAuthSpec(
  route: string,
  auth: NonNullable<Route['forwardAuth']>,
  indexes: ReadonlyMap<string, number>,
  board: Board,
): ForwardAuthSpec {
  const { service, path, ...rest } = auth;
  return { ...rest, service: indexes.get(service)!, target: path, board: board.forwardAuth(route) };
}

function rateLimitSpec(route: string, limit: NonNullable<Route['rateLimit']>, board: Board): RateLimitSpec {
  return {
    intervalNs: (limit.perMs * 1e6) / limit.requests,
    burst: limit.burst,
    by: limit.by,
    dryRun: limit.dryRun,
    buckets: board.buckets(route, limit.keys, () => createBucketMemory(limit.keys, seeds())),
  };
}

function seeds(): [number, number] {
  const random = randomBytes(8);
  return [random.readUInt32LE(0), random.readUInt32LE(4)];
}

function rangeText({ address, bits }: { readonly address: string; readonly bits: number }): string {
  return `${address}/${bits}`;
}
