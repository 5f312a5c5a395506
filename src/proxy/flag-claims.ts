/**
 * What a client says of flags, which no endpoint may hear: which ones it has is for Tidegate to say.
 *
 * It is taken away wherever the config has flags, also on routes that name none: an endpoint that trusts the field must be able to
 * trust it on every way to it. Without flags in the config the field means nothing here and passes, as another proxy in front
 * may have written it. A tester's signed choice goes no further either; whoever has it could use it.
 */
import type { FlagContextSpec } from '../flags/context-spec.ts';
import { linesWithout } from '../http1/field-lines.ts';
import { withBaggage, withCookie } from '../http1/member-lines.ts';
import type { RequestHead } from '../http1/request-head.ts';

/** The field by which endpoints are told, in lower case. */
export const FLAGS_FIELD = 'feature-flags';

/** Names of our members of `baggage`. */
export const BAGGAGE_PREFIX = 'feature_flag.';

const FLAGS: ReadonlySet<string> = new Set([FLAGS_FIELD]);

/** The lines of a request that pass, without what the client says of flags; the same lines where it says nothing. */
export function withoutClaims(head: RequestHead, { overrides, baggage }: FlagContextSpec): string {
  let lines = head.passOn;
  if (head.claimsFlags) lines = linesWithout(lines, FLAGS);
  if (overrides !== null) {
    const { header, cookie } = overrides;
    if (head.field(header) !== undefined) lines = linesWithout(lines, new Set([header]));
    if (cookie !== null && head.cookie(cookie) !== undefined) lines = withCookie(lines, cookie, null);
  }
  return baggage ? withBaggage(lines, BAGGAGE_PREFIX, []) : lines;
}
