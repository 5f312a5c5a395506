/** What a data thread does with orders that come in an unlucky order. The tests are named by the wounds they come from. */
import { once } from 'node:events';
import t, { type Test } from 'tap';
import type { RequestSignalSpec, Snapshot } from '../../../src/routing/snapshot.ts';
import { takeNews, watchEvidence } from '../../../src/stats/evidence-cells.ts';
import { createSignalMemory } from '../../../src/stats/signal-cells.ts';
import { GET, OK, OK_RELAYED, OK_RELAYED_LAST } from '../../wire/stage/messages.ts';
import { Upstream } from '../../wire/stage/upstream.ts';
import { DrivenThread } from './driven-thread.ts';

/** The snapshot with its listeners named so that looking the address up takes the thread away from the staging. */
function lookedUp(snapshot: Snapshot): Snapshot {
  return { ...snapshot, listeners: snapshot.listeners.map((spec) => ({ ...spec, host: '127.1' })) };
}

async function start(t: Test): Promise<{ readonly thread: DrivenThread; readonly upstream: Upstream }> {
  const upstream = await Upstream.open(t);
  return { thread: await DrivenThread.start(t, upstream.address), upstream };
}

t.test('a replaced thread during a reload: what only the given-up generation listened on is closed', async (t) => {
  const { thread } = await start(t);
  const { snapshots } = thread;
  await thread.stage(await snapshots.of(1, ['kept']), await snapshots.of(2, ['kept', 'given-up']));
  thread.commit(1);
  await thread.settled();
  t.equal(await thread.accepts('given-up'), true, 'it is ready for the generation that is staged');
  thread.tell({ kind: 'abandon', generation: 2 });
  await thread.settled();
  t.equal(await thread.accepts('given-up'), false);
  t.equal(await thread.accepts('kept'), true);
});

t.test('two stagings of the same listener open it once, so that closing it closes it', async (t) => {
  const { thread } = await start(t);
  const { snapshots } = thread;
  const names = ['kept', 'removed'];
  await thread.stage(lookedUp(await snapshots.of(1, names)), lookedUp(await snapshots.of(2, names)));
  thread.commit(2);
  await thread.stage(await snapshots.of(3, ['kept']));
  thread.commit(3);
  await thread.settled();
  t.equal(await thread.accepts('removed'), false);
  t.equal(await thread.accepts('kept'), true);
});

t.test('a connection that brings a generation into force while it is staged leaves no listener open', async (t) => {
  const { thread } = await start(t);
  const { snapshots } = thread;
  const first = await snapshots.of(1, ['first', ...Array.from({ length: 300 }, (_, at) => `later-${at}`)]);
  thread.owner.commit(1);
  const staged = thread.stage(lookedUp(first));
  while (!(await thread.accepts('first')));
  t.equal(thread.staged.length, 0, 'the thread is still opening listeners');
  await staged;
  thread.tell({ kind: 'commit', generation: 1 });
  await thread.stage(await snapshots.of(2, ['later-0']));
  thread.commit(2);
  await thread.settled();
  t.equal(await thread.accepts('first'), false);
});

t.test(
  'listeners of an activated generation that another stage does not name stay open until it is over',
  async (t) => {
    const { thread } = await start(t);
    const { snapshots } = thread;
    await thread.stage(await snapshots.of(1, ['one']));
    thread.commit(1);
    await thread.stage(await snapshots.of(2, ['two']));
    const client = await thread.client('one');
    client.send(GET);
    await client.until('the answer', (text) => text === OK_RELAYED);
    t.equal(await thread.accepts('one'), true);
    thread.commit(2);
    t.equal(await client.ended(), 'end');
    await thread.settled();
    t.same([await thread.accepts('one'), await thread.accepts('two')], [false, true]);
  },
);

t.test('a client that is gone before the first commit does not take the thread with it', async (t) => {
  const { thread } = await start(t);
  const { snapshots } = thread;
  await thread.stage(await snapshots.of(1, ['web']));
  for (let count = 0; count < 5; count++) {
    const early = await thread.client('web');
    early.send('GET / HTTP/1.1\r\nHo');
    await thread.settled();
    early.reset();
    await once(early.socket, 'close');
  }
  await thread.settled();
  const waiting = await thread.client('web');
  waiting.send(GET);
  thread.commit(1);
  await waiting.until('the answer', (text) => text === OK_RELAYED);
  t.equal(thread.death, null);
  waiting.end();
  t.equal(await waiting.ended(), 'end');
  await thread.stop();
  t.pass('nothing of the clients that were gone is waited for');
});

t.test(
  'a request that brings the generation into force that removes its listener is answered, and the last',
  async (t) => {
    const { thread, upstream } = await start(t);
    const { snapshots } = thread;
    await thread.stage(await snapshots.of(1, ['kept', 'removed']));
    thread.commit(1);
    const client = await thread.client('removed');
    client.send(GET);
    await client.until('the answer', (text) => text === OK_RELAYED);
    await thread.stage(await snapshots.of(2, ['kept']));
    // Without a word about it: the request itself is what notices.
    thread.owner.commit(2);
    client.send(GET);
    t.equal(await client.ended(), 'end');
    t.equal(client.received, OK_RELAYED + OK_RELAYED_LAST);
    t.equal(upstream.take().length, 2);
  },
);

t.test('a generation that a thread cannot use is answered with the reason, at once', async (t) => {
  const { thread } = await start(t);
  const snapshot = await thread.snapshots.of(1, ['web']);
  const route = snapshot.routes[0]!;
  const path = { kind: 'regex', value: '(' } as const;
  await thread.stage({ ...snapshot, routes: [{ ...route, match: { ...route.match, path } }] });
  t.match(thread.staged, [{ generation: 1, error: /regular expression/i }]);
  await thread.stage(await thread.snapshots.of(2, ['web']));
  t.match(thread.staged[1], { generation: 2, error: null });
});

t.test('an address that cannot be opened fails the staging, and leaves nothing open', async (t) => {
  const { thread } = await start(t);
  const snapshot = await thread.snapshots.of(1, ['web', 'elsewhere']);
  // TEST-NET-1 of RFC 5737 is no address of this machine.
  const listeners = snapshot.listeners.map((spec) => (spec.name === 'web' ? spec : { ...spec, host: '192.0.2.1' }));
  await thread.stage({ ...snapshot, listeners });
  t.match(thread.staged, [{ generation: 1, error: /EADDRNOTAVAIL/ }]);
  t.equal(await thread.accepts('web'), false);
});

/** The snapshot with a signal of the business that calls an answer bad by its `x-outcome`. */
function withSignal(snapshot: Snapshot): Snapshot {
  const signal: RequestSignalSpec = {
    name: 'orders',
    match: { hosts: [], path: null, methods: [], headers: [], query: [], cookies: [] },
    bad: [{ statuses: null, headers: [['x-outcome', { kind: 'exact', value: 'failed' }]] }],
    good: [],
    rest: 'good',
    ledger: null,
  };
  const services = snapshot.services.map((service) => ({
    ...service,
    evidence: { ...service.evidence, signals: [signal] },
    pools: service.pools.map((pool) => ({ ...pool, signals: [createSignalMemory(1)] })),
  }));
  return { ...snapshot, services };
}

t.test('a bad answer of a watched version rings the bell, a good one or one of another version does not', async (t) => {
  const { thread, upstream } = await start(t);
  const { snapshots, owner } = thread;
  const snapshot = withSignal(await snapshots.of(1, ['web']));
  await thread.stage(snapshot);
  thread.commit(1);
  const evidence = snapshot.services[0]!.pools[0]!.evidence;
  const client = await thread.client('web');
  const answer = async (bytes: string): Promise<void> => {
    upstream.respond = ({ end }) => end.send(bytes);
    const from = client.received.length;
    client.send(GET);
    await client.until('the answer', (text) => text.slice(from).endsWith('\r\n\r\nok'));
    // An answer is recorded when it is over, in the same turn in which its last byte is passed on.
    await thread.settled();
  };
  const bad = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nok';
  const worthless = 'HTTP/1.1 200 OK\r\nX-Outcome: failed\r\nContent-Length: 2\r\n\r\nok';
  let isRung = false;
  owner.bell.listen();
  const rung = owner.bell.rung().then(() => {
    isRung = true;
  });
  await answer(bad);
  watchEvidence(evidence, true);
  await answer(OK);
  t.same([isRung, takeNews(evidence)], [false, false]);
  await answer(bad);
  t.equal(takeNews(evidence), true);
  await rung;
  owner.bell.listen();
  await answer(worthless);
  t.equal(takeNews(evidence), true, 'a signal of the business rings it as well');
  await owner.bell.rung();
});
