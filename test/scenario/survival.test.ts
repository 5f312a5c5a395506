/**
 * What was answered survives: `kill -9` of the process under load and in the middle of moves, and what stands after the
 * restart.
 */
import { readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import type { Receipt, Weights } from '../../src/control/operations.ts';
import { Load } from './stage/load.ts';
import { seededRandom } from './stage/seeded.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { configFile, Tidegate } from './stage/tidegate.ts';
import { Upstream } from './stage/upstream.ts';

const ROUNDS = 6;
/** The kill comes after so many answered moves at least, fewer than so many more, and within so long after that. */
const MOVES_MIN = 2;
const MOVES_MORE = 12;
const MOVE_MS = 5;

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
      const load = new Load({ port: tidegate.port, clients: 6, keepAlive: true, restMs: 5 });
      await load.answers(50);
      let answered: Receipt | null = null;
      let asked: Weights = {};
      // By moves and not by time: a busy machine would be killed before its first one.
      const killFrom = moves + MOVES_MIN + random.below(MOVES_MORE);
      let killAt = Number.POSITIVE_INFINITY;
      const killed = new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (moves >= killFrom) killAt = Math.min(killAt, performance.now() + random.below(MOVE_MS));
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
