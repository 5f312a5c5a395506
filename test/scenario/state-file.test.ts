/**
 * The state file damaged, deleted, and in other hands, with real processes.
 */
import { copyFile, rm, stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { exchange } from './stage/exchange.ts';
import { seededRandom } from './stage/seeded.ts';
import { damageStateFile } from './stage/state-damage.ts';
import { brokenFiles, isWritable, stateShop } from './stage/state-shop.ts';
import { Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const DAMAGES = 5;

t.test(
  'a second Tidegate on the same file does not start, says who has it, and leaves the first one alone',
  async (t) => {
    const { file } = await stateShop(t);
    const first = await Tidegate.start(t, file);
    await t.rejects(Tidegate.start(t, file), /another process .*holds this state file/);
    t.match(await first.admin.flip('green'), { stored: true });
    await first.kill();
    t.match(await (await Tidegate.start(t, file)).admin.service(), { traffic: { green: 100 } });
  },
);

t.test(
  'another program that has the file open for a moment delays the start, one that keeps it prevents it',
  async (t) => {
    const { file, state } = await stateShop(t);
    await (await Tidegate.start(t, file)).kill();
    const backup = new DatabaseSync(state);
    backup.exec('BEGIN IMMEDIATE');
    await t.rejects(Tidegate.start(t, file), /holds this state file/);
    t.same(await brokenFiles(state), []);
    const starting = Tidegate.start(t, file);
    backup.exec('ROLLBACK');
    backup.close();
    t.match(await (await starting).admin.service(), { stored: true });
  },
);

t.test('a state file that is deleted under a running Tidegate is written again', async (t) => {
  const { file, state } = await stateShop(t);
  const first = await Tidegate.start(t, file);
  const { epoch } = await first.admin.flip('green');
  for (const suffix of ['', '-wal']) await rm(state + suffix);
  await until('it is there again', () =>
    stat(state).then(
      () => true,
      () => false,
    ),
  );
  await until('it is well', () => isWritable(first));
  await first.kill();
  const second = await Tidegate.start(t, file);
  t.match(await second.admin.service(), { epoch, traffic: { green: 100 } });
  t.equal((await second.admin.receipt(epoch)).epoch, epoch);
});

t.test('a damaged state file never keeps Tidegate from serving what the store or the config says', async (t) => {
  const random = seededRandom();
  t.comment(`seed ${random.seed}`);
  const { file, state } = await stateShop(t);
  const first = await Tidegate.start(t, file);
  await first.admin.traffic({ blue: 30, green: 70 });
  const { epoch } = await first.admin.traffic({ blue: 20, green: 80 });
  await first.kill();
  for (const suffix of ['', '-wal']) await copyFile(state + suffix, `${state}.template${suffix}`);
  for (let round = 0; round < DAMAGES; round++) {
    for (const suffix of ['', '-wal']) await copyFile(`${state}.template${suffix}`, state + suffix);
    const damage = damageStateFile(state, random);
    const known = (await brokenFiles(state)).length;
    let tidegate: Tidegate;
    try {
      tidegate = await Tidegate.start(t, file);
    } catch (error) {
      t.match(String(error), /newer Tidegate|another program/, damage);
      continue;
    }
    const view = await tidegate.admin.service();
    const kept = { [epoch]: { blue: 20, green: 80 }, [epoch - 1]: { blue: 30, green: 70 } }[view.epoch];
    t.same(view.traffic, kept ?? { blue: 100, green: 0 }, `round ${round}: ${damage}`);
    t.equal((await exchange(tidegate.port, '/')).status, 200);
    const aside = (await brokenFiles(state)).length > known;
    const said = tidegate.lines.some((line) => /set aside/.test(line.msg ?? ''));
    t.equal(said, aside, `round ${round}: what is set aside is said`);
    if (aside) t.equal((await tidegate.admin.metrics()).sum('tidegate_state_set_aside_total'), 1);
    t.match(await tidegate.admin.flip('green'), { stored: true });
    await tidegate.kill();
  }
});

t.test('a state file of a newer Tidegate is left as it is, with a sentence', async (t) => {
  const { file, state } = await stateShop(t);
  await (await Tidegate.start(t, file)).kill();
  const newer = new DatabaseSync(state);
  newer.exec('PRAGMA user_version=99');
  newer.close();
  await t.rejects(Tidegate.start(t, file), /a newer Tidegate has written this state file/);
  t.same(await brokenFiles(state), []);
});
