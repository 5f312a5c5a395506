/**
 * The request head as an endpoint gets it: what the client sent, less what concerns one hop or is nobody else's business,
 * with the fields that say where it came from, and its identity for logs and traces.
 */
import { buildRequestHead, forwardingLines } from '../http1/forward.ts';
import type { Exchange } from './exchange.ts';
import { traceparentFrom } from './ids.ts';

/** The head of the exchange's request for its endpoint, with its empty line. */
export function headForEndpoint(exchange: Exchange): string {
  const { head, admission, downstream } = exchange;
  const { privateFields } = admission.route!.service;
  const { listener, peer } = downstream;
  return buildRequestHead(head, {
    // A request of HTTP/1.0 may have no Host; in HTTP/1.1 there must be one.
    host: head.authority === '' ? exchange.endpoint!.spec.address : undefined,
    passOn: privateFields.size === 0 ? undefined : head.passOnWithout(privateFields),
    forwardedLines: forwardingLines(head, {
      address: peer,
      trusted: downstream.trusted,
      proto: 'http',
      port: listener.spec.port,
    }),
    framing: head.framing,
    extra: `X-Request-Id: ${exchange.requestId}\r\ntraceparent: ${traceparentFrom(head.traceparent)}\r\n`,
    upgrade: mayUpgrade(exchange),
  });
}

/** Whether the client asks for an upgrade, and only to protocols that the route allows. */
export function mayUpgrade({ head, admission }: Exchange): boolean {
  if (head.upgrade === '') return false;
  const allowed = admission.route!.spec.upgrade;
  return head.upgrade.split(', ').every((protocol) => allowed.includes(protocol));
}
