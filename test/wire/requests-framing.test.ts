/** Which bodies a request may have: everything that two parsers could frame differently is refused. */
import t from 'tap';
import { forwarded } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type ForwardRow, type RefusalRow, testForwards, testRefusals } from './stage/tables.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});

const post = (fields: string, body = '', line = 'POST /f HTTP/1.1') =>
  `${line}\r\nHost: app.test\r\n${fields}\r\n${body}`;
const CHUNKED_BODY = '5\r\nhello\r\n0\r\n\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';

const refused: RefusalRow[] = [
  [
    'Content-Length before Transfer-Encoding is refused',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
    'content-length-and-transfer-encoding',
  ],
  [
    'Transfer-Encoding before Content-Length is refused',
    post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', CHUNKED_BODY + SMUGGLED),
    400,
    'content-length-and-transfer-encoding',
  ],
  [
    'a Content-Length of 0 with Transfer-Encoding is refused too',
    post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', CHUNKED_BODY),
    400,
    'content-length-and-transfer-encoding',
  ],
  [
    'two different Content-Length are refused',
    post('Content-Length: 5\r\nContent-Length: 6\r\n', `hello${SMUGGLED}`),
    400,
    'content-length-repeated',
  ],
  [
    'two equal Content-Length are refused',
    post('Content-Length: 5\r\ncontent-length: 5\r\n', 'hello'),
    400,
    'content-length-repeated',
  ],
  ...[
    ['a list', '5, 5'],
    ['a plus sign', '+5'],
    ['a minus sign', '-1'],
    ['a hexadecimal number', '0x5'],
    ['nothing', ''],
    ['a space inside', '1 0'],
    ['a leading zero', '05'],
    ['more than 2^53 - 1', '9007199254740992'],
    ['more than 2^64', '18446744073709551621'],
    ['a fraction', '5.0'],
    ['an exponent', '5e0'],
    ['a unit', '5b'],
    ['digits beyond ASCII', '\xb25'],
  ].map(
    ([what, value]) =>
      [
        `a Content-Length with ${what} is refused`,
        post(`Content-Length: ${value}\r\n`, 'hello'),
        400,
        'content-length-malformed',
      ] as const,
  ),
  ...[
    ['an unknown coding', 'Transfer-Encoding: gzip\r\n'],
    ['identity', 'Transfer-Encoding: identity\r\n'],
    ['a coding before chunked', 'Transfer-Encoding: gzip, chunked\r\n'],
    ['a coding after chunked', 'Transfer-Encoding: chunked, identity\r\n'],
    ['chunked twice in one field', 'Transfer-Encoding: chunked, chunked\r\n'],
    ['chunked in two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'],
    ['chunked and something else in two fields', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n'],
    ['a word that begins with chunked', 'Transfer-Encoding: chunkedx\r\n'],
    ['a word that ends in chunked', 'Transfer-Encoding: xchunked\r\n'],
  ].map(
    ([what, fields]) =>
      [
        `Transfer-Encoding with ${what} is not spoken here: 501`,
        post(fields!, CHUNKED_BODY),
        501,
        'transfer-encoding-unsupported',
      ] as const,
  ),
  ...[
    ['quotes', 'Transfer-Encoding: "chunked"\r\n'],
    ['a parameter', 'Transfer-Encoding: chunked;q=1\r\n'],
    ['nothing', 'Transfer-Encoding:\r\n'],
    ['an empty member', 'Transfer-Encoding: ,chunked\r\n'],
    ['a byte beyond ASCII', 'Transfer-Encoding: chunked\xa0\r\n'],
  ].map(
    ([what, fields]) =>
      [
        `a Transfer-Encoding with ${what} is malformed: 400`,
        post(fields!, CHUNKED_BODY),
        400,
        'transfer-encoding-malformed',
      ] as const,
  ),
  [
    'a vertical tab before chunked is no white space: 400',
    post('Transfer-Encoding: \x0bchunked\r\n', CHUNKED_BODY),
    400,
    'field-value-control',
  ],
  [
    'Transfer-Encoding in HTTP/1.0 is refused',
    post('Transfer-Encoding: chunked\r\n', CHUNKED_BODY, 'POST /f HTTP/1.0'),
    400,
    'transfer-encoding-on-http-1.0',
  ],
];

testRefusals(t, () => rig, refused);

const length = 'Content-Length: 5\r\n';
const chunked = 'Transfer-Encoding: chunked\r\n';
const forwards: ForwardRow[] = [
  [
    'a body of announced length is forwarded with its length',
    post(length, 'hello'),
    forwarded({ line: 'POST /f HTTP/1.1', framing: length, body: 'hello' }),
  ],
  [
    'a body of length 0 is forwarded as such',
    post('Content-Length: 0\r\n'),
    forwarded({ line: 'POST /f HTTP/1.1', framing: 'Content-Length: 0\r\n' }),
  ],
  [
    'a chunked body is forwarded in chunks, whatever the case of the coding',
    post('transfer-encoding: cHUNKED\r\n', CHUNKED_BODY),
    forwarded({ line: 'POST /f HTTP/1.1', framing: chunked, body: CHUNKED_BODY }),
  ],
  [
    'a chunked body without data is forwarded as such',
    post(chunked, '0\r\n\r\n'),
    forwarded({ line: 'POST /f HTTP/1.1', framing: chunked, body: '0\r\n\r\n' }),
  ],
  [
    'white space around a length is no part of it',
    post('Content-Length:\t 5 \t\r\n', 'hello'),
    forwarded({ line: 'POST /f HTTP/1.1', framing: length, body: 'hello' }),
  ],
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PURGE'].flatMap((method): ForwardRow[] => [
    [
      `${method} may have a body of announced length`,
      post(length, 'hello', `${method} /f HTTP/1.1`),
      forwarded({ line: `${method} /f HTTP/1.1`, framing: length, body: 'hello' }),
    ],
    [
      `${method} may have a chunked body`,
      post(chunked, CHUNKED_BODY, `${method} /f HTTP/1.1`),
      forwarded({ line: `${method} /f HTTP/1.1`, framing: chunked, body: CHUNKED_BODY }),
    ],
  ]),
  [
    'HTTP/1.0 may have a body of announced length, and leaves as HTTP/1.1',
    post(length, 'hello', 'POST /f HTTP/1.0'),
    forwarded({ line: 'POST /f HTTP/1.1', framing: length, body: 'hello' }).replace('1.1 tidegate', '1.0 tidegate'),
  ],
];

testForwards(t, () => rig, forwards);

t.test('what follows a body of announced length is the next request, byte-exactly', async (t) => {
  const client = await rig.client();
  rig.upstream.take();
  client.send(post(length, `hello${SMUGGLED}`));
  await client.until('two answers', (text) => text.split('HTTP/1.1 200').length === 3);
  t.match(rig.upstream.take(), [/hello$/, /^GET \/smuggled /]);
});
