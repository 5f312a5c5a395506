/** Tunnels and requests of a pool that has lost its traffic: they go on until they end, or until the drain deadline. */
import t, { type Test } from 'tap';
import { GET, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

const INSTRUCTION = { by: 'test', reason: '', ifEpoch: null };
const UPGRADE = 'GET / HTTP/1.1\r\nHost: app.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

async function twoPools(t: Test, drain: string): Promise<{ rig: Rig; other: Upstream }> {
  const other = await Upstream.open(t);
  const pools = { other: { version: 'v2', endpoints: [other.address] } };
  const rig = await Rig.start(t, { pools, service: { traffic: 'main', drain } });
  return { rig, other };
}

t.test('a tunnel belongs to the pool it started on until it ends', async (t) => {
  const { rig, other } = await twoPools(t, '1m');
  rig.upstream.hold();
  const client = await rig.client();
  client.send(UPGRADE);
  const { end } = await rig.upstream.request();
  end.send(SWITCHING);
  await client.untilHas('websocket\r\n\r\n');
  await rig.plane.setTraffic('app', { other: 1 }, INSTRUCTION);
  t.equal(await rig.ask(GET), OK_RELAYED);
  t.equal(other.take().length, 1, 'new requests go to the other pool');
  client.send('up');
  await end.untilHas('\r\n\r\nup');
  end.end('down');
  await client.ended();
  t.ok(client.received.endsWith('\r\n\r\ndown'));
});

t.test('at the drain deadline a WebSocket gets a close frame on both sides, and ends', async (t) => {
  const { rig } = await twoPools(t, '100ms');
  rig.upstream.hold();
  const client = await rig.client();
  client.send(UPGRADE);
  const { end } = await rig.upstream.request();
  end.send(SWITCHING);
  await client.untilHas('websocket\r\n\r\n');
  await rig.plane.setTraffic('app', { other: 1 }, INSTRUCTION);
  t.equal(await client.ended(), 'end');
  t.match(client.received, /\r\n\r\n\x88\x02\x03\xf4$/, '1012, the service restarts: come again');
  t.equal(await end.ended(), 'end');
  t.match(end.received, /\r\n\r\n\x88\x82\0{4}\x03\xe9$/, '1001, going away, in a masked frame');
});

t.test('at the drain deadline a request without an answer gets a 503', async (t) => {
  const { rig } = await twoPools(t, '100ms');
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  await rig.plane.setTraffic('app', { other: 1 }, INSTRUCTION);
  const text = await client.until('the answer', (received) => received.endsWith('service.\n'));
  t.equal(text.replace(/Date: .*?\r/, 'Date: *\r'), own(503, 'This version is being taken out of service.', ''));
  await end.ended();
});

t.test('a request that is answered before the drain deadline knows nothing of it', async (t) => {
  const { rig } = await twoPools(t, '1m');
  rig.upstream.hold();
  const client = await rig.client();
  client.send(GET);
  const { end } = await rig.upstream.request();
  await rig.plane.setTraffic('app', { other: 1 }, INSTRUCTION);
  end.send(OK);
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
});
