/**
 * Rollouts of flags in real processes: to the end, back by hand and by the guard, and over a kill -9 in the middle; by the command
 * line, with what users get while it moves.
 */
import t from 'tap';
import type { FlagReceipt, FlagView, RolloutView } from '../../src/control/operations.ts';
import { tidegate as cli } from '../unit/cli/tidegate.ts';
import { exchange } from './stage/exchange.ts';
import { Load } from './stage/load.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { configFile, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { type Handler, Upstream } from './stage/upstream.ts';

const QUICK = 'rollout: { steps: [5%, 50%, 100%], hold: 0s, bake: 0s }';
const FLAGS = [
  'flagContext: { key: [{ header: x-user }] }',
  'flags:',
  `  quick: { strategy: percentage, value: 1, ${QUICK} }`,
  '  slow: { strategy: percentage, value: 10, rollout: { steps: [30%, { weight: 60%, approve: true }, 100%], hold: 1h } }',
  '  paired: { strategy: percentage, value: 0 }',
  '  broken: { strategy: percentage, value: 5, guard: { latency: off }, rollout: { steps: [40%, 100%], hold: 1h } }',
];
const RELEASE =
  'rollout: { steps: [{ weight: 20%, hold: 1h, flags: { paired: 30% } }, 100%], guard: { latency: off } }';
const USERS = Array.from({ length: 100 }, (_, index) => `user-${index}`);

t.test('flags are rolled out to the end, over a kill -9, and back', async (t) => {
  const serve: Handler = (req, res) => {
    const told = String(req.headers['feature-flags'] ?? '');
    res.writeHead(req.url === '/flags/load' && told.includes('broken=?1') ? 500 : 200).end(told);
  };
  const [blue, green] = [await Upstream.start(t, 'v1', serve), await Upstream.start(t, 'v2', serve)];
  const pools = blueAndGreen(blue.address, green.address);
  const routes = ['{ name: flagged, path: /flags, service: shop, flags: [quick, slow, broken, paired] }'];
  const service = ['ejection: { consecutiveFailures: 10000 }', 'retries: { attempts: 0 }', RELEASE];
  const file = await configFile(t, shopConfig({ pools, traffic: 'blue', routes, service, top: FLAGS }));
  const start = () => Tidegate.start(t, file);
  let tidegate = await start();
  const run = (...words: readonly string[]) => cli([...words, '--admin', `http://127.0.0.1:${tidegate.admin.port}`]);
  const get = async <T>(path: string): Promise<T> => (await tidegate.admin.call<T>('GET', path)).body;
  const rolling = (flag: string): Promise<RolloutView> => get(`/api/flags/${flag}/rollout`);
  const treated = async (flag: string): Promise<ReadonlySet<string>> => {
    const found = new Set<string>();
    for (const user of USERS) {
      const { body } = await exchange(tidegate.port, '/flags', { headers: { 'x-user': user } });
      if (body.includes(`${flag}=?1`)) found.add(user);
    }
    return found;
  };

  await t.test('one without holds is promoted, and then everybody has it', async (t) => {
    const dry = await run('rollout', 'start', '--flag', 'quick', '--dry-run');
    t.equal(dry.code, 0, dry.err);
    t.match(dry.out, 'Steps: 5%, 50%, 100%.');
    const { code, out, err } = await run('rollout', 'start', '--flag', 'quick', '--wait');
    t.equal(code, 0, out + err);
    t.match(out, /\nflag quick: rollout 1 to treatment \([0-9a-f]{8}\) promoted: /);
    t.equal((await treated('quick')).size, USERS.length);
    const { receipts } = await get<{ receipts: FlagReceipt[] }>('/api/flags/quick/history');
    t.same(
      receipts.map(({ how, to }) => [how, to?.share]),
      [
        ['rollout', 100],
        ['rollout', 50],
        ['rollout', 5],
        ['file', 1],
      ],
    );
    t.equal((await run('rollout', 'status', '--flag', 'quick')).code, 0);
    const history = await run('rollout', 'history', '--flag', 'quick');
    t.match(history.out, / 1 .*control.* succeeded\n/);
    t.equal((await run('rollout', 'explain', '1')).code, 0);
  });

  await t.test('a kill -9 in the middle changes nothing for users, and it goes on', async (t) => {
    const before = await treated('slow');
    t.equal((await run('rollout', 'start', '--flag', 'slow')).code, 0);
    await until('the first step holds', async () => (await rolling('slow')).phase === 'holding');
    const at30 = await treated('slow');
    t.ok([...before].every((user) => at30.has(user)) && at30.size > before.size, 'who had it has it still');
    t.equal((await run('rollout', 'promote', '--flag', 'slow', '--reason', 'now')).code, 0);
    await until('the second step holds', async () => (await rolling('slow')).share === 0.6);
    const at60 = await treated('slow');
    await tidegate.kill();

    tidegate = await start();
    t.match(await rolling('slow'), { id: 2, flag: 'slow', phase: 'holding', step: 2, share: 0.6, endedAt: null });
    t.strictSame(await treated('slow'), at60);
    const card = await run('rollout', 'status', '--flag', 'slow');
    t.match(card.out, 'goes by time: without a guard, nothing is judged');
    t.equal((await tidegate.admin.metrics()).sum('tidegate_flag_rollout_step', { flag: 'slow' }), 2);
    const aborted = await run('rollout', 'abort', '--flag', 'slow');
    t.equal(aborted.code, 0, aborted.err);
    await until('it has gone back', async () => (await rolling('slow')).phase === 'aborted');
    t.strictSame(await treated('slow'), before, 'to those who had it before');
    t.equal((await run('rollout', 'status', '--flag', 'slow')).code, 1);
    t.match(
      (await run('rollout', 'resume', '--flag', 'slow')).err,
      'no rollout of slow runs; the last one ended as aborted',
    );
  });

  await t.test('a step of a release sets a flag, and the way back puts it back', async (t) => {
    t.equal((await run('rollout', 'start', 'shop', '--to', 'green')).code, 0);
    const card = await until('the step holds', async () => {
      const { out } = await run('rollout', 'status', 'shop');
      return out.includes('holding') && out;
    });
    t.match(card, '[20% with paired 30%]');
    t.match(card, 'step 1 of 2: green has 20%, paired has 30%');
    t.ok((await treated('paired')).size > 10);
    t.equal((await run('rollback', 'shop')).code, 0);
    t.equal((await treated('paired')).size, 0, 'when the way back is answered');
    const { receipts } = await get<{ receipts: FlagReceipt[] }>('/api/flags/paired/history');
    t.match(receipts, [{ by: 'rollout 3 of shop' }, { by: 'rollout 3 of shop', to: { share: 30 } }, { how: 'file' }]);
  });

  await t.test('a treatment that fails is killed by its guard, and its rollout ends as rolled back', async (t) => {
    t.equal((await run('rollout', 'start', '--flag', 'broken')).code, 0);
    const load = new Load({
      port: tidegate.port,
      clients: 4,
      keepAlive: true,
      make: (number) => ({ bytes: `GET /flags/load HTTP/1.1\r\nHost: app.test\r\nX-User: u-${number}\r\n\r\n` }),
      judge: () => null,
    });
    t.teardown(() => load.stop());
    const ended = await until('it has ended', async () => {
      const rollout = await rolling('broken');
      return rollout.endedAt === null ? null : rollout;
    });
    await load.stop();
    t.match(ended, { phase: 'rolled-back', reason: /worse: \d+ of \d+ on treatment failed/ });
    const flag = await until('its guard has killed it', async () => {
      const view = await get<FlagView>('/api/flags/broken');
      return view.killed ? view : null;
    });
    t.equal(flag.share, 5, 'and its share is what it was');
  });
});
