/** Requests whose body two readers could frame in two ways. */
import { type Chapter, type ConformanceCase, type Expectation, forwarded, refused } from '../case.ts';
import { chunkedPost, get, helloChunks, post, request, smuggled } from './bytes.ts';

const length = (value: string): ConformanceCase => ({
  name: `Content-Length: ${JSON.stringify(value).slice(1, -1)}`,
  sends: post(`Content-Length: ${value}\r\n`, 'hello'),
  expected: refused(400),
});

const coding = (name: string, fields: string, status: number): ConformanceCase => ({
  name,
  sends: post(fields, helloChunks + smuggled),
  expected: refused(status),
});

const bad: Expectation = { kind: 'never-whole', statusMin: 400, statusMax: 400 };
const badChunk = (name: string, body: string): ConformanceCase => ({
  name,
  sends: chunkedPost(body) + smuggled,
  expected: bad,
});

const hello = { asked: 'POST /f', body: 'hello' };
const goodChunk = (name: string, body: string, more: object = {}): ConformanceCase => ({
  name,
  sends: chunkedPost(body),
  expected: forwarded({ ...hello, ...more }),
});

const withBody = (method: string, isChunked: boolean): ConformanceCase => ({
  name: `${method} with a ${isChunked ? 'chunked body' : 'Content-Length'}, and a request behind it`,
  sends: isChunked
    ? request(`${method} /f`, 'Transfer-Encoding: chunked\r\n', helloChunks) + get
    : request(`${method} /f`, 'Content-Length: 5\r\n', 'hello') + get,
  expected: forwarded({ asked: `${method} /f`, body: 'hello' }, { asked: 'GET /next' }),
});

/** The first rows of chapter 1 of the table, and its chunked bodies. */
export const requestFraming: Chapter = {
  title: 'Requests: framing',
  rows: [
    {
      row: 'Content-Length with Transfer-Encoding, in either order: 400, close',
      cases: [
        {
          name: 'Content-Length, then Transfer-Encoding',
          sends: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`),
          expected: refused(400),
        },
        {
          name: 'Transfer-Encoding, then Content-Length',
          sends: post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', helloChunks + smuggled),
          expected: refused(400),
        },
      ],
    },
    {
      row: 'two Content-Length, equal or not; a list: 400, close',
      cases: [
        {
          name: 'two different',
          sends: post('Content-Length: 5\r\nContent-Length: 6\r\n', `hello${smuggled}`),
          expected: refused(400),
        },
        {
          name: 'two equal',
          sends: post('Content-Length: 5\r\ncontent-length: 5\r\n', 'hello'),
          expected: refused(400),
        },
        length('5, 5'),
      ],
    },
    {
      row: 'Content-Length that is not plain digits: 400, close',
      cases: ['+5', '-1', '0x5', '', '1 0', '05', '9007199254740992', '18446744073709551621', '5.0'].map(length),
    },
    {
      row: 'Transfer-Encoding other than exactly one `chunked`: 501 or 400, close',
      cases: [
        coding('gzip', 'Transfer-Encoding: gzip\r\n', 501),
        coding('identity', 'Transfer-Encoding: identity\r\n', 501),
        coding('gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n', 501),
        coding('chunked, identity', 'Transfer-Encoding: chunked, identity\r\n', 501),
        coding('chunked, chunked', 'Transfer-Encoding: chunked, chunked\r\n', 501),
        coding('two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 501),
        coding('xchunked', 'Transfer-Encoding: xchunked\r\n', 501),
        coding('VT before chunked', 'Transfer-Encoding: \x0bchunked\r\n', 400),
        coding('in quotes', 'Transfer-Encoding: "chunked"\r\n', 400),
        coding('empty', 'Transfer-Encoding:\r\n', 400),
      ],
    },
    {
      row: 'Transfer-Encoding on HTTP/1.0: 400, close',
      cases: [
        {
          name: 'chunked on HTTP/1.0',
          sends: chunkedPost(helloChunks).replace('HTTP/1.1', 'HTTP/1.0'),
          expected: refused(400),
        },
      ],
    },
    {
      row: 'a body on GET, HEAD, DELETE: forwarded with its framing',
      cases: [withBody('GET', false), withBody('HEAD', false), withBody('DELETE', true), withBody('OPTIONS', true)],
    },
    {
      row: 'chunked bodies: the exact grammar, or nobody gets a whole request',
      cases: [
        badChunk('size 0x5', '0x5\r\nhello\r\n0\r\n\r\n'),
        badChunk('size -5', '-5\r\nhello\r\n0\r\n\r\n'),
        badChunk('size +5', '+5\r\nhello\r\n0\r\n\r\n'),
        badChunk('a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'),
        badChunk('a space behind the size', '5 \r\nhello\r\n0\r\n\r\n'),
        badChunk('size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
        badChunk('LF alone behind the size', '5\nhello\r\n0\r\n\r\n'),
        badChunk('LF alone behind the data', '5\r\nhello\n0\r\n\r\n'),
        badChunk('no line end behind the data', '5\r\nhello0\r\n\r\n'),
        badChunk('more data than the size', '5\r\nhello!\r\n0\r\n\r\n'),
        badChunk('LF alone as the end', '5\r\nhello\r\n0\r\n\n'),
        badChunk('an extension that ends in LF', '5;a\nhello\r\n0\r\n\r\n'),
        badChunk('a CR inside an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'),
        badChunk('an extension of 300 bytes', `5;${'x'.repeat(299)}\r\nhello\r\n0\r\n\r\n`),
        badChunk('a trailer without colon', '5\r\nhello\r\n0\r\nX-A\r\n\r\n'),
        badChunk('a folded trailer', '5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n'),
        goodChunk('several chunks are one body', '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'),
        goodChunk('extensions are dropped', '5;a;b=c\r\nhello\r\n0;f\r\n\r\n'),
      ],
    },
    {
      row: 'trailers: forwarded; those that frame, route or authenticate dropped; never merged into the head',
      cases: [
        goodChunk('a trailer', '5\r\nhello\r\n0\r\nX-A: b\r\n\r\n', { trailers: ['X-A'], lacks: ['X-A'] }),
        goodChunk('trailers that must go no further', '5\r\nhello\r\n0\r\nContent-Length: 9\r\nCookie: c\r\n\r\n', {
          lacks: ['Cookie'],
          lacksTrailers: ['Content-Length', 'Cookie'],
        }),
      ],
    },
  ],
};
