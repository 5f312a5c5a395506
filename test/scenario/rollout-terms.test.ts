/**
 * What a step says beside its share, and a freeze, through a power cut: the group is let in and the one box is used as before,
 * and nothing that was declared is forgotten.
 */
import t from 'tap';
import type { RolloutView } from '../../src/control/operations.ts';
import { exchange } from './stage/exchange.ts';
import { shopConfig } from './stage/shop.ts';
import { command, configFile, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { Upstream } from './stage/upstream.ts';

const ROLLOUT = '/api/services/shop/rollout';
const STEPS = '[{ weight: 0%, match: { header: x-team, value: red }, endpoints: 1 }, 100%]';

t.test('a group and a box stand after kill -9, and so does a freeze with its reason', async (t) => {
  const [blue, first, second] = [
    await Upstream.start(t, 'v1'),
    await Upstream.start(t, 'v2'),
    await Upstream.start(t, 'v2'),
  ];
  const file = await configFile(
    t,
    shopConfig({
      pools: {
        blue: { version: 'v1', endpoints: [blue.address] },
        green: { version: 'v2', endpoints: [first.address, second.address] },
      },
      traffic: 'blue',
      service: [`rollout: { steps: ${STEPS}, hold: 1h }`, 'versionHeader: x-served-by'],
    }),
  );
  const before = await Tidegate.start(t, file);
  const ask = async (tidegate: Tidegate, headers: Record<string, string> = {}): Promise<unknown> =>
    (await exchange(tidegate.port, '/', { headers })).headers['x-served-by'];
  const at = (tidegate: Tidegate, phase: string): Promise<unknown> =>
    until(`it is ${phase}`, async () => (await tidegate.admin.call<RolloutView>('GET', ROLLOUT)).body.phase === phase);

  t.equal((await before.admin.call('POST', ROLLOUT, { to: 'green' })).status, 200);
  await at(before, 'holding');
  const red = { 'x-team': 'red' };
  t.same([await ask(before, red), await ask(before)], ['v2', 'v1']);
  t.match(await command(before, 'freeze', '--reason', 'an incident'), /^frozen: an incident \(declared by cli/);
  await at(before, 'paused');
  await before.kill();

  const after = await Tidegate.start(t, file);
  for (let count = 0; count < 20; count += 1) t.equal(await ask(after, red), 'v2');
  t.equal(await ask(after), 'v1');
  t.same([first.requests > 20, second.requests], [true, 0], 'all by the one box');
  t.match(await command(after, 'freeze'), /^frozen: an incident \(declared by cli/);
  t.match((await after.admin.call<RolloutView>('GET', ROLLOUT)).body, { phase: 'paused', pausedBy: 'freeze' });
  t.match(await command(after, 'freeze', '--end'), /^no freeze/);
  await at(after, 'holding');
  t.equal((await after.admin.call('POST', '/api/services/shop/rollback', {})).status, 200);
  t.same([await ask(after, red), await ask(after)], ['v1', 'v1']);
  const kinds = (await after.admin.call<{ events: unknown }>('GET', '/api/freeze')).body;
  t.match(kinds, { frozen: null, declared: null });
});
