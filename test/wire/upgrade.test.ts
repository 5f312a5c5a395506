/** Upgrades and tunnels: what may become one, and that bytes then pass both ways until both sides are done. */
import t from 'tap';
import { distinctText } from './stage/distinct-text.ts';
import { forwarded, masked, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type ForwardRow, testForwards } from './stage/tables.ts';
import type { WireEnd } from './stage/wire-end.ts';

let rig: Rig;
t.before(async () => {
  rig = await Rig.start(t, {
    halfOpenUpstream: true,
    routes: [
      { path: '/any', service: 'app', upgrade: ['websocket', 'special'] },
      { path: '/none', service: 'app', upgrade: [] },
      { service: 'app' },
    ],
  });
});
t.afterEach(() => rig.upstream.answerOk());

const VIA = 'Via: 1.1 tidegate\r\n';
const ask = (protocol: string, path = '/ws', method = 'GET', extra = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Key: a\r\n${extra}\r\n`;
const switching = (protocol: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Accept: b\r\n\r\n`;
const switched = (protocol: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: b\r\n${VIA}Connection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

/** Opens a tunnel and gives both of its ends. */
async function tunnel(protocol = 'websocket', path = '/ws'): Promise<{ client: WireEnd; end: WireEnd }> {
  rig.upstream.hold();
  const client = await rig.client('plain', true);
  client.send(ask(protocol, path));
  const { end } = await rig.upstream.request();
  end.send(switching(protocol));
  await client.until('the 101', (text) => text === switched(protocol));
  return { client, end };
}

const LINES = 'Sec-WebSocket-Key: a\r\n';
const UPGRADE = 'Connection: upgrade\r\nUpgrade: websocket\r\n';
const plain = (title: string, bytes: string, line: string, rest = {}): ForwardRow => [
  title,
  bytes,
  forwarded({ line: `${line} HTTP/1.1`, lines: LINES, ...rest }),
];
testForwards(t, () => rig, [
  plain('a WebSocket is asked of the endpoint', ask('WebSocket'), 'GET /ws', { last: UPGRADE }),
  plain('h2c is taken out and the request served as HTTP/1.1', ask('h2c'), 'GET /ws'),
  plain('h2c is taken out of a list', ask('h2c, websocket'), 'GET /ws', { last: UPGRADE }),
  plain('a protocol that the route does not allow is not asked for', ask('special'), 'GET /ws'),
  plain('a route may allow no upgrade at all', ask('websocket', '/none'), 'GET /none'),
  plain('a list with a protocol that is not allowed asks for nothing', ask('websocket, foo'), 'GET /ws'),
  plain('a list that is malformed asks for nothing', ask('web socket'), 'GET /ws'),
  plain('an upgrade of another method than GET is not asked for', ask('websocket', '/ws', 'PUT'), 'PUT /ws'),
  plain(
    'an upgrade of a request with a body is not asked for',
    `${ask('websocket', '/ws', 'GET', 'Content-Length: 2\r\n')}hi`,
    'GET /ws',
    {
      framing: 'Content-Length: 2\r\n',
      body: 'hi',
    },
  ),
  plain(
    'an Upgrade that Connection does not name is not asked for',
    ask('websocket').replace('Connection: Upgrade', 'Connection: keep-alive'),
    'GET /ws',
  ),
]);

t.test('h2c takes its settings with it', async (t) => {
  const settings = ask('h2c').replace(
    'Connection: Upgrade',
    'HTTP2-Settings: AAA\r\nConnection: Upgrade, HTTP2-Settings',
  );
  t.equal(await rig.ask(settings), OK_RELAYED);
  t.notMatch(rig.upstream.take(), [/http2-settings/i]);
});

t.test('after the 101 bytes pass both ways as they are', async (t) => {
  const { client, end } = await tunnel();
  const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
  client.send(bytes);
  await end.untilHas(bytes);
  end.send(bytes);
  const text = await client.until('the bytes', (received) => received.endsWith(bytes));
  t.equal(text, switched('websocket') + bytes);
});

t.test('a protocol that the route allows becomes a tunnel too', async (t) => {
  const { client, end } = await tunnel('special', '/any');
  end.send('hi');
  t.equal(await client.until('the bytes', (text) => text.endsWith('hi')), `${switched('special')}hi`);
});

t.test('bytes that come together with the 101, or before it, are not lost', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(`${ask('websocket')}early`);
  const { end } = await rig.upstream.request();
  end.send(`${switching('websocket')}first`);
  await client.until('the first bytes', (text) => text === `${switched('websocket')}first`);
  await end.until('the early bytes', (text) => text.endsWith('\r\n\r\nearly'));
  t.pass('both have come');
});

t.test('either side may end its half while the other goes on', async (t) => {
  for (const who of ['client', 'end'] as const) {
    const both = await tunnel();
    const first = both[who];
    const second = both[who === 'client' ? 'end' : 'client'];
    first.end('last words');
    await second.untilHas('last words');
    t.equal(await second.ended(), 'end');
    second.send('still here');
    await first.untilHas('still here');
    second.end();
    t.equal(await first.ended(), 'end');
  }
});

t.test('a side that is reset takes the other with it', async (t) => {
  for (const who of ['client', 'end'] as const) {
    const both = await tunnel();
    both[who].reset();
    await both[who === 'client' ? 'end' : 'client'].ended();
    t.pass(`${who} was reset, and the other side has ended`);
  }
});

t.test('each side of a tunnel waits for the other, and nothing is lost or mixed with what others send', async (t) => {
  const bytes = distinctText('tunnel', 16 * 1024 * 1024);
  for (const who of ['client', 'end'] as const) {
    const both = await tunnel();
    const slow = both[who];
    const fast = both[who === 'client' ? 'end' : 'client'];
    slow.socket.pause();
    const before = slow.received;
    const streamed = fast.stream(bytes);
    await rig.untilStalled(fast);
    t.ok(fast.taken < bytes.length, 'the faster side has to wait');
    const other = distinctText('other', 1024 * 1024);
    rig.upstream.answer(`HTTP/1.1 200 OK\r\nContent-Length: ${other.length}\r\n\r\n${other}`);
    t.equal((await rig.ask('GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')).endsWith(`\r\n\r\n${other}`), true);
    slow.socket.resume();
    await streamed;
    await slow.until('all of it', (text) => text.length === before.length + bytes.length);
    t.equal(slow.received === before + bytes, true);
  }
});

t.test('an endpoint that does not want to upgrade answers as usual, and the connection goes on', async (t) => {
  const client = await rig.client();
  client.send(ask('websocket'));
  await client.until('the answer', (text) => text === OK_RELAYED);
  client.send(ask('websocket'));
  const text = await client.until('the next answer', (received) => received.length >= 2 * OK_RELAYED.length);
  t.equal(text, OK_RELAYED + OK_RELAYED);
});

const wrong: readonly (readonly [what: string, asked: string, sent: string])[] = [
  ['another protocol than was asked for', ask('websocket'), switching('special')],
  ['no protocol', ask('websocket'), 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\n\r\n'],
  ['a protocol that was taken out', ask('h2c'), switching('h2c')],
  ['a protocol that the route does not allow', ask('special'), switching('special')],
  ['two protocols', ask('websocket, special', '/any'), switching('websocket, special')],
];
for (const [what, asked, sent] of wrong) {
  t.test(`a 101 with ${what} becomes a 502, and no tunnel`, async (t) => {
    rig.upstream.hold();
    const client = await rig.client();
    client.send(asked);
    const { end } = await rig.upstream.request();
    end.send(`${sent}HTTP/1.1 200 OK\r\n\r\n`);
    await client.until('the answer', (text) => text.endsWith('answer.\n'));
    t.equal(masked(client.received), own(502, 'The endpoint sent an invalid answer.', ''));
    await end.ended();
  });
}

t.test('a 101 to HTTP/1.0 becomes a 502: it cannot have asked', async (t) => {
  rig.upstream.answer(switching('websocket'));
  const answer = await rig.untilEnd(ask('websocket').replace('HTTP/1.1', 'HTTP/1.0'));
  t.equal(answer, own(502, 'The endpoint sent an invalid answer.'));
});
