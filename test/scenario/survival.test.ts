/**
 * What was answered survives: `kill -9` of the process under load and in the middle of moves, and the death of a data
 * thread.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import t from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import { isRefusal, type Receipt, type Weights } from '../../src/control/operations.ts';
import { SeriesReader } from '../../src/stats/series.ts';
import { Crowd } from './stage/crowd.ts';
import { exchange } from './stage/exchange.ts';
import { Load } from './stage/load.ts';
import { seededRandom } from './stage/seeded.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { type Cleaning, Tidegate, temporaryDirectory } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';

const ROUNDS = 6;
const LIFE_MS_MAX = 250;

async function configFile(t: Cleaning, config: string): Promise<string> {
  const file = join(await temporaryDirectory(t), 'tidegate.yaml');
  await writeFile(file, config);
  return file;
}

t.test(
  'kill -9 under load and in the middle of moves: the last answered position stands after the restart',
  async (t) => {
    const random = seededRandom();
    t.comment(`seed ${random.seed}`);
    const blue = await Upstream.start(t, 'v1');
    const green = await Upstream.start(t, 'v2');
    const file = await configFile(t, shopConfig({ pools: blueAndGreen(blue.address, green.address), traffic: 'blue' }));
    let tidegate = await Tidegate.start(t, file);
    let moves = 0;
    let cutShort = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const load = new Load({ port: tidegate.port, clients: 6, keepAlive: true });
      await load.answers(50);
      let answered: Receipt | null = null;
      let asked: Weights = {};
      const killAt = performance.now() + random.below(LIFE_MS_MAX);
      const killed = new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (performance.now() < killAt) return;
          clearInterval(timer);
          tidegate.signal('SIGKILL');
          resolve();
        }, 1);
      });
      // Every position is another one, so that it can be told which of them has come back.
      const moving = (async () => {
        for (;;) {
          asked = { blue: 1 + random.below(1_000_000), green: 1 + random.below(1_000_000) };
          answered = await tidegate.admin.traffic(asked);
          moves += 1;
        }
      })().catch(() => {
        cutShort += 1;
      });
      await killed;
      await moving;
      await tidegate.exited;
      await load.stop();

      tidegate = await Tidegate.start(t, file);
      const { epoch, traffic } = await tidegate.admin.service();
      const last = answered as Receipt | null;
      if (last === null) continue;
      // The move whose answer the kill has swallowed may have been kept or not; an answered one must have been.
      const stands = epoch === last.epoch ? last.to : { ...asked };
      t.ok(epoch === last.epoch || epoch === last.epoch + 1, `epoch ${epoch} after ${last.epoch} was answered`);
      t.same(traffic, stands, `round ${round}: the position stands`);
      t.same((await tidegate.admin.receipt(last.epoch)).to, last.to, 'and its receipt is there');
    }
    t.equal(cutShort, ROUNDS);
    t.ok(moves > ROUNDS, `${moves} moves were answered`);

    await t.test('after the restart traffic really goes where the position says', async (t) => {
      await tidegate.admin.flip('green');
      await tidegate.kill();
      tidegate = await Tidegate.start(t, file);
      const before = [blue.requests, green.requests] as const;
      const load = new Load({ port: tidegate.port, clients: 4, keepAlive: true, requests: 500 });
      await load.finished;
      t.same([blue.requests - before[0], green.requests - before[1]], [0, 500]);
      t.same(load.failures, []);
    });
  },
);

t.test('rollback works after a restart, to the position before it', async (t) => {
  const file = await configFile(t, shopConfig({ pools: blueAndGreen('127.0.0.1:9', '127.0.0.1:10'), traffic: 'blue' }));
  const first = await Tidegate.start(t, file);
  await first.admin.traffic({ blue: 70, green: 30 });
  const { epoch } = await first.admin.flip('green');
  await first.kill();
  const second = await Tidegate.start(t, file);
  const receipt = await second.admin.rollback();
  t.same(receipt.to, { blue: 70, green: 30 });
  t.same(receipt.from, { blue: 0, green: 100 });
  t.equal(receipt.epoch, epoch + 1, 'epochs go on where they were');
});

t.test('the traffic of the file wins after a restart only when it has changed', async (t) => {
  const file = await configFile(t, shopConfig({ pools: blueAndGreen('127.0.0.1:9', '127.0.0.1:10'), traffic: 'blue' }));
  const first = await Tidegate.start(t, file);
  const { epoch } = await first.admin.traffic({ blue: 25, green: 75 });
  await first.kill();

  const config = await readFile(file, 'utf8');
  await writeFile(file, config.replace('version: v1', 'version: v1.1'));
  const second = await Tidegate.start(t, file);
  const kept = await second.admin.service();
  t.same([kept.epoch, kept.traffic], [epoch, { blue: 25, green: 75 }], 'an edit of something else moves nothing');
  t.equal(kept.since.by, 'api');
  await second.kill();

  await writeFile(file, config.replace('traffic: blue', 'traffic: { blue: 60, green: 40 }'));
  const third = await Tidegate.start(t, file);
  const moved = await third.admin.service();
  t.same(moved.traffic, { blue: 60, green: 40 }, 'an edit of the traffic does');
  t.ok(moved.epoch > epoch);
  t.same((await third.admin.rollback()).to, { blue: 25, green: 75 }, 'and can be rolled back');
});

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
