/**
 * One POST to a webhook, over a connection of its own.
 *
 * What is at the other end may be slow, broken or hostile, so everything has an end: one deadline for the whole of it,
 * at most ANSWER_BYTES_MAX of the answer's body, and no redirect is followed, since it would send a signed message, or
 * its links, to whoever the answer names. Connections are not kept: messages are minutes apart, and a socket that the other
 * side has closed meanwhile would cost a try.
 */
import { Client } from 'undici';

/** So much of an answer is read; the rest is cut. */
export const ANSWER_BYTES_MAX = 4 * 1024;

/** What came back, or why nothing did, in words without the URL. */
export type CallAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** What `Retry-After` says in seconds, or null. */
      readonly retryAfterS: number | null;
      /** The beginning of the body, as text. */
      readonly body: string;
    }
  | { readonly kind: 'failed'; readonly detail: string };

export interface Call {
  readonly url: string;
  /** Names in lower case, content type left out. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  readonly timeoutMs: number;
}

/** Posts once. It never rejects; when `stop` is aborted it ends at once with a failure that means nothing. */
export async function post({ url, headers, body, timeoutMs }: Call, stop: AbortSignal): Promise<CallAnswer> {
  const { origin, pathname, search } = new URL(url);
  const late = AbortSignal.timeout(timeoutMs);
  const client = new Client(origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: timeoutMs },
    maxHeaderSize: 16 * 1024,
  });
  try {
    const answer = await client.request({
      method: 'POST',
      path: `${pathname}${search}`,
      headers: { 'content-type': 'application/json', 'user-agent': 'Tidegate', ...headers },
      body,
      reset: true,
      signal: AbortSignal.any([late, stop]),
    });
    const text = await beginning(answer.body);
    return {
      kind: 'answered',
      status: answer.statusCode,
      retryAfterS: secondsOf(answer.headers['retry-after']),
      body: text,
    };
  } catch (error) {
    return { kind: 'failed', detail: late.aborted ? `no answer within ${timeoutMs} ms` : faultText(error) };
  } finally {
    client.destroy().catch(() => undefined);
  }
}

async function beginning(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    pieces.push(piece);
    bytes += piece.byteLength;
    if (bytes >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(pieces).subarray(0, ANSWER_BYTES_MAX).toString('utf8');
}

function secondsOf(field: string | string[] | undefined): number | null {
  return typeof field === 'string' && /^[0-9]{1,6}$/.test(field) ? Number(field) : null;
}

/** A code says enough; messages of errors may quote the URL. */
function faultText(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error && error.name !== 'Error' ? error.name : 'the request failed';
}
