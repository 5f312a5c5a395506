/**
 * What has a deadline, and what is answered when it passes. The clock of a data thread ticks every 50 ms.
 *
 * Each short time belongs to a route of its own, so that no request has to be quick that is not about that time.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { CLIENT_LIMITS, readClientLimits } from '../../src/stats/listener-cells.ts';
import { until } from '../scenario/stage/until.ts';
import { forwarded, GET, masked, OK, OK_RELAYED, own, refusal } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

const HEAD_MS = 150;
const KEEP_ALIVE_MS = 1000;
const TIMES = {
  '/response': { response: '150ms' },
  '/idle': { idle: '250ms' },
  '/slowly': { idle: '1s' },
  '/queue': { queue: '1s' },
};

let rig: Rig;
let shutPort: number;
let deafPort: number;
t.before(async () => {
  shutPort = await unusedPort();
  deafPort = await deafEndpoint();
  const pool = (port: number) => ({ main: { version: 'v1', endpoints: [`127.0.0.1:${port}`] } });
  rig = await Rig.start(t, {
    listener: { timeouts: { head: `${HEAD_MS}ms`, keepAlive: `${KEEP_ALIVE_MS}ms` } },
    service: {
      timeouts: { response: '20s', idle: '20s', queue: '20s' },
      limits: { connections: 2, queue: 1 },
    },
    services: {
      shut: { pools: pool(shutPort) },
      deaf: { pools: pool(deafPort), timeouts: { connect: '100ms' } },
      unwell: { pools: pool(shutPort), health: { path: '/', initial: 'shut', interval: '1h' } },
      none: { pools: pool(shutPort), traffic: { main: 0 } },
    },
    routes: [
      { path: '/shut', service: 'shut' },
      { path: '/deaf', service: 'deaf' },
      { path: '/unwell', service: 'unwell' },
      { path: '/none', service: 'none' },
      ...Object.entries(TIMES).map(([path, timeouts]) => ({ path, service: 'app', timeouts })),
      { service: 'app' },
    ],
  });
});
t.beforeEach(() => rig.settled());
t.afterEach(() => rig.upstream.answerOk());

/** A port that nobody listens on. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A port that listens and never accepts: its backlog is full, so that the system lets further dials hang. */
async function deafEndpoint(): Promise<number> {
  const source = `
    const { createServer } = require('node:net');
    const { parentPort } = require('node:worker_threads');
    const server = createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(source, { eval: true });
  t.teardown(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  const fillers = Array.from({ length: 2 }, () => connect(port, '127.0.0.1'));
  await Promise.all(fillers.map((filler) => once(filler, 'connect')));
  t.teardown(() => {
    for (const filler of fillers) filler.destroy();
  });
  return port;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n${body}`;

t.test('a head that is too slow is answered with 408 and a close, however it comes', async (t) => {
  t.equal(await rig.untilEnd('GET / HTTP/1.1\r\nHost: app'), refusal(408, 'head-timeout'));
  t.equal(await rig.untilEnd('G'), refusal(408, 'head-timeout'));
});

t.test('a head that comes byte by byte has the same time in all', async (t) => {
  const client = await rig.client();
  const feed = setInterval(() => client.send('X'), 20);
  t.teardown(() => clearInterval(feed));
  await client.ended();
  t.equal(masked(client.received), refusal(408, 'head-timeout'));
});

t.test('a slow head on a connection that was used before is answered with 408 too', async (t) => {
  t.equal(await rig.untilEnd(`${GET}GET / HT`), OK_RELAYED + refusal(408, 'head-timeout'));
});

t.test('a connection without a request is closed without an answer when its time is over', async (t) => {
  t.equal(await rig.untilEnd(''), '');
  t.equal(await rig.untilEnd('\r\n'), '', 'empty lines are no request');
  t.equal(await rig.untilEnd(GET), OK_RELAYED, 'after a response too');
});

t.test('a body that stands still is answered with 408 and a close, and is not completed upstream', async (t) => {
  rig.upstream.respondToHead = () => {};
  const client = await rig.client();
  client.send(post('/idle', 'half'));
  const { end } = await rig.upstream.request();
  await client.ended();
  t.equal(masked(client.received), own(408, 'The body did not come in time.'));
  await end.ended();
  t.ok(end.received.endsWith('\r\n\r\nhalf'));
});

t.test('a body that comes slowly has its time anew with each piece', async (t) => {
  const [slow, still] = [await rig.client(), await rig.client()];
  slow.send('POST /slowly HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n');
  const feed = setInterval(() => slow.send('1\r\nx\r\n'), 20);
  t.teardown(() => clearInterval(feed));
  // Whoever began later and stands still says when the time is over.
  still.send(post('/slowly', ''));
  await still.ended();
  t.equal(masked(still.received), own(408, 'The body did not come in time.'));
  clearInterval(feed);
  slow.send('0\r\n\r\n');
  t.equal(await slow.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
});

t.test('an endpoint that is slow to the first byte becomes a 504, and its connection ends', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(get('/response'));
  const { end } = await rig.upstream.request();
  await client.untilHas('in time.\n');
  t.equal(masked(client.received), own(504, 'The endpoint did not answer in time.', ''));
  await end.ended();
  rig.upstream.answerOk();
  client.send(GET);
  await client.until('the next answer', (text) => text.endsWith(OK_RELAYED));
});

t.test('interim responses are no answer: the endpoint still has to give one in time', async (t) => {
  rig.upstream.respond = ({ end }) => {
    const feed = setInterval(() => end.send('HTTP/1.1 102 Wait\r\n\r\n'), 20);
    end.socket.once('close', () => clearInterval(feed));
  };
  const client = await rig.client();
  client.send(get('/response'));
  await client.untilHas('HTTP/1.1 504 ');
  t.match(client.received, /^HTTP\/1\.1 102 Wait\r\n/);
});

t.test('an endpoint whose body stands still is cut off: nothing is added to make it look whole', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send(get('/idle'));
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await Promise.all([client.ended(), end.ended()]);
  t.ok(client.received.endsWith('\r\n\r\n5\r\nhello\r\n'));
});

t.test('a tunnel that stands still is ended on both sides', async (t) => {
  rig.upstream.hold();
  const client = await rig.client();
  client.send('GET /idle HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  await Promise.all([client.ended(), end.ended()]);
  t.match(client.received, /^HTTP\/1\.1 101 /);
});

t.test('an endpoint that refuses connections becomes a 502', async (t) => {
  t.equal(await rig.ask(get('/shut')), own(502, 'The endpoint cannot be reached.', ''));
});

t.test('an endpoint that does not accept in time becomes a 504', async (t) => {
  t.equal(await rig.ask(get('/deaf')), own(504, 'The endpoint did not accept in time.', ''));
});

t.test('a service without an endpoint that admits requests answers 503', async (t) => {
  t.equal(await rig.ask(get('/unwell')), own(503, 'No endpoint is available.', 'Retry-After: 1\r\n'));
});

t.test('a service whose weights are all zero answers 503', async (t) => {
  t.equal(await rig.ask(get('/none')), own(503, 'No pool of this service has traffic.', ''));
});

t.test(
  'when the connections are taken, a request waits; when its time is over, or the queue is full, it gets 503',
  async (t) => {
    rig.upstream.hold();
    const holders = [await rig.client(), await rig.client()];
    for (const holder of holders) {
      holder.send(GET);
      await rig.upstream.request();
    }
    const second = await rig.client();
    const waiting = rig.ask(get('/queue'));
    await new Promise<void>((resolve) => {
      const ask = () => (rig.endpoint().queued === 1 ? resolve() : setImmediate(ask));
      ask();
    });
    second.send(get('/queue'));
    await second.untilHas('waiting.\n');
    t.equal(masked(second.received), own(503, 'Too many requests are waiting.', 'Retry-After: 1\r\n'));
    t.equal(await waiting, own(503, 'No endpoint became free in time.', 'Retry-After: 1\r\n'));
    for (const holder of holders) holder.socket.destroy();
  },
);

t.test('a request that waits gets the connection that becomes free', async (t) => {
  rig.upstream.hold();
  const clients = [await rig.client(), await rig.client(), await rig.client()];
  for (const client of clients) client.send(GET);
  const arrivals = [await rig.upstream.request(), await rig.upstream.request()];
  arrivals[0]!.end.send(OK);
  const third = await rig.upstream.request();
  t.equal(third.connection, arrivals[0]!.connection);
  third.end.send(OK);
  arrivals[1]!.end.send(OK);
  for (const client of clients) await client.until('the answer', (text) => text === OK_RELAYED);
});

t.test('a rest of a body that is too slow to be dropped ends the connection', async (t) => {
  rig.upstream.respondToHead = ({ end }) => end.send(OK);
  const client = await rig.client();
  client.send(post('/', 'half'));
  await client.ended();
  t.equal(client.received, OK_RELAYED);
});

t.test('a body that has come while its request waited for a connection is forwarded whole', async (t) => {
  for (const [framing, body] of [
    ['Content-Length: 5\r\n', 'hello'],
    ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\nX-A: b\r\n\r\n'],
  ] as const) {
    rig.upstream.hold();
    const holders = [await rig.client(), await rig.client()];
    for (const holder of holders) holder.send(GET);
    const arrivals = [await rig.upstream.request(), await rig.upstream.request()];
    const client = await rig.client();
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n${body}`);
    await rig.untilQueued();
    for (const { end } of arrivals) end.send(OK);
    const { bytes, end } = await rig.upstream.request();
    t.equal(masked(bytes), forwarded({ line: 'POST / HTTP/1.1', framing, body }));
    end.send(OK);
    await client.until('the answer', (text) => text === OK_RELAYED);
  }
});

t.test('a client that does not read its response is let go, and does not speak against the version', async (t) => {
  const before = rig.outcomes('client-gone');
  const body = 'tide'.repeat(4 * 1024 * 1024);
  rig.upstream.hold();
  const client = await rig.client();
  client.socket.pause();
  client.send(get('/slowly'));
  const { end } = await rig.upstream.request();
  end.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await end.ended();
  await rig.settled();
  t.equal(rig.outcomes('client-gone'), before + 1);
});

t.test('each time that a client has let pass is counted under its name', async (t) => {
  const count = (limit: (typeof CLIENT_LIMITS)[number]) => {
    const { board } = rig.plane.metrics().listeners.find(({ name }) => name === 'plain')!;
    return readClientLimits(board)[CLIENT_LIMITS.indexOf(limit)]!;
  };
  const rows = [
    ['head-timeout', 'GET / HTTP/1.1\r\nHost: app'],
    ['keep-alive-timeout', ''],
    ['client-idle', post('/idle', 'half')],
  ] as const;
  for (const [limit, bytes] of rows) {
    const before = count(limit);
    await rig.untilEnd(bytes);
    t.ok(await until(`${limit} is counted`, () => count(limit) > before));
  }
});
