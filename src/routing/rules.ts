/**
 * The rules of routes and pools as they stand in a snapshot: plain data, validated, cloned to every data thread.
 *
 * What a route and a pool have in common is `PassRules`: they hold first for the route and then for the pool that was
 * chosen. Passwords, rate limits and forward-auth belong to routes only: they say who may come in, wherever the gate stands.
 */
import type { PathRewrite } from './path-rewrite.ts';
import type { RedirectSpec } from './redirect.ts';

/** A field as a rule writes it. */
export interface FieldSpec {
  readonly name: string;
  readonly value: string;
}

/** `set` and `remove` drop what there is of their names, then `set` and `add` write theirs. */
export interface HeaderRuleSpec {
  readonly set: readonly FieldSpec[];
  readonly add: readonly FieldSpec[];
  readonly remove: readonly string[];
}

/** What Tidegate answers by itself instead of asking an endpoint. */
export type OwnAnswerSpec =
  | ({ readonly kind: 'redirect' } & RedirectSpec)
  | { readonly kind: 'respond'; readonly status: number; readonly body: string; readonly contentType: string };

export interface PassRules {
  /** Ranges of addresses, as `AddressSet` reads them; null lets every address in. */
  readonly ipAllow: readonly string[] | null;
  readonly ipDeny: readonly string[];
  readonly requestHeaders: HeaderRuleSpec | null;
  readonly responseHeaders: HeaderRuleSpec | null;
  readonly rewrite: PathRewrite | null;
  readonly answer: OwnAnswerSpec | null;
}

/** A user, and the hash of the password in one of the two forms that config accepts. */
export interface UserSpec {
  readonly name: string;
  readonly hash: string;
}

export interface RateLimitSpec {
  /** The time in which one request more becomes possible. */
  readonly intervalNs: number;
  /** So many requests are possible at once after a rest; at least 1. */
  readonly burst: number;
  readonly by: { readonly kind: 'address' | 'header' | 'cookie'; readonly name: string };
  readonly dryRun: boolean;
  /** The buckets, shared by all threads: see `token-bucket.ts`. */
  readonly buckets: SharedArrayBuffer;
}

/** Another service that is asked whether a request may go on. */
export interface ForwardAuthSpec {
  /** Index into the services of the snapshot. */
  readonly service: number;
  /** What is asked for there: path and query. */
  readonly target: string;
  /** How long the whole question may take, further tries and the wait for a connection included. */
  readonly timeoutMs: number;
  /** Lower-case names of the request's fields that the service gets to see. */
  readonly copyRequest: readonly string[];
  /** Lower-case names of the answer's fields that the endpoint gets; what a client sends of these names never passes. */
  readonly copyResponse: readonly string[];
  /** Whether the cookies that an allowing answer sets go to the client. */
  readonly cookies: boolean;
  /** The counters of the route's questions. */
  readonly board: SharedArrayBuffer;
}
