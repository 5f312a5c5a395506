/** Listeners: how many connections they take, and what becomes of connections when a reload takes their listener away. */
import t, { type Test } from 'tap';
import { readListener } from '../../src/stats/listener-cells.ts';
import { until } from '../scenario/stage/until.ts';
import { unusedPort } from '../unit/proxy/snapshots.ts';
import { GET, OK, OK_RELAYED, OK_RELAYED_LAST } from './stage/messages.ts';
import { Rig, type RigOptions } from './stage/rig.ts';
import type { WireEnd } from './stage/wire-end.ts';

interface WrittenListener {
  readonly name: string;
  readonly address: string;
  readonly connections?: number;
}

/** Reloads the config with other listeners. */
function relisten(rig: Rig, change: (listeners: readonly WrittenListener[]) => readonly WrittenListener[]) {
  const config = JSON.parse(rig.plane.textInForce);
  return rig.plane.reloadText(JSON.stringify({ ...config, listeners: change(config.listeners) }));
}

const withoutTrusting = (listeners: readonly WrittenListener[]) => listeners.filter(({ name }) => name === 'plain');

function totals(rig: Rig, listener: string) {
  return readListener(rig.plane.metrics().listeners.find(({ name }) => name === listener)!.board);
}

async function serves(client: WireEnd): Promise<void> {
  client.send(GET);
  await client.until('the answer', (text) => text === OK_RELAYED);
}

async function limited(t: Test, connections: number, options: RigOptions = {}): Promise<Rig> {
  return Rig.start(t, { ...options, listener: { connections } });
}

t.test(
  'a connection beyond the limit of its listener is closed at once and counted; others do not notice',
  async (t) => {
    const rig = await limited(t, 2);
    const within = [await rig.client(), await rig.client()];
    for (const client of within) await serves(client);
    const beyond = await rig.client();
    beyond.send(GET);
    await beyond.ended();
    t.equal(beyond.received, '');
    t.match(totals(rig, 'plain'), { dropped: 1, accepted: 2, idle: 2 });
    t.match(totals(rig, 'trusting'), { dropped: 0 }, 'each listener has its own limit');
    within[0]!.end();
    await within[0]!.ended();
    await until('its place is free', () => totals(rig, 'plain').idle === 1);
    await serves(await rig.client());
    within[1]!.send(GET);
    await within[1]!.until('its next answer', (text) => text === OK_RELAYED + OK_RELAYED);
  },
);

t.test('a reload changes the limit of a listener that stays', async (t) => {
  const rig = await limited(t, 1);
  await serves(await rig.client());
  t.match(await relisten(rig, (listeners) => listeners.map((listener) => ({ ...listener, connections: 2 }))), {
    result: 'applied',
  });
  await serves(await rig.client());
  const beyond = await rig.client();
  await beyond.ended();
  t.equal(totals(rig, 'plain').dropped, 1);
});

t.test('a busy connection of a removed listener ends with the response that it is at', async (t) => {
  const rig = await Rig.start(t);
  rig.upstream.hold();
  const busy = await rig.client('trusting');
  busy.send(GET + GET.replace('/', '/behind'));
  const { end } = await rig.upstream.request();
  t.match(await relisten(rig, withoutTrusting), { result: 'applied' });
  end.send(OK);
  t.equal(await busy.ended(), 'end');
  t.equal(busy.received, OK_RELAYED_LAST);
  for (const seen of await rig.seen()) t.notMatch(seen, '/behind');
});

t.test('a connection of a removed listener whose head had gone out ends after that response', async (t) => {
  const rig = await Rig.start(t);
  rig.upstream.hold();
  const busy = await rig.client('trusting');
  busy.send(GET);
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
  await busy.untilHas('\r\n\r\no');
  t.match(await relisten(rig, withoutTrusting), { result: 'applied' });
  end.send('k');
  t.equal(await busy.ended(), 'end');
  t.equal(busy.received, OK_RELAYED, 'what was promised in its head cannot be taken back');
});

t.test('an idle connection of a removed listener ends at once, and nobody can open another', async (t) => {
  const rig = await Rig.start(t);
  const port = rig.port('trusting');
  const idle = await rig.client('trusting');
  await serves(idle);
  t.match(await relisten(rig, withoutTrusting), { result: 'applied' });
  t.equal(await idle.ended(), 'end');
  t.equal(idle.received, OK_RELAYED);
  await t.rejects(rig.clientAt(port), { code: 'ECONNREFUSED' });
});

t.test('a listener may change from one address of the machine to all of them on the port that it has', async (t) => {
  const rig = await Rig.start(t);
  const port = await unusedPort();
  const at = (host: string) => (listeners: readonly WrittenListener[]) => [
    ...withoutTrusting(listeners),
    { name: 'moving', address: `${host}:${port}` },
  ];
  t.match(await relisten(rig, at('127.0.0.1')), { result: 'applied' });
  await serves(await rig.clientAt(port));
  t.match(await relisten(rig, at('0.0.0.0')), { result: 'applied' });
  // What still comes to the listener that goes is not what this is about.
  await rig.settled();
  await serves(await rig.clientAt(port));
  t.match(await relisten(rig, at('127.0.0.1')), { result: 'applied' }, 'and back');
  await rig.settled();
  await serves(await rig.clientAt(port));
});
