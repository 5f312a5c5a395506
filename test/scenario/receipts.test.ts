/** Receipts become final whatever happens to the process, and every way of moving traffic has one. */
import t from 'tap';
import type { Receipt } from '../../src/control/operations.ts';
import { exchange } from './stage/exchange.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { type Cleaning, configFile, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';

interface Stage {
  readonly file: string;
  readonly tidegate: Tidegate;
  readonly blue: Upstream;
  /** Answers the requests that blue holds. */
  readonly release: () => void;
  /** The receipt of a flip away from blue while it holds two requests. */
  readonly receipt: Receipt;
}

async function flippedInFlight(t: Cleaning, top: readonly string[] = []): Promise<Stage> {
  const held: (() => void)[] = [];
  const blue = await Upstream.start(t, 'v1', (req, res, upstream) => {
    held.push(() => sayVersion(req, res, upstream));
  });
  const pools = blueAndGreen(blue.address, '127.0.0.1:9');
  const file = await configFile(t, shopConfig({ pools, traffic: 'blue', top }));
  const tidegate = await Tidegate.start(t, file);
  for (let count = 0; count < 2; count++) exchange(tidegate.port, '/').catch(() => {});
  await until('both are in flight', () => held.length === 2);
  const receipt = await tidegate.admin.flip('green');
  t.teardown(() => held.splice(0));
  const release = (): void => {
    for (const answer of held.splice(0)) answer();
  };
  return { file, tidegate, blue, release, receipt };
}

t.test('a receipt that was open at kill -9 is final after the restart, and says why', async (t) => {
  const { file, tidegate, receipt } = await flippedInFlight(t);
  t.match(receipt, { inFlight: 2, drained: null });
  await tidegate.kill();
  const next = await Tidegate.start(t, file);
  const final = await next.admin.receipt(receipt.epoch);
  t.match(final, { inFlight: 2, lost: 2, drained: String });
  t.match(final.note, 'Tidegate ended before the account was final');
});

t.test('a receipt that is open at the end of an orderly stop is final with its exact account', async (t) => {
  const { file, tidegate, receipt } = await flippedInFlight(t, ['shutdown: { delay: 0s, deadline: 200ms }']);
  tidegate.signal('SIGTERM');
  t.same(await tidegate.exited, { code: 0, signal: null });
  const next = await Tidegate.start(t, file);
  const final = await next.admin.receipt(receipt.epoch);
  t.match(final, { inFlight: 2, lost: 2, drained: String });
  t.equal(final.note, receipt.note, 'nothing about it is guessed');
});

t.test('an edit of pools and traffic together is a move like any other: receipt, event and count', async (t) => {
  const { tidegate, blue, release, receipt: before } = await flippedInFlight(t);
  const pools = { ...blueAndGreen(blue.address, '127.0.0.1:9'), red: { version: 'v3', endpoints: ['127.0.0.1:10'] } };
  await tidegate.save(shopConfig({ pools, traffic: '{ blue: 1, red: 3 }' }));
  await tidegate.line('it is applied', (line) => line.msg?.startsWith('config applied') === true);
  const { epoch, since } = await tidegate.admin.service();
  t.equal(epoch, before.epoch + 1);
  t.match(since, { by: 'file', reason: 'file' });
  const receipt = await tidegate.admin.receipt(epoch);
  t.match(receipt, { from: { blue: 0, green: 100 }, to: { blue: 1, green: 0, red: 3 }, by: 'file', reason: 'file' });
  const events = await tidegate.admin.events('traffic');
  t.match(events.at(-1), { service: 'shop', text: /^shop: blue 0%→25%, green 100%→0%, red 0%→75%, file by file/ });
  const metrics = await tidegate.admin.metrics();
  t.equal(metrics.sum('tidegate_gate_moves_total', { service: 'shop', reason: 'file' }), 1);
  t.same((await tidegate.admin.rollback()).to, { blue: 0, green: 100, red: 0 }, 'and can be rolled back');
  release();
  const settled = await until('the flip before is final', async () => {
    const now = await tidegate.admin.receipt(before.epoch);
    return now.drained !== null && now;
  });
  t.match(settled, { inFlight: 2, lost: 0 }, 'with its own account, over the change of pools');
});

t.test('a service that leaves the file while its requests are in flight still gets a final receipt', async (t) => {
  const { tidegate, blue, release, receipt } = await flippedInFlight(t);
  await tidegate.edit((text) => text.replace('  shop:\n', '  store:\n').replace('service: shop', 'service: store'));
  await tidegate.line('it is applied', (line) => line.msg?.startsWith('config applied') === true);
  t.equal((await tidegate.admin.call('GET', '/api/services/shop')).status, 404);
  t.match(await tidegate.admin.receipt(receipt.epoch), { drained: null });
  t.equal(blue.requests, 2);
  release();
  const final = await until('the receipt is final', async () => {
    const now = await tidegate.admin.receipt(receipt.epoch);
    return now.drained !== null && now;
  });
  t.match(final, { inFlight: 2, lost: 0 });
});
