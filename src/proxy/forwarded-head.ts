/**
 * The request head as an endpoint gets it: what the client sent, less what concerns one hop or is nobody else's business,
 * with the fields that say where it came from, and its identity for logs and traces.
 */
import { linesWithout } from '../http1/field-lines.ts';
import { buildRequestHead, forwardingLines } from '../http1/forward.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Admission } from './admission.ts';
import type { ThreadContext } from './context.ts';
import type { Exchange } from './exchange.ts';
import { withoutClaims } from './flag-claims.ts';
import { traceparentFrom } from './ids.ts';
import { rewrittenPath } from './own-answer.ts';

const NO_FIELDS: ReadonlySet<string> = new Set();

/** The head of the exchange's request for its endpoint, with its empty line. */
export function headForEndpoint(exchange: Exchange): string {
  const { head } = exchange;
  const path = rewrittenPath(exchange);
  return buildRequestHead(head, {
    target: path === undefined ? undefined : withQuery(path, head),
    // A request of HTTP/1.0 may have no Host; in HTTP/1.1 there must be one.
    host: head.authority === '' ? exchange.endpoint!.spec.authority : undefined,
    passOn: passedOn(exchange),
    forwardedLines: forwardingLinesOf(exchange),
    framing: head.framing,
    extra: `X-Request-Id: ${exchange.requestId}\r\ntraceparent: ${traceparentFrom(head.traceparent)}\r\n`,
    upgrade: mayUpgrade(exchange),
  });
}

/** The lines that go on, less what is nobody else's business, as the rules of route and pool have them. */
function passedOn({ head, admission, context, pool }: Exchange): string {
  const { service, route, user, grantedLines } = admission;
  let lines = told(head, admission, context);
  if (service!.privateFields.size > 0) lines = linesWithout(lines, service!.privateFields);
  const guard = route!.guard;
  if (guard !== null) lines = guard.withoutPrivate(lines) + guard.userLine(user) + grantedLines;
  const first = route!.pass?.requestHeaders;
  const second = pool!.pass?.requestHeaders;
  if (first) lines = first.apply(lines);
  return second ? second.apply(lines) : lines;
}

/** The lines with what an endpoint is told of flags, and without what clients say of them. Nothing is done without flags. */
function told(head: RequestHead, { flags }: Admission, { runtime }: ThreadContext): string {
  if (flags !== null) return flags.told(withoutClaims(head, flags.route.shared.spec));
  return runtime.flags === null ? head.passOn : withoutClaims(head, runtime.flags.spec);
}

/** The trailers that go on: what may not pass as a field of the head may not pass at the end of the body either. */
export function trailersForEndpoint(exchange: Exchange, trailers: string): string {
  if (trailers === '') return '';
  const { admission, context, pool } = exchange;
  const { service, route, flags } = admission;
  const { claims = NO_FIELDS } = flags?.route.shared ?? context.runtime.flags ?? {};
  let lines = linesWithout(linesWithout(trailers, service!.privateFields), claims);
  const guard = route!.guard;
  if (guard !== null) lines = guard.withoutPrivate(lines);
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

// What a plain request from a stranger says about its way depends on the connection and the Host alone.
/** The lines that say where the exchange's request came from. */
export function forwardingLinesOf({ head, downstream }: Exchange): string {
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
