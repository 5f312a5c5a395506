/**
 * The command line of rollouts against a real Tidegate with real traffic: what a CI job sees of a good and of a bad release, and what
 * somebody finds out afterwards. That the answers of the API have the shapes that the command line relies on is part of it.
 */
import t from 'tap';
import { tidegate as cli } from '../unit/cli/tidegate.ts';
import { Load } from './stage/load.ts';
import { shopConfig } from './stage/shop.ts';
import { type Cleaning, startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';

const ROLLOUT = `rollout: { steps: [20%, 100%], hold: 0s, minRequests: 200, bake: 0s, guard: { latency: off, warmUp: 0s, errors: { rate: 20% } } }`;

/** Blue and green answer well; one in two requests of red fails. */
async function shop(t: Cleaning) {
  const [blue, green] = [await Upstream.start(t, 'v1'), await Upstream.start(t, 'v2')];
  const red = await Upstream.start(t, 'v3', (req, res, upstream) => {
    if (upstream.requests % 2 === 1) res.writeHead(500).end();
    else sayVersion(req, res, upstream);
  });
  const pools = {
    blue: { version: 'v1', endpoints: [blue.address] },
    green: { version: 'v2', endpoints: [green.address] },
    red: { version: 'v3', endpoints: [red.address] },
  };
  const tidegate = await startTidegate(t, shopConfig({ pools, traffic: 'blue', service: [ROLLOUT] }));
  const load = new Load({ port: tidegate.port, clients: 4, keepAlive: true, judge: () => null });
  t.teardown(() => load.stop());
  await load.answers(50);
  const run = (...words: readonly string[]) => cli([...words, '--admin', `http://127.0.0.1:${tidegate.admin.port}`]);
  return { tidegate, load, run };
}

t.test(
  'a good release is promoted with 0, a bad one rolled back with 1, and both are explained to the last digit',
  async (t) => {
    const { tidegate, run } = await shop(t);
    const good = await run('rollout', 'start', 'shop', '--to', 'green', '--wait', '--reason', 'release 2');
    t.equal(good.code, 0, good.out + good.err);
    t.match(good.out, /\nshop: rollout 1 to green \(v2\) promoted: .*\n$/);
    t.equal((await tidegate.admin.service()).traffic.green! > 0, true);
    t.equal((await tidegate.admin.service()).traffic.blue, 0);

    const bad = await run('rollout', 'start', 'shop', '--to', 'red', '--wait');
    t.equal(bad.code, 1, bad.out + bad.err);
    t.match(bad.out, /\nshop: rollout 2 to red \(v3\) rolled back: worse: \d+ of \d+ on red failed.*\n$/);
    t.equal((await tidegate.admin.service()).traffic.red, 0);

    const again = await run('rollout', 'start', 'shop', '--to', 'red', '--dry-run');
    t.equal(again.code, 1);
    t.match(again.out, 'v3 was rolled back the last time');

    const status = await run('rollout', 'status', 'shop');
    t.equal(status.code, 1);
    t.match(status.out, /errors {4}worse {9}evidence /);
    const history = await run('rollout', 'history', 'shop');
    t.match(history.out, /\n 2 .*rolled-back\n.*\n 1 .*succeeded\n/);
    for (const id of ['1', '2']) {
      const told = await run('rollout', 'explain', id);
      t.equal(told.code, 0, told.out);
      t.match(told.out, 'each verdict is the recorded one, the last one to the last digit');
    }
    const back = await run('judge', 'replay', '2');
    t.equal(back.code, 1);
    t.match(back.out, /it would have been turned back after .*\n$/);
    const left = await run('judge', 'replay', '1', '--margin', '2x', '--false-alarm', '0.1%');
    t.equal(left.code, 0, left.out);
    t.match(left.out, 'judged again under other settings: false alarms 0.1%, errors margin 2x');
    t.match(left.out, 'it would not have been turned back');
  },
);

t.test('a dry run tells the traffic that it rests on, and does nothing', async (t) => {
  const { tidegate, run, load } = await shop(t);
  await until('a second has been seen', async () => {
    const { out } = await run('rollout', 'start', 'shop', '--to', 'green', '--dry-run');
    return out.includes('requests a second');
  });
  const epoch = (await tidegate.admin.service()).epoch;
  const { code, out } = await run(
    'rollout',
    'start',
    'shop',
    '--to',
    'green',
    '--dry-run',
    '--max-failed-requests',
    '100000',
  );
  t.equal(code, 0);
  t.match(out, 'without a failure (one is assumed)');
  t.match(out, /At most 100,000 failed requests: the first weight is \d/);
  t.match(out, /fails all +100% /);
  t.equal((await tidegate.admin.service()).epoch, epoch);
  t.equal((await run('rollout', 'status', 'shop')).code, 1, 'no rollout has begun');
  t.equal(load.failed, 0);
});
