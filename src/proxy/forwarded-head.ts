/**
 * The request head as an endpoint gets it: what the client sent, less what concerns one hop or is nobody else's business,
 * with the fields that say where it came from, and its identity for logs and traces.
 */
import { buildRequestHead, forwardingLines } from '../http1/forward.ts';
import type { Exchange } from './exchange.ts';
import { traceparentFrom } from './ids.ts';

/** The head of the exchange's request for its endpoint, with its empty line. */
export function headForEndpoint(exchange: Exchange): string {
  const { head, admission } = exchange;
  const { privateFields } = admission.route!.service;
  return buildRequestHead(head, {
    // A request of HTTP/1.0 may have no Host; in HTTP/1.1 there must be one.
    host: head.authority === '' ? exchange.endpoint!.spec.authority : undefined,
    passOn: privateFields.size === 0 ? undefined : head.passOnWithout(privateFields),
    forwardedLines: linesFor(exchange),
    framing: head.framing,
    extra: `X-Request-Id: ${exchange.requestId}\r\ntraceparent: ${traceparentFrom(head.traceparent)}\r\n`,
    upgrade: mayUpgrade(exchange),
  });
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
