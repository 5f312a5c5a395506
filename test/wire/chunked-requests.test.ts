/**
 * Chunked request bodies. The head is forwarded before the body has come, so a bad body is answered with 400 as long as no
 * response has begun, and the endpoint's connection is destroyed: the request that it has seen the head of never becomes
 * whole.
 */
import t from 'tap';
import { cutsOf } from './stage/cuts.ts';
import { forwarded, GET, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type ForwardRow, testForwards } from './stage/tables.ts';

const BAD_BODY = own(400, 'The body is not well-formed.');
const HEAD = 'POST /c HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n';
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});

const extension = (bytes: number) => `;${'x'.repeat(bytes - 1)}`;

const bad: readonly (readonly [what: string, body: string])[] = [
  ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a size with plus', '+5\r\nhello\r\n0\r\n\r\n'],
  ['no size', '\r\nhello\r\n0\r\n\r\n'],
  ['a size that is no number', 'g\r\nhello\r\n0\r\n\r\n'],
  ['a size with an underscore', '1_0\r\nhello\r\n0\r\n\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a space after the size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['a tab after the size', '5\t\r\nhello\r\n0\r\n\r\n'],
  ['a size of 17 digits', '00000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a size of 2^53', '20000000000000\r\nhello\r\n0\r\n\r\n'],
  ['a size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['an LF alone after the size', '5\nhello\r\n0\r\n\r\n'],
  ['a CR alone after the size', '5\rhello\r\n0\r\n\r\n'],
  ['an LF alone after the data', '5\r\nhello\n0\r\n\r\n'],
  ['a CR alone after the data', '5\r\nhello\r0\r\n\r\n'],
  ['no line end after the data', '5\r\nhello0\r\n\r\n'],
  ['more data than the size', '5\r\nhello!\r\n0\r\n\r\n'],
  ['an LF alone after the last size', '5\r\nhello\r\n0\n\r\n'],
  ['an LF alone as the end', '5\r\nhello\r\n0\r\n\n'],
  ['a CR and something else as the end', '5\r\nhello\r\n0\r\n\rX'],
  ['an extension without name', '5;\r\nhello\r\n0\r\n\r\n'],
  ['an extension with a space', '5; a=b\r\nhello\r\n0\r\n\r\n'],
  ['an extension that ends in LF', '5;a\nhello\r\n0\r\n\r\n'],
  ['an extension with a CR inside', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['an extension with an open quote', '5;a="b\r\nhello\r\n0\r\n\r\n'],
  ['an extension of more than 256 bytes', `5${extension(257)}\r\nhello\r\n0\r\n\r\n`],
  ['extensions of more than 16 KiB in all', `${`1${extension(250)}\r\nx\r\n`.repeat(66)}0\r\n\r\n`],
  ['a trailer without colon', '5\r\nhello\r\n0\r\nX-A\r\n\r\n'],
  ['a trailer with a space before its colon', '5\r\nhello\r\n0\r\nX-A : b\r\n\r\n'],
  ['a folded trailer', '5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n'],
  ['a trailer that ends in LF', '5\r\nhello\r\n0\r\nX-A: b\nX-C: d\r\n\r\n'],
  ['trailers of more than 16 KiB', `5\r\nhello\r\n0\r\nX: ${'y'.repeat(17_000)}\r\n\r\n`],
  ['more than 128 trailers', `5\r\nhello\r\n0\r\n${'X: y\r\n'.repeat(129)}\r\n`],
];

for (const [what, body] of bad) {
  t.test(
    `a chunked body with ${what} is answered with 400 and a close, and never becomes whole upstream`,
    async (t) => {
      rig.upstream.hold();
      const bytes = HEAD + body + SMUGGLED;
      t.equal(await rig.untilEnd(bytes), BAD_BODY, 'sent whole');
      for (const { name, pieces } of cutsOf(bytes)) t.equal(await rig.untilEnd(pieces), BAD_BODY, `sent ${name}`);
      for (const seen of await rig.seen()) t.notMatch(seen, /\r\n0\r\n|smuggled/);
      rig.upstream.answerOk();
      t.equal(await rig.untilEnd(GET + bytes), OK_RELAYED + BAD_BODY, 'after what is owed');
      await rig.seen();
    },
  );
}

const row = (title: string, body: string, sent: string): ForwardRow => [
  title,
  HEAD + body,
  forwarded({ line: 'POST /c HTTP/1.1', framing: 'Transfer-Encoding: chunked\r\n', body: sent }),
];
testForwards(t, () => rig, [
  row('several chunks are one body', '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  row(
    'sizes may have up to 16 digits, of any case',
    '000000000000000B\r\nhello world\r\n00\r\n\r\n',
    'b\r\nhello world\r\n0\r\n\r\n',
  ),
  row('extensions are checked and dropped', '5;a;b=c;d="e \\" ;"\r\nhello\r\n0;f\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  row('an extension may have 256 bytes', `5${extension(256)}\r\nhello\r\n0\r\n\r\n`, '5\r\nhello\r\n0\r\n\r\n'),
  row('line ends inside data are data', '6\r\n0\r\n\r\nX\r\n0\r\n\r\n', '6\r\n0\r\n\r\nX\r\n0\r\n\r\n'),
  row(
    'trailers are forwarded',
    '5\r\nhello\r\n0\r\nX-A: b\r\nx-C:d\r\n\r\n',
    '5\r\nhello\r\n0\r\nX-A: b\r\nx-C:d\r\n\r\n',
  ),
  row(
    'trailers that would frame, route or authenticate are dropped',
    '5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: evil\r\nX-A: b\r\nTransfer-Encoding: chunked\r\nCookie: c\r\nAuthorization: d\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n',
    '5\r\nhello\r\n0\r\nX-A: b\r\n\r\n',
  ),
  row('a section of nothing but such trailers is an empty one', '0\r\nHost: evil\r\n\r\n', '0\r\n\r\n'),
]);

testForwards(t, () => rig, [
  [
    'the names of announced trailers are forwarded, those that are dropped left out',
    'POST /c HTTP/1.1\r\nHost: app.test\r\nTrailer: X-A, Host\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\n\r\n',
    forwarded({
      line: 'POST /c HTTP/1.1',
      framing: 'Transfer-Encoding: chunked\r\nTrailer: X-A\r\n',
      body: '0\r\nX-A: b\r\n\r\n',
    }),
  ],
]);

t.test('what follows a chunked body is the next request, byte-exactly', async (t) => {
  const client = await rig.client();
  client.send(`${HEAD}5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`);
  await client.until('two answers', (text) => text === OK_RELAYED + OK_RELAYED);
  t.match(rig.upstream.take(), [/^POST \/c /, /^GET \/smuggled /]);
});

t.test('a body that turns bad after its response has begun ends both connections', async (t) => {
  rig.upstream.hold();
  rig.upstream.respondToHead = ({ end }) => end.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  const client = await rig.client();
  client.send(`${HEAD}5\r\nhello\r\n`);
  const { end } = await rig.upstream.request();
  await client.untilHas('hello');
  client.send('x\r\n');
  await Promise.all([client.ended(), end.ended()]);
  t.ok(client.received.endsWith('\r\n\r\nhello'), 'nothing is added to the partial response');
  t.notMatch(end.received.slice(end.received.lastIndexOf('POST ')), /\r\n0\r\n/);
  rig.upstream.answerOk();
});

t.test('data is passed on as it comes, and not when the body is complete', async (t) => {
  rig.upstream.respondToHead = () => {};
  const client = await rig.client();
  client.send(`${HEAD}5\r\nhello\r\n`);
  const { end } = await rig.upstream.request();
  await end.untilHas('5\r\nhello\r\n');
  client.send('1\r\n!\r\n');
  await end.untilHas('1\r\n!\r\n');
  client.send('0\r\n\r\n');
  await end.until('the last chunk', (text) => text.endsWith('5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n'));
  end.send(OK);
  t.equal(await client.until('the answer', (text) => text === OK_RELAYED), OK_RELAYED);
  rig.upstream.answerOk();
});
