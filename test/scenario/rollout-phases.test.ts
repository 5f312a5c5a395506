/**
 * What happens in each phase when somebody aborts, takes the traffic back, moves it otherwise, edits the file or brings
 * another version: as the table says, and no client notices.
 */
import t, { type Test } from 'tap';
import { Load } from './stage/load.ts';
import { PHASED, PHASES } from './stage/rollout-phases.ts';
import { RolloutShop } from './stage/rollout-shop.ts';
import { until } from './stage/until.ts';

/** Runs `act` in every phase of rollouts of one shop, under load that must not notice anything. */
async function inEachPhase(
  t: Test,
  act: (shop: RolloutShop, phase: string, share: number) => Promise<void>,
  phases = Object.keys(PHASES),
): Promise<void> {
  const shop = await RolloutShop.open(t, { rollout: PHASED });
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  for (const phase of phases) {
    const { reach, share } = PHASES[phase]!;
    await reach(shop);
    t.equal((await shop.view()).phase, phase);
    await act(shop, phase, share);
    await shop.tidegate.admin.flip('blue');
  }
  await load.stop();
  t.same(load.failures, [], 'no client has noticed anything');
}

t.test('abort takes the traffic back from wherever it is, and is refused where it goes back already', async (t) => {
  await inEachPhase(t, async (shop, phase) => {
    const before = await shop.share();
    const { status, body } = await shop.ask('POST', '/abort', {});
    if (phase === 'rolling-back') {
      t.equal(status, 409);
      t.equal(body.error.code, 'rolling-back');
      return;
    }
    if (before === 0) {
      t.match(body, { phase: 'aborted', share: 0 });
      t.equal(await shop.share(), 0);
      return;
    }
    t.match(body, { phase: 'rolling-back' });
    await until('the ramp has begun', async () => (await shop.share()) < before);
  });
});

t.test('rollback is one move from any phase, whatever the plan says about a ramp', async (t) => {
  await inEachPhase(t, async (shop, phase) => {
    const { epoch } = await shop.tidegate.admin.service();
    const answer = await shop.tidegate.admin.call<{ error: { message: string } }>(
      'POST',
      '/api/services/shop/rollback',
      {},
    );
    const ended = await shop.view();
    t.equal(ended.phase, 'aborted', phase);
    t.equal(await shop.share(), 0);
    if (phase === 'verifying') {
      t.equal(answer.status, 409);
      t.match(answer.body.error.message, /no traffic was moved/);
      t.equal((await shop.tidegate.admin.service()).epoch, epoch, 'and nothing else is taken back instead');
      return;
    }
    t.equal(answer.status, 200);
    t.match(answer.body, { to: { blue: 100, green: 0 }, reason: 'rollback' });
    // The ramp of an abort may have moved the gate meanwhile.
    if (phase !== 'rolling-back') t.match(answer.body, { epoch: epoch + 1 });
    const again = await shop.tidegate.admin.call<{ to: Record<string, number> }>(
      'POST',
      '/api/services/shop/rollback',
      {},
    );
    t.not(again.body.to?.green, 100, 'a second press does not bring the candidate back');
  });
});

t.test('whoever moves the traffic otherwise ends the rollout, and the traffic stays where they put it', async (t) => {
  await inEachPhase(
    t,
    async (shop, phase) => {
      await shop.tidegate.admin.traffic({ blue: 60, green: 40 });
      t.match(await shop.view(), { phase: 'superseded', reason: /moved by / }, phase);
      t.equal(await shop.share(), 0.4);
    },
    ['verifying', 'paused', 'baking', 'rolling-back'],
  );
});

t.test('an edit of the traffic in the file ends it, an edit of anything else does not', async (t) => {
  let written = 'blue';
  await inEachPhase(
    t,
    async (shop, phase, share) => {
      const route = `  - { name: of-${phase}, path: /of-${phase}, service: shop }`;
      await shop.reload((text) => text.replace('routes:', `routes:\n${route}`));
      t.equal((await shop.view()).phase, phase, 'it goes on');
      t.equal(await shop.share(), share);
      const other = written === 'blue' ? '{ blue: 70, green: 30 }' : 'blue';
      await shop.reload((text) => text.replace(/traffic: .*/, `traffic: ${other}`));
      written = other;
      t.match(await shop.view(), { phase: 'superseded', reason: /by file/ }, phase);
      t.equal(await shop.share(), other === 'blue' ? 0 : 0.3);
    },
    ['holding', 'awaiting-approval', 'baking'],
  );
});

t.test('a candidate that gets another version or leaves the file is left, and the rollout has failed', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: PHASED.filter((line) => !line.startsWith('rollback')) });
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  for (const phase of ['verifying', 'holding', 'paused', 'baking']) {
    await PHASES[phase]!.reach(shop);
    await shop.reload((text) =>
      text.replace(/version: v2(\.\d+)?/, (now) => (now.endsWith('v2') ? 'version: v2.1' : 'version: v2')),
    );
    t.match(await shop.ended(), { phase: 'failed', reason: /green runs v2(\.1)? now and not v2/ }, phase);
    t.equal(await shop.share(), 0);
  }
  await PHASES.holding!.reach(shop);
  let line = '';
  await shop.reload((text) =>
    text.replace(/\n.*green: \{.*/, (found) => {
      line = found;
      return '';
    }),
  );
  t.match(await shop.ended(), { phase: 'failed', reason: /green has left the file/ });
  t.same((await shop.tidegate.admin.service()).traffic, { blue: 100 });
  await shop.reload((text) => text.replace('    pools:', `    pools:${line}`));
  await load.stop();
  t.same(load.failures, []);
});

t.test('an active pool that leaves the file cannot be gone back to: the rollout has failed and ends', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: PHASED });
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  await PHASES.baking!.reach(shop);
  await shop.reload((text) => text.replace(/\n.*blue: \{.*/, '').replace('traffic: blue', 'traffic: green'));
  t.match(await shop.ended(), { phase: /failed|superseded/ });
  t.same((await shop.tidegate.admin.service()).traffic, { green: 100 });
  await load.stop();
  t.same(load.failures, []);
});

t.test('a new version while one runs: reject refuses it, queue waits, restart takes the first one back', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: PHASED.filter((line) => !line.startsWith('rollback')) });
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  await PHASES.holding!.reach(shop);
  const refusal = await shop.ask('POST', '', { to: 'green' });
  t.equal(refusal.body.error.code, 'running');

  await shop.reload((text) => text.replace('onNewVersion: reject', 'onNewVersion: queue'));
  const queued = await shop.start();
  t.match(queued, { phase: 'holding', isQueued: true });
  await shop.tidegate.kill().catch(() => {});
  await load.stop();
  await shop.begin(t);
  t.match(await shop.view(), { id: queued.id, isQueued: true }, 'also after a restart');
  const second = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  await shop.command('abort');
  const next = await until('the next one holds', async () => {
    const view = await shop.view();
    return view.id > queued.id && view.phase === 'holding' && view;
  });
  t.match(next, { isQueued: false, startedBy: queued.startedBy });

  await shop.reload((text) => text.replace('onNewVersion: queue', 'onNewVersion: restart'));
  await shop.start();
  const third = await until('the third one holds', async () => {
    const view = await shop.view();
    return view.id > next.id && view.phase === 'holding' && view;
  });
  t.equal(third.isQueued, false);
  await second.stop();
  t.same(second.failures, []);
});
