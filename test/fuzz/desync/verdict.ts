/**
 * Whether what a client got is what its requests should bring: each answer its own, in order, whole or visibly cut, and
 * nothing besides. Pure, so that a test can show that it sees what it is there to see.
 */
import { NAME_FIELD, type ScriptedConnection, type ScriptedRequest } from './script.ts';

/** How the connection ended, null as long as it has not. */
export type Ending = 'end' | 'reset' | null;

interface Response {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  readonly close: boolean;
}

/** What the bytes of a connection say. */
export interface Reading {
  readonly responses: readonly Response[];
  /** The bytes after the last whole response. */
  readonly rest: string;
  /** Why the rest is not the beginning of a response, '' if it may be. */
  readonly malformed: string;
  /** No further response may come: all have, or the last one closes. */
  readonly over: boolean;
}

/** Reads the answers to these requests, one after another. */
export function readAnswers(requests: readonly ScriptedRequest[], received: string, ending: Ending): Reading {
  const responses: Response[] = [];
  let at = 0;
  for (const request of requests) {
    const read = responseAt(received, at, request.head?.method ?? 'GET', ending);
    if (read === null) return { responses, rest: received.slice(at), malformed: '', over: false };
    if (typeof read === 'string') return { responses, rest: received.slice(at), malformed: read, over: true };
    responses.push(read.response);
    at = read.end;
    if (read.response.close || request.kind !== 'valid') break;
  }
  return { responses, rest: received.slice(at), malformed: '', over: true };
}

interface Found {
  readonly response: Response;
  readonly end: number;
}

// Null when it is not complete, a sentence when it is no response.
function responseAt(text: string, from: number, method: string, ending: Ending): Found | null | string {
  let at = from;
  for (;;) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) return null;
    const [line, ...lines] = text.slice(at, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) [^\x00-\x08\x0a-\x1f\x7f]*$/.exec(line!)?.[1] ?? 0);
    if (status === 0) return `no status line: ${JSON.stringify(line)}`;
    const fields = new Map<string, string>();
    for (const field of lines) {
      const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*$/.exec(field) ?? [];
      if (name === undefined) return `no field: ${JSON.stringify(field)}`;
      fields.set(name.toLowerCase(), value!);
    }
    at = headEnd + 4;
    if (status < 200) continue;
    const body = bodyAt(text, at, status, method, fields, ending);
    if (body === null || typeof body === 'string') return body;
    const close = /\bclose\b/i.test(fields.get('connection') ?? '') || body.untilClose;
    return { response: { status, fields, body: body.data, close }, end: body.end };
  }
}

interface Body {
  readonly data: string;
  readonly end: number;
  readonly untilClose: boolean;
}

function bodyAt(
  text: string,
  from: number,
  status: number,
  method: string,
  fields: ReadonlyMap<string, string>,
  ending: Ending,
): Body | null | string {
  if (method === 'HEAD' || status === 204 || status === 304) return { data: '', end: from, untilClose: false };
  const length = fields.get('content-length');
  const encoding = fields.get('transfer-encoding');
  if (length !== undefined && encoding !== undefined) return 'framed twice';
  if (length !== undefined) {
    const end = from + Number(length);
    return end <= text.length ? { data: text.slice(from, end), end, untilClose: false } : null;
  }
  if (encoding !== undefined) return chunksAt(text, from);
  return ending === 'end' ? { data: text.slice(from), end: text.length, untilClose: true } : null;
}

function chunksAt(text: string, from: number): Body | null | string {
  let data = '';
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = text.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/.test(size)) return `no chunk size: ${JSON.stringify(size)}`;
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) {
      const end = text.startsWith('\r\n', lineEnd + 2) ? lineEnd + 4 : text.indexOf('\r\n\r\n', lineEnd + 2) + 4;
      return end < lineEnd + 4 || end > text.length ? null : { data, end, untilClose: false };
    }
    at = lineEnd + 2 + bytes + 2;
    if (at > text.length) return null;
    if (text.slice(at - 2, at) !== '\r\n') return 'a chunk without end';
    data += text.slice(lineEnd + 2, at - 2);
  }
}

/** What became of the answers of a connection. */
export interface Verdict {
  readonly problems: readonly string[];
  /** Answers that came as they should: from the upstream, and refusals and 502s of Tidegate's own. */
  readonly relayed: number;
  readonly refused: number;
  readonly failed: number;
  /** Requests that met a connection just when the upstream closed it, and that may not be sent again. */
  readonly raced: number;
  /** Responses that were cut, and visibly so. */
  readonly cut: number;
}

/** Judges all that came on a connection that is over, for whatever reason. */
export function judgeConnection(script: ScriptedConnection, received: string, ending: Ending): Verdict {
  const { requests, abort } = script;
  const { responses, rest, malformed, over } = readAnswers(requests, received, ending);
  const problems: string[] = [];
  const counts = { relayed: 0, refused: 0, failed: 0, raced: 0, cut: 0 };
  for (const [index, response] of responses.entries()) {
    const request = requests[index]!;
    const outcome = outcomeOf(request, response);
    if (typeof outcome === 'object') problems.push(`${request.name}: ${outcome.problem}`);
    else counts[outcome]++;
  }
  const next = requests[responses.length];
  if (malformed !== '') problems.push(`${next?.name}: ${malformed}`);
  else if (over && rest !== '')
    problems.push(`${requests[0]!.name}: bytes after the last answer: ${JSON.stringify(rest.slice(0, 200))}`);
  if (!over && next !== undefined) {
    if (rest !== '') counts.cut++;
    if (abort === null && !mayEndAt(requests, responses.length, ending)) {
      problems.push(`${next.name}: ${rest === '' ? 'no answer' : 'cut without reason'} (${ending})`);
    }
  }
  return { problems, ...counts };
}

// A reset takes away what was sent before it, so answers that were complete may be missing then.
function mayEndAt(requests: readonly ScriptedRequest[], index: number, ending: Ending): boolean {
  const isTrouble = ({ kind, answer }: ScriptedRequest): boolean =>
    kind === 'bad-body' || answer.fate === 'never-whole';
  return isTrouble(requests[index]!) || (ending === 'reset' && requests.slice(index).some(isTrouble));
}

/** Whether sending the request twice does nothing twice. */
export function isIdempotent({ head }: ScriptedRequest): boolean {
  return /^(GET|HEAD|OPTIONS|PUT|DELETE)$/.test(head!.method);
}

/** Whether the whole request may come again, though nothing of a body is kept here. */
export function isSafeToRepeat(request: ScriptedRequest): boolean {
  return request.head!.framing !== 'chunked' && request.body === '' && isIdempotent(request);
}

function outcomeOf(
  request: ScriptedRequest,
  response: Response,
): 'relayed' | 'refused' | 'failed' | 'raced' | { problem: string } {
  const { kind, head, answer, name } = request;
  const { status, fields, body, close } = response;
  const shown = `${status} ${JSON.stringify(body.slice(0, 200))}`;
  if (head !== null && !head.keepAlive && !close) return { problem: 'the connection is not closed' };
  if (fields.get('server') === 'tidegate') {
    // The upstream may close a connection before the bad part of a body has come.
    if (kind === 'bad-body' && status === 502) return 'raced';
    if (kind !== 'valid') {
      const isRefusal = status >= 400 && status < 600 && status !== 502 && close;
      return isRefusal ? 'refused' : { problem: `not refused: ${shown}` };
    }
    if (status !== 502) return { problem: `an answer of Tidegate's own: ${shown}` };
    if (answer.fate === 'never-whole') return 'failed';
    return isSafeToRepeat(request) ? { problem: `lost: ${shown}` } : 'raced';
  }
  if (fields.get(NAME_FIELD.toLowerCase()) !== name)
    return { problem: `the answer of ${fields.get(NAME_FIELD.toLowerCase())}: ${shown}` };
  if (kind === 'refused') return { problem: `answered though refused: ${shown}` };
  if (answer.fate === 'never-whole') return { problem: `a broken response looks whole: ${shown}` };
  if (status !== answer.status || body !== answer.body) return { problem: `another answer: ${shown}` };
  return 'relayed';
}
