/**
 * What the clients of one round will send, and what the upstream will answer: data, made from one seed before anything runs.
 *
 * Every request carries its own name in its target, in a field and throughout its body, and so does its answer. Whatever
 * ends up in the wrong place can therefore be told by looking at it, wherever the mix-up happened.
 *
 * A request that was damaged is judged by the engine (the other fuzzers check the engine against `node:http`): it must be
 * refused, it stays valid, or it is thrown away when neither is clear.
 */
import { normalisePath } from '../../../src/http1/path.ts';
import type { RequestHead } from '../../../src/http1/request-head.ts';
import { bytesOf, readRequests } from '../stage/engine.ts';
import { mutated } from '../stage/mutations.ts';
import type { Random } from '../stage/random.ts';
import { type Answer, generateAnswer } from './answers.ts';
import { generateBadRequest } from './bad-requests.ts';

/** The field that carries the name of a request and of its answer. */
export const NAME_FIELD = 'X-Fuzz-Name';

export interface ScriptedRequest {
  readonly name: string;
  /** Exactly what is sent. */
  readonly text: string;
  /** `bad-body`: the head is good, so some of it may reach the upstream; it may never be whole there. */
  readonly kind: 'valid' | 'refused' | 'bad-body';
  /** What the engine reads; null for a request whose head is refused. */
  readonly head: RequestHead | null;
  readonly body: string;
  /** The trailer lines that go to the upstream. */
  readonly trailers: string;
  readonly answer: Answer;
}

export interface ScriptedConnection {
  readonly requests: readonly ScriptedRequest[];
  /** The lengths of the pieces that are sent, repeated as needed; none for one piece. */
  readonly pieces: readonly number[];
  /** Milliseconds between two pieces, 0 for none; answers then come while a request is still being sent. */
  readonly pauseMs: number;
  /** After how many bytes the client goes away, and how; null when it stays. */
  readonly abort: { readonly afterBytes: number; readonly how: 'reset' | 'end' } | null;
  /** Milliseconds before the client starts to read. */
  readonly readsAfterMs: number;
}

const REQUESTS_MAX = 8;
const LARGE_BYTES = 100_000;
const PAUSES_MAX = 60;

/** The connections of a round; `label` begins the name of each request. Equal but for names when the seed is equal. */
export function generateRound(random: Random, label: string, connections: number): ScriptedConnection[] {
  return Array.from({ length: connections }, (_, index) => generateConnection(random.fork(), `${label}c${index}`));
}

function generateConnection(random: Random, label: string): ScriptedConnection {
  const requests: ScriptedRequest[] = [];
  for (let count = 1 + random.below(REQUESTS_MAX); count > 0; count--) {
    requests.push(generateScripted(random.fork(), `${label}q${requests.length}`));
  }
  const length = requests.reduce((sum, { text }) => sum + text.length, 0);
  const kind = random.below(10);
  let pieces: number[] = [];
  if (kind === 0 && length < 1500) pieces = [1];
  else if (kind < 6) pieces = Array.from({ length: 5 }, () => 1 + random.below(random.chance(0.5) ? 60 : 600));
  if (length / (pieces.length === 0 ? length : Math.max(1, ...pieces)) > 1500) pieces = [8000];
  const abort = random.chance(0.08)
    ? { afterBytes: 1 + random.below(length), how: random.pick(['reset', 'end'] as const) }
    : null;
  const piecesTotal = pieces.length === 0 ? 1 : (length * pieces.length) / pieces.reduce((sum, size) => sum + size);
  const pauseMs = piecesTotal < PAUSES_MAX && random.chance(0.3) ? 1 + random.below(3) : 0;
  return { requests, pieces, pauseMs, abort, readsAfterMs: random.chance(0.05) ? 1 + random.below(20) : 0 };
}

function generateScripted(random: Random, name: string): ScriptedRequest {
  for (;;) {
    const kind = random.below(24);
    let text = generateValidText(random, name);
    if (kind === 0) text = generateBadRequest(random, name);
    else if (kind === 1) text = mutated(text, random);
    const scripted = judged(random, name, text);
    if (kind > 1 && scripted?.kind !== 'valid') throw new Error(`not valid: ${JSON.stringify(text)}`);
    if (scripted !== null) return scripted;
  }
}

/** The request with what must become of it, null when that is not clear. */
function judged(random: Random, name: string, text: string): ScriptedRequest | null {
  const { messages, head, body, end } = readRequests(bytesOf(text));
  const method = (messages[0]?.head ?? head)?.method ?? 'GET';
  const common = { name, text, answer: generateAnswer(random.fork(), name, method) };
  if (messages.length === 0 && typeof end === 'object') {
    if (head === null) return { ...common, kind: 'refused', head, body: '', trailers: '' };
    return isPlain(head, name) ? { ...common, kind: 'bad-body', head, body, trailers: '' } : null;
  }
  const message = messages[0];
  if (messages.length !== 1 || message === undefined || (end !== 'open' && end !== 'closed')) return null;
  if (message.end !== text.length || !isPlain(message.head, name)) return null;
  const { trailers } = message;
  return { ...common, kind: 'valid', head: message.head, body: message.body, trailers };
}

// Whether the request goes to the upstream and can be told there.
function isPlain(head: RequestHead, name: string): boolean {
  const isForwarded = head.form !== 'asterisk' && head.maxForwards !== 0 && normalisePath(head.path) !== null;
  const isNamed = head.forwardTarget.startsWith(`/f/${name}?`);
  const isFieldWhole = `\r\n${head.passOn}`.includes(`\r\n${NAME_FIELD}: ${name}\r\n`);
  return isForwarded && isNamed && isFieldWhole && head.upgrade === '' && !head.expectContinue;
}

/** A body of this length in which every few bytes say whose they are and where they belong. */
export function bodyOf(name: string, length: number): string {
  let body = '';
  for (let part = 0; body.length < length; part++) {
    // Now and then the body looks like messages of its own.
    if (part % 7 === 3) body += `\r\n0\r\n\r\nGET /f/smuggled-${name}? HTTP/1.1\r\nHost: x\r\n\r\n`;
    else if (part % 7 === 5)
      body += `\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n${NAME_FIELD}: forged-${name}\r\nContent-Length: 0\r\n\r\n`;
    else body += `${name}:${part};`;
  }
  return body.slice(0, length);
}

/** A random length: mostly short, sometimes more than a read takes in. */
export function generateLength(random: Random): number {
  if (random.chance(0.2)) return 0;
  if (random.chance(0.01)) return random.below(LARGE_BYTES);
  return random.below(random.chance(0.1) ? 3000 : 200);
}

/** `data` in chunks of random lengths with extensions, without the last chunk. */
export function inChunks(random: Random, data: string): string {
  let text = '';
  for (let at = 0; at < data.length; ) {
    const piece = data.slice(at, at + 1 + random.below(random.chance(0.3) ? 20 : Math.max(200, data.length)));
    const extension = random.chance(0.1) ? random.pick([';a', ';a=b', ';q="x;\\"y"']) : '';
    text += `${random.chance(0.1) ? '0' : ''}${piece.length.toString(16)}${extension}\r\n${piece}\r\n`;
    at += piece.length;
  }
  return text;
}

const EXTRA = [
  'X-A: 1\r\n',
  'Cookie: a=b\r\n',
  'X-Text: caf\xe9 \xff\r\n',
  'Connection: keep-alive\r\n',
  'Connection: x-gone\r\nX-Gone: 1\r\n',
  'TE: trailers\r\nConnection: TE\r\n',
  'Trailer: X-Sum\r\n',
  'X-Forwarded-For: 1.2.3.4\r\n',
  'Keep-Alive: timeout=1\r\n',
  'X-Empty:\r\n',
];

function generateValidText(random: Random, name: string): string {
  const method = random.pick([
    'GET',
    'GET',
    'GET',
    'POST',
    'POST',
    'PUT',
    'DELETE',
    'HEAD',
    'PATCH',
    'OPTIONS',
    'BREW',
  ]);
  const isOld = random.chance(0.04);
  const origin = `/f/${name}?${random.pick(['', 'a=b', '%20', '?', '//'])}`;
  const target = random.chance(0.1) ? `http://${random.pick(['app.test', 'APP.test:80', '[::1]'])}${origin}` : origin;
  const lines = [`Host: app.test\r\n`, `${NAME_FIELD}: ${name}\r\n`];
  if (random.chance(0.5)) lines.push(random.pick(EXTRA));
  if (random.chance(0.04)) lines.push('Connection: close\r\n');
  if (isOld && random.chance(0.5)) lines.push('Connection: keep-alive\r\n');
  let body = '';
  const data = bodyOf(name, generateLength(random));
  if (random.chance(method === 'GET' || method === 'HEAD' ? 0.1 : 0.8)) {
    if (!isOld && random.chance(0.5)) {
      lines.push('Transfer-Encoding: chunked\r\n');
      body = `${inChunks(random, data)}0\r\n${random.chance(0.1) ? `X-Sum: ${name}\r\nContent-Length: 3\r\n` : ''}\r\n`;
    } else {
      lines.push(`Content-Length: ${data.length}\r\n`);
      body = data;
    }
  }
  if (random.chance(0.5)) lines.reverse();
  const empty = random.chance(0.03) ? '\r\n' : '';
  return `${empty}${method} ${target} HTTP/1.${isOld ? 0 : 1}\r\n${lines.join('')}\r\n${body}`;
}
