/** Heads are found however their bytes arrive, and what can never become one is not waited for. */

import t from 'tap';
import {
  HEAD_MALFORMED,
  HEAD_TOO_LARGE,
  HEAD_UNFINISHED,
  HeadReader,
  refusalOfHead,
  TARGET_TOO_LONG,
} from '../../../src/http1/head-reader.ts';

const HEAD = 'GET /a HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n';

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The head and the rest after it, or the code that ended the reading. */
function readPieces(reader: HeadReader, pieces: readonly string[]): string | number {
  for (const piece of pieces) {
    const end = reader.push(latin1(piece), 0);
    if (end >= 0) return `${reader.take()}|${piece.slice(end)}`;
    if (end !== HEAD_UNFINISHED) return end;
  }
  return HEAD_UNFINISHED;
}

t.test('a head cut at any byte, or into single bytes, is the head in one piece', async (t) => {
  for (const before of ['', '\r\n', '\r\n\r\n']) {
    const text = `${before}${HEAD}rest`;
    for (let cut = 0; cut < before.length + HEAD.length; cut++) {
      const seen = readPieces(new HeadReader(100, 50), [text.slice(0, cut), text.slice(cut)]);
      t.equal(seen, `${HEAD}|rest`, `cut at ${cut}`);
    }
    t.equal(readPieces(new HeadReader(100, 50), [...`${before}${HEAD}`]), `${HEAD}|`, 'single bytes');
  }
});

t.test('a reader reads one head after another out of one chunk', async (t) => {
  const reader = new HeadReader(100, 50);
  const chunk = latin1(`xx${HEAD}\r\n${HEAD}GET`);
  const first = reader.push(chunk, 2);
  t.equal(first, 2 + HEAD.length);
  t.equal(reader.take(), HEAD);
  const second = reader.push(chunk, first);
  t.equal(second, first + 2 + HEAD.length);
  t.equal(reader.take(), HEAD);
  t.equal(reader.push(chunk, second), HEAD_UNFINISHED);
  t.equal(reader.push(latin1(HEAD.slice(3)), 0), HEAD.length - 3);
  t.equal(reader.take(), HEAD);
});

t.test('what was held is a copy: the chunk may be used again', async (t) => {
  const reader = new HeadReader(100, 50);
  const chunk = latin1(HEAD.slice(0, 10));
  reader.push(chunk, 0);
  chunk.fill(0);
  t.equal(reader.push(latin1(HEAD.slice(10)), 0), HEAD.length - 10);
  t.equal(reader.take(), HEAD);
});

t.test('a head has started with its first byte and not with an empty line', async (t) => {
  const reader = new HeadReader(100, 50);
  t.equal(reader.started, false);
  t.equal(reader.push(latin1('\r\n\r'), 0), HEAD_UNFINISHED);
  t.equal(reader.push(latin1('\n'), 0), HEAD_UNFINISHED);
  t.equal(reader.started, false);
  t.equal(reader.push(latin1('G'), 0), HEAD_UNFINISHED);
  t.equal(reader.started, true);
  reader.reset();
  t.equal(reader.started, false);
});

t.test('an unfinished head that can never be one is refused at once', async (t) => {
  const rows: readonly string[] = [
    'GET / HTTP/1.1\n\n',
    'GET / HTTP/1.1\r\nHost: a\n\n',
    'GET / HTTP/1.1\rX',
    'GET / HTTP/1.1\r\n\rX',
    'GET / HTTP/1.1\r\r',
    'GET / HTTP/1.1\r\nA: \x00',
    'GET / HTTP/1.1\r\nA: \x7f',
    '\x16\x03\x01\x02\x00',
    '\n',
    '\rG',
    '\r\n\r\n\r\n',
    '\r\n\r\n\r',
  ];
  for (const text of rows) {
    t.equal(readPieces(new HeadReader(100, 50), [text]), HEAD_MALFORMED, JSON.stringify(text));
    t.equal(readPieces(new HeadReader(100, 50), [...text]), HEAD_MALFORMED, `${JSON.stringify(text)} in single bytes`);
  }
});

t.test('a response is not preceded by empty lines', async (t) => {
  t.equal(readPieces(new HeadReader(100), ['\r\nHTTP/1.1 200 OK\r\n\r\n']), HEAD_MALFORMED);
  t.equal(readPieces(new HeadReader(100), ['HTTP/1.1 200 OK\r', '\n\r\n']), 'HTTP/1.1 200 OK\r\n\r\n|');
});

t.test('a request line without version is not waited behind, and a status line without reason is', async (t) => {
  for (const line of ['GET /f\r', 'GET\r', 'GET\t/f\r']) {
    t.equal(readPieces(new HeadReader(100, 50), [line]), HEAD_MALFORMED, line);
    t.equal(readPieces(new HeadReader(100, 50), ['\r\n', ...line]), HEAD_MALFORMED, `${line} behind an empty line`);
  }
  t.equal(
    readPieces(new HeadReader(100, 50), ['GET /f HTTP/1.1\r\n', 'A\r']),
    HEAD_UNFINISHED,
    'other lines need none',
  );
  t.equal(readPieces(new HeadReader(100), ['HTTP/1.1 200\r\n']), HEAD_UNFINISHED, 'nor do responses');
});

t.test('the limit is exact, however the bytes arrive', async (t) => {
  const head = `GET / HTTP/1.1\r\nA: ${'x'.repeat(20)}\r\n\r\n`;
  for (const pieces of [[head], [...head], [head.slice(0, 30), head.slice(30)]]) {
    t.equal(readPieces(new HeadReader(head.length, 50), pieces), `${head}|`);
    t.equal(readPieces(new HeadReader(head.length - 1, 50), pieces), HEAD_TOO_LARGE);
  }
  t.equal(readPieces(new HeadReader(64, 50), [`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(1000)}`]), HEAD_TOO_LARGE);
});

t.test('a target over its limit is told apart from a head over its limit', async (t) => {
  const long = `GET /${'a'.repeat(200)}`;
  t.equal(readPieces(new HeadReader(1000, 50), [long]), TARGET_TOO_LONG);
  t.equal(readPieces(new HeadReader(1000, 50), [...long]), TARGET_TOO_LONG);
  t.equal(readPieces(new HeadReader(100, 50), [`${long} HTTP/1.1\r\n\r\n`]), TARGET_TOO_LONG);
  t.equal(readPieces(new HeadReader(1000, 50), [`GET /${'a'.repeat(49)}`, ' HTTP/1.1\r\n']), HEAD_UNFINISHED);
  t.equal(readPieces(new HeadReader(1000, 50), ['GET / HTTP/1.1\r\n', `a b${'a'.repeat(200)}`]), HEAD_UNFINISHED);
  t.equal(readPieces(new HeadReader(1000, 50), ['M'.repeat(200)]), HEAD_UNFINISHED, 'a method has no limit of its own');
});

t.test('each code of a refused head has its status', async (t) => {
  t.same(
    [HEAD_TOO_LARGE, HEAD_MALFORMED, TARGET_TOO_LONG].map((code) => refusalOfHead(code).status),
    [431, 400, 414],
  );
});
