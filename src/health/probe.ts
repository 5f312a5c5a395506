/**
 * One active check of one endpoint: a GET over a connection of its own, and a sentence about what came of it.
 *
 * How an endpoint is asked is `ask.ts`, which verifications of a release use too; here is only what a good answer is.
 */
import { ask, type EndpointPlace } from './ask.ts';

/** What to ask an endpoint, and what to accept. */
export interface ProbeRequest {
  readonly place: EndpointPlace;
  readonly path: string;
  /** For the whole check: connection, head and body. */
  readonly timeoutMs: number;
  /** Accepted statuses as ranges, both ends included. */
  readonly status: readonly (readonly [from: number, to: number])[];
  /** The Host field. */
  readonly hostHeader: string;
  /** What is sent ahead of the request; null for nothing. */
  readonly preface: Uint8Array | null;
}

/** What a check came to; `detail` is one sentence for people. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly detail: string;
}

/** Runs one check. It never rejects; when `stop` is aborted it ends at once with a bad result that means nothing. */
export async function probe(request: ProbeRequest, stop: AbortSignal): Promise<ProbeResult> {
  const { place, path, timeoutMs, preface, hostHeader } = request;
  const headers = { host: hostHeader, accept: '*/*', 'user-agent': 'tidegate-health' };
  const reply = await ask({ place, method: 'GET', path, headers, body: null, timeoutMs, preface }, stop);
  return reply.ok ? judgeStatus(reply.status, request.status) : reply;
}

function judgeStatus(status: number, accepted: ProbeRequest['status']): ProbeResult {
  if (accepted.some(([from, to]) => status >= from && status <= to)) return { ok: true, detail: `status ${status}` };
  const expected = accepted.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
  return { ok: false, detail: `status ${status}, expected ${expected}` };
}
