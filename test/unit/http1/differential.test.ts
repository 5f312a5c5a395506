/**
 * A second opinion: every mutated request that we accept must be accepted by the parser of `node:http`, with the same method,
 * target, fields and body, and must end at the same byte. A request that follows on the same connection shows the last:
 * whoever frames the first one differently never sees it.
 *
 * Where we are looser on purpose: see `LOOSER`. Where we are stricter needs no list, because what we refuse is never sent.
 */

import { createServer, METHODS } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import t from 'tap';
import { ChunkedReader, LengthReader } from '../../../src/http1/body.ts';
import { HeadReader } from '../../../src/http1/head-reader.ts';
import { parseRequestHead, type RequestHead } from '../../../src/http1/request-head.ts';

const SEED = Number(process.env.TIDEGATE_SEED ?? 20260723);
const ROUNDS = 6000;
const SENT_AT_MOST = 1500;
const SIMULTANEOUS = 24;
const DEADLINE_MS = 5000;
const SENTINEL = 'GET /sentinel HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n';

const SAMPLES: readonly string[] = [
  'GET /a/b?c=d HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\nCookie: a=b; c=d\r\nConnection: keep-alive\r\n\r\n',
  'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello',
  'PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n5;a=b\r\nhello\r\n3\r\nxyz\r\n0\r\nX-Sum: 1\r\n\r\n',
  'GET http://b.example/x?y HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'DELETE /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nMax-Forwards: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close, x-b\r\nX-B: 2\r\n\r\nabc',
];

const INSERTS: readonly string[] = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '0',
  '5',
  '\x00',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '%',
  '#',
  '"',
  '\\',
  '/',
  '?',
  '@',
  '[',
  'chunked',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  'X_Y: \xe4\r\n',
  'A:\r\n',
  '__proto__: 1\r\n',
  'Connection: upgrade\r\n',
  '\r\n ',
  '0\r\n\r\n',
  'HTTP/1.1',
  '1.0',
];

const LOOSER: readonly ((reading: Reading) => boolean)[] = [
  // llhttp has names for some methods only; a method is a token.
  ({ head }) => !METHODS.includes(head.method),
  // llhttp takes a tab after a framing value for a part of it; it is white space, and never sent on.
  ({ headText }) => /(chunked|[0-9]) *\t[ \t]*\r/i.test(headText),
  // llhttp obeys framing and connection fields in trailers; we drop them there.
  ({ afterHead }) => /\r\n(connection|content-length|transfer-encoding|upgrade|proxy-connection):/i.test(afterHead),
];

function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function mutated(text: string, random: (below: number) => number): string {
  let result = text;
  for (let change = random(3); change >= 0; change--) {
    const at = random(result.length);
    const removed = random(3) === 0 ? 1 + random(3) : 0;
    const inserted = random(4) === 0 ? '' : INSERTS[random(INSERTS.length)]!;
    result = result.slice(0, at) + inserted + result.slice(at + removed);
  }
  return result;
}

interface Reading {
  readonly head: RequestHead;
  readonly body: string;
  readonly headText: string;
  readonly afterHead: string;
  /** The bytes that the request takes up. */
  readonly bytes: Buffer;
}

/** What we read, or undefined when we refuse it or it goes on after its last byte. */
function read(text: string): Reading | undefined {
  const bytes = Buffer.from(text, 'latin1');
  const reader = new HeadReader(16_384, 8192);
  const headEnd = reader.push(bytes, 0);
  if (headEnd < 0) return undefined;
  const headText = reader.take();
  const head = parseRequestHead(headText, { targetBytes: 8192, fields: 128 });
  if (head.refused) return undefined;
  let body = '';
  const sink = {
    onBodyData(data: Buffer): void {
      body += data.toString('latin1');
    },
  };
  let end = headEnd;
  if (head.framing === 'length') {
    const length = new LengthReader();
    length.reset(head.contentLength);
    end = length.read(bytes, headEnd, sink);
    if (!length.done) return undefined;
  } else if (head.framing === 'chunked') {
    const chunked = new ChunkedReader();
    end = chunked.read(bytes, headEnd, sink);
    if (!chunked.done) return undefined;
  }
  return { head, body, headText, afterHead: bytes.toString('latin1', headEnd, end), bytes: bytes.subarray(0, end) };
}

interface Seen {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
}

t.test('whatever we accept, node:http accepts and reads the same way', async (t) => {
  t.comment(`TIDEGATE_SEED=${SEED}`);
  const random = randomFrom(SEED);
  const seenOn = new Map<number, Seen[]>();
  const server = createServer((request, response) => {
    const seen = seenOn.get(request.socket.remotePort!) ?? [];
    seenOn.set(request.socket.remotePort!, seen);
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (data: string) => {
      body += data;
    });
    request.on('end', () => {
      seen.push({ method: request.method!, target: request.url!, fields: request.rawHeaders, body });
      // llhttp reads nothing after the head of a request that could upgrade, so nothing may wait for it.
      if (request.headers.upgrade !== undefined) response.setHeader('Connection', 'close');
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;

  const ask = (bytes: Buffer): Promise<readonly Seen[]> =>
    new Promise((resolve, reject) => {
      let own = 0;
      const socket = connect(port, '127.0.0.1', () => {
        own = socket.localPort!;
        socket.write(Buffer.concat([bytes, Buffer.from(SENTINEL)]));
      });
      socket.setTimeout(DEADLINE_MS, () => socket.destroy());
      socket.on('error', reject);
      socket.on('close', () => {
        resolve(seenOn.get(own) ?? []);
        seenOn.delete(own);
      });
      socket.resume();
    });

  const accepted: { text: string; reading: Reading }[] = [];
  let refused = 0;
  for (let round = 0; round < ROUNDS && accepted.length < SENT_AT_MOST; round++) {
    const text = mutated(SAMPLES[round % SAMPLES.length]!, random);
    const reading = read(text);
    if (reading === undefined) refused++;
    else if (!LOOSER.some((isLooser) => isLooser(reading))) accepted.push({ text, reading });
  }
  t.ok(accepted.length > 500 && refused > 500, `${accepted.length} accepted, ${refused} refused`);

  const disagreements: string[] = [];
  const askNext = async (): Promise<void> => {
    for (let next = accepted.pop(); next !== undefined; next = accepted.pop()) {
      const problem = disagreement(next.reading, await ask(next.reading.bytes).catch(() => []));
      if (problem !== '') disagreements.push(`${problem}: ${JSON.stringify(next.text)}`);
    }
  };
  await Promise.all(Array.from({ length: SIMULTANEOUS }, askNext));
  t.same(disagreements.slice(0, 20), []);
});

function disagreement({ head, body }: Reading, seen: readonly Seen[]): string {
  const first = seen[0];
  if (first === undefined) return 'not accepted';
  if (first.method !== head.method || first.target !== head.target) return 'another request line';
  if (first.body !== body) return `another body ${JSON.stringify(first.body)}`;
  const values = new Map<string, string>();
  for (let at = 0; at < first.fields.length; at += 2) {
    const name = first.fields[at]!.toLowerCase();
    const before = values.get(name);
    const value = first.fields[at + 1]!;
    values.set(name, before === undefined ? value : before + (name === 'cookie' ? '; ' : ', ') + value);
  }
  for (const [name, value] of values) {
    if (head.field(name) !== value)
      return `another field ${name}: ${JSON.stringify(value)} ${JSON.stringify(head.field(name))}`;
  }
  if (head.field('upgrade') !== undefined) return '';
  // With both close and keep-alive, llhttp keeps a connection of HTTP/1.0 open; close wins (RFC 9112, section 9.3).
  if (/close.*keep-alive|keep-alive.*close/i.test(head.field('connection') ?? '')) return '';
  const isOpen = seen.length === 2 && seen[1]!.target === '/sentinel';
  if (head.keepAlive !== isOpen) return `another end: ${seen.length} requests, keepAlive ${head.keepAlive}`;
  return '';
}
