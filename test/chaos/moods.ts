/**
 * How an endpoint answers: well, or in each of the ways in which endpoints fail. One table, one line for each way.
 *
 * A misbehaviour is written on the bare socket below `node:http`, which has read the request: so requests are read by a
 * parser that is not ours, and what goes back is ours byte by byte.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { contentOf, IDENTITY_FIELD, type Wish } from './content.ts';
import type { Random } from './random.ts';

/** The ways to answer. `refusing` takes no connections; `absent` ends the process in the middle of an answer. */
export const MOODS = [
  'good',
  'refusing',
  'silent',
  'trickling',
  'resetting',
  'garbling',
  'doubling',
  'closing-idle',
  'dying-in-head',
  'dying-in-body',
] as const;

export type Mood = (typeof MOODS)[number];

/** One request that is to be answered. */
export interface Call {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly wish: Wish;
  readonly random: Random;
  /** The beat of slow answers, in milliseconds between two bytes. */
  readonly beatMs: number;
}

const PIECES = 10;

/** Answers every way; the process ends itself for those that die. */
export const ANSWERS: Readonly<Record<Mood, (call: Call) => void>> = {
  good: answerWell,
  refusing: answerWell,
  silent: () => {},
  trickling: ({ req, wish, random, beatMs }) => {
    const head = headOf(wish, 'Connection: close\r\n');
    const bytes = Buffer.concat([head, contentOf('response', wish.identity, wish.bytes)]);
    // Every second one is slow from its first byte on, the others have a head at once and a body that drips.
    const at = random.chance(0.5) ? 0 : head.length;
    if (at > 0) req.socket.write(head);
    drip(req, bytes, at, head.length + Math.min(wish.bytes, 8), beatMs);
  },
  resetting: ({ req, wish, random }) => {
    const bytes = Buffer.concat([headOf(wish), contentOf('response', wish.identity, wish.bytes)]);
    const part = bytes.subarray(0, random.below(bytes.length));
    if (part.length === 0) req.socket.resetAndDestroy();
    else req.socket.write(part, () => req.socket.resetAndDestroy());
  },
  garbling: (call) => {
    const { req, random } = call;
    const garbage = GARBAGE[random.below(GARBAGE.length)]!;
    const { bytes, closes } = garbage(call);
    if (closes) req.socket.end(bytes);
    else req.socket.write(bytes);
  },
  // In one write: whoever has taken the first answer has the second before it can ask for anything else. A second answer that
  // comes later, when the connection carries another request, cannot be told from that request's by any proxy.
  doubling: ({ req, wish }) => {
    const ghost = { ...wish, identity: 'ghost' };
    const answers = [wish, ghost].flatMap((one) => [headOf(one), contentOf('response', one.identity, one.bytes)]);
    req.socket.write(Buffer.concat(answers));
  },
  'closing-idle': (call) => {
    const { req, res, random } = call;
    res.on('finish', () => setTimeout(() => req.socket.destroy(), random.below(30)));
    answerWell(call);
  },
  'dying-in-head': ({ req, wish, random }) => {
    const head = headOf(wish);
    die(req, head.subarray(0, 1 + random.below(head.length - 2)));
  },
  'dying-in-body': ({ req, wish, random }) => {
    const content = contentOf('response', wish.identity, wish.bytes);
    die(req, Buffer.concat([headOf(wish), content.subarray(0, random.below(content.length - 1))]));
  },
};

/** The fields of every answer; each third one is chunked. */
function answerWell({ res, wish }: Call): void {
  const content = contentOf('response', wish.identity, wish.bytes);
  const isChunked = wish.bytes % 3 === 0;
  res.writeHead(200, {
    'content-type': 'application/octet-stream',
    [IDENTITY_FIELD]: wish.identity,
    ...(isChunked ? {} : { 'content-length': content.length }),
  });
  if (wish.paceMs === 0) res.end(content);
  else pace(res, content, wish.paceMs);
}

/** Sends the content in pieces over a time. */
function pace(res: ServerResponse, content: Buffer, paceMs: number): void {
  let piece = 0;
  const timer = setInterval(() => {
    const from = Math.floor((content.length * piece) / PIECES);
    piece += 1;
    const to = Math.floor((content.length * piece) / PIECES);
    if (piece < PIECES && !res.destroyed) {
      res.write(content.subarray(from, to));
      return;
    }
    clearInterval(timer);
    res.end(content.subarray(from));
  }, paceMs / PIECES);
}

/** Byte after byte up to `end`, then the rest at once. */
function drip(req: IncomingMessage, bytes: Buffer, start: number, end: number, beatMs: number): void {
  let at = start;
  const timer = setInterval(() => {
    if (req.socket.destroyed) {
      clearInterval(timer);
    } else if (at < end) {
      req.socket.write(bytes.subarray(at, at + 1));
      at += 1;
    } else {
      clearInterval(timer);
      req.socket.end(bytes.subarray(at));
    }
  }, beatMs);
}

/** Sends these bytes and ends the process as `kill -9` does. */
function die(req: IncomingMessage, bytes: Buffer): void {
  req.socket.write(bytes, () => process.kill(process.pid, 'SIGKILL'));
}

function headOf({ identity, bytes }: Pick<Wish, 'identity' | 'bytes'>, more = ''): Buffer {
  const fields = `${IDENTITY_FIELD}: ${identity}\r\nContent-Length: ${bytes}\r\n${more}`;
  return Buffer.from(`HTTP/1.1 200 OK\r\n${fields}\r\n`, 'latin1');
}

/** Answers that are none. Where the connection stays open, whoever waits on can wait for long. */
const GARBAGE: readonly ((call: Call) => { readonly bytes: Buffer; readonly closes: boolean })[] = [
  ({ random }) => ({ bytes: Buffer.from(Array.from({ length: 300 }, () => random.below(256))), closes: false }),
  () => ({ bytes: Buffer.alloc(100_000, 'a'), closes: false }),
  () => ({ bytes: Buffer.from('HTTP/1.1 20O OK\r\nContent-Length: 0\r\n\r\n'), closes: false }),
  () => ({ bytes: Buffer.from('HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n'), closes: false }),
  () => ({
    bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'),
    closes: false,
  }),
  () => ({ bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'), closes: false }),
  () => ({ bytes: Buffer.from('HTTP/1.1 200 OK\r\nno colon here\r\n\r\n'), closes: false }),
  () => ({
    bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello'),
    closes: true,
  }),
  ({ wish }) => ({ bytes: chunked(wish, 'zz\r\n'), closes: false }),
  ({ wish }) => ({ bytes: chunked(wish, '5\r\nhel'), closes: true }),
  ({ wish }) => ({
    bytes: Buffer.concat([headOf(wish), contentOf('response', wish.identity, wish.bytes - 1)]),
    closes: true,
  }),
];

/** A chunked answer whose first chunk is right and which goes on with `rest`. */
function chunked({ identity, bytes }: Wish, rest: string): Buffer {
  const first = contentOf('response', identity, bytes).subarray(0, bytes >> 1);
  const head = `HTTP/1.1 200 OK\r\n${IDENTITY_FIELD}: ${identity}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(`${head}${first.length.toString(16)}\r\n`, 'latin1'),
    first,
    Buffer.from(`\r\n${rest}`, 'latin1'),
  ]);
}
