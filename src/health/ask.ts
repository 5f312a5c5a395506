/**
 * One request of our own to one endpoint, over a connection of its own.
 *
 * Every question dials anew and closes behind itself. So it proves that the endpoint still takes connections, it cannot
 * lose a race against an endpoint that closes an idle connection, and a question that has ended leaves nothing open: the
 * socket is ours and is destroyed with it, even in the middle of connecting. One undici `Client` lives as long as its
 * question, for the same reason; an `Agent` would keep half-open connections to dead hosts for its own timeout.
 *
 * Redirects are answers like any other and are not followed. A body is read to its end or to BODY_BYTES_MAX, whichever
 * comes first, because an application that fails in the middle of its answer is not healthy.
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Client } from 'undici';

/** A body is read up to this many bytes, unless the question says otherwise; what lies beyond has no part in the result. */
export const BODY_BYTES_MAX = 64 * 1024;

/** The two ways in which undici says that the other side went away. */
const CUT_SHORT: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);

/** Where an endpoint is: a host and port, or the path of a Unix socket. */
export type EndpointPlace = { readonly host: string; readonly port: number } | { readonly path: string };

/** What to ask, and where. */
export interface Question {
  readonly place: EndpointPlace;
  readonly method: string;
  readonly path: string;
  /** Names in lower case; `host` is among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** For the whole of it: connection, head and body. */
  readonly timeoutMs: number;
  /** What is sent ahead of the request; null for nothing. */
  readonly preface: Uint8Array | null;
  /** The name that the certificate of the other side must be for; without it, the connection is not encrypted. */
  readonly tlsName?: string;
  /** How much of the body is read; BODY_BYTES_MAX unless given. */
  readonly bodyBytesMax?: number;
}

/** What came back, or why nothing did, in a sentence for people. */
export type Reply =
  | {
      readonly ok: true;
      readonly status: number;
      /** Names in lower case; fields that came more than once are lists. */
      readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      /** At most as many bytes of it as were wanted. */
      readonly body: Buffer;
      /** Whether that is all of it. */
      readonly isWhole: boolean;
    }
  | { readonly ok: false; readonly detail: string };

/** Asks once. It never rejects; when `stop` is aborted it ends at once with a bad reply that means nothing. */
export async function ask(question: Question, stop: AbortSignal): Promise<Reply> {
  const end = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end.abort();
  }, question.timeoutMs);
  const stopped = (): void => end.abort();
  stop.addEventListener('abort', stopped, { once: true });
  if (stop.aborted) end.abort();
  let socket: Socket | undefined;
  const client = new Client('http://endpoint', {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options, done) => {
      const { place, tlsName } = question;
      const dialled =
        tlsName === undefined
          ? connect({ ...place, noDelay: true })
          : connectTls({ ...place, ...(isIP(tlsName) === 0 ? { servername: tlsName } : {}) });
      socket = dialled;
      const failed = (error: Error): void => done(error, null);
      dialled.once('error', failed);
      dialled.once(tlsName === undefined ? 'connect' : 'secureConnect', () => {
        dialled.off('error', failed);
        if (question.preface !== null) dialled.write(question.preface);
        done(null, dialled);
      });
    },
  });
  try {
    const { method, path, headers, body, bodyBytesMax = BODY_BYTES_MAX } = question;
    const answer = await client.request({ method, path, headers, body, reset: true, signal: end.signal });
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      pieces.push(chunk);
      bytes += chunk.byteLength;
      if (bytes > bodyBytesMax) break;
    }
    const read = Buffer.concat(pieces).subarray(0, bodyBytesMax);
    return { ok: true, status: answer.statusCode, headers: answer.headers, body: read, isWhole: bytes <= bodyBytesMax };
  } catch (error) {
    if (late) return { ok: false, detail: `no answer within ${durationText(question.timeoutMs)}` };
    return { ok: false, detail: faultText(error) };
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', stopped);
    client.destroy().catch(ignoreSecondFault);
    socket?.on('error', ignoreSecondFault);
    socket?.destroy();
  }
}

/** The result is already decided; what the teardown of its connection meets is of no interest. */
function ignoreSecondFault(): void {}

/** Whole seconds as `2s`, anything else as `250ms`. */
function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function faultText(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed for an unknown reason';
  const { code, syscall } = error as { code?: unknown; syscall?: string };
  if (error.name === 'HTTPParserError') return 'not a valid HTTP answer';
  if (typeof code !== 'string') return error.message;
  if (CUT_SHORT.has(code)) return 'the connection was closed before the answer was whole';
  if (code.startsWith('UND_ERR')) return error.message;
  return syscall === undefined ? code : `${syscall} ${code}`;
}
