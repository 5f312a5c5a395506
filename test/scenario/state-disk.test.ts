/**
 * The state file on a disk that is full or may not be written, with real processes: Tidegate serves and moves traffic all
 * the same, says so in every place where an operator looks, and catches up by itself.
 */
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { Receipt } from '../../src/control/operations.ts';
import {
  fillDisk,
  makeRoom,
  noDiskLimits,
  noRightsToGiveUp,
  ON_A_FULL_DISK,
  WITHOUT_RIGHTS,
} from './stage/disk-faults.ts';
import { exchange } from './stage/exchange.ts';
import { Load } from './stage/load.ts';
import { brokenFiles, isWritable, stateShop } from './stage/state-shop.ts';
import { command, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

t.test(
  'on a disk that is full a broken version can be left, and nothing that was done is forgotten later',
  { skip: noDiskLimits },
  async (t) => {
    const { green, file } = await stateShop(t);
    const first = await Tidegate.start(t, file);
    await first.admin.flip('green');
    t.equal(await isWritable(first), true);
    const load = new Load({ port: first.port, clients: 4, keepAlive: true });
    await load.answers(50);
    fillDisk(first.pid);

    const answer = await first.admin.call<Receipt>('POST', '/api/services/shop/rollback', {});
    t.equal(answer.status, 200, 'the rollback is done');
    t.match(answer.body, { to: { blue: 100, green: 0 }, stored: false, note: /not kept in the state file/ });
    const after = green.requests;
    const before = load.answered;
    await until('more has been answered', () => load.answered > before + 100);
    t.equal(green.requests, after, 'and no request goes to the broken version any more');

    const { epoch } = answer.body;
    t.match(await first.admin.receipt(epoch), { stored: false });
    t.match(await first.admin.service(), { stored: false, epoch });
    await until('it is known', async () => !(await isWritable(first)));
    const metrics = await first.admin.metrics();
    t.ok(metrics.sum('tidegate_state_unkept') >= 2);
    t.ok(metrics.sum('tidegate_state_store_errors_total') >= 2);
    const ready = await exchange(first.admin.port, '/readyz');
    t.equal(ready.status, 200, 'it serves, so it is ready');
    t.match(JSON.parse(ready.body).warnings, [/the state file cannot be written/]);
    const status = await command(first, 'status');
    t.match(status, /state file not written since/);
    t.match(status, /this position is not kept in the state file/);
    t.match(await first.line('the log says it', (line) => /state file cannot be written/.test(line.msg ?? '')), {
      level: 50,
    });

    makeRoom(first.pid);
    await until('it has caught up', async () => (await first.admin.metrics()).sum('tidegate_state_unkept') === 0);
    t.equal(await isWritable(first), true);
    t.match(await first.admin.receipt(epoch), { stored: true, note: '' });
    t.match(await first.admin.service(), { stored: true });
    t.notMatch(await command(first, 'status'), /state file/);
    const told = (await first.admin.events('state')).map(({ text }) => text);
    t.match(told, [/cannot be written/, /is written again/]);
    await load.stop();
    t.same(load.failures, [], 'no client has noticed anything');
    await first.kill();

    const second = await Tidegate.start(t, file);
    t.match(await second.admin.service(), { epoch, traffic: { blue: 100, green: 0 }, stored: true });
    t.match(await second.admin.receipt(epoch), { epoch, stored: true });
    const traffic = (await second.admin.events('traffic')).map(({ id }) => id);
    t.strictSame(
      traffic,
      [...new Set(traffic)].sort((one, other) => one - other),
      'events are in order, each once',
    );
    t.equal(traffic.length, 3);
  },
);

t.test('a start on a full disk serves where the state file says', { skip: noDiskLimits }, async (t) => {
  const { file, green } = await stateShop(t);
  const first = await Tidegate.start(t, file);
  const { epoch } = await first.admin.flip('green');
  await first.kill();
  const second = await Tidegate.start(t, file, { under: ON_A_FULL_DISK });
  t.match(await second.admin.service(), { epoch, traffic: { green: 100 } });
  t.equal((await exchange(second.port, '/')).status, 200);
  t.equal(green.requests, 1);
  t.equal(await isWritable(second), false);
  t.match(await second.admin.flip('blue'), { stored: false });
  makeRoom(second.pid);
  await until('it is kept', async () => (await second.admin.service()).stored);
  await second.kill();
  const third = await Tidegate.start(t, file);
  t.match(await third.admin.service(), { epoch: epoch + 1, traffic: { blue: 100 } });
});

t.test(
  'a first start on a full disk serves what the config says, and begins the file when there is room',
  { skip: noDiskLimits },
  async (t) => {
    const { file, state } = await stateShop(t);
    const first = await Tidegate.start(t, file, { under: ON_A_FULL_DISK });
    t.equal((await exchange(first.port, '/')).status, 200);
    t.match(await first.admin.flip('green'), { stored: false });
    makeRoom(first.pid);
    await until('it is kept', async () => (await first.admin.service()).stored);
    await first.kill();
    t.same(await brokenFiles(state), []);
    const second = await Tidegate.start(t, file);
    t.match(await second.admin.service(), { traffic: { green: 100 } });
    const ids = (await second.admin.events('traffic')).map(({ id }) => id);
    t.equal(ids.length, 2, 'also what was told before there was a file');
  },
);

t.test(
  'a read-only volume is read: traffic stands where it stood, and can be moved',
  { skip: noRightsToGiveUp },
  async (t) => {
    const { file, state } = await stateShop(t);
    const first = await Tidegate.start(t, file);
    const { epoch } = await first.admin.flip('green');
    await first.kill();
    const folder = join(state, '..');
    for (const name of await readdir(folder)) await chmod(join(folder, name), 0o444);
    await chmod(folder, 0o555);
    t.teardown(() => chmod(folder, 0o755));
    const second = await Tidegate.start(t, file, { under: WITHOUT_RIGHTS });
    t.match(await second.admin.service(), { epoch, traffic: { green: 100 }, stored: true });
    t.equal((await second.admin.receipt(epoch)).epoch, epoch);
    t.equal(await isWritable(second), false);
    t.match(await second.admin.rollback(), { to: { blue: 100 }, stored: false });
    t.equal((await exchange(second.port, '/')).status, 200);
    await second.kill();
    await chmod(folder, 0o755);
    for (const name of await readdir(folder)) await chmod(join(folder, name), 0o644);
    const third = await Tidegate.start(t, file);
    t.match(await third.admin.service(), { epoch, traffic: { green: 100 } }, 'nothing was written to it');
  },
);
