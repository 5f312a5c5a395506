/**
 * Bytes that once broke well-known implementations, and what is answered to them here. Each test is named by its wound.
 *
 * Where a weakness was one of clients or of a language's library (splitting by what an application put into a path or a
 * value), the test is about the proxy's part in it: such bytes are refused, or pass unchanged and never become a line end.
 */
import t from 'tap';
import { forwarded, GET, masked, OK, OK_RELAYED, own, refusal } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type RefusalRow, testForwards, testRefusals } from './stage/tables.ts';

const HEAD_MS = 200;
const IDLE_MS = 200;

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t, {
    listener: { timeouts: { head: `${HEAD_MS}ms` } },
    service: { timeouts: { idle: `${IDLE_MS}ms` } },
  });
});
t.beforeEach(() => rig.settled());
t.afterEach(() => rig.upstream.answerOk());

const BAD_BODY = own(400, 'The body is not well-formed.');
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';
const post = (fields: string, body: string) => `POST / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);

const refused: RefusalRow[] = [
  [
    'CVE-2016-2086: a Content-Length that is no plain number frames nothing',
    post('Content-Length: 5\r\nContent-Length: 50\r\n', `hello${SMUGGLED}`),
    400,
    'content-length-repeated',
  ],
  [
    'CVE-2016-2086: neither does one with a tail',
    post('Content-Length: 5;\r\n', `hello${SMUGGLED}`),
    400,
    'content-length-malformed',
  ],
  [
    'CVE-2018-7159: spaces inside a Content-Length are not skipped',
    post('Content-Length: 1 2\r\n', 'hello world!'),
    400,
    'content-length-malformed',
  ],
  [
    'CVE-2018-12116: raw characters in a target, which might be cut down to CR and LF, are refused',
    'GET /a\xc4\xa0HTTP/1.1\xc4\x8d\xc4\x8aHost:\xc4\xa0evil HTTP/1.1\r\nHost: app.test\r\n\r\n',
    400,
    'target-malformed',
  ],
  [
    'CVE-2018-12121: a head of 80 KB is refused at 16 KiB',
    `GET / HTTP/1.1\r\nHost: app.test\r\n${`X: ${'y'.repeat(1000)}\r\n`.repeat(80)}\r\n`,
    431,
    'head-too-large',
  ],
  [
    'CVE-2019-15605: a vertical tab before chunked does not hide it',
    post('Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
    'field-value-control',
  ],
  [
    'CVE-2019-15605: a coding that is not ours does not leave the length to rule',
    post('Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
    'content-length-and-transfer-encoding',
  ],
  [
    'CVE-2020-8201: a CR in a name does not become a hyphen',
    post('Content\rLength: 5\r\n', `hello${SMUGGLED}`),
    400,
    'bare-carriage-return',
  ],
  [
    'CVE-2020-8287: the second of two Transfer-Encoding is not ignored',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked-false\r\n', `0\r\n\r\n${SMUGGLED}`),
    501,
    'transfer-encoding-unsupported',
  ],
  [
    'CVE-2021-22959: a name with a space before its colon is not taken for the name',
    post('Content-Length : 5\r\n', `hello${SMUGGLED}`),
    400,
    'space-before-colon',
  ],
  [
    'CVE-2022-32213: a Transfer-Encoding with more than chunked is not read as chunked',
    post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${SMUGGLED}`),
    501,
    'transfer-encoding-unsupported',
  ],
  [
    'CVE-2022-32213: nor is one that only begins with it',
    post('Transfer-Encoding: chunkedchunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    501,
    'transfer-encoding-unsupported',
  ],
  [
    'CVE-2022-32214: an LF alone ends no line',
    'GET / HTTP/1.1\r\nHost: app.test\r\nX: y\nContent-Length: 5\r\n\r\nhello',
    400,
    'bare-line-feed',
  ],
  [
    'CVE-2022-32215: a Transfer-Encoding over several lines is refused',
    post('Transfer-Encoding: chunked\r\n , identity\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
    'obs-fold',
  ],
  [
    'CVE-2022-35256: a field that does not end in CRLF is refused',
    post('X: y\rContent-Length: 5\r\n', 'hello'),
    400,
    'bare-carriage-return',
  ],
  [
    'CVE-2022-35256: an empty value does not make the next line its own',
    post('Transfer-Encoding:\n chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
    'bare-line-feed',
  ],
  [
    'CVE-2023-30589: a CR alone separates no fields',
    post('X-Abc:\rxTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    400,
    'bare-carriage-return',
  ],
  [
    'CVE-2024-27982: a Content-Length with a space before it is refused',
    'POST / HTTP/1.1\r\n Content-Length: 5\r\nHost: app.test\r\n\r\nhello',
    400,
    'space-before-field',
  ],
  ['CVE-2024-27982: also after another field', post(' Content-Length: 5\r\n', `hello${SMUGGLED}`), 400, 'obs-fold'],
  [
    'CVE-2025-23167: CR LF CR and something else ends no head',
    `GET / HTTP/1.1\r\nHost: app.test\r\n\rX: y\r\n\r\n${SMUGGLED}`,
    400,
    'bare-carriage-return',
  ],
  [
    'CVE-2026-58044: fields past 1,000 are not hidden: the request is refused',
    post(`${'X: y\r\n'.repeat(1001)}Content-Length: 5\r\n`, 'hello'),
    431,
    'fields-too-many',
  ],
  [
    'llhttp: HTTP/0.9 has no body, and is not spoken',
    `POST / HTTP/0.9\r\nHost: app.test\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    505,
    'version-unsupported',
  ],
  [
    'llhttp: a request line without version is no request',
    `POST /\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello`,
    400,
    'version-malformed',
  ],
];
testRefusals(t, () => rig, refused);

testForwards(t, () => rig, [
  [
    'CVE-2016-2216: characters that could be cut down to CR and LF pass unchanged',
    'GET / HTTP/1.1\r\nHost: app.test\r\nX: a\xc4\x8d\xc4\x8aSet-Cookie: b\r\n\r\n',
    forwarded({ lines: 'X: a\xc4\x8d\xc4\x8aSet-Cookie: b\r\n' }),
  ],
  [
    'CVE-2019-15606: white space after a value is no part of it',
    'POST / HTTP/1.1\r\nHost: app.test \t\r\nContent-Length: 5 \r\n\r\nhello',
    forwarded({ line: 'POST / HTTP/1.1', framing: 'Content-Length: 5\r\n', body: 'hello' }),
  ],
  [
    'CVE-2026-21710: __proto__ is a name like any other',
    'GET / HTTP/1.1\r\nHost: app.test\r\n__proto__: a\r\nconstructor: b\r\n__PROTO__: c\r\n\r\n',
    forwarded({ lines: '__proto__: a\r\nconstructor: b\r\n__PROTO__: c\r\n' }),
  ],
  ...['DELETE', 'OPTIONS'].map(
    (method) =>
      [
        `GHSA-ggv3-7p47-pfv8: ${method} with a chunked body is forwarded with that body, and not as a request of its own`,
        `${method} /x HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
        forwarded({
          line: `${method} /x HTTP/1.1`,
          framing: 'Transfer-Encoding: chunked\r\n',
          body: `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
        }),
      ] as const,
  ),
]);

t.test('CVE-2016-2216: in a response, too, such characters pass unchanged', async (t) => {
  rig.upstream.answer('HTTP/1.1 200 OK\r\nX: a\xc4\x8d\xc4\x8aSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok');
  t.match(await rig.ask(GET), '\r\nX: a\xc4\x8d\xc4\x8aSet-Cookie: b\r\n');
});

t.test('CVE-2018-12122: a head that comes byte by byte is given its time once', async (t) => {
  const client = await rig.client();
  const feed = setInterval(() => client.send('X: y\r\n'), 20);
  t.teardown(() => clearInterval(feed));
  client.send('GET / HTTP/1.1\r\nHost: app.test\r\n');
  await client.ended();
  t.equal(masked(client.received), refusal(408, 'head-timeout'));
});

t.test('CVE-2019-5737: a connection that was used before gives a slow head no more time', async (t) => {
  const client = await rig.client();
  client.send(GET);
  await client.until('the answer', (text) => text === OK_RELAYED);
  const feed = setInterval(() => client.send('X'), 20);
  t.teardown(() => clearInterval(feed));
  await client.ended();
  t.equal(masked(client.received), OK_RELAYED + refusal(408, 'head-timeout'));
});

t.test('CVE-2020-8251: a request whose body never comes does not hold its connections for ever', async (t) => {
  rig.upstream.respondToHead = () => {};
  const client = await rig.client();
  client.send(post('Content-Length: 5\r\n', ''));
  const { end } = await rig.upstream.request();
  await Promise.all([client.ended(), end.ended()]);
  t.equal(masked(client.received), own(408, 'The body did not come in time.'));
});

t.test('CVE-2020-8287: no Transfer-Encoding of another spelling slips through', async (t) => {
  for (const field of ['Transfer_Encoding', 'Transfer-Encodin', 'TransferEncoding', 'XTransfer-Encoding']) {
    t.equal(await rig.ask(`GET / HTTP/1.1\r\nHost: app.test\r\n${field}: chunked\r\n\r\n`), OK_RELAYED);
    t.strictSame(
      rig.upstream.take().map(masked),
      [forwarded({ lines: `${field}: chunked\r\n` })],
      'and frames nothing',
    );
  }
});

t.test('CVE-2021-22960: what stands behind a chunk size is checked, and an LF there ends nothing', async (t) => {
  rig.upstream.hold();
  for (const body of ['2 \nxx\r\n4c\r\n0\r\n\r\n', '2;\nxx\r\n4c\r\n0\r\n\r\n', '2;a\nxx\r\n0\r\n\r\n']) {
    t.equal(await rig.untilEnd(chunked(body + SMUGGLED)), BAD_BODY);
  }
  for (const seen of await rig.seen()) t.notMatch(seen, /\r\n0\r\n|smuggled/);
});

t.test('CVE-2024-22019: an endless chunk extension is refused after 256 bytes', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(chunked('1;'));
  const feed = setInterval(() => client.send('a'.repeat(64)), 1);
  t.teardown(() => clearInterval(feed));
  await client.ended();
  t.equal(masked(client.received), BAD_BODY);
  for (const seen of await rig.seen()) t.notMatch(seen, /aaa|\r\n0\r\n/);
});

t.test(
  'CVE-2024-22019: endless small extensions are refused after 16 KiB, though each chunk brings a byte',
  async (t) => {
    rig.upstream.hold();
    const client = await rig.client();
    client.send(chunked(''));
    const feed = setInterval(() => client.send(`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(20)), 1);
    t.teardown(() => clearInterval(feed));
    await client.ended();
    t.equal(masked(client.received), BAD_BODY);
    await rig.seen();
  },
);

t.test(
  'CVE-2026-58044: where more fields are allowed, the last one frames the request and is seen by all',
  async (t) => {
    const wide = await Rig.start(t, { limits: { fields: 2000, head: '64KiB' } });
    const lines = Array.from({ length: 1500 }, (_, at) => `X-${at}: y\r\n`).join('');
    t.equal(await wide.ask(post(`${lines}Content-Length: 5\r\n`, 'hello')), OK_RELAYED);
    t.strictSame(wide.upstream.take().map(masked), [
      forwarded({ line: 'POST / HTTP/1.1', lines, framing: 'Content-Length: 5\r\n', body: 'hello' }),
    ]);
  },
);

t.test('response-queue poisoning: a second response to one request reaches nobody', async (t) => {
  const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
  rig.upstream.hold();
  const [first, second] = [await rig.client(), await rig.client()];
  first.send(GET);
  const { end } = await rig.upstream.request();
  end.send(OK + poison);
  await first.until('the answer', (text) => text === OK_RELAYED);
  rig.upstream.answerOk();
  second.send(GET);
  await second.until('the answer', (text) => text === OK_RELAYED);
  first.send(GET);
  await first.until('the next answer', (text) => text === OK_RELAYED + OK_RELAYED);
  t.equal(await end.ended(), 'end');
});

t.test('response-queue poisoning: the answer to a request that was given up goes to nobody', async (t) => {
  rig.upstream.hold();
  const gone = await rig.client();
  gone.send(GET);
  const { end } = await rig.upstream.request();
  gone.reset();
  await end.ended();
  end.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
  rig.upstream.answerOk();
  t.equal(await rig.ask(GET), OK_RELAYED);
});

t.test('response-queue poisoning: HEAD, 204 and 304 with a body do not shift the answers of others', async (t) => {
  for (const [method, head] of [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n'],
    ['GET', 'HTTP/1.1 204 No\r\nContent-Length: 43\r\n\r\n'],
    ['GET', 'HTTP/1.1 304 No\r\nContent-Length: 43\r\n\r\n'],
  ] as const) {
    rig.upstream.answer(`${head}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    await rig.ask(GET.replace('GET', method));
    rig.upstream.answerOk();
    t.equal(await rig.ask(GET), OK_RELAYED);
  }
});
