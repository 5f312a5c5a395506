/**
 * User and password of a request, as a browser sends them.
 *
 * Source: RFC 7617. What is not exactly of that form is no credentials; a missing padding is forgiven, as it is everywhere.
 */

const CHARACTERS_MAX = 1024;
const BASIC = /^basic +([+/0-9a-z]+={0,2})$/i;

/** What an Authorization field of the Basic scheme says, or null when it says nothing that can be checked. */
export function credentialsOf(
  authorization: string | undefined,
): { readonly user: string; readonly password: string } | null {
  if (authorization === undefined || authorization.length > CHARACTERS_MAX) return null;
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
