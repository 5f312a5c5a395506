/**
 * What the upstream answers: every framing there is, in pieces, early, cut short, malformed, or with bytes after it.
 *
 * Bytes after a response are sent in one piece with it. A proxy that gets them later, when it has already sent the next
 * request on that connection, cannot know that they are not its answer: HTTP/1.1 has no names for responses.
 */
import type { Random } from '../stage/random.ts';
import { bodyOf, generateLength, inChunks, NAME_FIELD } from './script.ts';

/** What the client must get of an answer: all of it, or never anything that looks whole. */
export type Fate = 'whole' | 'never-whole';

export interface Answer {
  /** What is sent, one write each. */
  readonly pieces: readonly string[];
  /** What becomes of the connection afterwards. */
  readonly after: 'keep' | 'end' | 'reset';
  /** Whether it is sent as soon as the head has come, while the body may still be on its way. */
  readonly early: boolean;
  /** Whether bytes follow it that nobody has asked for: the connection may then serve nobody else. */
  readonly spoils: boolean;
  readonly fate: Fate;
  readonly status: number;
  readonly body: string;
}

interface Draft {
  readonly text: string;
  readonly after: Answer['after'];
  readonly fate: Fate;
  readonly status: number;
  readonly body: string;
  /** Whether the text must leave in one piece. */
  readonly together?: boolean;
  readonly spoils?: boolean;
}

type Kind = (random: Random, name: string, toHead: boolean) => Draft;

function headOf(random: Random, name: string, status: number, lines: string): string {
  const interim = random.chance(0.05)
    ? `HTTP/1.1 ${random.pick([100, 102, 103])} Wait\r\nX-Early: ${name}\r\n\r\n`
    : '';
  const extra = random.chance(0.2) ? random.pick(['X-B: \xe9\r\n', 'Connection: keep-alive\r\n', 'Date: x\r\n']) : '';
  return `${interim}HTTP/1.1 ${status} Fine\r\n${NAME_FIELD}: ${name}\r\n${extra}${lines}\r\n`;
}

function statusOf(random: Random): number {
  return random.pick([200, 200, 200, 201, 206, 302, 404, 500, 503, 599]);
}

const withLength: Kind = (random, name, toHead) => {
  const status = statusOf(random);
  const body = bodyOf(name, generateLength(random));
  const head = headOf(random, name, status, `Content-Length: ${body.length}\r\n`);
  const after = random.chance(0.03) ? 'end' : 'keep';
  return { text: head + (toHead ? '' : body), after, fate: 'whole', status, body: toHead ? '' : body };
};

const inChunksWhole: Kind = (random, name, toHead) => {
  const status = statusOf(random);
  const body = bodyOf(name, generateLength(random));
  const head = headOf(random, name, status, 'Transfer-Encoding: chunked\r\n');
  const trailers = random.chance(0.1) ? 'X-Sum: 1\r\nContent-Length: 7\r\n' : '';
  const text = toHead ? head : `${head}${inChunks(random, body)}0\r\n${trailers}\r\n`;
  return { text, after: 'keep', fate: 'whole', status, body: toHead ? '' : body };
};

const untilClose: Kind = (random, name, toHead) => {
  const body = toHead ? '' : bodyOf(name, generateLength(random));
  return { text: headOf(random, name, 200, '') + body, after: 'end', fate: 'whole', status: 200, body };
};

const lastOne: Kind = (random, name, toHead) => {
  const { text, ...rest } = withLength(random, name, toHead);
  return { ...rest, text: text.replace('\r\nContent-Length', '\r\nConnection: close\r\nContent-Length'), after: 'end' };
};

const withoutBody: Kind = (random, name) => {
  const status = random.pick([204, 304]);
  const lines = status === 304 && random.chance(0.5) ? 'Content-Length: 10\r\n' : '';
  return { text: headOf(random, name, status, lines), after: 'keep', fate: 'whole', status, body: '' };
};

const withSurplus: Kind = (random, name, toHead) => {
  const body = toHead ? '' : bodyOf(name, random.below(200));
  const head = headOf(random, name, 200, `Content-Length: ${body.length}\r\n`);
  const forged = `HTTP/1.1 200 OK\r\n${NAME_FIELD}: forged-${name}\r\nContent-Length: 6\r\n\r\nforged`;
  const surplus = random.pick([forged, 'x', '\r\n', '\0', 'HTTP/1.1 ']);
  return { text: head + body + surplus, after: 'keep', fate: 'whole', status: 200, body, together: true, spoils: true };
};

const cutByLength: Kind = (random, name) => {
  const body = bodyOf(name, 1 + random.below(random.chance(0.1) ? 40_000 : 300));
  const head = headOf(random, name, 200, `Content-Length: ${body.length}\r\n`);
  const text = head + body.slice(0, random.below(body.length));
  return { text, after: random.pick(['end', 'reset']), fate: 'never-whole', status: 200, body };
};

const cutInChunks: Kind = (random, name) => {
  const body = bodyOf(name, 1 + random.below(300));
  const chunks = `${inChunks(random, body)}0\r\n\r\n`;
  const head = headOf(random, name, 200, 'Transfer-Encoding: chunked\r\n');
  const text = head + chunks.slice(0, random.below(chunks.length));
  return { text, after: random.pick(['end', 'reset']), fate: 'never-whole', status: 200, body };
};

const badChunks: Kind = (random, name) => {
  const head = headOf(random, name, 200, 'Transfer-Encoding: chunked\r\n');
  const bad = random.pick([
    '5\nabcde\r\n0\r\n\r\n',
    '5\r\nabcdef\r\n0\r\n\r\n',
    'x\r\n\r\n',
    '1 \r\na\r\n0\r\n\r\n',
    '\r\n',
  ]);
  return { text: head + inChunks(random, name) + bad, after: 'keep', fate: 'never-whole', status: 200, body: name };
};

const badHead: Kind = (random, name) => {
  const named = `HTTP/1.1 200 OK\r\n${NAME_FIELD}: ${name}\r\n`;
  const text = random.pick([
    `${named}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${named}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    `${named}Content-Length: +3\r\n\r\nabc`,
    `${named}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `${named}X: a\r\n b\r\n\r\n`,
    `${named}X : a\r\n\r\n`,
    `${named}X: a\n\r\n\r\n`,
    `HTTP/2 200\r\n\r\n`,
    `HTTP/1.1 99 No\r\n\r\n`,
    `HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    `<html>\r\n\r\n`,
    '\0\x01\x02\xff',
    `${'HTTP/1.1 103 Early\r\n\r\n'.repeat(20)}${named}Content-Length: 0\r\n\r\n`,
  ]);
  return { text, after: 'keep', fate: 'never-whole', status: 0, body: '', together: true };
};

const cutInHead: Kind = (random, name) => {
  const head = `HTTP/1.1 200 OK\r\n${NAME_FIELD}: ${name}\r\nContent-Length: 0\r\n\r\n`;
  const text = head.slice(0, random.below(head.length - 1));
  return { text, after: random.pick(['end', 'reset']), fate: 'never-whole', status: 0, body: '' };
};

/** How often each kind comes. Most answers are good: faults cost connections, and mix-ups need connections that live. */
const KINDS: readonly (readonly [weight: number, kind: Kind])[] = [
  [40, withLength],
  [30, inChunksWhole],
  [4, untilClose],
  [4, lastOne],
  [6, withoutBody],
  [2, withSurplus],
  [1, badHead],
  [1, cutInHead],
  // Nothing of a body is expected in answer to HEAD, so these would be whole there.
  [1, cutByLength],
  [1, cutInChunks],
  [1, badChunks],
];

const WEIGHTS = KINDS.reduce((sum, [weight]) => sum + weight, 0);

/** The answer to the request with this name and method. */
export function generateAnswer(random: Random, name: string, method: string): Answer {
  const toHead = method === 'HEAD';
  let place = random.below(toHead ? WEIGHTS - 3 : WEIGHTS);
  const [, kind] = KINDS.find(([weight]) => {
    place -= weight;
    return place < 0;
  })!;
  const { text, together, spoils = false, ...rest } = kind(random, name, toHead);
  const draft = { ...rest, spoils };
  const early = random.chance(0.1);
  if (together === true || random.chance(0.6)) return { ...draft, early, pieces: [text] };
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const piece = text.slice(at, at + 1 + random.below(random.chance(0.5) ? 30 : Math.max(600, text.length)));
    pieces.push(piece);
    at += piece.length;
  }
  return { ...draft, early, pieces };
}
