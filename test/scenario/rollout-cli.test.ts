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

const ROLLOUT = `rollout: { steps: [20%, 100%], hold: 0s, bake: 0s, guard: { latency: off, warmUp: 0s, errors: { rate: 20% } } }`;

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
    const left = await run('judge', 'replay', '2', '--false-alarm', '0.000000001%');
    t.equal(left.code, 0, left.out);
    t.match(left.out, 'it would not have been turned back');
  },
);

t.test('a rollout is steered by hand, and the status of its service names it while it runs', async (t) => {
  const { run } = await shop(t);
  const begun = await run('rollout', 'start', 'shop', '--to', 'green', '--steps', '5%,50%,100%', '--hold', '1h');
  t.equal(begun.code, 0, begun.err);
  await until('the first step stands', async () => (await run('rollout', 'status', 'shop')).out.includes('green 5%'));
  t.match((await run('status')).out, /\n {2}> rollout 1 to green \(v2\): holding step 1 of 3, 5%, /);
  t.match((await run('rollout', 'pause', 'shop', '--reason', 'lunch')).out, /paused by hand.*\(lunch\)/);
  t.equal((await run('rollout', 'pause', 'shop')).code, 1, 'twice is refused');
  t.match((await run('rollout', 'resume', 'shop')).out, 'holding, step 1 of 3');
  t.equal((await run('rollout', 'approve', 'shop')).code, 1, 'no step waits for it');
  await run('rollout', 'promote', 'shop');
  await until('the second step stands', async () => (await run('rollout', 'status', 'shop')).out.includes('green 50%'));
  t.equal((await run('rollout', 'abort', 'shop')).code, 0);
  const followed = await run('rollout', 'status', 'shop', '--watch');
  t.equal(followed.code, 1);
  t.notMatch((await run('status')).out, '> rollout', 'what has ended is not named');
});

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
