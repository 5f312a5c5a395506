/**
 * Where a redirect leads.
 *
 * The Location is always absolute where the host is known. A relative one that begins with two slashes would lead to a
 * host of the client's choice, and with it the link of an attacker to a page of ours would end on a page of theirs.
 * Everything that comes from the client has been read by the engine's grammar, so no byte of it can end the field.
 *
 * Source: RFC 9110, sections 10.2.2 (Location) and 15.4.
 */

/** What differs from the address that was asked; null keeps the request's. */
export interface RedirectSpec {
  readonly status: number;
  readonly scheme: 'http' | 'https' | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly path: string | null;
  readonly keepQuery: boolean;
}

/** What was asked. */
export interface Asked {
  readonly scheme: string;
  /** Host with its port if it was given one; '' when the request names none. */
  readonly authority: string;
  /** The host in it, without port. */
  readonly host: string;
  /** The path, normalised and rewritten. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
}

/** The value of Location. */
export function locationOf(redirect: RedirectSpec, asked: Asked): string {
  const path = redirect.path ?? (asked.path === '*' ? '/' : asked.path);
  const target = redirect.keepQuery && asked.query !== '' ? `${path}?${asked.query}` : path;
  const scheme = redirect.scheme ?? (asked.scheme.toLowerCase() === 'https' ? 'https' : 'http');
  const isElsewhere = redirect.scheme !== null || redirect.host !== null;
  const host = redirect.host ?? asked.host;
  // Without any host there is only this one, and the path has one slash at its beginning.
  if (host === '') return encoded(target);
  const kept = isElsewhere ? host : asked.authority;
  const authority = redirect.port === null ? kept : withPort(host, redirect.port, scheme);
  return `${scheme}://${authority}${encoded(target)}`;
}

function withPort(host: string, port: number, scheme: string): string {
  return port === (scheme === 'https' ? 443 : 80) ? host : `${host}:${port}`;
}

/** Bytes outside of ASCII are sent to us by some clients, and belong in no URI. */
function encoded(target: string): string {
  return target.replace(
    /[^\x21-\x7e]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
