/**
 * What a forward-auth service is asked, and what becomes of its answer: all of it is text, and nothing here waits.
 *
 * The question is a GET without a body, whatever the client sent: the fields that the config names, where the request came
 * from, and its method and target as `X-Forwarded-Method` and `X-Forwarded-Uri`, the names that such services know from
 * other proxies. The target stands there as the client wrote it, for redirects back to it.
 *
 * Fields are copied in both directions as whole lines that one of the strict parsers has read, from `passOn`: a line cannot
 * hold a line break, and what concerns one connection or frames a message is not among them. A refusal is relayed with all
 * other fields of the answer and with its own length, since its body has come whole.
 */
import { linesNamed } from '../http1/field-lines.ts';
import { buildResponseHead } from '../http1/forward.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { EndpointSpec } from '../routing/snapshot.ts';
import type { ForwardAuthRuntime } from './auth-call.ts';
import type { Exchange } from './exchange.ts';
import { withoutClaims } from './flag-claims.ts';
import { forwardingLinesOf } from './forwarded-head.ts';
import { traceparentFrom } from './ids.ts';

const SET_COOKIE: ReadonlySet<string> = new Set(['set-cookie']);
const NOT_MODIFIED = 304;

/** The question about the exchange's request, with its empty line. */
export function questionAbout(exchange: Exchange, auth: ForwardAuthRuntime, endpoint: EndpointSpec): string {
  const { head, admission, context } = exchange;
  const guard = admission.route!.guard!;
  const { flags } = context.runtime;
  const lines = flags === null ? head.passOn : withoutClaims(head, flags.spec);
  const copied = linesNamed(guard.withoutPassword(lines), auth.asked);
  return (
    `GET ${auth.spec.target} HTTP/1.1\r\nHost: ${endpoint.authority}\r\n${copied}${guard.userLine(admission.user)}` +
    `${forwardingLinesOf(exchange)}X-Forwarded-Method: ${head.method}\r\nX-Forwarded-Uri: ${head.forwardTarget}\r\n` +
    `X-Request-Id: ${exchange.requestId}\r\ntraceparent: ${traceparentFrom(head.traceparent)}\r\n\r\n`
  );
}

/** Whether the answer lets the request go on. */
export function allows({ status }: ResponseHead): boolean {
  return status >= 200 && status < 300;
}

/** The lines of an answer that allows which the endpoint gets. */
export function linesForEndpoint(answer: ResponseHead, { granted }: ForwardAuthRuntime): string {
  return granted.size === 0 ? '' : linesNamed(answer.passOn, granted);
}

/** The lines of an answer that allows which the client gets beside its response. */
export function cookiesForClient(answer: ResponseHead, { spec }: ForwardAuthRuntime): string {
  return spec.cookies ? linesNamed(answer.passOn, SET_COOKIE) : '';
}

/** How a refusal is written to its client. */
export interface RelayOptions {
  /** The 0 of a client that speaks HTTP/1.0 or the 1 of HTTP/1.1. */
  readonly clientMinor: 0 | 1;
  readonly close: boolean;
  /** Whether it answers HEAD: the length is announced, and the body left out. */
  readonly toHead: boolean;
}

/** A whole answer of another server, which is relayed now that its body (each character one byte) has come. */
export function relayedResponse(answer: ResponseHead, body: string, { toHead, ...options }: RelayOptions): string {
  const isBodiless = answer.status === NOT_MODIFIED;
  const extra = isBodiless ? '' : `Content-Length: ${body.length}\r\n`;
  const head = buildResponseHead(answer, { ...options, framing: 'none', extra });
  return toHead || isBodiless ? head : head + body;
}
