/**
 * Kill -9 and a start again in the middle of a rollout: step, time, weights and evidence go on, and what was edited
 * meanwhile is followed. The state file on a full disk: the rollout goes on, and its log has no gap afterwards.
 */
import t from 'tap';
import type { Retrial, RolloutView } from '../../src/control/operations.ts';
import { fillDisk, makeRoom, noDiskLimits } from './stage/disk-faults.ts';
import { Load } from './stage/load.ts';
import { PHASED, PHASES } from './stage/rollout-phases.ts';
import { RolloutShop } from './stage/rollout-shop.ts';
import { seededRandom } from './stage/seeded.ts';
import { Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const random = seededRandom();
t.comment(`seed ${random.seed}`);
const anyAnswer = (): null => null;

function counts({ verdict }: RolloutView): {
  candidate: { requests: number; bad: number };
  active: { requests: number; bad: number };
} {
  const errors = verdict?.signals.find(({ name }) => name === 'errors');
  if (errors?.kind !== 'compared') throw new Error('there are no errors in the verdict');
  return errors.numbers.counts;
}

/** Resolves with the view in which the judge has counted what the endpoints have. */
async function agreed(shop: RolloutShop): Promise<RolloutView> {
  const { blue, green } = shop;
  let last = '';
  const wanted = {
    candidate: { requests: green.answered, bad: green.failed },
    active: { requests: blue.answered, bad: blue.failed },
  };
  return until('the judge has counted what the endpoints have', async () => {
    const view = await shop.view();
    last = view.verdict === null ? 'nothing' : JSON.stringify(counts(view));
    return last === JSON.stringify(wanted) && view;
  }).catch(() => {
    throw new Error(`judged ${last}, served ${JSON.stringify(wanted)}`);
  });
}

t.test('killed in any phase, a rollout goes on where it was: step, time, weights and evidence', async (t) => {
  const rollout = [...PHASED, 'guard: { warmUp: 0s, falseAlarm: 0.0001%, errors: { margin: 5x, ceiling: 100% } }'];
  const shop = await RolloutShop.open(t, { rollout, random: random.next });
  shop.blue.failing = 0.02;
  shop.green.failing = 0.02;
  for (const phase of ['verifying', 'awaiting-approval', 'baking']) {
    const { reach, share } = PHASES[phase]!;
    for (const side of [shop.blue, shop.green]) {
      side.answered = 0;
      side.failed = 0;
    }
    await reach(shop);
    const first = new Load({ port: shop.port, clients: 3, keepAlive: true, judge: anyAnswer });
    await first.answers(300);
    await first.stop();
    const before = phase === 'verifying' ? await shop.view() : await agreed(shop);
    const { epoch } = await shop.tidegate.admin.service();
    if (phase === 'verifying') shop.green.smoke = () => 0;
    await shop.tidegate.kill();

    await shop.begin(t);
    const after = await shop.view();
    const { id, step, ranMs, elapsedMs } = before;
    t.match(after, { id, phase, step, share: before.share }, phase);
    t.match(await shop.tidegate.admin.service(), { epoch }, 'the gate stands where it stood, and has not moved');
    t.equal(await shop.share(), share);
    // What was not kept since the last look is lost of the clock, at most a second; being down does not count.
    t.ok(after.ranMs >= ranMs - 1100, `${after.ranMs} of ${ranMs}`);
    if (phase === 'baking') t.ok(after.elapsedMs >= elapsedMs - 1100 && after.elapsedMs > 0);
    const second = new Load({ port: shop.port, clients: 3, keepAlive: true, judge: anyAnswer });
    await second.answers(300);
    await second.stop();
    t.equal(first.failed + second.failed, 0, 'nothing was lost');
    if (phase === 'verifying') {
      shop.green.smoke = () => 200;
    } else {
      const view = await agreed(shop);
      t.not(view.verdict?.signals[0]?.opinion, 'unknown');
      t.notOk(view.isHalted);
    }
    await shop.tidegate.admin.flip('blue');
  }
});

t.test('killed while it goes back by a ramp, it goes on down and never up again', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: PHASED });
  await PHASES['rolling-back']!.reach(shop);
  const low = await until('some of it has gone back', async () => {
    const share = await shop.share();
    return share < 0.95 && share;
  });
  await shop.tidegate.kill();
  await shop.begin(t);
  t.match(await shop.view(), { phase: 'rolling-back' });
  for (let looks = 0; looks < 40; looks++) t.ok((await shop.share()) <= low);
  await shop.tidegate.admin.rollback();
  t.match(await shop.ended(), { phase: 'aborted' });
  t.equal(await shop.share(), 0);
});

t.test('what was edited while it was down is followed at the start', async (t) => {
  const edits = [
    [/traffic: .*/, 'traffic: { blue: 70, green: 30 }', { phase: 'superseded' }, 0.3],
    [/version: v2/, 'version: v3', { phase: 'failed', reason: /green runs v3 now and not v2/ }, 0],
    [/level: info/, 'level: debug', { phase: 'holding' }, 0.2],
    [/\n.*green: \{.*/, '', { phase: 'failed', reason: /has left the file/ }, Number.NaN],
  ] as const;
  const shop = await RolloutShop.open(t, {
    rollout: PHASED.filter((line) => !line.startsWith('rollback')),
    top: ['log: { level: info }'],
  });
  for (const [what, other, expected, share] of edits) {
    await shop.start();
    await shop.phase('holding');
    await shop.tidegate.kill();
    let before = '';
    await shop.tidegate.edit((text) => {
      before = text;
      return text.replace(what, other);
    });
    await shop.begin(t);
    const view = expected.phase === 'holding' ? await shop.view() : await shop.ended();
    t.match(view, expected, other);
    if (!Number.isNaN(share)) t.equal(await shop.share(), share);
    else t.same(Object.keys((await shop.tidegate.admin.service()).traffic), ['blue']);
    await shop.reload(() => before.replace(/traffic: .*/, 'traffic: blue').concat(`# ${other}\n`)).catch(() => {});
    await shop.tidegate.admin.flip('blue').catch(() => {});
  }
});

t.test(
  'on a full disk a rollout goes on and turns back, and its log is whole afterwards',
  { skip: noDiskLimits },
  async (t) => {
    const rollout = ['steps: [20%, 100%]', 'hold: 1h', 'guard: { warmUp: 0s }'];
    const shop = await RolloutShop.open(t, { rollout, random: random.next });
    shop.blue.failing = 0.005;
    const load = new Load({ port: shop.port, clients: 2, keepAlive: true, judge: anyAnswer });
    await shop.start();
    await shop.phase('holding');
    fillDisk(shop.tidegate.pid);
    await load.answers(1500);
    shop.green.failing = 0.2;
    const view = await shop.ended();
    t.equal(view.phase, 'rolled-back');
    t.equal(await shop.share(), 0);
    t.ok((await shop.tidegate.admin.metrics()).sum('tidegate_state_unkept') > 2);
    await load.stop();
    makeRoom(shop.tidegate.pid);
    await until(
      'it has caught up',
      async () => (await shop.tidegate.admin.metrics()).sum('tidegate_state_unkept') === 0,
    );
    const { body } = await shop.tidegate.admin.call<Retrial>('GET', `/api/rollouts/${view.id}/judgement`);
    t.strictSame(body.verdicts.at(-1)?.verdict, view.verdict, 'the last verdict is repeated to the last digit');
    await shop.tidegate.kill();
    shop.tidegate = await Tidegate.start(t, shop.file);
    t.match(await shop.view(), { phase: 'rolled-back', reason: view.reason });
    t.equal(await shop.share(), 0);
  },
);
