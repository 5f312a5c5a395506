/**
 * The routes of one host, found by path: exact paths in a map, patterns in a list, prefixes in a trie of segments.
 *
 * A prefix matches whole segments: `/api` matches `/api`, `/api/` and `/api/x`, and never `/apix`. Of the prefixes that
 * match one path, each is the beginning of the next, so the deepest node of the trie is the longest prefix and the way
 * back up is the order in which to try them. A sorted list of prefixes was rejected because it is searched in the time
 * of its length, a trie of characters because it is deeper and would have to know where segments end.
 */
import { Candidates, type Entry } from './candidates.ts';
import { type PathMatch, prefixSegments, type RequestView } from './route-match.ts';

const anyPath: PathMatch = { kind: 'prefix', value: '/' };

interface PrefixNode<T> {
  readonly parent: PrefixNode<T> | null;
  children: Map<string, PrefixNode<T>> | null;
  routes: Candidates<T> | null;
}

/** The routes of one host; all are added, in the order of rank, before the first search. */
export class PathIndex<T> {
  readonly #exact = new Map<string, Candidates<T>>();
  readonly #root: PrefixNode<T> = { parent: null, children: null, routes: null };
  #patterns: Candidates<T> | null = null;

  /** Adds a route under its path; `null` is any path. */
  add(path: PathMatch | null, entry: Entry<T>): void {
    const { kind, value } = path ?? anyPath;
    switch (kind) {
      case 'exact': {
        let routes = this.#exact.get(value);
        if (routes === undefined) {
          routes = new Candidates();
          this.#exact.set(value, routes);
        }
        routes.add(entry);
        return;
      }
      case 'regex':
        this.#patterns ??= new Candidates();
        this.#patterns.add(entry);
        return;
      case 'prefix': {
        const node = this.#nodeOf(prefixSegments(value));
        node.routes ??= new Candidates();
        node.routes.add(entry);
        return;
      }
      default:
        kind satisfies never;
    }
  }

  /** The most specific route of this host for the request on this path; `undefined` when there is none. */
  find(request: RequestView, path: string): Entry<T> | undefined {
    return (
      this.#exact.get(path)?.first(request, path) ??
      this.#patterns?.first(request, path) ??
      this.#longest(request, path)
    );
  }

  #nodeOf(segments: readonly string[]): PrefixNode<T> {
    let node = this.#root;
    for (const segment of segments) {
      node.children ??= new Map();
      let child = node.children.get(segment);
      if (child === undefined) {
        child = { parent: node, children: null, routes: null };
        node.children.set(segment, child);
      }
      node = child;
    }
    return node;
  }

  #longest(request: RequestView, path: string): Entry<T> | undefined {
    let node: PrefixNode<T> = this.#root;
    // A target that is no path (`*`) has no segments: it is below `/`, which is any path, and below nothing else.
    let start = path.charCodeAt(0) === 0x2f ? 1 : path.length + 1;
    while (node.children !== null && start <= path.length) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      const child = node.children.get(path.slice(start, end));
      if (child === undefined) break;
      node = child;
      start = end + 1;
    }
    for (let tried: PrefixNode<T> | null = node; tried !== null; tried = tried.parent) {
      const found = tried.routes?.first(request, path);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
