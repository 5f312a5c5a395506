/** Services that roll together and back together: starts, the barrier, ways back, commands, restarts, and who leaves. */
import t from 'tap';
import { isRefusal, type Refusal } from '../../../src/control/operations.ts';
import { RolloutStore } from '../../../src/control/rollout-store.ts';
import { startForVersions, versionChanges } from '../../../src/control/version-change.ts';
import { all, BY, group, ORDER, PLAN } from './group-stage.ts';
import { settled } from './run-stage.ts';

const SHORT = PLAN.map((line) => (line.startsWith('steps') ? 'steps: [100%]' : line));

t.test('all members begin, or none, and then the reasons of all are said', async (t) => {
  const suite = await group();
  await suite.rollouts.start('cart', { ...ORDER, alone: true }, BY);
  await suite.traffic.setWeights('mail', { blue: 0, green: 100 }, BY);
  await settled();
  const answer = suite.releases.groups.start('suite', ORDER, BY) as Refusal;
  t.match(answer, { refused: true, code: 'group-refused' });
  t.match(answer.message, /cart: a rollout to green is holding/);
  t.match(answer.message, /mail: green has the traffic of mail already/);
  t.match(answer.details, [
    { service: 'cart', code: 'running' },
    { service: 'mail', code: 'already-active' },
  ]);
  t.equal(suite.rollouts.last('shop'), undefined, 'the one that could have begun has not');

  const frozen = await group();
  frozen.freeze('Christmas');
  t.match(frozen.releases.groups.start('suite', ORDER, BY), { message: /shop: .*Christmas; cart: .*Christmas/ });
  t.match(frozen.releases.groups.start('other', ORDER, BY), { code: 'unknown-group' });
  t.match(frozen.releases.groups.view('suite'), { code: 'no-rollout' });
});

t.test('a member is not started without the others by mistake; alone it rolls alone', async (t) => {
  const suite = await group({ cart: [...PLAN, 'onNewVersion: queue'] });
  const apart = await suite.rollouts.start('shop', ORDER, BY);
  t.match(apart, { refused: true, code: 'in-group', message: /--group suite.*--alone/ });
  await suite.rollouts.start('shop', { ...ORDER, alone: true }, BY);
  await settled();
  t.equal(suite.rollouts.last('shop')?.bond, null);
  await suite.one('shop', 'abort');
  const view = await suite.start();
  t.match(view.rollouts, [{ group: { name: 'suite' } }, { service: 'cart' }, { service: 'mail' }]);
  const again = suite.releases.groups.start('suite', ORDER, BY);
  t.match(again, { code: 'group-refused', message: /cart: a rollout runs, and a group does not wait/ });
});

t.test('who is ready waits for the others, and is seen to; the last one lets all go on', async (t) => {
  const suite = await group();
  await suite.start();
  t.same(suite.where(), all('holding 10'));
  t.equal(await suite.one('shop', 'promote'), null);
  t.match(suite.where(), { shop: 'stepping 10', cart: 'holding 10' });
  t.same(suite.waitsFor('shop'), ['cart', 'mail']);
  t.equal(await suite.one('shop', 'promote'), 'waiting-for-group');
  await suite.one('cart', 'promote');
  t.same(suite.waitsFor('cart'), ['mail']);
  t.match(suite.view(), { reason: 'shop waits for mail', hasEnded: false });
  t.match(suite.rollouts.figures()[0]?.last, { waitsFor: 1 });
  t.match(suite.view().rollouts[0]?.group?.waitsFor, [{ service: 'mail', phase: 'holding' }]);
  await suite.one('mail', 'promote');
  t.same(suite.where(), all('holding 50'));
  t.same(suite.waitsFor('shop'), []);
});

t.test('all arrive together: one with fewer steps begins later, and none ends before the others', async (t) => {
  const suite = await group({ mail: SHORT });
  await suite.start();
  t.match(suite.where(), { shop: 'holding 10', mail: 'stepping 0' });
  t.same(suite.waitsFor('mail'), ['shop', 'cart']);
  await suite.order('promote');
  t.match(suite.where(), { shop: 'holding 50', mail: 'stepping 0' });
  await suite.order('promote');
  t.same(suite.where(), all('baking 100'));
  await suite.one('shop', 'promote');
  t.match(suite.where(), { shop: 'baking 100' });
  t.same(suite.waitsFor('shop'), ['cart', 'mail']);
  await suite.order('promote');
  t.same(suite.where(), all('succeeded 100'));
  t.match(suite.view(), { hasEnded: true, isPromoted: true });
});

t.test('a command to the group is done for all members or for none', async (t) => {
  const suite = await group({ mail: [...PLAN.slice(0, 2), 'verify: { smoke: [{ path: / }], timeout: 1h }'] });
  await suite.start();
  t.match(suite.where(), { shop: 'stepping 0', cart: 'stepping 0', mail: 'verifying 0' });
  const promoted = (await suite.order('promote')) as Refusal;
  t.match(promoted, { code: 'group-refused', message: /mail: .*being verified/ });
  t.notMatch(promoted.message, /shop/);
  await suite.order('pause');
  t.same(suite.where(), all('paused 0'));
  t.match(await suite.order('pause'), { code: 'group-refused' });
  await suite.one('shop', 'resume');
  t.match(await suite.order('resume'), { group: 'suite' }, 'the one that goes on already is in nobody’s way');
  t.match(suite.where(), { shop: 'stepping 0', mail: 'verifying 0' });
  t.match(await suite.order('approve'), { code: 'group-refused', message: /shop: .*cart: .*mail: / });
  await suite.order('abort');
  t.match(suite.where(), { shop: 'aborted 0', cart: /^(aborted|rolled-back) 0$/ });
  t.match(await suite.order('abort'), { code: 'no-rollout' });
});

t.test('approval of one member is waited for by the others', async (t) => {
  const suite = await group({
    cart: PLAN.map((line) => line.replace('[10%', '[{ weight: 10%, hold: 0s, approve: true }')),
  });
  await suite.start();
  await suite.one('shop', 'promote');
  await suite.one('mail', 'promote');
  await suite.tick();
  t.match(suite.where(), { shop: 'stepping 10', cart: /awaiting-approval|holding/ });
  await suite.one('cart', 'promote');
  t.same(suite.where(), all('holding 50'));
});

t.test('a paused member holds the others up, and nothing else', async (t) => {
  const suite = await group();
  await suite.start();
  await suite.one('cart', 'pause');
  await suite.one('shop', 'promote');
  await suite.one('mail', 'promote');
  t.match(suite.where(), { shop: 'stepping 10', cart: 'paused 10' });
  t.same(suite.waitsFor('mail'), ['cart']);
  await suite.one('shop', 'pause');
  t.same(suite.waitsFor('shop'), [], 'whoever is paused does not wait');
  t.same(suite.waitsFor('mail'), ['shop', 'cart']);
  await suite.one('shop', 'resume');
  await suite.one('cart', 'promote');
  t.same(suite.where(), all('holding 50'));
});

t.test('promoted to 100% by itself, a member waits for the last step of all', async (t) => {
  const suite = await group();
  await suite.start();
  await suite.one('shop', 'promote-full');
  t.match(suite.where(), { shop: 'stepping 10' });
  await suite.one('cart', 'promote');
  await suite.one('mail', 'promote');
  t.match(suite.where(), { shop: 'stepping 10', cart: 'holding 50' });
  await suite.order('promote-full');
  t.same(suite.where(), all('baking 100'));
});

t.test('whichever way a member turns, the others go back at once with its reason', async (t) => {
  const ways: Record<string, (suite: Awaited<ReturnType<typeof group>>) => Promise<unknown>> = {
    verdict: async (suite) => {
      await suite.tick();
      suite.fail('cart', 20);
      await suite.tick();
    },
    abort: (suite) => suite.one('cart', 'abort'),
    rollback: async (suite) => suite.rollouts.takeBack('cart', BY),
    lost: async (suite) => suite.edit('cart', null),
    flip: (suite) => suite.traffic.flip('cart', { to: 'blue', verify: false }, BY),
  };
  for (const [way, turn] of Object.entries(ways)) {
    const suite = await group();
    await suite.start();
    await suite.order('promote');
    await turn(suite);
    await settled();
    for (const name of ['shop', 'mail'] as const) {
      t.equal(suite.where()[name], 'rolled-back 0', `${way}: ${name}`);
      t.match(suite.reason(name), /^taken back with cart: /, way);
      t.notMatch(suite.reason(name), /taken back with.*taken back with/, way);
    }
    if (way !== 'lost') t.equal(suite.gate('cart').weights.green, 0, way);
    t.match(suite.view(), { hasEnded: true, isPromoted: false, reason: /^cart / }, way);
    t.equal(suite.rollouts.bonds.takenAlong('shop'), 1, way);
    t.equal(suite.rollouts.bonds.takenAlong('cart'), 0, way);
    const told = suite.stage.told.filter(({ kind, service }) => kind === 'rollout' && service === 'mail');
    t.match(told.at(-1), { text: /^mail: taken back with cart: /, data: { what: 'ended', group: 'suite' } }, way);
  }
});

t.test('before anybody was moved, one that is not verified ends all', async (t) => {
  const suite = await group({ mail: [...PLAN.slice(0, 2), 'verify: { smoke: [{ path: / }], timeout: 50ms }'] });
  await suite.start();
  t.match(suite.where(), { shop: 'stepping 0' });
  while (suite.rollouts.last('mail')?.endedAt === null) await settled();
  t.match(suite.where(), { shop: 'rolled-back 0', cart: 'rolled-back 0', mail: 'failed 0' });
  t.equal(suite.gate('shop').epoch, 1, 'no gate has moved');
});

t.test(
  'a member that went back with another is started again without being asked for; the bad one is not',
  async (t) => {
    const suite = await group();
    await suite.start();
    await suite.tick();
    suite.fail('cart', 5);
    await suite.tick();
    const answer = suite.releases.groups.start('suite', ORDER, BY) as Refusal;
    t.match(answer.details, [{ service: 'cart', code: 'rolled-back-before' }]);
    t.equal((answer.details as unknown[]).length, 1);
    const view = await suite.start({ again: true });
    t.match(
      view.rollouts.map(({ id }) => id),
      [4, 5, 6],
    );
  },
);

t.test(
  'within keep, one that goes back after the success of all takes all back; after it, it goes alone',
  async (t) => {
    const succeeded = async () => {
      const suite = await group();
      await suite.start();
      for (let steps = 0; steps < 3; steps++) await suite.order('promote');
      t.same(suite.where(), all('succeeded 100'));
      return suite;
    };
    const suite = await succeeded();
    await suite.traffic.rollback('cart', BY);
    await settled();
    t.same(suite.where(), all('succeeded 0'));
    t.match(suite.view(), {
      hasEnded: true,
      isPromoted: false,
      reason: /^cart was taken back after its success: rolled back by ana/,
    });
    t.match(suite.view().rollouts[0], { undone: 'taken back with cart: rolled back by ana', takenBackWith: 'cart' });
    t.match(suite.stage.told.filter(({ kind, service }) => kind === 'rollout' && service === 'mail').at(-1), {
      text: 'mail: taken back with cart: rolled back by ana',
      data: { what: 'rolling-back', phase: 'succeeded' },
    });
    t.equal(suite.gate('shop').epoch, suite.gate('mail').epoch, 'each has moved once');
    await suite.traffic.rollback('shop', BY).catch(() => {});

    const late = await succeeded();
    late.stage.nowMs += 2 * 3_600_000;
    await late.traffic.rollback('cart', BY);
    await settled();
    t.match(late.where(), { shop: 'succeeded 100', cart: 'succeeded 0', mail: 'succeeded 100' });

    const elsewhere = await succeeded();
    await elsewhere.traffic.setWeights('cart', { blue: 50, green: 50 }, BY);
    await settled();
    t.match(elsewhere.where(), { shop: 'succeeded 100', cart: 'succeeded 50' }, 'that is no way back');

    const anew = await succeeded();
    await anew.rollouts.start('shop', { ...ORDER, to: 'blue', alone: true }, BY);
    await settled();
    await anew.traffic.rollback('cart', BY);
    await settled();
    t.match(anew.where(), { cart: 'succeeded 0', mail: 'succeeded 0' });
    t.match(
      anew.rollouts.last('shop')?.rollout,
      { phase: 'holding', candidate: 'blue' },
      'who has begun another has left',
    );
  },
);

t.test('a member whose traffic is moved to where its candidate has some leaves the others to a person', async (t) => {
  const suite = await group();
  await suite.start();
  await suite.one('mail', 'promote');
  await suite.traffic.setWeights('cart', { blue: 30, green: 70 }, BY);
  await settled();
  t.match(suite.where(), { shop: 'paused 10', cart: 'superseded 70', mail: 'paused 10' });
  t.match(suite.reason('shop'), /^cart has left the group: moved by ana; `resume` goes on without it/);
  t.match(suite.view().rollouts, [{ pausedBy: 'group' }, { phase: 'superseded' }, { pausedBy: 'group' }]);
  await suite.order('resume');
  await suite.tick();
  t.match(suite.where(), { shop: 'holding 10', mail: 'stepping 10' }, 'and is not asked again');
  t.same(suite.waitsFor('mail'), ['shop']);
  await suite.traffic.flip('cart', { to: 'blue', verify: false }, BY);
  await suite.one('shop', 'promote');
  t.match(suite.where(), { shop: 'holding 50', mail: 'holding 50' }, 'what becomes of it is nothing to them');
  await suite.one('shop', 'abort');
  t.match(suite.where(), { shop: 'aborted 0', mail: 'rolled-back 0', cart: 'superseded 0' });
});

t.test('another group in the file changes nothing for those that roll', async (t) => {
  const suite = await group();
  await suite.start();
  const cart = suite.services.get('cart')!;
  suite.edit('cart', { ...cart, rollout: { ...cart.rollout, group: 'other' } });
  await suite.one('shop', 'promote');
  t.same(suite.waitsFor('shop'), ['cart', 'mail']);
  await suite.one('cart', 'abort');
  t.match(suite.where(), { shop: 'rolled-back 0', mail: 'rolled-back 0' });
  t.match(suite.view(), { services: ['shop', 'mail'] });
});

t.test('a kill keeps the bond: who waited waits, and a turn that was not told is made good', async (t) => {
  const first = await group();
  await first.start();
  await first.one('shop', 'promote');
  const second = await group({}, first.kill());
  second.rollouts.restore();
  await settled();
  t.match(second.where(), { shop: 'stepping 10', cart: 'holding 10' });
  t.same(second.waitsFor('shop'), ['cart', 'mail']);
  await second.order('promote');
  t.same(second.where(), all('holding 50'));

  // Killed after one has turned and before the others have.
  const turned = second.rollouts.last('cart')!;
  const store = second.kill();
  const failed = { ...turned.rollout, phase: 'aborted', share: 0, reason: 'aborted by ana' } as const;
  new RolloutStore(store).save({ ...turned, endedAt: turned.startedAt, rollout: failed });
  const third = await group({}, store);
  third.rollouts.restore();
  await settled();
  t.match(third.where(), { shop: 'rolled-back 0', mail: 'rolled-back 0' });
  t.equal(third.reason('mail'), 'taken back with cart: aborted by ana');

  // Killed after a success was found to be taken back, and before its gate has moved.
  const fourth = await group();
  await fourth.start();
  for (let steps = 0; steps < 3; steps++) await fourth.order('promote');
  const undone = fourth.rollouts.last('cart')!;
  const later = fourth.kill();
  new RolloutStore(later).save({ ...undone, undone: { why: 'rolled back by ana', along: null } });
  const fifth = await group({}, later);
  fifth.rollouts.restore();
  await settled();
  t.same(fifth.where(), all('succeeded 0'));
});

t.test('a member whose pool has left the file while Tidegate was down takes the others back', async (t) => {
  const first = await group();
  await first.start();
  const second = await group({}, first.kill());
  const cart = second.services.get('cart')!;
  second.services.set('cart', { ...cart, pools: new Map([...cart.pools].filter(([name]) => name === 'blue')) });
  second.rollouts.restore();
  await settled();
  t.match(second.where(), { shop: 'rolled-back 0', mail: 'rolled-back 0' });
  t.match(second.reason('shop'), /^taken back with cart: a pool of it has left the file/);
});

t.test('the file that moves a member while Tidegate was down parts it, or takes the others back', async (t) => {
  for (const [weights, phase] of [
    [{ blue: 30, green: 70 }, 'paused 10'],
    [{ blue: 100, green: 0 }, 'rolled-back 0'],
  ] as const) {
    const first = await group();
    await first.start();
    const second = await group({}, first.kill());
    await second.stage.gates.move(second.stage.move(second.gate('cart'), weights, { reason: 'start', by: 'file' }));
    second.rollouts.superseded('cart', 'the traffic in the file has changed', weights);
    second.rollouts.restore();
    await settled();
    t.match(second.where(), { shop: phase, mail: phase });
  }
});

t.test('versions of one group that change in one edit roll together, and those alone', async (t) => {
  const lines = [...PLAN, 'trigger: version-change'];
  const suite = await group({ shop: lines, cart: lines, mail: lines });
  const edited = new Map(suite.services);
  for (const name of ['shop', 'cart'] as const) {
    const service = edited.get(name)!;
    const green = { ...service.pools.get('green')!, version: 'v3' };
    const next = { ...service, pools: new Map([...service.pools, ['green', green]]) };
    edited.set(name, next);
  }
  const config = (services: typeof edited) => ({ services }) as unknown as Parameters<typeof versionChanges>[0];
  const changes = versionChanges(config(suite.services), config(edited), { awaits: () => false });
  for (const [name, service] of edited) suite.services.set(name, service);
  const said = await startForVersions(suite.rollouts, changes, 'file');
  await settled();
  t.same(said, ['the rollout of the group suite has begun: shop of v3 to green, cart of v3 to green']);
  t.match(suite.rollouts.last('cart')?.bond, { group: 'suite', members: [{ service: 'shop' }, { service: 'cart' }] });
  t.equal(suite.rollouts.last('mail'), undefined);
  const again = await startForVersions(suite.rollouts, changes, 'file');
  t.match(again, [/^no rollout of the group: suite was not started: shop: .*; cart: /]);
});

t.test('a forecast of the group is one for each, and says what is in the way', async (t) => {
  const suite = await group();
  const answer = suite.releases.groups.forecast('suite', ORDER);
  if (isRefusal(answer)) throw new Error(answer.message);
  t.match(answer.forecasts, [{ service: 'shop', obstacle: null }, { service: 'cart' }, { service: 'mail' }]);
  t.match(suite.releases.groups.forecast('none', ORDER), { code: 'unknown-group' });
  t.match(suite.releases.forecast('shop', ORDER), { obstacle: { kind: 'refuse', message: /--group suite/ } });
});
