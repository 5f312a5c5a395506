/**
 * A choice of variants that a tester sends along: how it is written, signed and read.
 *
 *     base64url({"flags":{"new-checkout":"treatment"},"expires":1790000000}) "." base64url(HMAC-SHA256 of what is before the dot)
 *
 * It fits a header field, a cookie and a query as it is. It says when it ends, in seconds since 1970, so that a choice that is lost
 * is lost for a while only. `tidegate flag override` writes one, data threads read them, and others may write them by this line.
 */
import { createHmac } from 'node:crypto';

/** What a tester wants: variants by flag, until a moment. */
export interface Override {
  readonly flags: ReadonlyMap<string, string>;
  /** Seconds since 1970. */
  readonly expires: number;
}

/** The longest choice that is read. */
export const OVERRIDE_CHARACTERS_MAX = 4096;

/** The choice as it is sent along, signed with the secret. */
export function signedOverride({ flags, expires }: Override, secret: string): string {
  const payload = Buffer.from(JSON.stringify({ flags: Object.fromEntries(flags), expires })).toString('base64url');
  return `${payload}.${overrideSignature(payload, secret).toString('base64url')}`;
}

/** The signature of what stands before the dot. */
export function overrideSignature(payload: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(payload).digest();
}

/** What a signed part says, or null when it is none. */
export function readOverridePayload(payload: string): Override | null {
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return null;
  }
  if (typeof said !== 'object' || said === null) return null;
  const { flags, expires } = said as { readonly flags?: unknown; readonly expires?: unknown };
  if (typeof flags !== 'object' || flags === null || typeof expires !== 'number') return null;
  const chosen = Object.entries(flags).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { flags: new Map(chosen), expires };
}
