/** Bodies larger than any buffer: they pass byte-exactly in both directions, and whoever is faster waits. */
import t from 'tap';
import { distinctText } from './stage/distinct-text.ts';
import { chunkedEnd, GET, OK, OK_RELAYED } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

const LARGE = 16 * 1024 * 1024;
const MEDIUM = 1024 * 1024;

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t);
});
t.beforeEach(() => rig.settled());
t.afterEach(() => rig.upstream.answerOk());

const inOneChunk = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** The body of a whole response as the client has got it. */
function bodyOf(response: string): string {
  const from = response.indexOf('\r\n\r\n') + 4;
  return /\r\nTransfer-Encoding: chunked\r\n/.test(response.slice(0, from))
    ? chunkedEnd(response, from).data
    : response.slice(from);
}

t.test(
  'an endpoint waits for a client that reads slowly, and none of the body is lost or mixed with that of others',
  async (t) => {
    const body = distinctText('down', LARGE);
    rig.upstream.hold();
    const client = await rig.client();
    client.socket.pause();
    client.send(GET);
    const { end } = await rig.upstream.request();
    const streamed = end.stream(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${inOneChunk(body)}`);
    await rig.untilStalled(end);
    t.ok(end.taken < body.length, 'the endpoint has to wait');
    const other = distinctText('other', MEDIUM);
    rig.upstream.answer(`HTTP/1.1 200 OK\r\nContent-Length: ${other.length}\r\n\r\n${other}`);
    t.equal(bodyOf(await rig.ask(GET)) === other, true, 'and others go on meanwhile');
    client.socket.resume();
    await streamed;
    const text = await client.until('the end', (received) => received.endsWith('\r\n0\r\n\r\n'));
    t.equal(bodyOf(text) === body, true);
  },
);

t.test('a client waits for an endpoint that reads slowly, and none of the body is lost', async (t) => {
  rig.upstream.respondToHead = ({ end }) => end.socket.pause();
  const client = await rig.client();
  const body = distinctText('up', LARGE);
  const streamed = client.stream(`POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const { end } = await rig.upstream.request();
  rig.upstream.answerOk();
  await rig.untilStalled(client);
  t.ok(client.taken < body.length, 'the client has to wait');
  end.socket.resume();
  await streamed;
  await end.until('the body', (text) => text.endsWith(body.slice(-20)));
  t.equal(end.received.endsWith(`\r\n\r\n${body}`), true);
  end.send(OK);
  await client.until('the answer', (text) => text === OK_RELAYED);
});

t.test('bodies that pass at the same time do not mix, however they are framed and however they are read', async (t) => {
  const framings = [
    (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    (body: string) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${inOneChunk(body)}`,
    (body: string) => `HTTP/1.1 200 OK\r\n\r\n${body}`,
  ];
  rig.upstream.hold();
  const exchanges = [];
  for (let number = 0; number < 12; number++) {
    const client = await rig.client();
    if (number % 2 === 0) client.socket.pause();
    client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    const { end } = await rig.upstream.request();
    const body = distinctText(`<${number}>`, MEDIUM);
    exchanges.push({ client, end, body, sent: framings[number % framings.length]!(body) });
  }
  // Small and large pieces in turns, so that reads of all connections interleave.
  const sizes = [1, 70_000, 10, 3000, 200_000, 17];
  const offsets = exchanges.map(() => 0);
  for (let turn = 0; exchanges.some(({ sent }, at) => offsets[at]! < sent.length); turn++) {
    for (const [at, { end, sent }] of exchanges.entries()) {
      const size = sizes[(turn + at) % sizes.length]!;
      end.send(sent.slice(offsets[at], offsets[at]! + size));
      offsets[at]! += size;
    }
    await new Promise(setImmediate);
  }
  for (const { client, end } of exchanges) {
    end.end();
    client.socket.resume();
  }
  for (const { client, body } of exchanges) {
    await client.ended();
    t.equal(bodyOf(client.received) === body, true);
  }
});

t.test('a last response is read to its end, though the client reads slowly and goes on sending', async (t) => {
  const body = distinctText('last', LARGE);
  rig.upstream.hold();
  const client = await rig.client();
  client.socket.pause();
  client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  const { end } = await rig.upstream.request();
  const streamed = end.stream(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await rig.untilStalled(end);
  // What comes after the connection was closed too hastily would be answered with a reset, which takes unread bytes along.
  client.socket.on('data', () => client.send(GET));
  client.socket.resume();
  await streamed;
  t.equal(await client.ended(), 'end');
  t.equal(bodyOf(client.received) === body, true);
});
