/** Connections on both sides: how long they live, what waits for what, and who is told when one goes away. */
import t from 'tap';
import { distinctText } from './stage/distinct-text.ts';
import { GET, masked, OK, OK_RELAYED, OK_RELAYED_LAST, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});
t.beforeEach(() => rig.settled());
t.afterEach(() => rig.upstream.answerOk());

const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
const tagged = (tag: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${tag.length}\r\n\r\n${tag}`;
const relayed = (tag: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${tag.length}\r\nVia: 1.1 tidegate\r\n\r\n${tag}`;

t.test('pipelined requests are answered in order, and the endpoint sees one at a time', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(get('/1') + get('/2') + get('/3'));
  for (const tag of ['1', '2', '3']) {
    const { bytes, end } = await rig.upstream.request();
    t.match(bytes, `GET /${tag} `);
    t.strictSame(rig.upstream.take(), [], 'no other request has come');
    end.send(tagged(tag));
  }
  await client.until('three answers', (text) => text === relayed('1') + relayed('2') + relayed('3'));
});

t.test('pipelined requests may be cut anywhere, in heads and in bodies', async (t) => {
  const client = await rig.client();
  const post = 'POST /p HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
  const all = post + get('/1') + post + get('/2');
  await client.sendPieces(all.match(/.{1,7}/gs)!);
  await client.until('four answers', (text) => text === OK_RELAYED.repeat(4));
  t.match(rig.upstream.take(), [/^POST \/p /, /^GET \/1 /, /^POST \/p /, /^GET \/2 /]);
});

t.test('what waits behind a request is bounded by bytes: reading stops at 64 KiB and goes on later', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  // More than the system itself keeps of what is not read.
  const body = distinctText('next', 16 * 1024 * 1024);
  client.send(get('/first'));
  const first = await rig.upstream.request();
  const streamed = client.stream(
    `POST /next HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await rig.untilStalled(client);
  t.ok(client.taken < body.length, 'the client has to wait');
  first.end.send(OK);
  await streamed;
  await client.until('both answers', (text) => text === OK_RELAYED + OK_RELAYED);
  t.equal(rig.upstream.take().at(-1)!.endsWith(`\r\n\r\n${body}`), true);
});

t.test('a connection serves many requests, and its endpoint needs one connection for them', async (t) => {
  const { dials } = rig.endpoint();
  const client = await rig.client();
  for (let count = 1; count <= 20; count++) {
    client.send(GET);
    await client.until('the answer', (text) => text === OK_RELAYED.repeat(count));
  }
  t.equal(rig.endpoint().dials, dials);
});

t.test('bytes after a request with Connection: close are dropped, and its response is unaffected', async (t) => {
  for (const after of [get('/more'), 'garbage\0\n\n', '\r\n']) {
    t.equal(await rig.untilEnd(get('/', 'Connection: close\r\n') + after), OK_RELAYED_LAST);
    t.match(await rig.seen(), [/^GET \/ HTTP.*\r\n\r\n$/s]);
  }
});

t.test('idle connections to the endpoint are used last in, first out', async (t) => {
  rig.upstream.hold();
  const clients = [await rig.client(), await rig.client()];
  const arrivals = [];
  for (const client of clients) {
    client.send(GET);
    arrivals.push(await rig.upstream.request());
  }
  t.not(arrivals[0]!.connection, arrivals[1]!.connection);
  for (const [at, { end }] of arrivals.entries()) {
    end.send(OK);
    await clients[at]!.until('the answer', (text) => text === OK_RELAYED);
  }
  clients[0]!.send(GET);
  const next = await rig.upstream.request();
  t.equal(next.connection, arrivals[1]!.connection);
  next.end.send(OK);
});

for (const then of ['end', 'reset'] as const) {
  t.test(`an idle connection that is closed under our first byte (${then}) costs nobody a request`, async (t) => {
    const before = rig.endpoint().reuseRaces;
    rig.upstream.hold();
    const client = await rig.client();
    client.send(get('/raced'));
    const first = await rig.upstream.request();
    if (then === 'end') first.end.end();
    else first.end.reset();
    const second = await rig.upstream.request();
    t.not(second.connection, first.connection, 'it is sent again on a fresh connection');
    t.equal(masked(second.bytes), masked(first.bytes), 'with the same head');
    second.end.send(OK);
    await client.until('the answer', (text) => text === OK_RELAYED);
    await rig.settled();
    t.equal(rig.endpoint().reuseRaces, before + 1, 'and counted');
  });
}

t.test('a request is sent again once and not twice', async (t) => {
  rig.upstream.respond = ({ end }) => end.end();
  t.equal(await rig.ask(GET), own(502, 'The endpoint closed the connection without an answer.', ''));
  t.equal(rig.upstream.take().length, 2);
});

t.test('a request that has sent some of its body is not sent again', async (t) => {
  rig.upstream.respond = ({ end }) => end.end();
  const post = 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello';
  t.equal(await rig.ask(post), own(502, 'The endpoint closed the connection without an answer.', ''));
  t.equal(rig.upstream.take().length, 1);
});

t.test('a request that is not idempotent is not sent again, though its connection was a used one', async (t) => {
  const before = rig.endpoint().reuseRaces;
  await rig.settled();
  rig.upstream.respond = ({ end }) => end.end();
  const post = 'POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n';
  t.equal(await rig.ask(post), own(502, 'The endpoint closed the connection without an answer.', ''));
  t.equal(rig.upstream.take().length, 1);
  await rig.settled();
  t.equal(rig.endpoint().reuseRaces, before, 'nobody knows whether it was a race');
});

t.test('a request whose body has not been sent yet is sent again, and its body once', async (t) => {
  rig.upstream.respondToHead = ({ end }) => end.end();
  const client = await rig.client();
  client.send('PUT / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\n');
  await rig.upstream.request();
  rig.upstream.respondToHead = () => {};
  const { end } = await rig.upstream.request();
  client.send('hello');
  await end.until('the body', (text) => text.endsWith('\r\n\r\nhello'));
  end.send(OK);
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
});

t.test("a client that goes away takes its request with it: the endpoint's connection ends at once", async (t) => {
  for (const leave of ['reset', 'destroy', 'half-close'] as const) {
    const before = rig.outcomes('client-gone');
    rig.upstream.hold();
    const client = await rig.client();
    client.send(GET);
    const { end } = await rig.upstream.request();
    if (leave === 'reset') client.reset();
    else if (leave === 'destroy') client.socket.destroy();
    else client.end();
    await end.ended();
    await rig.settled();
    t.equal(rig.outcomes('client-gone'), before + 1, `${leave}: it does not count against the version`);
  }
});

t.test('a client that goes away in the middle of a response ends it upstream too', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
  await client.untilHas('hello');
  client.reset();
  await end.ended();
  t.pass('the connection has ended');
});

t.test('a client that goes away in the middle of its body ends the request upstream before it is whole', async (t) => {
  rig.upstream.respondToHead = () => {};
  const client = await rig.client();
  client.send('POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  const { end } = await rig.upstream.request();
  await end.untilHas('5\r\nhello\r\n');
  client.socket.destroy();
  await end.ended();
  t.ok(end.received.endsWith('5\r\nhello\r\n'));
});

t.test('a client that closes between requests is let go in order', async (t) => {
  const client = await rig.client();
  client.send(GET);
  await client.until('the answer', (text) => text === OK_RELAYED);
  client.end();
  t.equal(await client.ended(), 'end');
  t.equal(client.received, OK_RELAYED);
});

t.test('an idle connection that the endpoint closes is not used again', async (t) => {
  const { reuseRaces } = rig.endpoint();
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const first = await rig.upstream.request();
  first.end.send(OK);
  await client.until('the answer', (text) => text === OK_RELAYED);
  first.end.end();
  await first.end.ended();
  client.send(GET);
  const second = await rig.upstream.request();
  t.not(second.connection, first.connection);
  second.end.send(OK);
  await client.until('the next answer', (text) => text === OK_RELAYED + OK_RELAYED);
  t.equal(rig.endpoint().reuseRaces, reuseRaces);
});

t.test('an idle connection is given up before the endpoint would close it by its own account', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1, max=5\r\nContent-Length: 2\r\n\r\nok');
  t.equal(await end.ended(), 'end');
  await client.until('the answer', (text) => text === OK_RELAYED);
  t.equal(client.ending, null, 'and the client knows nothing of it');
});

t.test('an endpoint that closes idle connections at one age teaches us to close them earlier', async (t) => {
  const IDLE_MS = 500;
  // On a machine with other work the ages that Tidegate sees do not always agree, and it takes more of them.
  const ROUNDS_MAX = 20;
  let theirs = 0;
  for (let ours = 0; ours === 0 && theirs < ROUNDS_MAX; ) {
    rig.upstream.hold();
    const client = await rig.client();
    client.send(GET);
    const { end } = await rig.upstream.request();
    end.send(OK);
    await client.until('the answer', (text) => text === OK_RELAYED);
    let isTheirs = false;
    const timer = setTimeout(() => {
      isTheirs = true;
      end.end();
    }, IDLE_MS);
    await end.ended();
    clearTimeout(timer);
    if (isTheirs) theirs += 1;
    else ours += 1;
    client.socket.destroy();
  }
  t.ok(theirs >= 3 && theirs < ROUNDS_MAX, `after ${theirs} times`);
});
