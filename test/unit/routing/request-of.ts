/**
 * Requests and routes for tests of routing, written with only what matters to the test.
 */
import type { RequestView, RouteMatch } from '../../../src/routing/route-match.ts';

/** What a test says of a request; the rest is `GET / ` on no host. */
export interface RequestParts {
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
}

/** A request as routing sees it. */
export function requestOf(parts: RequestParts): RequestView {
  return {
    method: parts.method ?? 'GET',
    host: parts.host ?? '',
    path: parts.path ?? '/',
    query: parts.query ?? '',
    field: (name) => parts.headers?.[name],
    cookie: (name) => parts.cookies?.[name],
  };
}

/** A match that asks for this and nothing else. */
export function matchOf(parts: Partial<RouteMatch>): RouteMatch {
  return { hosts: [], path: null, methods: [], headers: [], query: [], cookies: [], ...parts };
}
