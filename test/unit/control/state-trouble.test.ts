import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { BROKEN_MAX } from '../../../src/control/set-aside.ts';
import { type OpenedStore, StateStore, type Stored } from '../../../src/control/state-store.ts';
import { seededRandom } from '../../scenario/stage/seeded.ts';
import { damageStateFile } from '../../scenario/stage/state-damage.ts';
import { eventOf, positionOf, receiptOf } from './samples.ts';

const ROUNDS = 200;
/** Rounds between two that also write and open again: what they wait for is the disk. */
const WRITES_EVERY = 5;

function value<T>(stored: Stored<T>): T {
  if (!stored.ok) throw new Error(stored.error);
  return stored.value;
}

function open(t: Test, path: string): OpenedStore {
  const opened = value(StateStore.open(path, () => Date.UTC(2026, 0, 1)));
  t.teardown(() => opened.store.close());
  return opened;
}

/** A state file as a process leaves it that is killed: the last positions stand in the log only. */
function killed(t: Test, positions = 20): string {
  const folder = t.testdir({ living: {}, killed: {}, stopped: {}, rounds: {} });
  const living = join(folder, 'living/state.db');
  const { store } = open(t, living);
  for (let epoch = 1; epoch <= positions; epoch++) {
    value(store.savePositionAndEvent(positionOf(epoch), eventOf(epoch)));
    value(store.saveReceipt(receiptOf(epoch)));
  }
  const path = join(folder, 'killed/state.db');
  for (const suffix of ['', '-wal']) copyFileSync(living + suffix, path + suffix);
  return path;
}

function brokenBeside(path: string): string[] {
  return readdirSync(dirname(path)).filter((name) => name.includes('.broken-'));
}

t.test('what a killed process has left is taken up where it was', async (t) => {
  const { store, setAside } = open(t, killed(t));
  t.equal(setAside, null);
  t.strictSame(value(store.position('shop')), positionOf(20));
});

t.test('a log that cannot be read is set aside with its file, for what it held was answered', async (t) => {
  const path = killed(t);
  const log = readFileSync(`${path}-wal`);
  log[17]! ^= 1;
  writeFileSync(`${path}-wal`, log);
  const { store, setAside } = open(t, path);
  t.ok(existsSync(setAside!));
  t.same(readFileSync(`${setAside}-wal`), log);
  t.same(value(store.position('shop')), null);
});

t.test(
  'an empty file beside a log that is not empty is set aside; alone it is begun, and said to have been empty',
  async (t) => {
    const path = killed(t);
    const log = readFileSync(`${path}-wal`);
    truncateSync(path, 0);
    const first = open(t, path);
    t.same(readFileSync(`${first.setAside}-wal`), log);
    t.equal(first.store.wasEmpty, false);
    first.store.close();
    truncateSync(path, 0);
    const second = open(t, path);
    t.strictSame([second.setAside, second.store.wasEmpty], [null, true]);
    value(second.store.savePosition(positionOf(1)));
  },
);

t.test('a weight that has changed by one bit moves no traffic: the seal of its position is broken', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const { store } = open(t, path);
  value(store.savePosition(positionOf(3)));
  store.close();
  const bytes = readFileSync(path);
  const place = bytes.indexOf(JSON.stringify(positionOf(3).weights));
  t.ok(place > 0);
  const digit = place + JSON.stringify(positionOf(3).weights).search(/[0-9]/);
  bytes[digit]! ^= 1;
  writeFileSync(path, bytes);
  const plain = new DatabaseSync(path);
  t.equal(plain.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok', 'SQLite finds nothing wrong with it');
  plain.close();
  const damaged = open(t, path);
  t.ok(damaged.setAside);
  t.same(value(damaged.store.position('shop')), null);
});

t.test(
  'terms of a position are under its seal; a position without any is sealed as it was before there were terms',
  async (t) => {
    const path = join(t.testdir(), 'state.db');
    const { store } = open(t, path);
    const team = { source: 'header', name: 'x-team', value: 'red' } as const;
    const withTerms = { ...positionOf(2), terms: { pool: 'green', group: team, endpoints: 1 } };
    value(store.savePosition(withTerms));
    value(store.savePosition(positionOf(1, 'other')));
    t.strictSame(value(store.position('shop')), withTerms);
    t.strictSame(value(store.position('other')), positionOf(1, 'other'));
    store.close();
    const file = new DatabaseSync(path);
    file.exec("UPDATE positions SET terms = NULL WHERE service = 'shop'");
    file.close();
    const { setAside } = open(t, path);
    t.ok(existsSync(setAside!), 'a group that somebody has taken out of the file is damage');
  },
);

t.test('a position from before there were seals is believed', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const { store } = open(t, path);
  value(store.savePosition(positionOf(3)));
  store.close();
  const plain = new DatabaseSync(path);
  const old = ['positions', 'receipts', 'events', 'sqlite_sequence'];
  for (const { name } of plain.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
    if (!old.includes(String(name))) plain.exec(`DROP TABLE ${name}`);
  }
  plain.exec('ALTER TABLE positions DROP COLUMN seal; ALTER TABLE positions DROP COLUMN terms; PRAGMA user_version=2');
  plain.close();
  const later = open(t, path);
  t.equal(later.setAside, null);
  t.strictSame(value(later.store.position('shop')), positionOf(3));
});

t.test('a mark with a flipped bit makes a damaged file, not a stranger', async (t) => {
  const path = join(t.testdir(), 'state.db');
  open(t, path).store.close();
  const plain = new DatabaseSync(path);
  plain.exec(`PRAGMA application_id=${0x54444754 ^ 4}`);
  plain.close();
  t.ok(open(t, path).setAside);
});

t.test('a state file that is deleted while it is in use is written again with all that it had', async (t) => {
  const folder = t.testdir({ copy: {} });
  for (const [round, gone] of [['', '-wal'], [''], ['-wal']].entries()) {
    const path = join(folder, `state-${round}.db`);
    const { store } = open(t, path);
    let others = 0;
    store.onOtherFile = () => {
      others += 1;
    };
    value(store.savePositionAndEvent(positionOf(1), eventOf(1)));
    value(store.saveReceipt(receiptOf(1)));
    for (const suffix of gone) rmSync(path + suffix);
    value(store.savePosition(positionOf(2)));
    t.equal(others, 1);
    t.equal(store.fault, null);
    // As it would be found after a kill.
    const copy = join(folder, `copy/state-${round}.db`);
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, copy + suffix);
    const after = open(t, copy);
    t.equal(after.setAside, null);
    t.strictSame(value(after.store.position('shop')), positionOf(2));
    t.strictSame(value(after.store.receipt('shop', 1)), receiptOf(1));
    t.strictSame(value(after.store.eventsSince(0, 9)), [eventOf(1)]);
    store.close();
  }
});

t.test(
  'a file that somebody has put in its place is theirs: it is not touched, and nothing is kept until it is gone',
  async (t) => {
    const path = join(t.testdir(), 'state.db');
    const { store } = open(t, path);
    value(store.savePosition(positionOf(1)));
    renameSync(path, `${path}.theirs`);
    writeFileSync(path, 'a letter');
    const refused = store.savePosition(positionOf(2));
    t.match(refused, { ok: false, error: /another file has been put in its place/ });
    t.match(store.fault, { kind: 'displaced' });
    t.strictSame(value(store.position('shop')), positionOf(1), 'what was kept can be read');
    t.equal(readFileSync(path, 'utf8'), 'a letter');
    rmSync(path);
    store.look();
    t.equal(store.fault, null);
    value(store.savePosition(positionOf(2)));
    t.strictSame(value(store.position('shop')), positionOf(2));
  },
);

t.test('damage that is met while running is set aside at once, and the write that met it succeeds', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const first = open(t, path);
  for (let id = 1; id <= 4000; id++) value(first.store.appendEvent({ ...eventOf(id), text: 'x'.repeat(1000) }));
  value(first.store.savePosition(positionOf(1)));
  first.store.close();
  const { store } = open(t, path);
  let others = 0;
  store.onOtherFile = () => {
    others += 1;
  };
  // More than SQLite keeps in memory, so that it has to come from the disk.
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 8192);
  writeFileSync(path, bytes);
  t.strictSame(value(store.eventsSince(0, 10_000)), [], 'a new file knows nothing');
  t.equal(others, 1);
  t.equal(store.setAside.length, 1);
  t.same(readFileSync(store.setAside[0]!).length, bytes.length, 'not a byte of the damaged one is deleted');
  value(store.savePosition(positionOf(2)));
  store.close();
  t.strictSame(value(open(t, path).store.position('shop')), positionOf(2));
});

t.test('damaged files are kept up to a number; then it is said that somebody has to look', async (t) => {
  const path = join(t.testdir(), 'state.db');
  for (let count = 1; count <= BROKEN_MAX; count++) writeFileSync(`${path}.broken-${count}`, '');
  writeFileSync(path, 'rubbish'.repeat(1000));
  const { store } = open(t, path);
  t.match(store.fault, { kind: 'damaged', text: /cannot be set aside: 20 damaged files lie beside it already/ });
  rmSync(`${path}.broken-1`);
  store.look();
  t.equal(store.fault, null);
  value(store.savePosition(positionOf(1)));
});

t.test(
  'however the file is damaged, it opens or says why, and gives only positions that were once written',
  { timeout: 120_000 },
  async (t) => {
    const random = seededRandom();
    t.comment(`seed ${random.seed}`);
    const template = killed(t, 30);
    // After an orderly stop there is no log.
    const folder = join(template, '../..');
    const stopped = join(folder, 'stopped/state.db');
    for (const suffix of ['', '-wal']) copyFileSync(template + suffix, stopped + suffix);
    value(StateStore.open(stopped)).store.close();
    const seen = { asIs: 0, setAside: 0, unwritable: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const path = join(folder, `rounds/${round}.db`);
      const source = random.below(2) === 0 ? template : stopped;
      for (const suffix of ['', '-wal']) if (existsSync(source + suffix)) copyFileSync(source + suffix, path + suffix);
      const damage = damageStateFile(path, random);
      const opened = StateStore.open(path);
      if (!opened.ok) {
        seen.refused += 1;
        if (!/newer Tidegate|another program/.test(opened.error)) t.fail(`${damage}: ${opened.error}`);
        continue;
      }
      const { store, setAside } = opened.value;
      if (setAside !== null) seen.setAside += 1;
      else if (store.fault === null) seen.asIs += 1;
      else seen.unwritable += 1;
      const found = store.position('shop');
      const position = found.ok ? found.value : null;
      if (position !== null) t.strictSame(position, positionOf(position.epoch), `${round}: ${damage}`);
      if (store.fault === null && round % WRITES_EVERY === 0) {
        value(store.savePositionAndEvent(positionOf(99), eventOf(99)));
        store.close();
        const again = value(StateStore.open(path));
        t.strictSame(value(again.store.position('shop')), positionOf(99), `${round}: ${damage}`);
        again.store.close();
      }
      store.close();
      if (setAside === null && brokenBeside(path).some((name) => name.startsWith(`${round}.db`))) t.fail(damage);
    }
    t.comment(JSON.stringify(seen));
    t.ok(seen.asIs > 0 && seen.setAside > 0, 'some damage is harmless, and some is not');
  },
);
