/**
 * What the tests of the wire say and expect: where a message ends, and the bytes that a message is rebuilt to.
 *
 * The reading here is separate from the engine's on purpose, and knows only well-formed messages: a test must not trust
 * the code that it tests. Values that are new for each message (dates, identifiers) are checked for their form and
 * replaced by `*`, so that whole messages can be compared.
 */
import { REFUSALS, type RefusalKind } from '../../../src/http1/fault.ts';

/** A request that anybody forwards. */
export const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';

/** What the upstream of these tests answers unless it is told otherwise. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** What the client gets of `OK`. */
export const OK_RELAYED = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\n\r\nok';

/** What the client gets of `OK` when the connection is closed after it. */
export const OK_RELAYED_LAST =
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 tidegate\r\nConnection: close\r\n\r\nok';

/** `text` with dates and new identifiers replaced by `*`, if they have the form that they should have. */
export function masked(text: string): string {
  return text
    .replace(/\r\nDate: [A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT(?=\r\n)/g, '\r\nDate: *')
    .replace(/\r\nX-Request-Id: [0-9a-f]{32}(?=\r\n)/g, '\r\nX-Request-Id: *')
    .replace(/\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01(?=\r\n)/g, '\r\ntraceparent: *');
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  508: 'Loop Detected',
};

/** A whole answer of Tidegate's own, masked; `last` is the line about the connection, '' when it stays open. */
export function own(status: number, sentence: string, last = 'Connection: close\r\n'): string {
  const body = sentence === '' ? '' : `${sentence}\n`;
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\nServer: tidegate\r\nDate: *\r\n`;
  return `${head}Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n${last}\r\n${body}`;
}

/** The whole answer to a request that is refused with this status for this reason, masked. */
export function refusal(status: number, kind: RefusalKind): string {
  const allow = status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : '';
  return own(status, REFUSALS[kind].reason, `${allow}Connection: close\r\n`);
}

/** What differs in a request as the upstream gets it. */
export interface Forwarded {
  readonly line?: string;
  readonly host?: string;
  /** The lines that are passed on, each with CRLF. */
  readonly lines?: string;
  readonly framing?: string;
  /** Lines after our own. */
  readonly last?: string;
  readonly body?: string;
}

/** A whole request as the upstream gets it from an untrusted client, masked. */
export function forwarded({
  line = 'GET / HTTP/1.1',
  host = 'app.test',
  lines = '',
  framing = '',
  last = '',
  body = '',
}: Forwarded): string {
  const from = `X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ${host}\r\n`;
  const trace = `Forwarded: for=127.0.0.1;host=${host};proto=http\r\nVia: 1.1 tidegate\r\n`;
  const identity = 'X-Request-Id: *\r\ntraceparent: *\r\n';
  return `${line}\r\nHost: ${host}\r\n${lines}${framing}${from}${trace}${identity}${last}\r\n${body}`;
}

/** The offset after the well-formed request that begins at `from`, or -1 while it is not complete. */
export function requestEnd(text: string, from: number): number {
  const head = headAt(text, from);
  return head === null ? -1 : bodyEnd(text, head, 0);
}

/**
 * The offset after the well-formed final response that begins at `from`, interim ones before it included, or -1 while it
 * is not complete. A response that ends with the connection never is.
 */
export function responseEnd(text: string, from: number, toHead = false): number {
  let at = from;
  for (;;) {
    const head = headAt(text, at);
    if (head === null) return -1;
    const status = Number(head.text.slice(9, 12));
    if (status === 101) return head.end;
    if (status >= 200) return toHead || status === 204 || status === 304 ? head.end : bodyEnd(text, head, -1);
    at = head.end;
  }
}

interface Head {
  readonly text: string;
  readonly end: number;
}

function headAt(text: string, from: number): Head | null {
  const end = text.indexOf('\r\n\r\n', from);
  return end < 0 ? null : { text: text.slice(from, end + 2), end: end + 4 };
}

function bodyEnd(text: string, head: Head, unframed: number): number {
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(head.text)) return chunkedEnd(text, head.end).end;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(head.text)?.[1];
  if (length === undefined) return unframed < 0 ? -1 : head.end;
  const end = head.end + Number(length);
  return end <= text.length ? end : -1;
}

/** The data and the trailer lines of the well-formed chunked body that begins at `from`; `end` is -1 while it is cut. */
export function chunkedEnd(text: string, from: number): { data: string; trailers: string; end: number } {
  let data = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return { data, trailers: '', end: -1 };
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) {
      if (text.startsWith('\r\n', lineEnd + 2)) return { data, trailers: '', end: lineEnd + 4 };
      const end = text.indexOf('\r\n\r\n', lineEnd + 2);
      return { data, trailers: end < 0 ? '' : text.slice(lineEnd + 2, end + 2), end: end < 0 ? -1 : end + 4 };
    }
    if (text.length < lineEnd + 2 + size + 2) return { data: data + text.slice(lineEnd + 2), trailers: '', end: -1 };
    data += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

/** A message with a chunked body, with that body in one chunk: how data is cut into chunks means nothing. */
export function inOneChunk(message: string): string {
  const headEnd = message.indexOf('\r\n\r\n') + 4;
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(message.slice(0, headEnd))) return message;
  const { data, trailers, end } = chunkedEnd(message, headEnd);
  const chunk = data === '' ? '' : `${data.length.toString(16)}\r\n${data}\r\n`;
  return end < 0
    ? message.slice(0, headEnd) + chunk
    : `${message.slice(0, headEnd)}${chunk}0\r\n${trailers}\r\n${message.slice(end)}`;
}
