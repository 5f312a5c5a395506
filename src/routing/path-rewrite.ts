/**
 * What becomes of a path on its way to the endpoint.
 *
 * A rewrite works on the normalised path, which is what the route was matched by: on the bytes as sent, `/a/%2e%2e/b`
 * would be cut at a place that no route has seen. What comes out is normalised once more, so that no regular expression
 * can be used to put a dot segment together, and it begins with exactly one slash: two would be another host to whoever
 * resolves it as a reference. The query is never touched.
 *
 * `$1` to `$9`, `$<name>` and `$$` are the only things with a meaning in a replacement; JavaScript's others (`$&`, `` $` ``)
 * are refused by config, because they surprise.
 */
import { normalisePath } from '../http1/path.ts';
import { checkedPattern } from './pattern.ts';
import { prefixSegments } from './route-match.ts';

/** `prefix` replaces the prefix `from` by `to`; `regex` replaces the first part of the path that fits; `whole` all of it. */
export type PathRewrite =
  | { readonly kind: 'prefix'; readonly from: string; readonly to: string }
  | { readonly kind: 'regex'; readonly source: string; readonly to: string }
  | { readonly kind: 'whole'; readonly to: string };

/** A rewrite made ready for many paths. */
export class Rewriter {
  readonly #pattern: RegExp | null;
  readonly #to: string;
  readonly #isWhole: boolean;
  /** Segments that are cut off the beginning of a path. */
  readonly #segments: number;

  /** Throws when the pattern was never checked. */
  constructor(rewrite: PathRewrite) {
    this.#pattern = rewrite.kind === 'regex' ? checkedPattern(rewrite.source) : null;
    this.#to = rewrite.kind === 'prefix' ? withoutSlash(rewrite.to) : rewrite.to;
    this.#isWhole = rewrite.kind === 'whole';
    this.#segments = rewrite.kind === 'prefix' ? prefixSegments(rewrite.from).length : 0;
  }

  /** The new path for a normalised one. `*` stays as it is, and so does what the pattern does not fit. */
  apply(path: string): string {
    if (path === '*') return path;
    if (this.#isWhole) return rooted(this.#to);
    if (this.#pattern !== null) return rooted(path.replace(this.#pattern, this.#to));
    return rooted(this.#to + afterSegments(path, this.#segments));
  }
}

/** What follows the first `count` segments, with its slash; '' when nothing does. */
function afterSegments(path: string, count: number): string {
  let at = 0;
  for (let passed = 0; passed < count; passed++) {
    at = path.indexOf('/', at + 1);
    if (at < 0) return '';
  }
  return path.slice(at);
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

function rooted(path: string): string {
  const whole = path.startsWith('/') ? path : `/${path}`;
  // An escape that the replacement has torn apart cannot be normalised; its percent sign is then meant as one.
  return normalisePath(whole)?.path ?? normalisePath(whole.replaceAll('%', '%25'))!.path;
}
