/**
 * Whether a failed attempt is followed by another, and where: facts in, decision out.
 *
 * A request may be repeated when repeating it cannot do anything twice, and that is known and never hoped for:
 *   - no connection took it: nothing was sent, whatever the method;
 *   - its method is idempotent (RFC 9110 section 9.2.2) and all of its body is still there.
 * A request that is not idempotent and of which a byte may have left is never repeated, not even when the connection was a
 * used one: an endpoint that was killed looks the same as one that closed an idle connection (RFC 9112 section 9.3.1).
 *
 * What has been sent and is sent again costs the endpoints twice, so that is what the budget is charged for. What was
 * never sent has cost nobody anything; charging it too was rejected, because then a candidate with much traffic that
 * refuses connections could not be saved from, and nothing would be protected by it.
 *
 * The last attempt that is allowed goes to the pool that may save the request, if there is one; before that, and without
 * one, another endpoint of the same pool is tried. The same endpoint is asked again only when there is no other, and
 * after a pause.
 */

/** How a service retries. */
export interface RetryPolicy {
  /** Further attempts that a request may have, from 0. */
  readonly attempts: number;
  /** The share of requests, from 0 to 1, that may be sent a second time. */
  readonly budget: number;
  /** Whether another pool with traffic may take a request that its own pool failed. */
  readonly fallback: boolean;
  /** How long one attempt may take to its response head in milliseconds; null: as long as there is time. */
  readonly perTryMs: number | null;
  /** The longest request body that is kept for another attempt. */
  readonly bodyBytes: number;
  /** Response statuses that count as a failed attempt. */
  readonly statuses: readonly number[];
  /** The pause before an endpoint is asked again, doubled each time. */
  readonly backoffMs: number;
}

/**
 * How far an attempt got. `nowhere`: no endpoint admits requests. `unsent`: no connection took the request. `raced`: a
 * connection that had served before died before a byte of the answer. `sent`: the request, or a part of it, may have
 * reached the application.
 */
export type Reach = 'nowhere' | 'unsent' | 'raced' | 'sent';

/** What is known about an attempt that has failed before any of its response was passed on. */
export interface FailedAttempt {
  readonly reach: Reach;
  readonly method: string;
  /** Whether everything that was sent of the request can be sent again. */
  readonly isReplayable: boolean;
  /** Further attempts that the request has had; races do not count. */
  readonly retries: number;
  readonly hasRaced: boolean;
  /** Whether an endpoint of the same pool that was not tried yet admits requests. */
  readonly hasOther: boolean;
  /** Whether there is another pool that may save the request. */
  readonly hasRescue: boolean;
  /** Whether the budget has something left. */
  readonly isAffordable: boolean;
  /** What is left of the request's time, in milliseconds. */
  readonly leftMs: number;
  /** How long the endpoint asked not to be asked again, 0 if it did not. */
  readonly retryAfterMs: number;
}

/** Where the next attempt goes: `same` is the same endpoint on a new connection. */
export type Where = 'same' | 'other' | 'rescue';

/** Why there is none: `off` and `spent` are the policy's wish, the others are refusals that are counted. */
export type WhyNot = 'off' | 'spent' | 'not-safe' | 'budget' | 'no-time';

export type RetryDecision =
  | {
      readonly again: true;
      readonly where: Where;
      readonly waitMs: number;
      /** It counts as one of `attempts`. */
      readonly isRetry: boolean;
      /** The budget pays for it. */
      readonly isCharged: boolean;
    }
  | { readonly again: false; readonly why: WhyNot };

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** The one form of a date that is still sent (RFC 9110 section 5.6.7); `Date.parse` would take `-1` for one. */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$/;

/** Whether doing it twice is the same as doing it once (RFC 9110 section 9.2.2); a method we do not know is not. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** The decision about an attempt that has failed; `random` is uniform from 0 to 1 and spreads the pauses. */
export function decideRetry(policy: RetryPolicy, failed: FailedAttempt, random: number): RetryDecision {
  const { reach } = failed;
  if (reach === 'nowhere') {
    // Nothing was tried, so nothing is tried again.
    if (!failed.hasRescue) return no('spent');
    return failed.leftMs > 0 ? yes('rescue', 0, false, false) : no('no-time');
  }
  const isSafe = failed.isReplayable && (reach === 'unsent' || isIdempotent(failed.method));
  if (reach === 'raced' && !failed.hasRaced && isSafe && failed.leftMs > 0) return yes('same', 0, false, false);
  if (policy.attempts === 0) return no('off');
  if (failed.retries >= policy.attempts) return no('spent');
  if (!isSafe) return no('not-safe');
  const where = placeOf(policy, failed);
  const waitMs = Math.max(failed.retryAfterMs, where === 'same' ? pause(policy.backoffMs, failed.retries, random) : 0);
  if (failed.leftMs <= waitMs) return no('no-time');
  const isCharged = reach !== 'unsent';
  if (isCharged && !failed.isAffordable) return no('budget');
  return yes(where, waitMs, true, isCharged);
}

function placeOf(policy: RetryPolicy, { retries, hasOther, hasRescue }: FailedAttempt): Where {
  const isLast = retries + 1 === policy.attempts;
  if (hasRescue && (isLast || !hasOther)) return 'rescue';
  return hasOther ? 'other' : 'same';
}

/** Between half of the doubled pause and all of it, so that those who failed together do not come back together. */
function pause(backoffMs: number, retries: number, random: number): number {
  const wholeMs = backoffMs * 2 ** Math.min(retries, 10);
  return wholeMs * (0.5 + random / 2);
}

function yes(where: Where, waitMs: number, isRetry: boolean, isCharged: boolean): RetryDecision {
  return { again: true, where, waitMs, isRetry, isCharged };
}

function no(why: WhyNot): RetryDecision {
  return { again: false, why };
}

/**
 * How long a `Retry-After` asks to wait (RFC 9110 section 10.2.3), in milliseconds: seconds or a date. 0 for none and for
 * what cannot be read. `nowMs` is the time since 1970.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  if (value === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const at = IMF_FIXDATE.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}
