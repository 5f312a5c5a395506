/**
 * What a client gets beside the fields of the endpoint's response, and what of its trailers goes on.
 */
import type { Exchange } from './exchange.ts';

/** What is said to the client beside these lines of its response: the version that served, and keys that are new. */
export function linesForClient(exchange: Exchange, lines: string): string {
  const { admission, pool } = exchange;
  const header = admission.service!.spec.versionHeader;
  const cookies = admission.setCookie + flagCookie(exchange, lines);
  return header === null ? cookies : `${header}: ${pool!.spec.version}\r\n${cookies}`;
}

/** The cookie by which a visitor is known to flags from now on, or '', beside these lines of the response. */
export function flagCookie({ admission: { flags }, downstream, head }: Exchange, lines: string): string {
  if (flags === null) return '';
  return flags.cookieLine(lines, downstream.client.trusted && head.xForwardedProto.toLowerCase() === 'https');
}

/** The trailers of a response that go on. */
export function trailersForClient({ admission: { route }, pool }: Exchange, trailers: string): string {
  if (trailers === '') return '';
  const lines = route!.pass?.responseHeaders?.drop(trailers) ?? trailers;
  return pool!.pass?.responseHeaders?.drop(lines) ?? lines;
}
