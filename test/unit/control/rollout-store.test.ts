/** Rollouts and their decisions in the state file, and through its troubles. */
import t from 'tap';
import type { RolloutRecord } from '../../../src/control/rollout-record.ts';
import { ROLLOUTS_MAX, RolloutStore, UNKEPT_MAX } from '../../../src/control/rollout-store.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { RunStage } from './run-stage.ts';

const AT = '2026-01-01T00:00:00.000Z';

function opened() {
  const found = StateStore.open(':memory:');
  if (!found.ok) throw new Error(found.error);
  const file = found.value.store;
  const store = new RolloutStore(file);
  /** From now on the file takes nothing; gives what ends that. */
  const fail = (): (() => void) => {
    Object.assign(file, { write: () => ({ ok: false, error: 'disk full' }) });
    return () => void Reflect.deleteProperty(file, 'write');
  };
  return { file, store, fail };
}

function record(id: number, rest: Partial<RolloutRecord> = {}): RolloutRecord {
  return { ...new RunStage().run.record, id, ...rest };
}

function value<T>(
  stored: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string },
): T {
  if (!stored.ok) throw new Error(stored.error);
  return stored.value;
}

t.test('a record comes back as it was kept, the last one of each service', async (t) => {
  const { store } = opened();
  for (const [id, service] of [
    [1, 'shop'],
    [2, 'cart'],
    [3, 'shop'],
  ] as const) {
    store.save(record(id, { service }));
  }
  store.save(record(3, { ranMs: 5 }));
  t.strictSame(
    value(store.last()).map(({ id, service, ranMs }) => [id, service, ranMs]),
    [
      [2, 'cart', 0],
      [3, 'shop', 5],
    ],
  );
  t.strictSame(value(store.find(1)), record(1));
  t.equal(value(store.find(99)), null);
});

t.test('decisions are numbered within their rollout and read in pages', async (t) => {
  const { store } = opened();
  for (let index = 1; index <= 5; index++) {
    store.append(1, AT, { kind: 'told', what: 'step', text: `one ${index}` });
    store.append(2, AT, { kind: 'told', what: 'step', text: `two ${index}` });
  }
  const page = value(store.decisions(1, 2, 2));
  t.strictSame(
    page.map(({ rollout, sequence, entry }) => [rollout, sequence, entry.kind === 'told' && entry.text]),
    [
      [1, 3, 'one 3'],
      [1, 4, 'one 4'],
    ],
  );
});

t.test('the oldest rollouts of a service go with their decisions, those of others stay', async (t) => {
  const { store } = opened();
  store.save(record(1, { service: 'cart' }));
  for (let id = 2; id <= ROLLOUTS_MAX + 3; id++) {
    store.save(record(id));
    store.append(id, AT, { kind: 'told', what: 'step', text: '' });
  }
  store.trim('shop');
  t.equal(value(store.of('shop', 99)).length, ROLLOUTS_MAX);
  t.equal(value(store.find(2)), null);
  t.same(value(store.decisions(2, 0, 9)), []);
  t.not(value(store.find(1)), null);
});

t.test('what the file does not take is written in its order as soon as it does', async (t) => {
  const { store, fail } = opened();
  store.save(record(1));
  store.append(1, AT, { kind: 'told', what: 'step', text: 'before' });
  const mend = fail();
  t.equal(store.append(1, AT, { kind: 'told', what: 'step', text: 'first' }).ok, false);
  store.save(record(1, { ranMs: 1 }));
  store.save(record(1, { ranMs: 2 }));
  store.append(1, AT, { kind: 'told', what: 'step', text: 'second' });
  t.equal(store.unkept, 3, 'a record waits once, as it is now');
  store.keepUnkept();
  t.equal(store.unkept, 3);
  t.equal(store.errors, 2, 'it is tried once a second and not with each entry');
  mend();
  store.keepUnkept();
  t.equal(store.unkept, 0);
  const texts = value(store.decisions(1, 0, 9)).map(({ entry }) => entry.kind === 'told' && entry.text);
  t.strictSame(texts, ['before', 'first', 'second']);
  t.equal(value(store.find(1))?.ranMs, 2);
});

t.test('what waits for the file is bounded', async (t) => {
  const { store, fail } = opened();
  fail();
  for (let index = 0; index < UNKEPT_MAX + 10; index++) store.append(1, AT, { kind: 'told', what: 'step', text: '' });
  t.equal(store.unkept, UNKEPT_MAX);
});

t.test('another file than before gets what runs, and not what has ended', async (t) => {
  const { store } = opened();
  store.save(record(1));
  for (let id = 2; id <= ROLLOUTS_MAX + 3; id++) store.save(record(id, { endedAt: AT }));
  // As if the file had been begun anew: the oldest are not in it any more.
  store.trim('shop');
  t.equal(value(store.find(1)), null);
  store.keepAll();
  t.equal(value(store.find(1))?.id, 1);
  t.equal(value(store.find(2)), null);
});
