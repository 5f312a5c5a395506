/**
 * PROXY headers from clients: who is believed, who the client then is, and what becomes of bytes that are no header.
 */
import t, { type Test } from 'tap';
import { GET, masked, OK_RELAYED, OK_RELAYED_LAST, own, refusal } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const V1 = 'PROXY TCP4 192.0.2.1 198.51.100.2 56583 443\r\n';
const V2 = `${SIGNATURE}\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\xdd\x07\x01\xbb`;
const V2_TLVS = `${SIGNATURE}\x21\x11\x00\x18\xc0\x00\x02\x01\xc6\x33\x64\x02\xdd\x07\x01\xbb\x04\x00\x09GET / HT\r`;
const V2_V6 = `${SIGNATURE}\x21\x21\x00\x24\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01\x20\x01\x0d\xb8${'\0'.repeat(11)}\x02\xdd\x07\x01\xbb`;
const V2_LOCAL = `${SIGNATURE}\x20\x00\x00\x00`;
const V2_UNSPEC = `${SIGNATURE}\x21\x00\x00\x00`;

const BAD_REQUEST = /^HTTP\/1\.1 400 Bad Request\r\n/;
const TRUSTED = ['127.0.0.0/8', '10.0.0.0/8'];

let accepting: Rig;
let requiring: Rig;
let strange: Rig;
let guarded: Rig;
t.before(async () => {
  const setting = (proxyProtocol: string, trustedProxies: readonly string[], head = '10s') => ({
    listener: { proxyProtocol, trustedProxies, timeouts: { head, keepAlive: '20s' } },
  });
  accepting = await Rig.start(t, setting('accept', TRUSTED));
  requiring = await Rig.start(t, setting('require', TRUSTED));
  strange = await Rig.start(t, setting('accept', ['10.0.0.0/8']));
  guarded = await Rig.start(t, setting('require', ['10.0.0.0/8']));
});

/** The lines about the way of the only request that the upstream has been sent. */
function wayOf(rig: Rig): readonly string[] {
  const requests = rig.upstream.take();
  if (requests.length !== 1) throw new Error(`${requests.length} requests have come`);
  return masked(requests[0]!)
    .split('\r\n')
    .filter((line) => /^(x-forwarded-(for|port)|forwarded)/i.test(line));
}

const WITH_PORT = 'GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-Port: 1\r\n\r\n';
const CLAIM = 'GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n';

const NAMED = [
  'X-Forwarded-For: 192.0.2.1',
  'X-Forwarded-Port: 443',
  'Forwarded: for=192.0.2.1;host=app.test;proto=http',
];

t.test('a header of a trusted peer says who the client is and which port it came to', async (t) => {
  for (const rig of [accepting, requiring]) {
    for (const [name, header] of [
      ['v1', V1],
      ['v2', V2],
      ['v2 with TLVs', V2_TLVS],
    ] as const) {
      t.equal(await rig.ask(header + WITH_PORT), OK_RELAYED, name);
      t.strictSame(wayOf(rig), NAMED, name);
    }
    t.equal(await rig.ask(V2_V6 + GET), OK_RELAYED);
    t.strictSame(wayOf(rig), [
      'X-Forwarded-For: 2001:db8::1',
      'Forwarded: for="[2001:db8::1]";host=app.test;proto=http',
    ]);
  }
});

/** Asks with the bytes cut in two at every byte of the header and of the start of the request, and byte by byte. */
async function askInAllCuts(t: Test, rig: Rig, header: string, expected: readonly string[]): Promise<void> {
  const bytes = header + WITH_PORT;
  const wrong: string[] = [];
  for (let at = 1; at <= header.length + 4; at++) {
    const answer = await rig.ask([bytes.slice(0, at), bytes.slice(at)]);
    const way = wayOf(rig);
    if (answer !== OK_RELAYED || String(way) !== String(expected)) wrong.push(`cut at ${at}: ${answer} ${way}`);
  }
  const answer = await rig.ask([...bytes]);
  t.equal(answer, OK_RELAYED);
  t.strictSame(wayOf(rig), expected, 'byte by byte');
  t.same(wrong, []);
}

t.test('a header that is cut at any byte means the same', async (t) => {
  await askInAllCuts(t, accepting, V1, NAMED);
  await askInAllCuts(t, requiring, V1, NAMED);
  await askInAllCuts(t, accepting, V2_TLVS, NAMED);
  await askInAllCuts(t, requiring, V2, NAMED);
});

t.test('where a header may come, a request may too, however it is cut', async (t) => {
  for (const method of ['GET', 'POST', 'PUT', 'PROPFIND', 'PRO', 'PROX', 'PROXYING']) {
    const request = `${method} / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n`;
    for (const pieces of [[request], [request.slice(0, 1), request.slice(1)], [...request]]) {
      t.equal(await accepting.ask(pieces), OK_RELAYED, `${method} in ${pieces.length}`);
      t.equal(wayOf(accepting)[0], 'X-Forwarded-For: 127.0.0.1');
    }
  }
  t.equal(await accepting.ask(`\r\n${GET}`), OK_RELAYED, 'an empty line in front is no header');
  t.equal(await accepting.ask(['\r', '\n', '\r\n', GET]), OK_RELAYED, 'two empty lines, in pieces');
  t.equal(await accepting.untilEnd(['\r\n\r\n\0', '\r\nX']), refusal(400, 'head-malformed'));
  accepting.upstream.take();
});

t.test('where a header must come, whatever else comes gets no answer, and reaches nobody', async (t) => {
  const refused = requiring.refusals();
  const others = [GET, `P${GET}`, 'X', `\r\n${GET}`, `PROXY${GET}`, `PROXY TCP5 ${GET}`, `${SIGNATURE}\x31`];
  for (const bytes of others) t.equal(await requiring.untilEnd(bytes), '', JSON.stringify(bytes));
  t.equal(requiring.refusals() - refused, others.length, 'each is counted');
  t.equal(await requiring.ask(V1 + GET), OK_RELAYED);
  t.equal(requiring.upstream.take().length, 1);
});

t.test('a header that is broken ends the connection without an answer', async (t) => {
  for (const bytes of [
    'PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n',
    `PROXY UNKNOWN ${'x'.repeat(200)}\r\n`,
    `${SIGNATURE}\x21\x12\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\xdd\x07\x01\xbb`,
    `${SIGNATURE}\x21\x11\xff\xff`,
  ]) {
    t.equal(await accepting.untilEnd(bytes + GET), '', JSON.stringify(bytes));
    t.equal(await accepting.untilEnd([...bytes]), '', `${JSON.stringify(bytes)}, byte by byte`);
  }
  t.same(await accepting.seen(), []);
});

t.test('a second header is no request', async (t) => {
  t.match(await accepting.untilEnd(V1 + V1 + GET), BAD_REQUEST);
  t.match(await accepting.untilEnd(V1 + V2 + GET), BAD_REQUEST);
  const answers = await accepting.untilEnd(`${V1}${GET}${V1}\r\n`);
  t.equal(answers.slice(0, OK_RELAYED.length), OK_RELAYED, 'what is owed comes first');
  t.match(answers.slice(OK_RELAYED.length), BAD_REQUEST);
  t.equal(accepting.upstream.take().length, 1);
});

t.test('a stranger cannot say who it is: its header is a malformed request, or it is not let in at all', async (t) => {
  t.match(await strange.untilEnd(V1 + GET), BAD_REQUEST);
  t.match(await strange.untilEnd(V2 + GET), BAD_REQUEST);
  t.equal(await strange.ask(CLAIM), OK_RELAYED);
  t.match(wayOf(strange)[0], 'X-Forwarded-For: 127.0.0.1');
  const refused = guarded.refusals();
  t.equal(await guarded.untilEnd(V1 + GET), '');
  t.equal(await guarded.untilEnd(GET), '');
  t.equal(guarded.refusals() - refused, 2);
  t.same(guarded.upstream.take(), []);
});

t.test('without the setting a header is a malformed request, also from a trusted peer', async (t) => {
  const rig = await Rig.start(t);
  t.match(await rig.untilEnd(V1 + GET, 'trusting'), BAD_REQUEST);
});

t.test('the client that is named is believed as far as it is trusted itself', async (t) => {
  const cases: readonly (readonly [header: string, forwardedFor: string, why: string])[] = [
    [V1, '192.0.2.1', 'a stranger'],
    ['PROXY TCP4 10.0.0.7 198.51.100.2 1 2\r\n', '203.0.113.9, 10.0.0.7', 'a trusted proxy behind the first'],
    [V2_LOCAL, '203.0.113.9, 127.0.0.1', 'the peer, for itself'],
    ['PROXY UNKNOWN\r\n', '127.0.0.1', 'somebody behind the peer'],
    [V2_UNSPEC, '127.0.0.1', 'somebody behind the peer'],
    [`${SIGNATURE}\x21\x31\x00\xd8${'/'.repeat(216)}`, '127.0.0.1', 'somebody on a Unix socket of the peer'],
  ];
  for (const [header, forwardedFor, why] of cases) {
    t.equal(await accepting.ask(header + CLAIM), OK_RELAYED, why);
    t.equal(wayOf(accepting)[0], `X-Forwarded-For: ${forwardedFor}`, why);
  }
});

t.test('one header holds for all requests of its connection', async (t) => {
  const last = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n';
  t.equal(await requiring.untilEnd(V1 + GET + last), OK_RELAYED + OK_RELAYED_LAST);
  const requests = requiring.upstream.take();
  t.equal(requests.length, 2);
  for (const request of requests) t.match(request, 'X-Forwarded-For: 192.0.2.1\r\n');
});

t.test(
  'a header that does not come whole in time ends the connection, as does its absence where it must come',
  async (t) => {
    const listener = { trustedProxies: TRUSTED, timeouts: { head: '200ms', keepAlive: '20s' } };
    const maybe = await Rig.start(t, { listener: { ...listener, proxyProtocol: 'accept' } });
    const must = await Rig.start(t, { listener: { ...listener, proxyProtocol: 'require' } });
    for (const rig of [maybe, must]) {
      t.equal(await rig.untilEnd(V1.slice(0, -1)), '', 'an unfinished header');
      t.equal(await rig.untilEnd(V2.slice(0, -1)), '', 'an unfinished header');
      t.equal(await rig.untilEnd(`${V1}GET /`), own(408, 'The head did not arrive in time.'), 'an unfinished request');
    }
    t.equal(await must.untilEnd([]), '', 'nothing at all');
    const silent = await maybe.client();
    t.equal(await maybe.untilEnd('PROX'), '', 'a prefix');
    t.equal(silent.ending, null, 'who says nothing where nothing must be said waits for keepAlive');
  },
);

t.test('behind a proxy the connections of each named client are counted, and those of the proxy are not', async (t) => {
  const rig = await Rig.start(t, {
    listener: { proxyProtocol: 'accept', trustedProxies: TRUSTED, connectionsPerClient: 2 },
  });
  const open = async (header: string) => {
    const client = await rig.client();
    await client.sendPieces([header + GET]);
    return client;
  };
  const served = async (header: string) => {
    const client = await open(header);
    await client.until('the answer', (text) => text.endsWith('ok'));
    return client;
  };
  const first = await served(V1);
  await served(V2);
  await (await open(V1)).ended().catch(() => {});
  t.equal(rig.upstream.take().length, 2, 'of the third connection nothing went on');
  for (let count = 0; count < 3; count++) {
    await served(V2_LOCAL);
    await served(V1.replace('192.0.2.1', `192.0.2.${10 + count}`));
  }
  first.socket.destroy();
  for (;;) {
    const again = await open(V1);
    const answer = again.until('the answer', (text) => text.endsWith('ok')).catch(() => '');
    if ((await answer) !== '') break;
  }
  t.pass('another one is served when one has gone');
});
