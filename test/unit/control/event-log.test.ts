import { join } from 'node:path';
import t, { type Test } from 'tap';
import { EventLog, LISTENERS_MAX, UNKEPT_MAX } from '../../../src/control/event-log.ts';
import type { TidegateEvent } from '../../../src/control/operations.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { positionOf } from './samples.ts';

function logOf(t: Test, path = ':memory:') {
  const opened = StateStore.open(path);
  if (!opened.ok) throw new Error(opened.error);
  const { store } = opened.value;
  t.teardown(() => store.close());
  const warnings: string[] = [];
  const log = { warn: (_fields: object, text: string) => warnings.push(text) };
  return { store, warnings, events: new EventLog(store, { now: () => 1_000, log }) };
}

const idsOf = (events: readonly TidegateEvent[]): number[] => events.map((event) => event.id);

t.test('an event is numbered, dated, kept and told', async (t) => {
  const { events } = logOf(t);
  const told: TidegateEvent[] = [];
  events.onEvent((event) => told.push(event));
  const event = events.append('traffic', 'shop', 'blue went to 10', { blue: 10 });
  t.strictSame(event, {
    id: 1,
    at: '1970-01-01T00:00:01.000Z',
    kind: 'traffic',
    service: 'shop',
    text: 'blue went to 10',
    data: { blue: 10 },
  });
  t.strictSame(told, [event]);
  t.strictSame(events.since(0, 10), [event]);
  t.equal(events.append('stop', null, 'Tidegate stops', null).id, 2);
});

t.test('numbers go on across a restart', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const first = logOf(t, path);
  first.events.append('start', null, 'one', null);
  first.events.append('stop', null, 'two', null);
  first.store.close();
  const second = logOf(t, path);
  t.equal(second.events.append('start', null, 'three', null).id, 3);
  t.same(idsOf(second.events.since(1, 10)), [2, 3]);
});

t.test('a position and its event exist together, and only then is it told', async (t) => {
  const { store, events } = logOf(t);
  const told: number[] = [];
  events.onEvent((event) => told.push(event.id));
  const answer = events.appendWithPosition(positionOf(1), 'traffic', 'moved', null);
  t.match(answer, { ok: true, value: { id: 1, service: 'shop', text: 'moved' } });
  t.match(store.position('shop'), { ok: true, value: { epoch: 1 } });
  store.close();
  t.equal(events.appendWithPosition(positionOf(2), 'traffic', 'moved', null).ok, false);
  t.same(told, [1]);
  t.equal(events.storeErrors, 1);
});

t.test('an event that the store does not take is told, counted and still found', async (t) => {
  const { store, events, warnings } = logOf(t);
  const told: number[] = [];
  events.onEvent((event) => told.push(event.id));
  events.append('health', 'shop', 'one', null);
  store.close();
  events.append('health', 'shop', 'two', null);
  events.append('health', 'shop', 'three', null);
  t.same(told, [1, 2, 3]);
  t.equal(events.storeErrors, 2);
  t.match(warnings, [/state store failed/, /state store failed/]);
  t.same(idsOf(events.since(1, 10)), [2, 3]);
});

t.test('events that were not kept stand in their place among those that were', async (t) => {
  const { events } = logOf(t);
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  events.append('health', null, 'one', null);
  events.append('health', null, 'two', circular);
  events.append('health', null, 'three', null);
  t.same(idsOf(events.since(0, 10)), [1, 2, 3]);
  t.same(idsOf(events.since(0, 2)), [1, 2]);
  t.same(idsOf(events.since(2, 2)), [3]);
});

t.test('events that were not kept are bounded, and the oldest give way', async (t) => {
  const { store, events } = logOf(t);
  store.close();
  for (let id = 1; id <= UNKEPT_MAX + 2; id++) events.append('health', null, 'lost', null);
  const ids = idsOf(events.since(0, UNKEPT_MAX * 2));
  t.same([ids.length, ids[0], ids.at(-1)], [UNKEPT_MAX, 3, UNKEPT_MAX + 2]);
});

t.test('a listener that throws hurts no other and not the one who appends', async (t) => {
  const { events, warnings } = logOf(t);
  const told: number[] = [];
  events.onEvent(() => {
    throw new Error('from the listener');
  });
  events.onEvent((event) => told.push(event.id));
  t.equal(events.append('start', null, 'one', null).id, 1);
  events.append('start', null, 'two', null);
  t.same(told, [1, 2]);
  t.match(warnings, [/a listener failed/, /a listener failed/]);
});

t.test('every listener hears in the order of the events, even when one causes another event', async (t) => {
  const { events } = logOf(t);
  const told: number[] = [];
  events.onEvent((event) => {
    if (event.id === 1) events.append('drain', null, 'because of it', null);
  });
  events.onEvent((event) => told.push(event.id));
  events.append('traffic', null, 'the cause', null);
  t.same(told, [1, 2]);
});

t.test('a listener that has left hears nothing, and leaving twice removes no other', async (t) => {
  const { events } = logOf(t);
  let heard = 0;
  const listener = (): void => {
    heard++;
  };
  const leave = events.onEvent(listener);
  events.onEvent(listener);
  leave();
  leave();
  events.append('start', null, 'one', null);
  t.equal(heard, 1);
});

t.test('the number of listeners is bounded, and a place that was left is free again', async (t) => {
  const { events } = logOf(t);
  const leaves = Array.from({ length: LISTENERS_MAX }, () => events.onEvent(() => {}));
  t.throws(() => events.onEvent(() => {}), RangeError);
  leaves[0]!();
  t.doesNotThrow(() => events.onEvent(() => {}));
});

t.test('what the store did not take is kept once it can be, in its place', async (t) => {
  const { store, events } = logOf(t);
  events.append('health', null, 'one', null);
  const broken = { ok: false, error: 'disk full' } as const;
  Object.assign(store, { appendEvent: () => broken });
  events.append('health', null, 'two', null);
  t.equal(events.unkept, 1);
  Reflect.deleteProperty(store, 'appendEvent');
  events.append('health', null, 'three', null);
  t.equal(events.keepUnkept(), true);
  t.equal(events.unkept, 0);
  const kept = store.eventsSince(0, 10);
  t.same(kept.ok && kept.value.map(({ id, text }) => [id, text]), [
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ]);
});

t.test('numbers go on after all that a file knows which comes back later', async (t) => {
  const { store, events } = logOf(t);
  Object.assign(store, { appendEvent: () => ({ ok: false, error: 'disk full' }) });
  events.append('start', null, 'one', null);
  events.append('health', null, 'two', null);
  Reflect.deleteProperty(store, 'appendEvent');
  for (const id of [1, 2, 7]) {
    store.appendEvent({ id, at: '', kind: 'health', service: null, text: 'earlier', data: null });
  }
  events.joinHistory();
  events.keepUnkept();
  t.same(
    events.since(2, 10).map(({ id, text }) => [id, text]),
    [
      [7, 'earlier'],
      [8, 'one'],
      [9, 'two'],
    ],
  );
  t.equal(events.append('health', null, 'three', null).id, 10);
});

t.test('whoever comes with a number that was never given out gets everything, not silence', async (t) => {
  const { events } = logOf(t);
  events.append('start', null, 'one', null);
  t.same(idsOf(events.since(500, 10)), [1]);
  t.same(idsOf(events.since(1, 10)), []);
});
