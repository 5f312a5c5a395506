/** Responses that are not in order, and responses that are and must pass. */
import { answered, type Chapter, type ConformanceCase, type Expectation, relayed, type Scripted } from '../case.ts';
import { get, helloChunks, ok, request, wholeOk } from './bytes.ts';

const sends = request('GET /f');
const sends10 = sends.replace('HTTP/1.1', 'HTTP/1.0');
const head = request('HEAD /f');

const faulted = (name: string, bytes: string): ConformanceCase => ({
  name,
  sends,
  upstream: { bytes, leaves: 'keep', always: true },
  expected: { kind: 'relayed', responses: [{ status: 502 }], drops: true },
});

const passes = (name: string, bytes: string, expected: Expectation, leaves: Scripted['leaves'] = 'keep') => ({
  name,
  sends,
  upstream: { bytes, leaves },
  expected,
});

const cut = (name: string, bytes: string, leaves: 'end' | 'reset', asked = sends): ConformanceCase => ({
  name,
  sends: asked,
  upstream: { bytes, leaves, always: true },
  expected: { kind: 'cut', begins: true },
});

const badChunk = (name: string, chunk: string): ConformanceCase => ({
  name,
  sends,
  upstream: { bytes: ok('Transfer-Encoding: chunked\r\n', `1\r\n!\r\n${chunk}`), leaves: 'keep', always: true },
  expected: { kind: 'cut', begins: false },
});

/** The first answer must be this one; a second request on the same connection must get its own, from a fresh upstream one. */
const surplus = (name: string, asked: string, bytes: string, body: string, status = 200): ConformanceCase => ({
  name,
  sends: asked,
  sendsNext: get,
  upstream: { bytes, leaves: 'keep' },
  expected: {
    kind: 'relayed',
    responses: [
      { status, body },
      { status: 200, body: 'answer to GET /next' },
    ],
    drops: true,
  },
});

const poison = ok('Content-Length: 6\r\n', 'poison');
const interim = (status: number) => `HTTP/1.1 ${status} Interim\r\nLink: </a>\r\n\r\n`;

/** Chapter 3 of the table. */
export const responses: Chapter = {
  title: 'Responses',
  rows: [
    {
      row: '100, 102, 103: relayed; 101 only when asked for',
      cases: [
        passes('102 and 103 before the final one', interim(102) + interim(103) + wholeOk, {
          kind: 'relayed',
          interim: [102, 103],
          responses: [{ status: 200, body: 'ok' }],
        }),
        faulted(
          'a 101 that nobody asked for',
          'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
        ),
        {
          ...faulted('17 interim responses', `${'HTTP/1.1 102 Wait\r\n\r\n'.repeat(17)}${wholeOk}`),
          expected: { kind: 'relayed', interim: Array(16).fill(102), responses: [{ status: 502 }], drops: true },
        },
      ],
    },
    {
      row: 'two framings, bad fields, bad status lines: 502, upstream connection destroyed',
      cases: [
        faulted(
          'Content-Length, then Transfer-Encoding',
          ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'),
        ),
        faulted(
          'Transfer-Encoding, then Content-Length',
          ok('Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', '2\r\nok\r\n0\r\n\r\n'),
        ),
        faulted('two different Content-Length', ok('Content-Length: 2\r\nContent-Length: 3\r\n')),
        faulted('Content-Length: +2', ok('Content-Length: +2\r\n')),
        faulted('Transfer-Encoding: gzip, chunked', ok('Transfer-Encoding: gzip, chunked\r\n', helloChunks)),
        faulted('Transfer-Encoding: identity', ok('Transfer-Encoding: identity\r\nContent-Length: 2\r\n')),
        faulted('obs-fold', ok('X-A: b\r\n c\r\nContent-Length: 2\r\n')),
        faulted('a space before the colon', ok('Content-Length : 2\r\n')),
        faulted('a line without colon', ok('X-A\r\nContent-Length: 2\r\n')),
        faulted('LF alone ends a field', ok('X-A: b\nContent-Length: 2\r\n')),
        faulted('CR alone in a value', ok('X-A: b\rc\r\nContent-Length: 2\r\n')),
        faulted('NUL in a value', ok('X-A: b\0c\r\nContent-Length: 2\r\n')),
        faulted('status line without version', '200 OK\r\nContent-Length: 2\r\n\r\nok'),
        faulted('status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok'),
        faulted('status 600', 'HTTP/1.1 600 X\r\nContent-Length: 2\r\n\r\nok'),
        faulted('another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'),
      ],
    },
    {
      row: 'two equal Content-Length: one is forwarded',
      cases: [
        passes(
          'two equal',
          ok('Content-Length: 2\r\nContent-Length: 2\r\n'),
          relayed({ status: 200, body: 'ok', has: { 'Content-Length': '2' } }),
        ),
      ],
    },
    {
      row: 'close-delimited body: chunked to 1.1, close-delimited to 1.0',
      cases: [
        passes('to HTTP/1.1', ok(''), relayed({ status: 200, body: 'ok', framing: 'chunked' }), 'end'),
        {
          ...passes('to HTTP/1.0', ok(''), relayed({ status: 200, body: 'ok', framing: 'close' }), 'end'),
          sends: sends10,
        },
      ],
    },
    {
      row: 'chunked to an HTTP/1.0 client: de-chunked, close',
      cases: [
        {
          ...passes(
            'chunked to HTTP/1.0',
            ok('Transfer-Encoding: chunked\r\n', helloChunks),
            relayed({ status: 200, body: 'hello', framing: 'close', lacks: ['Transfer-Encoding'] }),
          ),
          sends: sends10,
        },
      ],
    },
    {
      row: 'trailers of a chunked response: forwarded',
      cases: [
        {
          ...passes(
            'to a client with TE: trailers',
            ok('Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n', '2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'),
            relayed({ status: 200, body: 'ok', trailers: ['X-Sum'], lacks: ['X-Sum'] }),
          ),
          sends: request('GET /f', 'TE: trailers\r\nConnection: TE\r\n'),
        },
      ],
    },
    {
      row: 'cut mid-body, bad chunk: the connection to the client is destroyed, nothing looks whole',
      cases: [
        cut('cut by length, end', ok('Content-Length: 10\r\n', 'hello'), 'end'),
        cut('cut by length, reset', ok('Content-Length: 10\r\n', 'hello'), 'reset'),
        cut('cut inside a chunk', ok('Transfer-Encoding: chunked\r\n', 'a\r\nhello'), 'end'),
        cut('cut between chunks', ok('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n'), 'end'),
        cut('cut before the last empty line', ok('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n'), 'end'),
        cut('chunked, cut, to HTTP/1.0', ok('Transfer-Encoding: chunked\r\n', 'a\r\nhello'), 'end', sends10),
        cut('close-delimited, reset, to HTTP/1.1', ok('', 'hello'), 'reset'),
        cut('close-delimited, reset, to HTTP/1.0', ok('', 'hello'), 'reset', sends10),
        badChunk('chunk size 0x5', '0x5\r\nhello\r\n0\r\n\r\n'),
        badChunk('a space behind the chunk size', '5 \r\nhello\r\n0\r\n\r\n'),
        badChunk('LF alone behind the chunk size', '5\nhello\r\n0\r\n\r\n'),
        badChunk('no line end behind the data', '5\r\nhello0\r\n\r\n'),
        badChunk('a chunk size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n'),
      ],
    },
    {
      row: 'cut before the head: 502',
      cases: [
        {
          name: 'nothing at all',
          sends,
          upstream: { bytes: '', leaves: 'end', always: true },
          expected: relayed({ status: 502 }),
        },
        {
          name: 'half a head',
          sends,
          upstream: { bytes: 'HTTP/1.1 200 OK\r\nContent-Le', leaves: 'end', always: true },
          expected: relayed({ status: 502 }),
        },
      ],
    },
    {
      row: 'bytes behind a response or on an idle connection: never relayed, the connection never used again',
      cases: [
        surplus('behind a response by length', sends, wholeOk + poison, 'ok'),
        surplus(
          'behind a chunked response',
          sends,
          ok('Transfer-Encoding: chunked\r\n', helloChunks) + poison,
          'hello',
        ),
        surplus('behind a 204', sends, `HTTP/1.1 204 No\r\n\r\n${poison}`, '', 204),
        surplus('behind a 304 with a length', sends, `HTTP/1.1 304 No\r\nContent-Length: 4\r\n\r\n${poison}`, '', 304),
        surplus('behind an answer to HEAD', head, `${ok('Content-Length: 2\r\n', '')}${poison}`, ''),
        {
          ...surplus('on an idle connection', sends, wholeOk, 'ok'),
          upstream: { bytes: wholeOk, leaves: 'keep', later: poison },
        },
      ],
    },
    {
      row: 'an early final response: relayed at once',
      cases: [
        {
          name: '413 before the body has come',
          sends: request('POST /f', 'Content-Length: 100000\r\n', 'begin'),
          upstream: { bytes: 'HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno', leaves: 'keep', early: true },
          expected: relayed({ status: 413, body: 'no' }),
        },
      ],
    },
    {
      row: 'an upstream that cannot be dialled: 502',
      cases: [{ name: 'nobody listens', sends, upstream: 'down', expected: answered(502), patienceMs: 5_000 }],
    },
  ],
};
