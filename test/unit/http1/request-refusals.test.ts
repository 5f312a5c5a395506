/** Every row of the wire's table of requests that is decided by a head alone: what is refused, and as what. */

import t from 'tap';
import type { RefusalKind } from '../../../src/http1/fault.ts';
import { parseRequestHead } from '../../../src/http1/request-head.ts';

const LIMITS = { targetBytes: 64, fields: 8 };
const HOST = 'Host: a.example\r\n';

/** A whole head out of a request line and field lines with their CRLF. */
function post(fields: string, line = 'POST / HTTP/1.1'): string {
  return `${line}\r\n${HOST}${fields}\r\n`;
}

const REFUSED: readonly (readonly [promise: string, head: string, status: number, kind: RefusalKind])[] = [
  // What frames the body.
  [
    'Content-Length before Transfer-Encoding',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
    400,
    'content-length-and-transfer-encoding',
  ],
  [
    'Transfer-Encoding before Content-Length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
    400,
    'content-length-and-transfer-encoding',
  ],
  [
    'an unknown Transfer-Encoding with Content-Length',
    post('Transfer-Encoding: x\r\nContent-Length: 5\r\n'),
    400,
    'content-length-and-transfer-encoding',
  ],
  ['two equal Content-Length', post('Content-Length: 5\r\nContent-Length: 5\r\n'), 400, 'content-length-repeated'],
  ['two different Content-Length', post('Content-Length: 5\r\ncontent-length: 6\r\n'), 400, 'content-length-repeated'],
  ...[
    '5, 5',
    '5,5',
    '+5',
    '-1',
    '0x5',
    '',
    '5 5',
    '05',
    '00',
    '9007199254740992',
    '99999999999999999999',
    '5a',
    '1e3',
    '5.0',
    '\xa05',
  ].map(
    (value) =>
      [`Content-Length "${value}"`, post(`Content-Length: ${value}\r\n`), 400, 'content-length-malformed'] as const,
  ),
  ...['gzip', 'identity', 'gzip, chunked', 'chunked, chunked', 'chunked, gzip', 'xchunked', 'chunke'].map(
    (value) =>
      [
        `Transfer-Encoding "${value}"`,
        post(`Transfer-Encoding: ${value}\r\n`),
        501,
        'transfer-encoding-unsupported',
      ] as const,
  ),
  [
    'two Transfer-Encoding fields',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
    501,
    'transfer-encoding-unsupported',
  ],
  [
    'two Transfer-Encoding fields, the last unknown',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n'),
    501,
    'transfer-encoding-unsupported',
  ],
  ...['', 'chunked;q=1', '"chunked"', ',chunked', 'chunked,', '\xa0chunked', 'chunked \x80'].map(
    (value) =>
      [
        `Transfer-Encoding ${JSON.stringify(value)}`,
        post(`Transfer-Encoding: ${value}\r\n`),
        400,
        'transfer-encoding-malformed',
      ] as const,
  ),
  ['a vertical tab before chunked', post('Transfer-Encoding: \x0bchunked\r\n'), 400, 'field-value-control'],
  [
    'Transfer-Encoding on HTTP/1.0',
    post('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0'),
    400,
    'transfer-encoding-on-http-1.0',
  ],
  // Field lines.
  ['a space before the colon', post('Content-Length : 5\r\n'), 400, 'space-before-colon'],
  ['a tab before the colon', post('Transfer-Encoding\t: chunked\r\n'), 400, 'space-before-colon'],
  ['an empty field name', post(': 5\r\n'), 400, 'field-name-malformed'],
  ...['a(b', 'a"b', 'a@b', 'a\x00b', 'a\x7fb', 'a\x80b', 'a/b', '[a]'].map(
    (name) => [`the field name ${JSON.stringify(name)}`, post(`${name}: 1\r\n`), 400, 'field-name-malformed'] as const,
  ),
  ['a line without colon', post('abc\r\n'), 400, 'field-without-colon'],
  ['a line of two words without colon', post('abc def\r\nX: y\r\n'), 400, 'field-without-colon'],
  ['a space before the first field', `GET / HTTP/1.1\r\n ${HOST}\r\n`, 400, 'space-before-field'],
  ['a tab before the first field', `GET / HTTP/1.1\r\n\t${HOST}\r\n`, 400, 'space-before-field'],
  ['a field folded with a space', post('A: 1\r\n 2\r\n'), 400, 'obs-fold'],
  ['a field folded with a tab', post('A: 1\r\n\tTransfer-Encoding: chunked\r\n'), 400, 'obs-fold'],
  ['a line of one space', post('A: 1\r\n \r\n'), 400, 'obs-fold'],
  ['LF at the end of the request line', `GET / HTTP/1.1\n${HOST}\r\n`, 400, 'bare-line-feed'],
  ['LF at the end of a field', post('A: 1\nB: 2\r\n'), 400, 'bare-line-feed'],
  ['LF LF at the end of the head', `GET / HTTP/1.1\r\n${HOST}A: 1\n\n\r\n`, 400, 'bare-line-feed'],
  ['LF in a field name', post('A\nB: 2\r\n'), 400, 'bare-line-feed'],
  ['CR in a value', post('A: 1\rB: 2\r\n'), 400, 'bare-carriage-return'],
  ['CR CR LF', post('A: 1\r\r\n'), 400, 'bare-carriage-return'],
  ['CR in a field name', post('A\rB: 2\r\n'), 400, 'bare-carriage-return'],
  ['an empty line that is CR and something else', `GET / HTTP/1.1\r\n${HOST}\r\rX`, 400, 'bare-carriage-return'],
  ['CR at the end of the request line without LF', `GET / HTTP/1.1\r${HOST}\r\n`, 400, 'bare-carriage-return'],
  ...['\x00', '\x01', '\x08', '\x0b', '\x0c', '\x1b', '\x1f', '\x7f'].map(
    (control) =>
      [`${JSON.stringify(control)} in a value`, post(`A: 1${control}2\r\n`), 400, 'field-value-control'] as const,
  ),
  // The request line.
  ['two spaces before the target', `GET  / HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line-malformed'],
  ['two spaces before the version', `GET /  HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line-malformed'],
  ['a space before the method', ` GET / HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line-malformed'],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400, 'request-line-malformed'],
  ['a line with one word', `GET\r\n${HOST}\r\n`, 400, 'request-line-malformed'],
  ['a tab before the version', `GET /\tHTTP/1.1\r\n${HOST}\r\n`, 400, 'version-malformed'],
  ['a tab in the target', `GET /\ta HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-malformed'],
  ['a space after the version', `GET / HTTP/1.1 \r\n${HOST}\r\n`, 400, 'request-line-malformed'],
  ['a method that is no token', `G@T / HTTP/1.1\r\n${HOST}\r\n`, 400, 'method-malformed'],
  ['HTTP/0.9: no version at all', `GET /\r\n${HOST}\r\n`, 400, 'version-malformed'],
  ...['http/1.1', 'HTTP/1.10', 'HTTP/1', 'HTTP/11', 'HTTP/1.1x', 'HTTPS/1.1', 'HTTP/ 1.1', 'HTTP/1,1', 'HTTP/+1.1'].map(
    (version) =>
      [
        `version ${version}`,
        `GET / ${version}\r\n${HOST}\r\n`,
        400,
        version.includes(' ') ? 'request-line-malformed' : 'version-malformed',
      ] as const,
  ),
  ...['HTTP/0.9', 'HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/3.0'].map(
    (version) => [`version ${version}`, `GET / ${version}\r\n${HOST}\r\n`, 505, 'version-unsupported'] as const,
  ),
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\n', 505, 'version-unsupported'],
  ['CONNECT', 'CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n', 405, 'method-connect'],
  ['TRACE', `TRACE / HTTP/1.1\r\n${HOST}\r\n`, 405, 'method-trace'],
  // The host.
  ['HTTP/1.1 without Host', 'GET / HTTP/1.1\r\nA: 1\r\n\r\n', 400, 'host-missing'],
  ['two Hosts', `GET / HTTP/1.1\r\n${HOST}Host: b\r\n\r\n`, 400, 'host-repeated'],
  ['two equal Hosts', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400, 'host-repeated'],
  ['two Hosts on HTTP/1.0', `GET / HTTP/1.0\r\n${HOST}${HOST}\r\n`, 400, 'host-repeated'],
  ...[
    'a b',
    'a,b',
    'a/b',
    'user@a',
    'a:80x',
    'a:-1',
    'a:65536',
    'a:080',
    'a:1:2',
    ':80',
    'a?b',
    'a#b',
    'a%00b',
    'a\\b',
    'http://a',
    '[::1',
    '::1',
    '[1]',
    '[::g]',
    '[1::2::3]',
    '[1:2:3:4:5:6:7:8:9]',
    '[::1]x',
    '[::1%25eth0]',
    '[::256.0.0.1]',
    '\xe4',
    '"a"',
  ].map((host) => [`Host "${host}"`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, 'host-malformed'] as const),
  ['an empty Host with an absolute-form target', 'GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n', 400, 'host-empty'],
  [
    'a malformed Host beside an absolute-form target',
    'GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n',
    400,
    'host-malformed',
  ],
  // The target.
  ['a scheme other than http', `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-scheme'],
  ['an absolute-form target without authority', `GET http:///a HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-authority'],
  ['user information in the target', `GET http://u:p@a/ HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-authority'],
  ['a malformed port in the target', `GET http://a:b/ HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-authority'],
  ['a target that is neither path nor URI', `GET a HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-form'],
  ['a target in authority-form', `GET a:80 HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-form'],
  ['an asterisk for a method other than OPTIONS', `GET * HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-form'],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-fragment'],
  ['an encoded NUL', `GET /a%00b HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-nul'],
  ['an encoded NUL in the query', `GET /a?b=%00 HTTP/1.1\r\n${HOST}\r\n`, 400, 'target-nul'],
  ...['\x00', '\x01', '\x0b', '\x7f', '\x80', '\xff'].map(
    (character) =>
      [
        `${JSON.stringify(character)} in the target`,
        `GET /a${character} HTTP/1.1\r\n${HOST}\r\n`,
        400,
        'target-malformed',
      ] as const,
  ),
  // Connection, expectations, loops, limits.
  ...[
    'Host',
    'content-length',
    'Transfer-Encoding',
    'Authorization',
    'COOKIE',
    'X-Forwarded-For',
    'x-forwarded-proto',
    'X-Forwarded-Host',
    'X-Forwarded-Port',
    'Forwarded',
    'Via',
    'close, Cookie',
  ].map(
    (name) =>
      [
        `a Connection that names ${name}`,
        post(`Connection: ${name}\r\n`),
        400,
        'connection-names-protected-field',
      ] as const,
  ),
  ['a Connection that is no list of tokens', post('Connection: keep alive\r\n'), 400, 'connection-malformed'],
  ['a Connection with 0xA0 around a word', post('Connection: \xa0close\r\n'), 400, 'connection-malformed'],
  ['another expectation', post('Expect: 200-ok\r\n'), 417, 'expectation-unknown'],
  ['an empty expectation', post('Expect:\r\n'), 417, 'expectation-unknown'],
  ['two expectations', post('Expect: 100-continue\r\nExpect: 100-continue\r\n'), 417, 'expectation-unknown'],
  ['our pseudonym twice in one Via', post('Via: 1.1 tidegate, 1.1 x, 1.0 Tidegate\r\n'), 508, 'forwarding-loop'],
  [
    'our pseudonym in two Via fields',
    post('Via: 1.1 tidegate\r\nVia: HTTP/1.1 tidegate:80 (x)\r\n'),
    508,
    'forwarding-loop',
  ],
  [
    'a malformed Max-Forwards on OPTIONS',
    post('Max-Forwards: -1\r\n', 'OPTIONS / HTTP/1.1'),
    400,
    'max-forwards-malformed',
  ],
  [
    'two Max-Forwards on OPTIONS',
    post('Max-Forwards: 1\r\nMax-Forwards: 0\r\n', 'OPTIONS / HTTP/1.1'),
    400,
    'max-forwards-malformed',
  ],
  ['a target over the limit', `GET /${'a'.repeat(64)} HTTP/1.1\r\n${HOST}\r\n`, 414, 'target-too-long'],
  ['a field too many', post('A: 1\r\n'.repeat(8)), 431, 'fields-too-many'],
  ['a text that is no head', 'GET / HTTP/1.1', 400, 'head-malformed'],
  ['an empty text', '', 400, 'head-malformed'],
];

t.test('what can be read in two ways is refused', async (t) => {
  for (const [promise, text, status, kind] of REFUSED) {
    const head = parseRequestHead(text, LIMITS);
    const seen = head.refused ? `${head.status} ${head.kind}` : 'accepted';
    t.equal(seen, `${status} ${kind}`, promise);
  }
});

const ACCEPTED: readonly (readonly [promise: string, head: string])[] = [
  ['Content-Length 0', post('Content-Length: 0\r\n')],
  ['Content-Length 2^53 - 1', post('Content-Length: 9007199254740991\r\n')],
  ['white space around Content-Length', post('Content-Length: \t 5 \t\r\n')],
  ['CHUNKED', post('Transfer-Encoding: CHUNKED\r\n')],
  ['bytes above 0x7F in a value', post('A: \x80\xff\r\n')],
  ['a tab in a value', post('A: 1\t2\r\n')],
  ['an empty value', post('A:\r\n')],
  ['a name with every token character', post("!#$%&'*+-.^_`|~09AZaz: 1\r\n")],
  ['__proto__ as a name (CVE-2026-21710)', post('__proto__: 1\r\nconstructor: 2\r\n')],
  ['as many fields as the limit', post('A: 1\r\n'.repeat(7))],
  ['a target as long as the limit', `GET /${'a'.repeat(63)} HTTP/1.1\r\n${HOST}\r\n`],
  ['an empty Host with a path', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n'],
  ['a method of its own', `M-SEARCH / HTTP/1.1\r\n${HOST}\r\n`],
  ['a method in lower case', `trace / HTTP/1.1\r\n${HOST}\r\n`],
  ['GET with a body', post('Content-Length: 5\r\n', 'GET / HTTP/1.1')],
  ['our pseudonym once in Via', post('Via: 1.1 tidegate\r\n')],
  ['a Via that only looks like us', post('Via: 1.1 tidegate2, tidegate x, 1.1 x (tidegate)\r\n')],
  ['an empty member in Connection', post('Connection: close, ,\r\n')],
  ...[
    '[::1]',
    '[::1]:8080',
    '[1:2:3:4:5:6:7:8]',
    '[::ffff:1.2.3.4]',
    '[1::]',
    '1.2.3.4:80',
    'a:',
    'A_b.example.',
    'a:65535',
    'x:0',
  ].map((host) => [`Host ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`] as const),
];

t.test('what has one reading is not refused', async (t) => {
  for (const [promise, text] of ACCEPTED) {
    const head = parseRequestHead(text, LIMITS);
    t.equal(head.refused ? head.kind : 'accepted', 'accepted', promise);
  }
});

t.test('a refusal never repeats what the client sent', async (t) => {
  for (const [promise, text] of REFUSED) {
    const head = parseRequestHead(text.replaceAll('a.example', 'zq9marker'), LIMITS);
    if (head.refused) t.notMatch(head.reason + head.kind, /zq9marker/, promise);
  }
});
