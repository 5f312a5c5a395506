/**
 * The drain of a pool that went to 0%: what can finish does, what cannot is told at the deadline, and the receipt says so.
 */
import { once } from 'node:events';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { exchange } from './stage/exchange.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { type Handler, sayVersion, Upstream } from './stage/upstream.ts';

const DRAIN_MS = 1000;

/** Holds `/slow` until it is released; sends a part of `/endless` and nothing more. */
function patient(): { readonly handler: Handler; readonly release: () => void; readonly held: () => number } {
  const waiting: (() => void)[] = [];
  let held = 0;
  return {
    handler: (req, res, upstream) => {
      if (req.url === '/slow') {
        held += 1;
        waiting.push(() => sayVersion(req, res, upstream));
      } else if (req.url === '/endless') {
        held += 1;
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: first\n\n');
      } else {
        sayVersion(req, res, upstream);
      }
    },
    release: () => {
      for (const answer of waiting.splice(0)) answer();
    },
    held: () => held,
  };
}

t.test('a pool at 0% finishes what it has, and the rest is cut at the deadline', async (t) => {
  const slow = patient();
  const blue = await Upstream.start(t, 'v1', slow.handler);
  const green = await Upstream.start(t, 'v2');
  const sockets = new WebSocketServer({ server: blue.server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: blueAndGreen(blue.address, green.address),
      traffic: 'blue',
      service: [`drain: ${DRAIN_MS}ms`],
    }),
  );
  const socket = new WebSocket(`ws://127.0.0.1:${tidegate.port}/`);
  await once(socket, 'open');
  const finishing = Promise.all([exchange(tidegate.port, '/slow'), exchange(tidegate.port, '/slow')]);
  const endless = exchange(tidegate.port, '/endless').then(
    () => 'whole',
    (error: NodeJS.ErrnoException) => error.code,
  );
  await until('all of them have reached blue', () => slow.held() === 3);
  const closed = once(socket, 'close');

  const atMs = performance.now();
  const receipt = await tidegate.admin.flip('green');
  t.equal(receipt.inFlight, 4, 'two slow ones, an endless one and a tunnel');
  t.equal(receipt.drained, null);
  t.equal(receipt.lost, 0);
  const draining = await tidegate.admin.pool('blue');
  t.equal(draining.state, 'draining');
  t.equal(draining.inFlight, 4);
  t.equal(draining.tunnels, 1);
  const left = Date.parse(draining.drainDeadline!) - Date.now();
  t.ok(left > 0 && left <= DRAIN_MS, `the deadline is ${left} ms away`);
  t.match((await exchange(tidegate.port, '/')).body, 'v2', 'new requests go to green');

  slow.release();
  t.same(
    (await finishing).map(({ status, body }) => [status, body]),
    [
      [200, 'v1\n'],
      [200, 'v1\n'],
    ],
    'slow exchanges are finished by blue',
  );
  socket.send('still here');
  t.equal(String((await once(socket, 'message'))[0]), 'still here');
  t.equal((await tidegate.admin.receipt(receipt.epoch)).drained, null, 'the receipt stays open');

  t.equal((await closed)[0], 1012, 'the tunnel is told at the deadline');
  const passedMs = performance.now() - atMs;
  t.ok(passedMs > DRAIN_MS - 200, `and not before it: after ${passedMs.toFixed(0)} ms`);
  t.equal(await endless, 'ECONNRESET', 'the endless response is cut and does not look whole');
  const final = await until('the receipt is final', async () => {
    const now = await tidegate.admin.receipt(receipt.epoch);
    return now.drained !== null && now;
  });
  t.equal(final.lost, 2, 'the tunnel and the endless response');
  t.equal(final.inFlight, 4);
  const idle = await tidegate.admin.pool('blue');
  t.same([idle.state, idle.inFlight, idle.tunnels, idle.drainDeadline], ['idle', 0, 0, null]);
  const [event] = await tidegate.admin.events('drain');
  t.match(event?.text, /4 were in flight, 2 lost/);
});

t.test('a pool that gets weight again before its deadline is not cut', async (t) => {
  const slow = patient();
  const blue = await Upstream.start(t, 'v1', slow.handler);
  const green = await Upstream.start(t, 'v2');
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: blueAndGreen(blue.address, green.address), traffic: 'blue', service: ['drain: 500ms'] }),
  );
  const owed = exchange(tidegate.port, '/slow');
  await until('it has reached blue', () => slow.held() === 1);
  const away = await tidegate.admin.flip('green');
  const deadline = Date.parse((await tidegate.admin.pool('blue')).drainDeadline!);
  await tidegate.admin.rollback();
  t.equal((await tidegate.admin.pool('blue')).drainDeadline, null);
  await until('the deadline has passed by a good while', () => Date.now() > deadline + 400);
  slow.release();
  t.equal((await owed).status, 200);
  const final = await until('the receipt is final', async () => {
    const now = await tidegate.admin.receipt(away.epoch);
    return now.drained !== null && now;
  });
  t.equal(final.lost, 0);
});
