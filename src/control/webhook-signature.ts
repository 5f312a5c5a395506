/**
 * Signs what is sent to webhooks, by the Standard Webhooks specification (standardwebhooks.com), version 1: receivers have
 * libraries for it in every language.
 *
 * Signed is `id.timestamp.body` with HMAC-SHA256. The timestamp is that of the try and not of the event, so that a receiver
 * can refuse what is older than a few minutes, which is how a recorded message is kept from being played again; the id is
 * the same for each try. A signature over the body alone, as GitHub has it, was rejected: it is valid for ever.
 */
import { createHmac } from 'node:crypto';

/** The header fields of one try; without a secret, the id and the time alone. `atS`: seconds since 1970. */
export function signatureFields(
  { id, atS, body }: { readonly id: string; readonly atS: number; readonly body: string },
  secret: string | undefined,
): Record<string, string> {
  const fields = { 'webhook-id': id, 'webhook-timestamp': String(atS) };
  if (secret === undefined) return fields;
  const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${atS}.${body}`).digest('base64');
  return { ...fields, 'webhook-signature': `v1,${mac}` };
}

/** The bytes of a secret: those that `whsec_` and base64 stand for, else the text itself. */
function keyOf(secret: string): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1];
  return encoded === undefined ? Buffer.from(secret) : Buffer.from(encoded, 'base64');
}
