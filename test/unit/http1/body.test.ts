/** Bodies end where they end, however they are cut. */

import t from 'tap';
import {
  type BodySink,
  ChunkedReader,
  chunkPrefix,
  LAST_CHUNK,
  LengthReader,
  lastChunkWithTrailers,
} from '../../../src/http1/body.ts';

class Collector implements BodySink {
  text = '';
  pieces: Buffer[] = [];
  onBodyData(data: Buffer): void {
    this.text += data.toString('latin1');
    this.pieces.push(data);
  }
}

function readPieces(
  pieces: readonly string[],
  reader = new ChunkedReader(),
): { text: string; rest: string; state: string; trailers: string } {
  const sink = new Collector();
  let rest = '';
  for (const piece of pieces) {
    if (reader.done || reader.fault !== '') {
      rest += piece;
      continue;
    }
    const end = reader.read(Buffer.from(piece, 'latin1'), 0, sink);
    rest += piece.slice(end);
  }
  const state = reader.fault !== '' ? reader.fault : reader.done ? 'done' : 'unfinished';
  return { text: sink.text, rest: state === 'done' ? rest : '', state, trailers: reader.trailers };
}

const WELL_FORMED: readonly (readonly [body: string, text: string, trailers: string])[] = [
  ['0\r\n\r\n', '', ''],
  ['5\r\nhello\r\n0\r\n\r\n', 'hello', ''],
  ['1\r\na\r\nA\r\n0123456789\r\nb\r\n\r\n\r\n0\r\n\r\n\r\n\r\n00\r\n\r\n', 'a0123456789\r\n\r\n0\r\n\r\n\r\n', ''],
  ['0000000000000005\r\nhello\r\n000\r\n\r\n', 'hello', ''],
  ['5;a\r\nhello\r\n0;b=c;d="e;\\"\t"\r\n\r\n', 'hello', ''],
  [
    '5;a=b;c\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\nauthorization: x\r\ny:\t2\r\n\r\n',
    'hello',
    'X-Sum: 1\r\ny:\t2\r\n',
  ],
  ['0\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n', '', ''],
];

t.test('a chunked body cut at any byte, or into single bytes, is the body in one piece', async (t) => {
  for (const [body, text, trailers] of WELL_FORMED) {
    const expected = { text, rest: 'GET', state: 'done', trailers };
    t.same(readPieces([`${body}GET`]), expected, JSON.stringify(body));
    t.same(readPieces([...`${body}GET`]), expected, 'single bytes');
    for (let cut = 1; cut < body.length; cut++) {
      t.same(readPieces([body.slice(0, cut), `${body.slice(cut)}GET`]), expected, `cut at ${cut}`);
      t.equal(readPieces([body.slice(0, cut)]).state, 'unfinished', `the first ${cut} bytes are not a body`);
    }
  }
});

const MALFORMED: readonly (readonly [body: string, fault: string])[] = [
  ['0x5\r\nhello\r\n', 'chunk-size-malformed'],
  ['-5\r\nhello\r\n', 'chunk-size-malformed'],
  ['+5\r\nhello\r\n', 'chunk-size-malformed'],
  ['5 \r\nhello\r\n', 'chunk-size-malformed'],
  [' 5\r\nhello\r\n', 'chunk-size-malformed'],
  ['5\t\r\nhello\r\n', 'chunk-size-malformed'],
  ['5 ;a\r\nhello\r\n', 'chunk-size-malformed'],
  ['\r\nhello\r\n', 'chunk-size-malformed'],
  [';a\r\nhello\r\n', 'chunk-size-malformed'],
  ['g\r\nhello\r\n', 'chunk-size-malformed'],
  ['5\nhello\r\n', 'chunk-size-malformed'],
  ['5\rhello\r\n', 'chunk-size-malformed'],
  ['5_0\r\nhello\r\n', 'chunk-size-malformed'],
  ['5,5\r\nhello\r\n', 'chunk-size-malformed'],
  ['00000000000000005\r\nhello\r\n', 'chunk-size-too-large'],
  ['20000000000000\r\n', 'chunk-size-too-large'],
  ['ffffffffffffffff\r\n', 'chunk-size-too-large'],
  ['10000000000000005\r\nhello\r\n', 'chunk-size-too-large'],
  ['5\r\nhelloX\r\n0\r\n\r\n', 'chunk-end-malformed'],
  ['5\r\nhello\n0\r\n\r\n', 'chunk-end-malformed'],
  ['5\r\nhelloX\n0\r\n\r\n', 'chunk-end-malformed'],
  ['5\r\nhello\rX0\r\n\r\n', 'chunk-end-malformed'],
  ['5\r\nhello0\r\n\r\n', 'chunk-end-malformed'],
  ['5;\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a=\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a b\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5; a\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a="b\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a="b"c\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a="\x00"\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a="\\\n"\r\nhello\r\n', 'chunk-extension-malformed'],
  ['5;a;;b\r\nhello\r\n', 'chunk-extension-malformed'],
  ['0\r\n\rX', 'trailer-malformed'],
  ['0\r\n\n', 'trailer-malformed'],
  ['0\r\nA: 1\n\r\n', 'trailer-malformed'],
  ['0\r\nA : 1\r\n\r\n', 'trailer-malformed'],
  ['0\r\nA\r\n\r\n', 'trailer-malformed'],
  ['0\r\n A: 1\r\n\r\n', 'trailer-malformed'],
  ['0\r\nA: 1\r\n 2\r\n\r\n', 'trailer-malformed'],
  ['0\r\nA: \x00\r\n\r\n', 'trailer-malformed'],
  [`0\r\n${'A: 1\r\n'.repeat(129)}\r\n`, 'trailer-too-large'],
];

t.test('a malformed chunked body is a fault, however it is cut', async (t) => {
  for (const [body, fault] of MALFORMED) {
    t.equal(readPieces([body]).state, fault, JSON.stringify(body.slice(0, 40)));
    t.equal(readPieces([...body]).state, fault, 'single bytes');
  }
});

t.test('nothing is handed on after a fault', async (t) => {
  const reader = new ChunkedReader();
  const sink = new Collector();
  const chunk = Buffer.from('2\r\nab\r\nX\r\n2\r\ncd\r\n0\r\n\r\n');
  t.equal(reader.read(chunk, 0, sink), 7, 'the offset of the fault');
  t.equal(reader.read(chunk, 10, sink), 10);
  t.same([sink.text, reader.fault, reader.done], ['ab', 'chunk-size-malformed', false]);
});

t.test('the largest chunk size is 2^53 - 1', async (t) => {
  t.equal(readPieces(['1fffffffffffff\r\nabc']).state, 'unfinished');
  t.equal(readPieces(['1fffffffffffff\r\nabc']).text, 'abc');
});

t.test('extensions are dropped within 256 bytes a chunk and 16 KiB a body (CVE-2024-22019)', async (t) => {
  const extension = (bytes: number) => `;${'a'.repeat(bytes - 1)}`;
  t.equal(readPieces([`1${extension(256)}\r\nx\r\n0\r\n\r\n`]).state, 'done');
  t.equal(readPieces([`1${extension(257)}\r\nx\r\n0\r\n\r\n`]).state, 'chunk-extension-too-long');
  const chunk = `1${extension(256)}\r\nx\r\n`;
  t.equal(readPieces([`${chunk.repeat(64)}0\r\n\r\n`]).state, 'done');
  t.equal(readPieces([`${chunk.repeat(64)}0;a\r\n\r\n`]).state, 'chunk-extension-too-long');
});

t.test('a trailer section has the limit that the reader was given', async (t) => {
  const section = 'A: 1\r\n\r\n';
  t.equal(readPieces([`0\r\n${section}`], new ChunkedReader(section.length)).state, 'done');
  t.equal(readPieces([`0\r\n${section}`], new ChunkedReader(section.length - 1)).state, 'trailer-too-large');
  t.equal(readPieces([...`0\r\n${section}`], new ChunkedReader(section.length - 1)).state, 'trailer-too-large');
});

t.test('a reader that is reset reads the next body like the first', async (t) => {
  const reader = new ChunkedReader();
  t.equal(readPieces(['5;a\r\nhello\r\n0\r\nA: 1\r\n\r\n'], reader).trailers, 'A: 1\r\n');
  reader.reset();
  t.same(readPieces(['1\r\nx\r\n0\r\n\r\nrest'], reader), { text: 'x', rest: 'rest', state: 'done', trailers: '' });
  reader.reset();
  t.equal(readPieces(['zz'], reader).state, 'chunk-size-malformed');
  reader.reset();
  t.equal(readPieces(['0\r\n\r\n'], reader).state, 'done');
});

t.test('data is handed on without a copy, a whole chunk as itself', async (t) => {
  const sink = new Collector();
  const reader = new ChunkedReader();
  reader.read(Buffer.from('8\r\n'), 0, sink);
  const whole = Buffer.from('12345678');
  reader.read(whole, 0, sink);
  t.equal(sink.pieces[0], whole);
  const mixed = Buffer.from('\r\n2\r\nab\r\n');
  reader.read(mixed, 0, sink);
  t.equal(sink.pieces[1]?.buffer, mixed.buffer);
});

t.test('a body of announced length ends after its bytes', async (t) => {
  const reader = new LengthReader();
  const sink = new Collector();
  reader.reset(5);
  t.equal(reader.done, false);
  t.equal(reader.read(Buffer.from('xxhe'), 2, sink), 4);
  const last = Buffer.from('lloGET');
  t.equal(reader.read(last, 0, sink), 3);
  t.same([sink.text, reader.done], ['hello', true]);
  t.equal(reader.read(last, 3, sink), 3, 'what follows is not touched');
  t.equal(sink.pieces.length, 2);
  reader.reset(0);
  t.equal(reader.done, true);
});

t.test('what is written as chunks is read as the same body', async (t) => {
  const data = ['a', 'b'.repeat(255), 'c'.repeat(4096)];
  const chunks = data.map((text) => `${chunkPrefix(text.length)}${text}\r\n`).join('');
  t.same(readPieces([chunks + LAST_CHUNK]), { text: data.join(''), rest: '', state: 'done', trailers: '' });
  t.equal(readPieces([chunks + lastChunkWithTrailers('X: 1\r\n')]).trailers, 'X: 1\r\n');
  t.equal(lastChunkWithTrailers(''), LAST_CHUNK);
});
