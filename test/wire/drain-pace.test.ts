/** How the rest of a drained pool is ended: at a pace, visibly, and only as long as the pool is without traffic. */
import t, { type Test } from 'tap';
import { isRefusal, type Receipt } from '../../src/control/operations.ts';
import { SLACK_MS } from '../../src/stats/pace.ts';
import { until } from '../scenario/stage/until.ts';
import { GET, OK_RELAYED } from './stage/messages.ts';
import { Rig, type RigOptions } from './stage/rig.ts';
import { type Ends, eventStream, held, speak, tell, webSocket } from './stage/streams.ts';
import { Upstream } from './stage/upstream.ts';

const INSTRUCTION = { by: 'test', reason: '', ifEpoch: null };

async function twoPools(t: Test, drain: object | string, rest: RigOptions = {}) {
  const other = await Upstream.open(t);
  const options: RigOptions = {
    pools: { other: { version: 'v2', endpoints: [other.address] } },
    service: { traffic: 'main', drain },
    ...rest,
  };
  return { rig: await Rig.start(t, options), other, options };
}

async function move(rig: Rig, to: string): Promise<Receipt> {
  const receipt = await rig.plane.setTraffic('app', { [to]: 1 }, INSTRUCTION);
  if (isRefusal(receipt)) throw new Error(receipt.message);
  return receipt;
}

function receipt(rig: Rig, { epoch }: Receipt): Receipt {
  const now = rig.plane.receipt('app', epoch);
  if (isRefusal(now)) throw new Error(now.message);
  return now;
}

async function webSockets(rig: Rig, count: number): Promise<Ends[]> {
  const open: Ends[] = [];
  for (let index = 0; index < count; index++) open.push(await webSocket(rig));
  return open;
}

function closed(sockets: readonly Ends[]): number {
  return sockets.filter(({ client }) => client.ending !== null).length;
}

t.test('WebSockets are ended one after the other, no faster than the pace, and the receipt counts them', async (t) => {
  const { rig } = await twoPools(t, { after: '100ms', perSecond: 4 });
  const sockets = await webSockets(rig, 6);
  const startedAt = performance.now();
  const moved = await move(rig, 'other');
  t.equal(moved.inFlight, 6);
  await until('the first is ended', () => closed(sockets) > 0);
  const view = rig.plane.service('app');
  if (isRefusal(view)) throw new Error(view.message);
  const [main] = view.pools;
  t.match(main, { state: 'draining', drainDeadline: String });
  t.ok(main!.drainEnded > 0 && main!.drainEnded < 6, `${main!.drainEnded} have been ended so far`);
  for (const { client } of sockets) {
    t.equal(await client.ended(), 'end');
    t.match(client.received, /\x88\x02\x03\xf4$/, '1012');
  }
  const leastMs = 100 + (5 * 1000) / 4 - SLACK_MS;
  t.ok(performance.now() - startedAt >= leastMs, `not within ${leastMs} ms`);
  const final = await until('the receipt is final', () => {
    const now = receipt(rig, moved);
    return now.drained !== null && now;
  });
  t.match(final, { inFlight: 6, lost: 6, ended: 6 });
});

t.test('a pool that gets traffic again while it is ended is left in peace, with what it still has', async (t) => {
  const { rig } = await twoPools(t, { after: '0s', perSecond: 3 });
  const sockets = await webSockets(rig, 6);
  const moved = await move(rig, 'other');
  await until('the first is ended', () => closed(sockets) > 0);
  await move(rig, 'main');
  const ended = receipt(rig, moved).ended;
  t.ok(ended >= 1 && ended < 6, `${ended} were ended`);
  const atMs = performance.now();
  await until('more turns have come', () => performance.now() - atMs > 800);
  t.equal(receipt(rig, moved).ended, ended, 'none is ended after the answer');
  const alive = sockets.filter(({ client }) => client.ending === null);
  t.equal(alive.length, 6 - ended);
  for (const socket of alive) await speak(socket);
  const away = await move(rig, 'other');
  t.equal(away.inFlight, 0, 'they belong to the position that began them');
  for (const { client } of alive) t.equal(await client.ended(), 'end');
  t.match(receipt(rig, moved), { lost: 6, ended: 6 }, 'the second drain ends what the first has left');
});

t.test('an event stream is cut at the deadline, and does not look whole', async (t) => {
  const { rig } = await twoPools(t, '1s');
  const stream = await eventStream(rig);
  await tell(stream);
  await move(rig, 'other');
  await tell(stream);
  await stream.client.ended();
  t.match(stream.client.received, /\r\ndata: \d+\n\n\r\n$/, 'it ends after a chunk that is not the last');
  await stream.end.ended();
});

t.test('requests that wait take turns with streams', async (t) => {
  const { rig } = await twoPools(t, { after: '0s', perSecond: 20 });
  const [socket, request] = [await webSocket(rig), await held(rig, '/slow')];
  const moved = await move(rig, 'other');
  t.equal(await socket.client.ended(), 'end');
  await request.client.until('the answer', (text) => text.endsWith('out of service.\n'));
  await until('both are counted', () => receipt(rig, moved).ended === 2);
});

t.test('what another pool has is not touched, nor what a preview has begun since', async (t) => {
  const preview = { header: 'x-pool', token: 'secret' };
  const { rig, other } = await twoPools(t, { after: '0s', perSecond: 5 });
  const pools = { other: { version: 'v2', endpoints: [other.address] } };
  await rig.reload({ pools, service: { traffic: 'main', drain: { after: '0s', perSecond: 5 }, preview } });
  const sockets = await webSockets(rig, 3);
  await move(rig, 'other');
  await until('the first is ended', () => closed(sockets) > 0);
  const previewed = await webSocket(rig, '/', rig.upstream, 'X-Pool: main; token=secret\r\n');
  const elsewhere = await webSocket(rig, '/', other);
  for (const { client } of sockets) t.equal(await client.ended(), 'end');
  await speak(previewed);
  await speak(elsewhere);
});

t.test('a pool that is removed while it drains keeps its deadline', async (t) => {
  const { rig, other } = await twoPools(t, '1s');
  const socket = await webSocket(rig);
  const moved = await move(rig, 'other');
  await rig.reload({
    pools: { main: undefined, other: { version: 'v2', endpoints: [other.address] } },
    service: { drain: '1h' },
  });
  await speak(socket);
  t.equal(await socket.client.ended(), 'end');
  t.match(socket.client.received, /\x88\x02\x03\xf4$/);
  const final = await until('the receipt is final', () => {
    const now = receipt(rig, moved);
    return now.drained !== null && now;
  });
  t.match(final, { inFlight: 1, lost: 1, ended: 1 });
});

t.test(
  'an endpoint and a service that are removed end what they have at their own deadline, at the pace',
  async (t) => {
    const elsewhere = await Upstream.open(t);
    const pools = { main: { version: 'v1', endpoints: [elsewhere.address] } };
    const drain = { after: '100ms', perSecond: 10 };
    const rig = await Rig.start(t, {
      services: { left: { pools, drain } },
      routes: [{ path: '/left', service: 'left' }, { service: 'app' }],
    });
    const sockets = [];
    for (let count = 0; count < 4; count++) sockets.push(await webSocket(rig, '/left', elsewhere));
    const kept = await webSocket(rig);
    const startedAt = performance.now();
    await rig.reload({});
    for (const socket of sockets) t.equal(await socket.client.ended(), 'end');
    const leastMs = 100 + (3 * 1000) / 10 - SLACK_MS;
    t.ok(performance.now() - startedAt >= leastMs, `not within ${leastMs} ms`);
    await speak(kept);
  },
);

t.test(
  'a stop ends its streams one after the other within the deadline, and waits for what may still finish',
  async (t) => {
    const { rig } = await twoPools(t, '1h', { shutdown: { deadline: '2400ms', spread: '2s' } });
    const sockets = await webSockets(rig, 3);
    const stream = await eventStream(rig);
    const request = await held(rig, '/slow');
    const startedAt = performance.now();
    const stopped = rig.plane.stop();
    await until('the first stream is ended', () => closed([...sockets, stream]) > 0);
    t.ok(performance.now() - startedAt >= 400, 'none before the spreading begins');
    t.ok(closed([...sockets, stream]) < 4);
    t.equal(request.client.ending, null);
    request.end.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await request.client.until('the answer', (text) => text.endsWith('\r\n\r\nok'));
    for (const { client } of sockets) {
      await client.ended();
      t.match(client.received, /\x88\x02\x03\xf4$/, '1012');
    }
    await stream.client.ended();
    t.notMatch(stream.client.received, /0\r\n\r\n$/);
    await stopped;
  },
);

t.test('new requests are answered by the other pool while the rest of this one is ended', async (t) => {
  const { rig } = await twoPools(t, { after: '0s', perSecond: 2 });
  const sockets = await webSockets(rig, 3);
  await move(rig, 'other');
  await until('the first is ended', () => closed(sockets) > 0);
  t.equal(await rig.ask(GET), OK_RELAYED);
  for (const { client } of sockets) await client.ended();
});
