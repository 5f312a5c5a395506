/** Every row of the wire's table of responses that is decided by a head alone. */

import t from 'tap';
import { parseResponseHead, type ResponseHead } from '../../../src/http1/response-head.ts';

function head(line: string, ...fields: readonly string[]): string {
  return `${[line, ...fields].join('\r\n')}\r\n\r\n`;
}

function read(text: string, method = 'GET'): ResponseHead {
  const parsed = parseResponseHead(text, method);
  if (parsed.refused) throw new Error(`refused: ${parsed.kind}`);
  return parsed;
}

const OK = 'HTTP/1.1 200 OK';

const FAULTS: readonly (readonly [promise: string, text: string, kind: string])[] = [
  ...[
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/1.10 200 OK',
    'http/1.1 200 OK',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 200OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1\t200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 O\x00K',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\nK',
    '<html>',
    '',
    'HTTP/1.1 099 x',
  ].map((line) => [`the line ${JSON.stringify(line)}`, head(line), 'status-line-malformed'] as const),
  ['a CR in the reason', 'HTTP/1.1 200 O\rK\r\n\r\n', 'status-line-malformed'],
  ['status 600', head('HTTP/1.1 600 x'), 'status-out-of-range'],
  ['status 999', head('HTTP/1.1 999 x'), 'status-out-of-range'],
  [
    'Content-Length with Transfer-Encoding',
    head(OK, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
    'content-length-and-transfer-encoding',
  ],
  [
    'Transfer-Encoding with Content-Length',
    head(OK, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
    'content-length-and-transfer-encoding',
  ],
  [
    'both of them on a 304',
    head('HTTP/1.1 304 x', 'Transfer-Encoding: chunked', 'Content-Length: 5'),
    'content-length-and-transfer-encoding',
  ],
  ['two different Content-Length', head(OK, 'Content-Length: 5', 'Content-Length: 6'), 'content-length-contradictory'],
  ...['5, 5', '+5', '-5', '05', '', '0x5', '9007199254740992'].map(
    (value) => [`Content-Length "${value}"`, head(OK, `Content-Length: ${value}`), 'content-length-malformed'] as const,
  ),
  ...['gzip', 'gzip, chunked', 'chunked, chunked', 'identity', '', '\xa0chunked'].map(
    (value) =>
      [
        `Transfer-Encoding ${JSON.stringify(value)}`,
        head(OK, `Transfer-Encoding: ${value}`),
        'transfer-encoding-unsupported',
      ] as const,
  ),
  [
    'two Transfer-Encoding',
    head(OK, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    'transfer-encoding-unsupported',
  ],
  [
    'Transfer-Encoding on HTTP/1.0',
    head('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked'),
    'transfer-encoding-on-http-1.0',
  ],
  ['a folded field', head(OK, 'A: 1', ' 2'), 'obs-fold'],
  ['a space before the colon', head(OK, 'A : 1'), 'space-before-colon'],
  ['a bare LF', head(OK, 'A: 1\nB: 2'), 'bare-line-feed'],
  ['a NUL in a value', head(OK, 'A: \x00'), 'field-value-control'],
  ['a line without colon', head(OK, 'abc'), 'field-without-colon'],
  [
    'a Connection that names Content-Length',
    head(OK, 'Connection: content-length', 'Content-Length: 5'),
    'connection-names-protected-field',
  ],
];

t.test('a response that can be read in two ways is a fault', async (t) => {
  for (const [promise, text, kind] of FAULTS) {
    const parsed = parseResponseHead(text, 'GET');
    t.equal(parsed.refused ? parsed.kind : 'accepted', kind, promise);
  }
  const many = parseResponseHead(head(OK, 'A: 1', 'B: 2'), 'GET', 1);
  t.equal(many.refused && many.kind, 'fields-too-many');
});

t.test('the status line is taken apart; the space before an absent reason may be missing', async (t) => {
  const rows: readonly (readonly [string, number, number, string])[] = [
    ['HTTP/1.1 200 OK', 200, 1, 'OK'],
    ['HTTP/1.0 404 Not  Found', 404, 0, 'Not  Found'],
    ['HTTP/1.1 200 ', 200, 1, ''],
    ['HTTP/1.1 200', 200, 1, ''],
    ['HTTP/1.1 599 \xe4\t!', 599, 1, '\xe4\t!'],
  ];
  for (const [line, status, minor, reason] of rows) {
    const parsed = read(head(line));
    t.same([parsed.status, parsed.minor, parsed.reason], [status, minor, reason], line);
  }
});

t.test('the framing follows the request method, the status, and then the fields', async (t) => {
  const rows: readonly (readonly [string, string, readonly string[], string, number, number])[] = [
    ['GET', OK, ['Content-Length: 5'], 'length', 5, -1],
    ['GET', OK, ['Content-Length: 5', 'content-length: 5'], 'length', 5, -1],
    ['GET', OK, ['Content-Length: 0'], 'length', 0, -1],
    ['GET', OK, ['Transfer-Encoding: Chunked'], 'chunked', 0, -1],
    ['GET', OK, [], 'close', 0, -1],
    ['HEAD', OK, ['Content-Length: 5'], 'none', 0, 5],
    ['HEAD', OK, ['Transfer-Encoding: chunked'], 'none', 0, -1],
    ['HEAD', OK, [], 'none', 0, -1],
    ['GET', 'HTTP/1.1 304 x', ['Content-Length: 5'], 'none', 0, 5],
    ['GET', 'HTTP/1.1 304 x', [], 'none', 0, -1],
    ['GET', 'HTTP/1.1 204 x', ['Content-Length: 5'], 'none', 0, -1],
    ['HEAD', 'HTTP/1.1 204 x', ['Content-Length: 5'], 'none', 0, -1],
    ['GET', 'HTTP/1.1 204 x', ['Transfer-Encoding: chunked'], 'none', 0, -1],
    ['GET', 'HTTP/1.1 103 x', ['Content-Length: 5'], 'none', 0, -1],
    ['GET', 'HTTP/1.1 101 x', ['Upgrade: WebSocket', 'Connection: upgrade'], 'none', 0, -1],
  ];
  for (const [method, line, fields, framing, contentLength, announcedLength] of rows) {
    const parsed = read(head(line, ...fields), method);
    t.same(
      [parsed.framing, parsed.contentLength, parsed.announcedLength],
      [framing, contentLength, announcedLength],
      `${method} ${line} ${fields.join()}`,
    );
    t.notMatch(parsed.passOn, /content-length|transfer-encoding/i, 'the framing is written anew');
  }
});

t.test('an upstream connection is kept by version, Connection and framing', async (t) => {
  const length = 'Content-Length: 1';
  t.equal(read(head(OK, length)).keepAlive, true);
  t.equal(read(head(OK, length, 'Connection: close')).keepAlive, false);
  t.equal(read(head(OK, length, 'Connection: Close, keep-alive')).keepAlive, false);
  t.equal(read(head('HTTP/1.0 200 OK', length)).keepAlive, false);
  t.equal(read(head('HTTP/1.0 200 OK', length, 'Connection: keep-alive')).keepAlive, true);
  t.equal(read(head(OK)).keepAlive, false, 'a close-delimited body takes the connection with it');
  t.equal(read(head('HTTP/1.1 101 x', 'Upgrade: websocket', 'Connection: upgrade')).keepAlive, false);
});

t.test('Keep-Alive tells how long an idle connection lasts', async (t) => {
  const timeout = (value: string) => read(head(OK, `Keep-Alive: ${value}`)).keepAliveTimeoutMs;
  t.equal(timeout('timeout=5, max=100'), 5000);
  t.equal(timeout('max=100, Timeout=7'), 7000);
  t.equal(timeout('timeout=0'), 0);
  t.equal(timeout('xtimeout=5'), -1);
  t.equal(timeout('timeout=x'), -1);
  t.equal(timeout('timeout=99999999999'), -1);
  t.equal(read(head(OK)).keepAliveTimeoutMs, -1);
});

t.test('what concerns the upstream connection goes no further, the rest as it came', async (t) => {
  const parsed = read(
    head(
      OK,
      'dAte: d',
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: x',
      'Proxy-Authenticate: Basic',
      'Proxy-Authorization: x',
      'TE: x',
      'Trailer: X-Sum',
      'Upgrade: H2C, websocket',
      'Via: 1.0 a',
      'Via: 1.1 b',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2 ',
      'Host: h',
      'X-Forwarded-For: f',
      'Transfer-Encoding: chunked',
      'Server:s',
    ),
  );
  t.equal(
    parsed.passOn,
    'dAte: d\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2 \r\nHost: h\r\nX-Forwarded-For: f\r\nServer:s\r\n',
  );
  t.same([parsed.via, parsed.trailer, parsed.upgrade], ['1.0 a, 1.1 b', 'X-Sum', 'h2c, websocket']);
  t.same([parsed.hasDate, parsed.hasServer], [true, true]);
  t.equal(parsed.field('set-cookie'), 'a=1, b=2');
  t.equal(parsed.passOnWithout(new Set(['server', 'set-cookie'])), 'dAte: d\r\nHost: h\r\nX-Forwarded-For: f\r\n');
  const bare = read(head(OK));
  t.same([bare.hasDate, bare.hasServer, bare.passOn, bare.field('date')], [false, false, '', undefined]);
});

t.test('1xx are informational, the others final', async (t) => {
  t.same(
    [100, 101, 102, 103, 199, 200, 599].map((status) => read(head(`HTTP/1.1 ${status} x`)).informational),
    [true, true, true, true, true, false, false],
  );
});
