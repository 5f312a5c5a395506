/**
 * The orderly stop: who is told what, in which order, and what is owed is still answered.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { clockUs } from './stage/clock.ts';
import { exchange } from './stage/exchange.ts';
import { type Incoming, Load } from './stage/load.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { type Handler, sayVersion, Upstream } from './stage/upstream.ts';

/** Answers `/slow` when the test says so, everything else at once. */
function slowly(): { readonly handler: Handler; readonly release: () => void; readonly arrived: Promise<unknown> } {
  let release: () => void = () => {};
  let arrive: (value: unknown) => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const arrived = new Promise((resolve) => {
    arrive = resolve;
  });
  const handler: Handler = (req, res, upstream) => {
    if (req.url !== '/slow') {
      sayVersion(req, res, upstream);
      return;
    }
    arrive(null);
    void gate.then(() => sayVersion(req, res, upstream));
  };
  return { handler, release: () => release(), arrived };
}

t.test(
  'SIGTERM under load: readiness fails first, requests succeed during the delay, and what is owed is answered',
  async (t) => {
    const slow = slowly();
    const blue = await Upstream.start(t, 'v1', slow.handler);
    const tidegate = await startTidegate(
      t,
      shopConfig({
        pools: blueAndGreen(blue.address, '127.0.0.1:9'),
        traffic: 'blue',
        top: ['shutdown: { delay: 4s, deadline: 20s }'],
      }),
    );
    const closing: number[] = [];
    const staying: number[] = [];
    const judge = (answer: Incoming): string | null => {
      (answer.head.includes('\r\nconnection: close\r\n') ? closing : staying).push(answer.startedUs);
      return answer.status === 200 ? null : `status ${answer.status}`;
    };
    const kept = new Load({ port: tidegate.port, clients: 8, keepAlive: true, judge });
    const fresh = new Load({ port: tidegate.port, clients: 4, keepAlive: false });
    await Promise.all([kept.answers(500), fresh.answers(100)]);
    t.equal(await tidegate.admin.readiness(), 200);
    t.equal(closing.length, 0, 'nobody is sent away before the stop');
    const owed = exchange(tidegate.port, '/slow');
    await slow.arrived;

    const from = tidegate.lines.length;
    tidegate.signal('SIGTERM');
    await tidegate.line('it stops', (line) => line.msg === 'stopping', from);
    const stoppingUs = clockUs();
    t.equal(await tidegate.admin.readiness(), 503, 'readiness has failed');
    t.equal((await tidegate.admin.call('POST', '/api/services/shop/flip', {})).status, 503, 'moves are refused');
    await Promise.all([kept.answers(100), fresh.answers(20)]);
    t.ok(clockUs() - stoppingUs < 4_000_000, 'new connections are served while readiness has already failed');
    t.same([kept.failures, fresh.failures], [[], []], 'and nobody has failed');
    t.ok(closing.length >= 100, 'answers say Connection: close');
    t.ok(
      staying.every((startedUs) => startedUs < stoppingUs),
      'and none to a request from then on does not',
    );
    await Promise.all([kept.stop(), fresh.stop()]);
    t.same([kept.failures, fresh.failures], [[], []]);

    await until('the listener is closed', () => refuses(tidegate.port));
    slow.release();
    const answer = await owed;
    t.equal(answer.status, 200, 'the slow response that was in flight is whole');
    t.equal(answer.headers.connection, 'close');
    t.same(await tidegate.exited, { code: 0, signal: null });
    t.ok(tidegate.lines.some((line) => line.msg === 'Tidegate has stopped'));
    t.equal(tidegate.errors, '');
  },
);

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });
}

t.test(
  'what is still going on at the deadline is cut: a WebSocket is closed with 1012, a request is answered with 503',
  async (t) => {
    const slow = slowly();
    const blue = await Upstream.start(t, 'v1', slow.handler);
    const sockets = new WebSocketServer({ server: blue.server });
    let endpointCode = 0;
    sockets.on('connection', (socket) => {
      socket.on('message', (data) => socket.send(String(data)));
      socket.on('close', (code) => {
        endpointCode = code;
      });
    });
    const tidegate = await startTidegate(
      t,
      shopConfig({
        pools: blueAndGreen(blue.address, '127.0.0.1:9'),
        traffic: 'blue',
        top: ['shutdown: { delay: 0s, deadline: 2s }'],
      }),
    );
    const socket = new WebSocket(`ws://127.0.0.1:${tidegate.port}/`);
    await once(socket, 'open');
    socket.send('before');
    t.equal(String((await once(socket, 'message'))[0]), 'before');
    const owed = exchange(tidegate.port, '/slow');
    await slow.arrived;
    const closed = once(socket, 'close');
    tidegate.signal('SIGTERM');
    await tidegate.line('it stops', (line) => line.msg === 'stopping');
    socket.send('during');
    t.equal(String((await once(socket, 'message'))[0]), 'during', 'the WebSocket goes on until the deadline');
    t.equal((await closed)[0], 1012);
    t.equal((await owed).status, 503);
    t.same(await tidegate.exited, { code: 0, signal: null });
    await until('the endpoint was told', () => endpointCode !== 0);
    t.equal(endpointCode, 1001);
  },
);

t.test('a second SIGTERM ends Tidegate at once', async (t) => {
  const slow = slowly();
  const blue = await Upstream.start(t, 'v1', slow.handler);
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: blueAndGreen(blue.address, '127.0.0.1:9'),
      traffic: 'blue',
      top: ['shutdown: { delay: 30s, deadline: 60s }'],
    }),
  );
  const owed = exchange(tidegate.port, '/slow').catch((error: NodeJS.ErrnoException) => error.code);
  await slow.arrived;
  tidegate.signal('SIGTERM');
  await tidegate.line('it stops', (line) => line.msg === 'stopping');
  const atMs = performance.now();
  tidegate.signal('SIGTERM');
  const exit = await tidegate.exited;
  t.ok(performance.now() - atMs < 25_000, 'it does not wait for the delay of 30 s');
  t.equal(exit.signal, null);
  t.match(await owed, /ECONNRESET|EPIPE/);
});

t.test('an idle Tidegate ends as soon as it is told to', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: blueAndGreen(blue.address, '127.0.0.1:9'), traffic: 'blue' }),
  );
  const idle = connect(tidegate.port, '127.0.0.1');
  await once(idle, 'connect');
  idle.resume();
  const ended = once(idle, 'end');
  const atMs = performance.now();
  tidegate.signal('SIGINT');
  await ended;
  idle.destroy();
  t.same(await tidegate.exited, { code: 0, signal: null });
  t.ok(performance.now() - atMs < 25_000, 'before the deadline of 30 s');
});
