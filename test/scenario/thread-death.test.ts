/**
 * The death of a data thread under load: it is replaced, the books are closed for it, and the other threads go on.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { ControlPlane } from '../../src/control/control-plane.ts';
import { isRefusal } from '../../src/control/operations.ts';
import { SLACK_MS } from '../../src/stats/pace.ts';
import { SeriesReader } from '../../src/stats/series.ts';
import { Crowd } from './stage/crowd.ts';
import { exchange } from './stage/exchange.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { type Cleaning, configFile } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';

/** A thread of another process cannot be killed from outside: these planes run in the process of the test. */
async function startPlane(t: Cleaning, file: string): Promise<{ readonly plane: ControlPlane; readonly port: number }> {
  process.chdir(join(file, '..'));
  const plane = await ControlPlane.start({ file, env: {}, log: pino({ level: 'silent' }), accessLog: () => {} });
  if ('failed' in plane) throw new Error(plane.lines.join('\n'));
  t.teardown(() => plane.terminate());
  return { plane, port: Number(plane.listeners()[0]!.address.split(':')[1]) };
}

/** Ends a data thread as a crash would; resolves when its replacement serves. */
async function killThread(plane: ControlPlane, thread: number): Promise<void> {
  const replaced = new Promise<void>((resolve) => {
    const off = plane.onEvent((event) => {
      if (event.kind !== 'thread' || !event.text.includes(`data thread ${thread} has been replaced`)) return;
      off();
      resolve();
    });
  });
  await plane.threads.kill(thread);
  await replaced;
}

/** Everything that may only grow, of one plane: exchanges by series and code, attempts, latencies. */
function counts(plane: ControlPlane): Map<string, number> {
  const found = new Map<string, number>();
  for (const { service, pool, version, board } of plane.metrics().series) {
    const reader = new SeriesReader(board);
    const put = (what: string, value: number): void => {
      found.set(`${service} ${pool} ${version} ${what}`, value);
    };
    for (const [index, value] of reader.codes().entries()) put(`code ${index}`, value);
    for (const [index, value] of reader.outcomes().entries()) put(`outcome ${index}`, value);
    put('durations', reader.durationSumUs());
    put('started', reader.started());
    put('bytes', reader.bytesOut());
  }
  return found;
}

t.test('a data thread that is killed under load is replaced, and the other threads do not notice', async (t) => {
  const crowd = await Crowd.gather(t);
  const file = await configFile(
    t,
    shopConfig({ pools: blueAndGreen(crowd.blue, crowd.green), traffic: '{ blue: 1, green: 1 }', workers: 3 }),
  );
  const { plane, port } = await startPlane(t, file);
  await crowd.begin(port, { keepAlive: 24, fresh: 4, posts: 8, sockets: 0 });
  await crowd.answers(500);

  const wrong: string[] = [];
  let before = counts(plane);
  const compare = (): void => {
    const now = counts(plane);
    for (const [key, value] of before)
      if ((now.get(key) ?? 0) < value) wrong.push(`${key}: ${value} → ${now.get(key)}`);
    before = now;
  };
  const watch = setInterval(compare, 5);
  t.teardown(() => clearInterval(watch));

  for (const thread of [0, 2, 0]) {
    const replacements = plane.threads.replacements;
    await killThread(plane, thread);
    t.equal(plane.threads.replacements, replacements + 1);
    compare();
    // All other invariants hold on: a move is answered and exact while a thread is new.
    const receipt = await plane.setTraffic(
      'shop',
      { blue: thread + 1, green: 1 },
      { by: 'test', reason: '', ifEpoch: null },
    );
    t.notOk(isRefusal(receipt));
    await crowd.answers(500);
  }

  const account = await crowd.end();
  clearInterval(watch);
  compare();
  t.same(wrong, [], 'no counter has gone backwards');
  // Each client has one connection: what a thread can take with it is bounded by the connections that it had.
  t.ok(
    account.failures.length <= 3 * 36,
    `${account.failures.length} of ${account.sent} requests died with their thread`,
  );
  t.same(
    account.failures.filter(({ reason }) => !/ECONNRESET|EPIPE|ECONNREFUSED|closed before/.test(reason)),
    [],
    'they died with their connection; nobody was answered wrongly',
  );
  t.equal(account.answered + account.failures.length, account.sent);

  const series = await until('nothing is in flight on the board', () => {
    const all = plane.metrics().series.map(({ board }) => new SeriesReader(board));
    return all.every((reader) => reader.inFlight() === 0) && all;
  });
  const ended = series.reduce((sum, reader) => sum + reader.ended(), 0);
  t.ok(
    ended >= account.answered && ended <= account.sent,
    `${ended} exchanges are on the board, ${account.sent} were sent`,
  );
  t.ok(
    plane
      .services()[0]!
      .pools.every((pool) => pool.inFlight === 0 && pool.endpoints.every((one) => one.inFlight === 0)),
    'nor on any endpoint',
  );
  const events = plane.eventsSince(0, 1000).filter(({ kind }) => kind === 'thread');
  t.equal(events.filter(({ text }) => /has died with \d+ exchanges in flight/.test(text)).length, 3);
  t.equal(events.filter(({ text }) => text.includes('has been replaced')).length, 3);
  t.equal(plane.metrics().threadReplacements, 3);
});

t.test(
  'exactly the exchanges of a killed thread are lost; those of the other threads end as if nothing had happened',
  async (t) => {
    const requests = 60;
    const held: (() => void)[] = [];
    const blue = await Upstream.start(t, 'v1', (req, res, upstream) => {
      held.push(() => sayVersion(req, res, upstream));
    });
    const file = await configFile(
      t,
      shopConfig({ pools: blueAndGreen(blue.address, '127.0.0.1:9'), traffic: 'blue', workers: 3 }),
    );
    const { plane, port } = await startPlane(t, file);
    const owed = Array.from({ length: requests }, () =>
      exchange(port, '/').then(
        (answer) => answer.status,
        () => 0,
      ),
    );
    await until('all of them are in flight', () => held.length === requests);

    await killThread(plane, 1);
    const death = plane.eventsSince(0, 1000).find(({ text }) => text.includes('has died'))!;
    const { lost } = death.data as { readonly lost: number };
    t.ok(lost > 0 && lost < requests, `${lost} of ${requests} were on the thread`);
    for (const answer of held) answer();
    const statuses = await Promise.all(owed);
    t.equal(statuses.filter((status) => status === 0).length, lost);
    t.equal(statuses.filter((status) => status === 200).length, requests - lost);
    const [pool] = await until('nothing is in flight', () => {
      const { pools } = plane.services()[0]!;
      return pools[0]!.inFlight === 0 && pools;
    });
    t.equal(pool!.requests, requests, 'every one of them is counted once');
    t.equal(pool!.endpoints[0]!.inFlight, 0);
  },
);

t.test(
  'a thread that dies while a pool is ended takes its own streams along; the pace of the others and the account hold',
  async (t) => {
    const [streams, perSecond] = [90, 30];
    const blue = await Upstream.start(t, 'v1');
    const green = await Upstream.start(t, 'v2');
    new WebSocketServer({ server: blue.server }).on('connection', (socket) => socket.on('error', () => {}));
    const file = await configFile(
      t,
      shopConfig({
        pools: blueAndGreen(blue.address, green.address),
        traffic: 'blue',
        workers: 3,
        service: [`drain: { after: 0s, perSecond: ${perSecond} }`],
      }),
    );
    const { plane, port } = await startPlane(t, file);
    const codes: number[] = [];
    for (let count = 0; count < streams; count++) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      socket.on('error', () => {});
      socket.on('close', (code) => codes.push(code));
      t.teardown(() => socket.terminate());
      await once(socket, 'open');
    }
    const startedAt = performance.now();
    const options = { to: 'green', verify: false };
    const moved = await plane.flip('shop', options, { by: 'test', reason: '', ifEpoch: null });
    if (isRefusal(moved)) throw new Error(moved.message);
    t.equal(moved.inFlight, streams);
    await until('some have been ended', () => codes.length >= 5);
    await killThread(plane, 1);
    const death = plane.eventsSince(0, 1000).find(({ text }) => text.includes('has died'))!;
    const { lost } = death.data as { readonly lost: number };
    t.ok(lost > 0, `${lost} of ${streams} were on the thread`);
    await until('all are closed', () => codes.length === streams);
    const leastMs = ((streams - lost - 1) * 1000) / perSecond - SLACK_MS;
    t.ok(performance.now() - startedAt >= leastMs, `not within ${leastMs} ms`);
    const final = await until('the receipt is final', () => {
      const now = plane.receipt('shop', moved.epoch);
      return !isRefusal(now) && now.drained !== null && now;
    });
    t.match(final, { lost: streams, ended: streams - lost });
    t.equal(codes.filter((code) => code === 1012).length, streams - lost);
  },
);
