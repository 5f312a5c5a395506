/**
 * What a route asks of a request, and which of two routes is the more specific one.
 *
 * The order is that of the Kubernetes Gateway API (HTTPRoute, `hostnames` and `matches`), so that nobody has to learn a
 * second one:
 *   1. exact host, then the longest wildcard host, then any host. A host whose routes do not match falls through to the
 *      less specific one: the API compares *rules* of intersecting hosts. (Envoy's virtual hosts do not fall through;
 *      there a forgotten path in one host hides a catch-all that the operator can plainly see in the file.)
 *   2. exact path, then a pattern, then the prefix with the most characters. The API leaves patterns open. Between
 *      the two is where Envoy Gateway puts them, and it is the only place where they are of use: after the prefixes,
 *      a lone `/` route would switch every pattern off; before exact paths, a pattern could not have an exception.
 *   3. a route that names methods, then more headers, then more query parameters, then more cookies (which the API does
 *      not know; they come last so that its order stays whole), then the earlier one in the file.
 * Among patterns only rule 3 decides: the length of a pattern says nothing about how much it matches.
 */
import type { PathMatch, ValueMatch } from './pattern.ts';

export type { PathMatch, ValueMatch } from './pattern.ts';

/** A name (header, query parameter or cookie) and what its value must be. */
export type NamedMatch = readonly [name: string, match: ValueMatch];

/** What a route asks of a request: all of it must hold. */
export interface RouteMatch {
  /** Lower case, without port: exact, or `*.suffix` for one or more labels before the suffix. Empty: any host. */
  readonly hosts: readonly string[];
  /** `null`: any path, the same as the prefix `/`. */
  readonly path: PathMatch | null;
  /** Case-sensitive, as methods are (RFC 9110 section 9.1). Empty: any method. */
  readonly methods: readonly string[];
  /** Names in any case. */
  readonly headers: readonly NamedMatch[];
  /** Names and values decoded; of a name that comes twice in a request, the first value counts. */
  readonly query: readonly NamedMatch[];
  readonly cookies: readonly NamedMatch[];
}

/** What routing needs to see of a request. */
export interface RequestView {
  readonly method: string;
  /** Lower case, without port; empty when the request names no host, which only routes for any host match. */
  readonly host: string;
  /** The normalised path. */
  readonly path: string;
  /** Raw, without the `?`; empty when there is none. */
  readonly query: string;
  /** The value of a header by its lower-case name; `undefined` when it is not there. */
  field(name: string): string | undefined;
  /** The value of a cookie by its exact name; `undefined` when it is not there. */
  cookie(name: string): string | undefined;
}

/** The order of rule 3 without the order in the file: negative when `a` is more specific, zero when it decides nothing. */
export function compareConditions(a: RouteMatch, b: RouteMatch): number {
  return (
    Number(b.methods.length > 0) - Number(a.methods.length > 0) ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length ||
    b.cookies.length - a.cookies.length
  );
}

/** The segments of a prefix: `/api/v1` and `/api/v1/` are both `['api', 'v1']`; `/` and the empty prefix have none. */
export function prefixSegments(prefix: string): readonly string[] {
  const from = prefix.startsWith('/') ? 1 : 0;
  let end = prefix.length;
  while (end > from && prefix.charCodeAt(end - 1) === 0x2f) end -= 1;
  return end <= from ? [] : prefix.slice(from, end).split('/');
}
