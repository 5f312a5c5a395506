import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { Receipt } from '../../../src/control/operations.ts';
import {
  EVENTS_MAX,
  EVENTS_TRIM,
  type OpenedStore,
  RECEIPTS_MAX,
  StateStore,
  type Stored,
} from '../../../src/control/state-store.ts';
import { eventOf, positionOf, receiptOf } from './samples.ts';

const PROCESS = fileURLToPath(new URL('./state-store-process.ts', import.meta.url));

function value<T>(stored: Stored<T>): T {
  if (!stored.ok) throw new Error(stored.error);
  return stored.value;
}

function open(t: Test, path: string): OpenedStore {
  const opened = value(StateStore.open(path, () => Date.UTC(2026, 0, 1)));
  t.teardown(() => opened.store.close());
  return opened;
}

/** Where the system tells, the sentence has the number of the process. */
function holder(pid: number): string {
  return existsSync('/proc/locks') ? `another process (pid ${pid})` : 'another process';
}

function brokenBeside(path: string): string[] {
  return readdirSync(dirname(path)).filter((name) => name.includes('.broken-'));
}

/** A process on the file, its output by lines, and its end. */
function start(t: Test, mode: string, path: string) {
  const child = spawn(process.execPath, [PROCESS, mode, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  let wanted = 0;
  let enough: () => void = () => {};
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    if (lines.length >= wanted) enough();
  });
  const closed = once(child, 'close');
  const has = (count: number): Promise<void> =>
    new Promise((resolve) => {
      wanted = count;
      enough = resolve;
      if (lines.length >= count) resolve();
    });
  return { child, lines, closed, has };
}

t.test('a position is kept as it was given, and a later one takes its place', async (t) => {
  const path = join(t.testdir(), 'deep/er/state.db');
  const first = open(t, path);
  t.equal(first.setAside, null);
  t.same(value(first.store.position('shop')), null);
  value(first.store.savePosition(positionOf(1)));
  value(first.store.savePosition(positionOf(2)));
  value(first.store.savePosition(positionOf(9, 'cart')));
  value(first.store.close());
  const { store } = open(t, path);
  t.strictSame(value(store.position('shop')), positionOf(2));
  t.strictSame(value(store.positions()), [positionOf(9, 'cart'), positionOf(2)]);
});

t.test('a position and its event are kept together or not at all', async (t) => {
  const { store } = open(t, ':memory:');
  value(store.savePositionAndEvent(positionOf(1), eventOf(1)));
  const refused = store.savePositionAndEvent(positionOf(2), eventOf(1));
  t.match(refused, { ok: false, error: /UNIQUE/ });
  t.equal(value(store.position('shop'))?.epoch, 1);
  value(store.savePositionAndEvent(positionOf(2), eventOf(2)));
  t.strictSame(value(store.eventsSince(0, 10)), [eventOf(1), eventOf(2)]);
});

t.test('names and texts are data, whatever they contain', async (t) => {
  const { store } = open(t, ':memory:');
  const nasty = `'; DROP TABLE positions; -- "\u0001\u{1F30A}`;
  const record = { ...positionOf(1, nasty), weights: { [nasty]: 0.1 }, note: nasty };
  value(store.savePositionAndEvent(record, { ...eventOf(1), service: nasty, text: nasty, data: undefined }));
  t.strictSame(value(store.position(nasty)), record);
  t.match(value(store.eventsSince(0, 1))[0], { service: nasty, text: nasty, data: null });
});

t.test('a receipt can be brought up to date, but not brought back', async (t) => {
  const { store } = open(t, ':memory:');
  t.equal(value(store.updateReceipt(receiptOf(1))), false);
  t.same(value(store.receipt('shop', 1)), null);
  value(store.saveReceipt(receiptOf(1)));
  const drained = { ...receiptOf(1), drained: '2026-01-01T00:00:00.000Z', lost: 2 };
  t.equal(value(store.updateReceipt(drained)), true);
  t.strictSame(value(store.receipt('shop', 1)), drained);
  t.same(value(store.receipt('cart', 1)), null);
});

t.test('a receipt that was kept before receipts said what drains have ended says that none was', async (t) => {
  const { store } = open(t, ':memory:');
  const { ended, ...before } = receiptOf(1);
  value(store.saveReceipt(before as Receipt));
  t.strictSame(value(store.receipt('shop', 1)), { ...before, ended: 0 });
  t.strictSame(value(store.openReceipts()), [{ ...before, ended }]);
});

t.test('each service keeps its newest receipts and forgets the oldest', async (t) => {
  const { store } = open(t, ':memory:');
  value(store.saveReceipt(receiptOf(1, 'cart')));
  for (let epoch = 1; epoch <= RECEIPTS_MAX + 3; epoch++) value(store.saveReceipt(receiptOf(epoch * 2)));
  t.same(value(store.receipt('shop', 6)), null);
  t.equal(value(store.receipt('shop', 8))?.epoch, 8);
  t.equal(value(store.receipt('shop', (RECEIPTS_MAX + 3) * 2))?.epoch, (RECEIPTS_MAX + 3) * 2);
  t.equal(value(store.receipt('cart', 1))?.epoch, 1);
});

t.test('the newest events are kept, trimmed in batches', async (t) => {
  const { store } = open(t, ':memory:');
  const last = EVENTS_MAX + 2 * EVENTS_TRIM - 1;
  for (let id = 1; id <= last; id++) value(store.appendEvent(eventOf(id)));
  t.equal(value(store.eventsSince(0, 1))[0]?.id, EVENTS_TRIM + 1);
  value(store.appendEvent(eventOf(last + 1)));
  t.equal(value(store.eventsSince(0, 1))[0]?.id, 2 * EVENTS_TRIM + 1);
  t.equal(value(store.eventsSince(0, EVENTS_MAX * 2)).length, EVENTS_MAX);
});

t.test('events come after the given one, oldest first, and no more than asked for', async (t) => {
  const { store } = open(t, ':memory:');
  for (let id = 1; id <= 9; id++) value(store.appendEvent(eventOf(id)));
  t.same(
    value(store.eventsSince(4, 3)).map((event) => event.id),
    [5, 6, 7],
  );
  t.same(value(store.eventsSince(9, 3)), []);
});

t.test('the last id survives a restart, even when its event was forgotten', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const first = open(t, path);
  t.equal(value(first.store.lastEventId()), 0);
  value(first.store.appendEvent(eventOf(41)));
  value(first.store.close());
  const plain = new DatabaseSync(path);
  plain.exec('DELETE FROM events');
  plain.close();
  t.equal(value(open(t, path).store.lastEventId()), 41);
});

t.test('a process that is killed has lost nothing that it had answered', async (t) => {
  const seed = Number(process.env.TIDEGATE_SEED ?? 20_260_101);
  t.comment(`seed ${seed}`);
  const path = join(t.testdir(), 'state.db');
  let random = seed;
  for (let round = 1; round <= 6; round++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const { child, lines, closed, has } = start(t, 'save', path);
    await has(1 + ((random >>> 16) % 120));
    child.kill('SIGKILL');
    await closed;
    const answered = Number(lines.at(-1));
    const { store, setAside } = value(StateStore.open(path));
    const kept = value(store.position('shop'))!;
    t.ok(kept.epoch === answered || kept.epoch === answered + 1, `round ${round}: ${answered} answered`);
    t.strictSame(kept, positionOf(kept.epoch));
    t.strictSame(value(store.eventsSince(kept.epoch - 1, 10)), [eventOf(kept.epoch)]);
    t.equal(setAside, null);
    value(store.close());
  }
});

t.test('a second process is kept out until the first is gone', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const { child, closed, has } = start(t, 'hold', path);
  await has(1);
  t.strictSame(StateStore.open(path), { ok: false, error: `${path}: ${holder(child.pid!)} holds this state file` });
  t.same(brokenBeside(path), []);
  child.kill('SIGKILL');
  await closed;
  open(t, path);
});

t.test('one process cannot open the same file twice either', async (t) => {
  const path = join(t.testdir(), 'state.db');
  open(t, path);
  t.match(StateStore.open(path), { ok: false, error: /another process holds/ });
});

t.test('a file that is no database is set aside, each under a name of its own', async (t) => {
  const path = join(t.testdir(), 'state.db');
  for (const count of [1, 2]) {
    const rubbish = `rubbish ${count} `.repeat(1000);
    writeFileSync(path, rubbish);
    writeFileSync(`${path}-wal`, 'a log that must not be replayed');
    const { store, setAside } = open(t, path);
    t.equal(setAside, `${path}.broken-2026-01-01T00-00-00${count === 1 ? '' : '-2'}`);
    t.equal(readFileSync(setAside!, 'utf8'), rubbish);
    value(store.savePosition(positionOf(count)));
    t.equal(value(store.position('shop'))?.epoch, count);
    value(store.close());
  }
  t.equal(open(t, path).setAside, null);
});

t.test('a database with a damaged page is set aside', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const first = open(t, path);
  for (let id = 1; id <= 300; id++) value(first.store.appendEvent({ ...eventOf(id), text: 'x'.repeat(500) }));
  value(first.store.close());
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096, bytes.length);
  writeFileSync(path, bytes);
  const { store, setAside } = open(t, path);
  t.equal(setAside, `${path}.broken-2026-01-01T00-00-00`);
  t.same(value(store.eventsSince(0, 10)), []);
});

t.test('a database of another program, or of a newer Tidegate, is left alone', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE letters (text TEXT)');
  other.close();
  t.strictSame(StateStore.open(path), { ok: false, error: `${path}: this database belongs to another program` });
  const newer = join(t.testdir(), 'newer.db');
  value(open(t, newer).store.close());
  const ahead = new DatabaseSync(newer);
  ahead.exec('PRAGMA user_version=99');
  ahead.close();
  t.match(StateStore.open(newer), { ok: false, error: /a newer Tidegate has written this state file/ });
  t.same(brokenBeside(newer), []);
});

t.test('a path that cannot hold a file is no reason not to start: the store says so and keeps nothing', async (t) => {
  const dir = t.testdir({ file: 'not a folder', folder: {} });
  for (const path of [join(dir, 'file/state.db'), join(dir, 'folder')]) {
    const { store, setAside } = open(t, path);
    t.equal(setAside, null);
    t.match(store.fault, { kind: 'unusable', text: /EEXIST|ENOTDIR|unable to open/ });
    t.equal(store.savePosition(positionOf(1)).ok, false);
    t.equal(store.position('shop').ok, false);
  }
  t.ok(existsSync(join(dir, 'folder')), 'what lies there is not touched');
});

t.test(
  'a full disk is an answer: what was answered before stays, and reading goes on',
  {
    skip: process.platform === 'win32' ? 'there is no limit of the file size to set' : false,
  },
  async (t) => {
    const path = join(t.testdir(), 'state.db');
    const child = spawn('sh', ['-c', `ulimit -f 1000; exec "$0" "$@"`, process.execPath, PROCESS, 'fill', path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code] = await once(child, 'close');
    t.equal(code, 0);
    const seen = JSON.parse(output);
    t.ok(seen.epoch > 5, `${seen.epoch} positions fitted`);
    t.match(seen.refusal, /full|disk I\/O/);
    t.equal(seen.again.ok, false);
    t.strictSame(seen.read, { ok: true, value: positionOf(seen.epoch) });
    const { store, setAside } = open(t, path);
    t.equal(setAside, null);
    t.strictSame(value(store.position('shop')), positionOf(seen.epoch));
    value(store.savePositionAndEvent(positionOf(seen.epoch + 1), eventOf(seen.epoch + 1)));
  },
);

t.test('a closed store answers every operation with an error and throws at none', async (t) => {
  const { store } = open(t, ':memory:');
  t.equal(store.close().ok, true);
  t.equal(store.close().ok, true);
  const answers = [
    store.savePosition(positionOf(1)),
    store.savePositionAndEvent(positionOf(1), eventOf(1)),
    store.position('shop'),
    store.positions(),
    store.saveReceipt(receiptOf(1)),
    store.updateReceipt(receiptOf(1)),
    store.receipt('shop', 1),
    store.appendEvent(eventOf(1)),
    store.eventsSince(0, 1),
    store.lastEventId(),
  ];
  for (const answer of answers) t.equal(answer.ok, false);
});

t.test('what JSON cannot hold is refused and leaves no open transaction', async (t) => {
  const { store } = open(t, ':memory:');
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  t.match(store.savePositionAndEvent(positionOf(1), { ...eventOf(1), data: circular }), {
    ok: false,
    error: /circular/i,
  });
  t.same(value(store.position('shop')), null);
  value(store.savePositionAndEvent(positionOf(1), eventOf(1)));
});
