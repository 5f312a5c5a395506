/**
 * One active check of one endpoint: a GET over a connection of its own, and a sentence about what came of it.
 *
 * Every check dials anew and closes behind itself. So it proves that the endpoint still takes connections, it cannot
 * lose a race against an endpoint that closes an idle connection, and a check that has ended leaves nothing open: the
 * socket is ours and is destroyed with the check, even in the middle of connecting. One undici `Client` lives as long
 * as its check, for the same reason; an `Agent` would keep half-open connections to dead hosts for its own timeout.
 *
 * Redirects are answers like any other and are not followed. A body is read to its end or to BODY_BYTES_MAX, whichever
 * comes first, because an application that fails in the middle of its answer is not healthy.
 */
import { connect, type Socket } from 'node:net';
import { Client } from 'undici';

/** A body is read up to this many bytes; what lies beyond has no part in the result. */
export const BODY_BYTES_MAX = 64 * 1024;

/** The two ways in which undici says that the other side went away. */
const CUT_SHORT: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/** Where an endpoint is: a host and port, or the path of a Unix socket. */
export type ProbePlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** What to ask an endpoint, and what to accept. */
export interface ProbeRequest {
  readonly place: ProbePlace;
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
  const end = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end.abort();
  }, request.timeoutMs);
  const stopped = (): void => end.abort();
  stop.addEventListener('abort', stopped, { once: true });
  if (stop.aborted) end.abort();
  let socket: Socket | undefined;
  const client = new Client('http://endpoint', {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options, done) => {
      const dialled = connect({ ...request.place, noDelay: true });
      socket = dialled;
      const failed = (error: Error): void => done(error, null);
      dialled.once('error', failed);
      dialled.once('connect', () => {
        dialled.off('error', failed);
        if (request.preface !== null) dialled.write(request.preface);
        done(null, dialled);
      });
    },
  });
  try {
    const answer = await client.request({
      method: 'GET',
      path: request.path,
      headers: { host: request.hostHeader, accept: '*/*', 'user-agent': 'tidegate-health' },
      reset: true,
      signal: end.signal,
    });
    let bytes = 0;
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes >= BODY_BYTES_MAX) break;
    }
    return judgeStatus(answer.statusCode, request.status);
  } catch (error) {
    if (late) return { ok: false, detail: `no answer within ${durationText(request.timeoutMs)}` };
    return { ok: false, detail: faultText(error) };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', stopped);
    client.destroy().catch(ignoreSecondFault);
    socket?.on('error', ignoreSecondFault);
    socket?.destroy();
  }
}

/** The result of the check is already decided; what the teardown of its connection meets is of no interest. */
function ignoreSecondFault(): void {}

function judgeStatus(status: number, accepted: ProbeRequest['status']): ProbeResult {
  if (accepted.some(([from, to]) => status >= from && status <= to)) return { ok: true, detail: `status ${status}` };
  const expected = accepted.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
  return { ok: false, detail: `status ${status}, expected ${expected}` };
}

/** Whole seconds as `2s`, anything else as `250ms`. */
function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function faultText(error: unknown): string {
  if (!(error instanceof Error)) return 'the check failed for an unknown reason';
  const { code, syscall } = error as { code?: unknown; syscall?: string };
  if (error.name === 'HTTPParserError') return 'not a valid HTTP answer';
  if (typeof code !== 'string') return error.message;
  if (CUT_SHORT.has(code)) return 'the connection was closed before the answer was whole';
  if (code.startsWith('UND_ERR')) return error.message;
  return syscall === undefined ? code : `${syscall} ${code}`;
}
