/**
 * What could have been saved, said once for all scenarios and proxies.
 *
 * A GET may be asked again, so it could have been saved whenever another endpoint of its pool was well. A POST may not: it
 * could have been saved only if it cannot have been sent. That it arrived is in the journal; that it may have been sent and
 * lost in a buffer is granted to every POST that was under way when its endpoint died, and for the moment after in which a
 * proxy cannot know of the death yet.
 */
import type { Savable } from './account.ts';
import type { Failure } from './load.ts';

/** How long a connection may look alive after its end, and how late its end may be noticed here, on a busy machine. */
const NOTICE_MS = 1_000;

/** Whether the request was under way at one of these moments, or near it: a client may hear of a death before we do. */
export function overlaps({ startedMs, endedMs }: Failure, moments: readonly number[]): boolean {
  return moments.some((at) => startedMs <= at + NOTICE_MS && endedMs >= at - NOTICE_MS);
}

/** The rule for endpoints that answer badly: a POST that fails has always been sent. */
export const getsAreSavable: Savable = ({ method }) => method === 'GET';

/** The rule for endpoints that die or close at these moments. */
export function savableUnlessAt(moments: () => readonly number[]): Savable {
  return (failure, { arrived }) => {
    if (failure.method === 'GET') return true;
    return !arrived.has(failure.identity) && !overlaps(failure, moments());
  };
}

/** The rule for what nobody can save between two moments; before and after it, everything. */
export function savableOutside(fromMs: () => number, toMs: () => number): Savable {
  return ({ startedMs, endedMs }) => endedMs < fromMs() || startedMs > toMs() + NOTICE_MS;
}
