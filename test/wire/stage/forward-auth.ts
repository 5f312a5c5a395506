/**
 * What the tests of forward-auth say and expect: the question as a service gets it, and what the route has counted.
 */
import { AUTH_FAILURES, AUTH_RESULTS, type AuthResult, readAuth } from '../../../src/stats/auth-cells.ts';
import type { Rig } from './rig.ts';

/** The sentence for all requests about which no answer can be had. */
export const CANNOT_BE_FOUND_OUT = 'Whether this request is allowed cannot be found out now.';

/** A whole question about a request of an untrusted client to `app.test`, masked. */
export function questionOf(said: {
  readonly line: string;
  /** The address of the service. */
  readonly host: string;
  readonly lines?: string;
  readonly method: string;
  readonly uri: string;
}): string {
  const from = 'X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: app.test\r\n';
  const trace = 'Forwarded: for=127.0.0.1;host=app.test;proto=http\r\nVia: 1.1 tidegate\r\n';
  const about = `X-Forwarded-Method: ${said.method}\r\nX-Forwarded-Uri: ${said.uri}\r\n`;
  const identity = 'X-Request-Id: *\r\ntraceparent: *\r\n';
  return `${said.line}\r\nHost: ${said.host}\r\n${said.lines ?? ''}${from}${trace}${about}${identity}\r\n`;
}

/** How many questions of the route have come to this. */
export function results(rig: Rig, route: string, result: AuthResult): number {
  return countsOf(rig, route)[AUTH_RESULTS.indexOf(result)]!;
}

/** How many questions of the route have come to nothing, by reason. */
export function failures(rig: Rig, route: string): Record<string, number> {
  const counts = countsOf(rig, route);
  return Object.fromEntries(AUTH_FAILURES.map((reason) => [reason, counts[AUTH_RESULTS.indexOf(reason)]!]));
}

function countsOf(rig: Rig, route: string): Float64Array {
  return readAuth(rig.plane.metrics().routes.find(({ name }) => name === route)!.forwardAuth!).results;
}
