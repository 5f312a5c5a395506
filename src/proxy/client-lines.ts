/**
 * What a client gets beside the fields of the endpoint's response, and what of its trailers goes on.
 */
import type { Exchange } from './exchange.ts';

/** What is said to the client beside the endpoint's fields: the version that served, and a sticky key that is new. */
export function linesForClient({ admission: { service, setCookie }, pool }: Exchange): string {
  const header = service!.spec.versionHeader;
  return header === null ? setCookie : `${header}: ${pool!.spec.version}\r\n${setCookie}`;
}

/** The trailers of a response that go on. */
export function trailersForClient({ admission: { route }, pool }: Exchange, trailers: string): string {
  if (trailers === '') return '';
  const lines = route!.pass?.responseHeaders?.drop(trailers) ?? trailers;
  return pool!.pass?.responseHeaders?.drop(lines) ?? lines;
}
