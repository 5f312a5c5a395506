/**
 * The request head as an endpoint gets it: what the client sent, less what concerns one hop or is nobody else's business,
 * with the fields that say where it came from, and its identity for logs and traces.
 */
import { linesWithout } from '../http1/field-lines.ts';
import { buildRequestHead, forwardingLines } from '../http1/forward.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Exchange } from './exchange.ts';
import { traceparentFrom } from './ids.ts';
import { rewrittenPath } from './own-answer.ts';

/** The head of the exchange's request for its endpoint, with its empty line. */
export function headForEndpoint(exchange: Exchange): string {
  const { head } = exchange;
  const path = rewrittenPath(exchange);
  return buildRequestHead(head, {
    target: path === undefined ? undefined : withQuery(path, head),
    // A request of HTTP/1.0 may have no Host; in HTTP/1.1 there must be one.
    host: head.authority === '' ? exchange.endpoint!.spec.authority : undefined,
    passOn: passedOn(exchange),
    forwardedLines: linesFor(exchange),
    framing: head.framing,
    extra: `X-Request-Id: ${exchange.requestId}\r\ntraceparent: ${traceparentFrom(head.traceparent)}\r\n`,
    upgrade: mayUpgrade(exchange),
  });
}

/** The lines that go on, less what is nobody else's business, as the rules of route and pool have them. */
function passedOn({ head, admission, pool }: Exchange): string {
  const { service, route, user } = admission;
  let lines = head.passOn;
  if (service!.privateFields.size > 0) lines = linesWithout(lines, service!.privateFields);
  const guard = route!.guard;
  if (guard !== null && guard.privateFields.size > 0) {
    lines = linesWithout(lines, guard.privateFields);
    if (guard.userHeader !== '') lines += `${guard.userHeader}: ${user}\r\n`;
  }
  const first = route!.pass?.requestHeaders;
  const second = pool!.pass?.requestHeaders;
  if (first) lines = first.apply(lines);
  return second ? second.apply(lines) : lines;
}

/** The trailers that go on: what may not pass as a field of the head may not pass at the end of the body either. */
export function trailersForEndpoint({ admission: { service, route }, pool }: Exchange, trailers: string): string {
  if (trailers === '') return '';
  let lines = linesWithout(trailers, service!.privateFields);
  const guard = route!.guard;
  if (guard !== null) lines = linesWithout(lines, guard.privateFields);
  lines = route!.pass?.requestHeaders?.drop(lines) ?? lines;
  return pool!.pass?.requestHeaders?.drop(lines) ?? lines;
}

/** The target with a new path; a query keeps its question mark, also an empty one. */
function withQuery(path: string, { target }: RequestHead): string {
  const question = target.indexOf('?');
  return question < 0 ? path : path + target.slice(question);
}

/** Forwarding lines, and the authority and version for which they were made. */
export interface ForwardingLines {
  readonly authority: string;
  readonly minor: number;
  readonly lines: string;
}

/** What a plain request from a stranger says about its way depends on the connection and the Host alone. */
function linesFor({ head, downstream }: Exchange): string {
  const { forwarding } = downstream;
  const { address, port, trusted } = downstream.client;
  const isPlain = !trusted && head.via === '' && head.xForwardedPort === '';
  if (isPlain && forwarding?.authority === head.authority && forwarding.minor === head.minor) return forwarding.lines;
  const lines = forwardingLines(head, { address, trusted, proto: 'http', port });
  if (isPlain) downstream.forwarding = { authority: head.authority, minor: head.minor, lines };
  return lines;
}

/** Whether the client asks for an upgrade, and only to protocols that the route allows. */
export function mayUpgrade({ head, admission }: Exchange): boolean {
  if (head.upgrade === '') return false;
  const allowed = admission.route!.spec.upgrade;
  return head.upgrade.split(', ').every((protocol) => allowed.includes(protocol));
}
