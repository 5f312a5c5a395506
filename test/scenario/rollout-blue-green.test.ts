/** Blue/green: verified before and after the flip, taken back in one move, and once more at once after it was done. */
import t from 'tap';
import { Load } from './stage/load.ts';
import { RolloutShop } from './stage/rollout-shop.ts';

const ROLLOUT = ['plan: blue-green', 'bake: 1h', 'verify: { smoke: [{ path: /smoke }], timeout: 1500ms }'];

t.test('a smoke test that fails keeps the traffic where it is, with all the reasons', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: ROLLOUT });
  const { epoch } = await shop.tidegate.admin.service();
  shop.green.smoke = () => 500;
  await shop.start();
  const view = await shop.ended();
  t.match(view, { phase: 'failed', share: 0, reason: /^1 of 2 checks failed: 127.*GET \/smoke: .*500/ });
  t.same(
    view.verification?.results.map(({ check, ok }) => [check, ok]),
    [
      ['health', true],
      ['GET /smoke', false],
    ],
  );
  t.equal((await shop.tidegate.admin.service()).epoch, epoch, 'the gate has not moved');
  t.equal(shop.green.answered, 0);
  t.ok(shop.green.smokes >= 2, 'it was asked again until the time was over');
});

t.test('a verification that fails after the flip takes the traffic back in one move', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: ROLLOUT });
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  const { epoch } = await shop.tidegate.admin.service();
  shop.green.smoke = (nth) => (nth === 1 ? 200 : 503);
  await shop.start();
  const view = await shop.ended();
  await load.stop();
  t.match(view, { phase: 'rolled-back', share: 0, reason: /GET \/smoke: .*503/ });
  const after = await shop.tidegate.admin.service();
  t.match(after, { epoch: epoch + 2, traffic: { blue: 100, green: 0 }, since: { reason: 'rollback', by: 'rollout' } });
  t.ok(shop.green.answered > 0);
  t.same(load.failures, []);
  const again = await shop.ask('POST', '', { to: 'green' });
  t.equal(again.body.error.code, 'rolled-back-before');
});

t.test('after a success, however many steps it took, a rollback is one move to where it began', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: ['steps: [10%, 30%, 100%]', 'hold: 1h', 'bake: 1h'] });
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  await shop.start();
  await shop.phase('holding');
  await shop.command('promote');
  await shop.phase('holding');
  await shop.command('promote', { full: true });
  await shop.phase('baking');
  await shop.command('promote');
  t.match(await shop.view(), { phase: 'succeeded', share: 1 });
  const { epoch, previous } = await shop.tidegate.admin.service();
  t.same(previous, { blue: 100, green: 0 });
  const receipt = await shop.tidegate.admin.rollback();
  t.match(receipt, { epoch: epoch + 1, to: { blue: 100, green: 0 }, reason: 'rollback' });
  await load.stop();
  t.same(load.failures, []);
});

t.test('what is held back during the bake is compared, and given to the candidate at the end', async (t) => {
  const shop = await RolloutShop.open(t, { rollout: ['plan: blue-green', 'bake: 1h', 'holdBack: 20%'] });
  await shop.start();
  t.match(await shop.phase('baking'), { share: 0.8 });
  const { answered } = shop.blue;
  const load = new Load({ port: shop.port, clients: 3, keepAlive: true, restMs: 5 });
  await load.answers(300);
  t.ok(shop.blue.answered > answered, 'blue still serves');
  await shop.command('promote');
  t.match(await shop.ended(), { phase: 'succeeded', share: 1 });
  t.equal(await shop.share(), 1);
  await load.stop();
  t.same(load.failures, []);
  t.match(await shop.tidegate.admin.rollback(), { to: { blue: 100, green: 0 } });
});
