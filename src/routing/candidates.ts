/**
 * The routes that one path (or the patterns of one host) can select, the most specific first.
 *
 * They differ by method, header, query parameter or cookie only. Usually there is one; but a platform that routes each
 * tenant by a header has thousands on the path `/`, and they must not cost a scan either. So a route that asks for an
 * exact value is found by that value: the first such condition of each route is its key, routes with the same name in
 * their key share one map from value to routes, and a request reads each of these names once. What is left (no exact
 * condition) is a plain list. A full decision tree over all conditions was rejected: one key already makes the lists
 * short, and the tree would be the hardest code in the room.
 */
import { type ValueTest, valuePasses } from './pattern.ts';
import { queryValue } from './query-value.ts';
import type { RequestView } from './route-match.ts';

/** Where a condition looks. */
export type Place = 'header' | 'query' | 'cookie';

/** One condition of a route besides host, path and method. */
export interface Condition {
  readonly place: Place;
  /** Headers in lower case. */
  readonly name: string;
  readonly test: ValueTest;
}

/** A route made ready for many requests. */
export interface Entry<T> {
  /** Its place among all routes when only the conditions and the order in the file count; lower is more specific. */
  readonly rank: number;
  readonly methods: readonly string[];
  /** The pattern of its path; `null` when the path is found by an index. */
  readonly pattern: RegExp | null;
  readonly conditions: readonly Condition[];
  readonly target: T;
}

interface Keyed<T> {
  readonly place: Place;
  readonly name: string;
  readonly byValue: Map<string, Entry<T>[]>;
}

/** A set of routes that `first` searches by specificity; all are added before the first search. */
export class Candidates<T> {
  readonly #keyed: Keyed<T>[] = [];
  readonly #plain: Entry<T>[] = [];

  /** Adds a route; in the order of rank, because a list is searched in the order in which it was filled. */
  add(entry: Entry<T>): void {
    const key = entry.conditions.find((condition) => condition.test.kind === 'exact');
    if (key === undefined || key.test.kind !== 'exact') {
      this.#plain.push(entry);
      return;
    }
    let keyed = this.#keyed.find(({ place, name }) => place === key.place && name === key.name);
    if (keyed === undefined) {
      keyed = { place: key.place, name: key.name, byValue: new Map() };
      this.#keyed.push(keyed);
    }
    const sameValue = keyed.byValue.get(key.test.value);
    if (sameValue === undefined) keyed.byValue.set(key.test.value, [entry]);
    else sameValue.push(entry);
  }

  /** The most specific route that the request passes on this path; `undefined` when there is none. */
  first(request: RequestView, path: string): Entry<T> | undefined {
    let best = firstPassing(this.#plain, request, path);
    for (let i = 0; i < this.#keyed.length; i += 1) {
      const keyed = this.#keyed[i]!;
      const value = readValue(request, keyed.place, keyed.name);
      const entries = value === undefined ? undefined : keyed.byValue.get(value);
      if (entries === undefined) continue;
      const found = firstPassing(entries, request, path);
      if (found !== undefined && (best === undefined || found.rank < best.rank)) best = found;
    }
    return best;
  }
}

function firstPassing<T>(entries: readonly Entry<T>[], request: RequestView, path: string): Entry<T> | undefined {
  for (let i = 0; i < entries.length; i += 1) {
    const entry = entries[i]!;
    if (passes(entry, request, path)) return entry;
  }
  return undefined;
}

function passes<T>(entry: Entry<T>, request: RequestView, path: string): boolean {
  if (entry.methods.length > 0 && !entry.methods.includes(request.method)) return false;
  const conditions = entry.conditions;
  for (let i = 0; i < conditions.length; i += 1) {
    const { place, name, test } = conditions[i]!;
    if (!valuePasses(test, readValue(request, place, name))) return false;
  }
  return entry.pattern === null || entry.pattern.test(path);
}

function readValue(request: RequestView, place: Place, name: string): string | undefined {
  switch (place) {
    case 'header':
      return request.field(name);
    case 'query':
      return queryValue(request.query, name);
    case 'cookie':
      return request.cookie(name);
    default:
      return place satisfies never;
  }
}
