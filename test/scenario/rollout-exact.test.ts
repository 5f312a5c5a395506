/**
 * The numbers that a release is judged by are those of its users: what the judge has counted, what clients saw and what the
 * endpoints did, to the last request; and the decision log alone repeats every verdict to the last digit.
 */
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { ControlPlane } from '../../src/control/control-plane.ts';
import { isRefusal, type Retrial, type RolloutView } from '../../src/control/operations.ts';
import { Load } from './stage/load.ts';
import { RolloutShop, Side } from './stage/rollout-shop.ts';
import { seededRandom } from './stage/seeded.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { configFile } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const random = seededRandom();
t.comment(`seed ${random.seed}`);

// So small a chance of a false alarm that failures on both sides never end it.
const ROLLOUT = [
  'steps: [10%, 30%, 60%, 100%]',
  'hold: 1h',
  'bake: 1h',
  'guard: { warmUp: 0s, falseAlarm: 0.0001%, errors: { margin: 5x, ceiling: 100% } }',
];
const anyAnswer = (): null => null;

/** What the judge has counted for errors until now. */
function judged({ verdict }: RolloutView): unknown {
  const errors = verdict?.signals.find(({ name }) => name === 'errors');
  return errors?.kind === 'compared' ? errors.numbers.counts : null;
}

/** What the endpoints have counted. */
function served({ blue, green }: { readonly blue: Side; readonly green: Side }): unknown {
  return {
    candidate: { requests: green.answered, bad: green.failed },
    active: { requests: blue.answered, bad: blue.failed },
  };
}

/** Resolves when the judge has counted what the endpoints have; rejects with both when it never does. */
async function agree(shop: RolloutShop): Promise<void> {
  const wanted = JSON.stringify(served(shop));
  let last = '';
  await until('the judge has counted the same', async () => {
    last = JSON.stringify(judged(await shop.view()));
    return last === wanted;
  }).catch(() => {
    throw new Error(`judged ${last}, served ${wanted}`);
  });
}

/** Judges the kept looks again and compares with what was kept. */
async function replayEquals(t: Test, shop: RolloutShop): Promise<void> {
  const view = await shop.view();
  const { body } = await shop.tidegate.admin.call<Retrial>('GET', `/api/rollouts/${view.id}/judgement`);
  const looks = body.decisions.flatMap(({ entry }) => (entry.kind === 'look' ? [entry] : []));
  t.ok(looks.length > 0, `${looks.length} looks`);
  t.strictSame(
    body.verdicts.map(({ verdict }) => verdict.kind),
    looks.map(({ verdict }) => verdict),
    'each verdict is the one that was given',
  );
  t.strictSame(body.verdicts.at(-1)?.verdict, view.verdict, 'and the last one to the last digit');
}

t.test('over steps, threads, reloads and flips of others, the judge counts what endpoints count', async (t) => {
  const shop = await RolloutShop.open(t, {
    random: random.next,
    rollout: ROLLOUT,
    edit: (text) =>
      text.replace(
        'services:',
        'services:\n  side:\n    pools:\n      a: { version: v1, endpoints: [127.0.0.1:9] }\n      b: { version: v1, endpoints: [127.0.0.1:10] }\n    traffic: a',
      ),
  });
  shop.blue.failing = 0.02;
  shop.green.failing = 0.02;
  const { tidegate } = shop;
  await shop.start();
  await shop.phase('holding');
  const load = new Load({ port: shop.port, clients: 6, keepAlive: true, judge: anyAnswer });
  const fresh = new Load({ port: shop.port, clients: 2, keepAlive: false, judge: anyAnswer });
  for (let step = 1; step <= 3; step++) {
    await load.answers(300);
    await tidegate.admin.call('POST', '/api/services/side/flip', { to: step % 2 === 1 ? 'b' : 'a', verify: false });
    const route = `  - { name: of-${step}, path: /of-${step}, service: side }`;
    await shop.reload((text) => text.replace('routes:', `routes:\n${route}`));
    await load.answers(300);
    await shop.command('promote');
    if (step < 3) await shop.phase('holding');
  }
  await shop.phase('baking');
  await load.answers(300);
  await Promise.all([load.stop(), fresh.stop()]);
  t.equal(load.answered + fresh.answered, shop.blue.answered + shop.green.answered, 'clients have seen each of them');
  t.equal(load.failed + fresh.failed, 0);
  await agree(shop);
  t.pass(JSON.stringify(served(shop)));
  await shop.command('abort');
  await shop.ended();
  await replayEquals(t, shop);
});

t.test('a rollout that was turned back is explained by its log to the last digit', async (t) => {
  const rollout = ['steps: [20%, 100%]', 'hold: 1h', 'guard: { warmUp: 0s }'];
  const shop = await RolloutShop.open(t, { random: random.next, rollout });
  const load = new Load({ port: shop.port, clients: 4, keepAlive: true, judge: anyAnswer });
  await load.answers(200);
  shop.blue.failing = 0.005;
  shop.green.failing = 0.1;
  await shop.start();
  const view = await shop.ended();
  await load.stop();
  t.equal(view.phase, 'rolled-back');
  await replayEquals(t, shop);
  const { body } = await shop.tidegate.admin.call<Retrial>('GET', `/api/rollouts/${view.id}/judgement?margin=100`);
  t.equal(body.turnedBackAtMs, null, 'under another margin it would have stayed');
});

t.test('a data thread that dies costs the judge what it had in flight, and nothing else', async (t) => {
  const blue = await new Side('blue', random.next).open(t, 'v1');
  const green = await new Side('green', random.next).open(t, 'v2');
  const text = shopConfig({
    pools: blueAndGreen(blue.upstream.address, green.upstream.address),
    traffic: 'blue',
    service: ['rollout:', ...ROLLOUT.map((line) => `  ${line}`)],
  });
  const file = await configFile(t, text);
  process.chdir(join(file, '..'));
  const plane = await ControlPlane.start({ file, env: {}, log: pino({ level: 'silent' }), accessLog: () => {} });
  if ('failed' in plane) throw new Error(plane.lines.join('\n'));
  t.teardown(() => plane.terminate());
  const begun = await plane.rollouts.start(
    'shop',
    { to: 'green', version: null, again: false },
    { by: 'test', reason: '', ifEpoch: null },
  );
  if (isRefusal(begun)) throw new Error(begun.message);
  const view = (): RolloutView => {
    const now = plane.rollouts.view('shop');
    if (isRefusal(now)) throw new Error(now.message);
    return now;
  };
  await until('it holds', () => view().phase === 'holding');
  blue.failing = 0.02;
  green.failing = 0.02;
  const port = Number(plane.listeners()[0]!.address.split(':')[1]);
  const load = new Load({ port, clients: 8, keepAlive: true, judge: anyAnswer });
  await load.answers(500);
  let lost = 0;
  for (const thread of [0, 1]) {
    const replaced = new Promise<void>((resolve) => {
      plane.onEvent((event) => {
        if (event.kind !== 'thread') return;
        if (/has died/.test(event.text)) lost += (event.data as { lost: number }).lost;
        if (event.text.includes(`data thread ${thread} has been replaced`)) resolve();
      });
    });
    await plane.threads.kill(thread);
    await replaced;
    await load.answers(500);
  }
  await load.stop();
  const all = blue.answered + green.answered;
  const counted = (): number => {
    const counts = judged(view()) as { candidate: { requests: number }; active: { requests: number } } | null;
    return counts === null ? -1 : counts.candidate.requests + counts.active.requests;
  };
  let seen = -1;
  await until('the last look was taken', () => {
    const before = seen;
    seen = counted();
    return seen > 0 && seen === before && all - seen <= 16;
  });
  t.ok(seen <= all, `${seen} judged, ${all} served`);
  t.ok(all - seen <= 16, `at most one of each client, twice: ${all - seen}, of ${lost} that the threads had in flight`);
});
