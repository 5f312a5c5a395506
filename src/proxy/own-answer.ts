/**
 * What Tidegate answers by itself: faults, redirects and fixed answers of rules, and what a forward-auth service refuses
 * with.
 *
 * The answer of a rule gets the response fields of its route and pool, as an endpoint's would; that of a fault does not,
 * because it may be about them, and a refusal is relayed as it came.
 */
import { linesWithout } from '../http1/field-lines.ts';
import { ownResponse } from '../http1/forward.ts';
import { normalisePath } from '../http1/path.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { locationOf } from '../routing/redirect.ts';
import type { OwnAnswerSpec } from '../routing/rules.ts';
import { relayedResponse } from './auth-messages.ts';
import { flagCookie } from './client-lines.ts';
import type { Exchange } from './exchange.ts';
import type { Fault } from './fault.ts';
import { httpDate } from './http-date.ts';

const CACHE_CONTROL: ReadonlySet<string> = new Set(['cache-control']);

/** A response without its connection. */
export interface OwnAnswer {
  readonly status: number;
  /** Each character is one byte. */
  readonly body: string;
  readonly contentType?: string | undefined;
  /** More lines, each with its CRLF. */
  readonly lines: string;
  /** The head of another server's answer, which is relayed with this body in place of a head of our own. */
  readonly relayed?: ResponseHead | undefined;
}

/** What `OPTIONS *` is answered with. */
export const HERE: OwnAnswer = { status: 200, body: '', lines: '' };

/** What a fault says; `lines` go with it. Where there was no room, there may be some soon. */
export function faultAnswer({ status, text, phase }: Fault, lines: string): OwnAnswer {
  return { status, body: `${text}\n`, lines: phase === 'queue' ? `${lines}Retry-After: 1\r\n` : lines };
}

/** The answer that the route has for all its requests, or the pool for its own; null when the endpoint is asked. */
export function ruleAnswer(exchange: Exchange): OwnAnswer | null {
  const { route, pool, flags } = exchange.admission;
  const redirect = flags === null ? null : flags.redirect();
  const spec = redirect ?? route?.pass?.answer ?? pool?.pass?.answer ?? null;
  if (spec === null) return null;
  const { status, body, contentType, lines } = answerOf(spec, exchange);
  const ruled = withResponseRules(exchange, lines);
  // Whom a variant sends elsewhere is one user, and the answer is for nobody else, whatever the rules say of all answers.
  const own = redirect === null ? ruled : `${linesWithout(ruled, CACHE_CONTROL)}Cache-Control: no-store\r\n`;
  return { status, body, contentType, lines: own + flagCookie(exchange, own) };
}

/** The lines of a response as the rules of route and pool have them, and as caches have to read them where flags decide. */
export function withResponseRules({ admission: { route, flags }, pool }: Exchange, lines: string): string {
  const first = route?.pass?.responseHeaders;
  const second = pool?.pass?.responseHeaders;
  const once = first ? first.apply(lines) : lines;
  const ruled = second ? second.apply(once) : once;
  return flags === null ? ruled : flags.route.varied(ruled);
}

/** The path for the endpoint or a redirect: normalised and rewritten; undefined when no rule has anything to do with it. */
export function rewrittenPath({ head, admission: { route, flags }, pool }: Exchange): string | undefined {
  // A variant that says where its users go says it in place of the route.
  const first = flags?.rewriter() ?? route?.pass?.rewriter;
  const second = pool?.pass?.rewriter;
  if (!first && !second) return undefined;
  const { path } = normalisePath(head.path)!;
  const once = first ? first.apply(path) : path;
  return second ? second.apply(once) : once;
}

/** Writes the answer, and says to the client whether its connection stays open. */
export function writeOwnAnswer({ head, downstream }: Exchange, answer: OwnAnswer, keepAlive: boolean): void {
  const { relayed, body } = answer;
  if (relayed !== undefined) {
    const options = { clientMinor: head.minor, close: !keepAlive, toHead: head.method === 'HEAD' };
    downstream.out.text(relayedResponse(relayed, body, options));
    downstream.out.flush();
    return;
  }
  downstream.out.text(
    ownResponse(answer.status, answer.body, {
      date: httpDate(),
      close: !keepAlive,
      keepAliveMinor: head.minor,
      head: head.method === 'HEAD',
      contentType: answer.contentType,
      extra: answer.lines,
    }),
  );
  downstream.out.flush();
}

function answerOf(spec: OwnAnswerSpec, exchange: Exchange): OwnAnswer {
  switch (spec.kind) {
    case 'respond': {
      const body = Buffer.from(spec.body).toString('latin1');
      return { status: spec.status, body, contentType: spec.contentType, lines: '' };
    }
    case 'redirect': {
      const { head, downstream } = exchange;
      const location = locationOf(spec, {
        scheme: (downstream.client.trusted && head.xForwardedProto) || 'http',
        authority: head.authority,
        host: head.host,
        path: rewrittenPath(exchange) ?? normalisePath(head.path)!.path,
        query: head.query,
      });
      return { status: spec.status, body: '', lines: `Location: ${location}\r\n` };
    }
    default:
      return spec satisfies never;
  }
}
