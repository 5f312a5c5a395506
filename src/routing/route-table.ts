/**
 * Finds the route of a request among thousands, in time that does not grow with their number.
 *
 * Hosts come first (see `route-match.ts` for the whole order): an exact host is one look into a map, wildcard hosts are
 * one look for each label of the request's host, and each host has its own index of paths. What stays linear is what
 * must: the patterns of one host, and routes on one path that no exact value tells apart.
 *
 * `findStrict` is the guard against path confusion (RFC 3986 section 6.2, and a long list of proxies that were bypassed
 * with `/public/../admin`): Tidegate forwards the path as the client sent it, so a service may read it either way. A
 * request is routed only when both readings select the same route; the caller refuses it otherwise.
 */
import type { Condition, Entry, Place } from './candidates.ts';
import { PathIndex } from './path-index.ts';
import { checkedPattern, valueTest } from './pattern.ts';
import { compareConditions, type NamedMatch, type RequestView, type RouteMatch } from './route-match.ts';

/** What a strict search says: one route, none, or two different ones for the two readings of the path. */
export type Found<T> =
  | { readonly kind: 'match'; readonly target: T }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous' };

const none = { kind: 'none' } as const;
const ambiguous = { kind: 'ambiguous' } as const;

/** The target of a route, wrapped once when the table is built so that a search allocates nothing. */
type Match<T> = { readonly kind: 'match'; readonly target: T };

/** All routes of a snapshot, indexed; never changes after construction. */
export class RouteTable<T> {
  readonly #exactHosts = new Map<string, PathIndex<Match<T>>>();
  /** By suffix with its leading dot: `*.example.com` is under `.example.com`. */
  readonly #wildcardHosts = new Map<string, PathIndex<Match<T>>>();
  readonly #anyHost = new PathIndex<Match<T>>();
  /** Characters of the longest wildcard suffix: labels before that need no look, however many a client sends. */
  #longestSuffix = 0;

  /** Builds the index from routes in the order of the file; throws on a pattern or host that config should have refused. */
  constructor(routes: readonly { readonly match: RouteMatch; readonly target: T }[]) {
    const ordered = routes.map((route, order) => ({ ...route, order }));
    ordered.sort((a, b) => compareConditions(a.match, b.match) || a.order - b.order);
    ordered.forEach(({ match, target }, rank) => {
      const entry = entryOf<Match<T>>(match, { kind: 'match', target }, rank);
      if (match.hosts.length === 0) this.#anyHost.add(match.path, entry);
      for (const host of new Set(match.hosts)) this.#indexOf(host).add(match.path, entry);
    });
  }

  /** The target of the most specific route for the request, on `path` instead of its own when one is given. */
  find(request: RequestView, path: string = request.path): T | undefined {
    return this.#entry(request, path)?.target.target;
  }

  /** Searches with the path as sent and as normalised; allocates nothing. */
  findStrict(request: RequestView, rawPath: string, normalised: string): Found<T> {
    const entry = this.#entry(request, normalised);
    if (rawPath !== normalised && this.#entry(request, rawPath) !== entry) return ambiguous;
    return entry === undefined ? none : entry.target;
  }

  #entry(request: RequestView, path: string): Entry<Match<T>> | undefined {
    const host = request.host;
    const exact = this.#exactHosts.get(host)?.find(request, path);
    if (exact !== undefined) return exact;
    if (this.#longestSuffix > 0) {
      // The wildcard stands for at least one label, so a dot at the very beginning is not the end of one.
      let dot = host.indexOf('.', Math.max(1, host.length - this.#longestSuffix));
      while (dot !== -1) {
        const found = this.#wildcardHosts.get(host.slice(dot))?.find(request, path);
        if (found !== undefined) return found;
        dot = host.indexOf('.', dot + 1);
      }
    }
    return this.#anyHost.find(request, path);
  }

  #indexOf(host: string): PathIndex<Match<T>> {
    const isWildcard = host.startsWith('*.');
    const name = isWildcard ? host.slice(1) : host;
    if (name.includes('*') || name.length < 1 || host !== host.toLowerCase()) {
      throw new Error(`unchecked host ${JSON.stringify(host)}: lower case, exact or *.suffix`);
    }
    if (isWildcard) this.#longestSuffix = Math.max(this.#longestSuffix, name.length);
    const hosts = isWildcard ? this.#wildcardHosts : this.#exactHosts;
    let index = hosts.get(name);
    if (index === undefined) {
      index = new PathIndex();
      hosts.set(name, index);
    }
    return index;
  }
}

function entryOf<T>(match: RouteMatch, target: T, rank: number): Entry<T> {
  return {
    rank,
    methods: match.methods,
    pattern: match.path?.kind === 'regex' ? checkedPattern(match.path.value) : null,
    conditions: [
      ...match.headers.map(([name, test]) => conditionOf('header', [name.toLowerCase(), test])),
      ...match.cookies.map((named) => conditionOf('cookie', named)),
      ...match.query.map((named) => conditionOf('query', named)),
    ],
    target,
  };
}

function conditionOf(place: Place, [name, match]: NamedMatch): Condition {
  return { place, name, test: valueTest(match) };
}
