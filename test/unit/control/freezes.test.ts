import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { EventLog } from '../../../src/control/event-log.ts';
import { FreezeStore } from '../../../src/control/freeze-store.ts';
import { Freezes } from '../../../src/control/freezes.ts';
import { type FreezeView, isRefusal, type Refusal } from '../../../src/control/operations.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import type { FreezeWindow } from '../../../src/rollout/starting.ts';

const BY_ANNA = { by: 'anna', reason: '', ifEpoch: null };
const NOON = Date.UTC(2026, 0, 5, 12);
const HOUR_MS = 3_600_000;

class Stage {
  nowMs = NOON;
  windows: readonly FreezeWindow[] = [];
  readonly store: StateStore;
  readonly told: string[] = [];
  readonly freezes: Freezes;

  constructor(path: string) {
    const now = () => this.nowMs;
    const opened = StateStore.open(path, now);
    if (!opened.ok) throw new Error(opened.error);
    this.store = opened.value.store;
    const log = pino({ level: 'silent' });
    const events = new EventLog(this.store, { now, log });
    events.onEvent(({ kind, text }) => this.told.push(`${kind}: ${text}`));
    const store = new FreezeStore(this.store);
    this.freezes = new Freezes({ store, events, log, windows: () => this.windows, now });
  }
}

function stage(t: Test, path = ':memory:'): Stage {
  const one = new Stage(path);
  t.teardown(() => one.store.close());
  return one;
}

function view(answer: FreezeView | Refusal): FreezeView {
  if (isRefusal(answer)) throw new Error(answer.message);
  return answer;
}

t.test('a declared freeze stands until somebody ends it, and both are told', async (t) => {
  const { freezes, told } = stage(t);
  t.equal(freezes.frozen(), null);
  t.match(freezes.end(BY_ANNA), { refused: true, code: 'not-frozen', message: 'there is no freeze' });
  const declared = view(freezes.declare({ reason: 'an incident', untilMs: null }, BY_ANNA));
  t.match(declared, {
    frozen: 'an incident (declared by anna)',
    declared: { reason: 'an incident', by: 'anna', at: new Date(NOON).toISOString(), until: null, stored: true },
  });
  t.equal(view(freezes.end({ ...BY_ANNA, reason: 'solved' })).frozen, null);
  t.same(told, [
    'freeze: no rollout is begun: an incident (declared by anna)',
    'freeze: the freeze was ended by anna (solved): an incident',
  ]);
});

t.test('one with an end is over at that moment, and is told to be over once', async (t) => {
  const one = stage(t);
  const { freezes, told } = one;
  t.match(freezes.declare({ reason: 'x', untilMs: NOON }, BY_ANNA), { code: 'bad-freeze' });
  t.match(freezes.declare({ reason: '', untilMs: null }, BY_ANNA), { code: 'bad-freeze' });
  freezes.declare({ reason: 'a talk', untilMs: NOON + HOUR_MS }, BY_ANNA);
  one.nowMs += HOUR_MS - 1;
  freezes.tick();
  t.match(freezes.frozen(), /^a talk \(declared by anna, until 2026-01-05T13:00:00.000Z\)$/);
  one.nowMs += 1;
  t.equal(freezes.frozen(), null);
  t.match(freezes.end(BY_ANNA), { code: 'not-frozen' });
  freezes.tick();
  freezes.tick();
  t.same(told.slice(1), ['freeze: the freeze is over: a talk']);
});

t.test('a window of the config freezes while it is open, and cannot be ended by hand', async (t) => {
  const one = stage(t);
  const { freezes } = one;
  one.windows = [
    { kind: 'weekly', from: 12 * 60, to: 13 * 60, zone: 'UTC', reason: 'lunch' },
    { kind: 'once', fromMs: NOON + 2 * HOUR_MS, toMs: NOON + 3 * HOUR_MS, reason: 'the audit' },
  ];
  t.equal(freezes.frozen(), 'lunch (Mon 12:00 to Mon 13:00 UTC)');
  t.match(freezes.end(BY_ANNA), { code: 'not-frozen', message: /a window of the config, and is ended there: lunch/ });
  one.nowMs += HOUR_MS;
  t.equal(freezes.frozen(), null);
  one.nowMs += HOUR_MS;
  t.match(freezes.frozen(), /^the audit \(2026-01-05T14:00:00.000Z to 2026-01-05T15:00:00.000Z\)$/);
  t.same(
    freezes.view().windows.map(({ isOpen }) => isOpen),
    [false, true],
  );
  one.windows = [];
  t.equal(freezes.frozen(), null, 'a reload acts at once');
});

t.test('it outlives the process, with who declared it and when it is over', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const before = new Stage(path);
  before.freezes.declare({ reason: 'an incident', untilMs: NOON + HOUR_MS }, BY_ANNA);
  const { declared } = before.freezes.view();
  before.store.close();
  const after = new Stage(path);
  t.same(after.freezes.view().declared, declared);
  after.freezes.end(BY_ANNA);
  after.store.close();
  const last = stage(t, path);
  t.equal(last.freezes.frozen(), null);
});

t.test('a full disk does not end a freeze: it stands, says so, and is kept when there is room', async (t) => {
  const path = join(t.testdir(), 'state.db');
  const one = new Stage(path);
  const { store, freezes } = one;
  Object.assign(store, { write: () => ({ ok: false, error: 'disk full' }) });
  t.match(freezes.declare({ reason: 'an incident', untilMs: null }, BY_ANNA), { declared: { stored: false } });
  freezes.tick();
  t.match(freezes.view(), { frozen: /an incident/, declared: { stored: false } });
  Reflect.deleteProperty(store, 'write');
  freezes.tick();
  t.match(freezes.view(), { declared: { stored: true } });
  store.close();
  t.match(stage(t, path).freezes.frozen(), /an incident/);
});
