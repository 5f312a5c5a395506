import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RolloutStore } from '../../../src/control/rollout-store.ts';
import { StateStore } from '../../../src/control/state-store.ts';
import { StateWatch } from '../../../src/control/state-watch.ts';
import { GateStage } from './gate-stage.ts';

function watched(t: Test) {
  const path = join(t.testdir(), 'state.db');
  const opened = StateStore.open(path, () => Date.UTC(2026, 0, 1));
  if (!opened.ok) throw new Error(opened.error);
  const { store } = opened.value;
  t.teardown(() => store.close());
  const stage = new GateStage(store);
  const { gates, events, log } = stage;
  const rollouts = new RolloutStore(store);
  const flags = { keepAll: () => {}, keepUnkept: () => {}, unkept: 0 };
  const watch = new StateWatch({ store, gates, rollouts, flags, events, log, now: () => stage.nowMs });
  /** Long enough for everything to be tried again. */
  const ticks = (): void => {
    for (let tick = 0; tick < 5; tick++) watch.tick();
  };
  return { path, store, stage, watch, ticks };
}

t.test('a fault is told once, and its end once, when all that waited is kept', async (t) => {
  const { path, store, stage, watch, ticks } = watched(t);
  const gate = stage.gate('shop', ['blue', 'green']);
  await stage.gates.move(stage.move(gate, { blue: 1 }));
  ticks();
  t.strictSame(watch.view(), { file: path, writable: true, problem: null, since: null, unkept: 0, setAside: [] });
  renameSync(path, `${path}.theirs`);
  writeFileSync(path, 'a letter');
  t.match(await stage.gates.move(stage.move(gate, { green: 1 })), { stored: false });
  ticks();
  const at = new Date(stage.nowMs).toISOString();
  stage.nowMs += 60_000;
  ticks();
  t.match(watch.view(), { writable: false, problem: /another file/, since: at, unkept: 4 }, 'since when it was told');
  rmSync(path);
  ticks();
  t.match(watch.view(), { writable: true, problem: null, since: null, unkept: 0 });
  const told = stage.told.filter(({ kind }) => kind === 'state').map(({ text }) => text);
  t.match(told, [/cannot be written: another file/, /is written again/]);
  t.equal(told.length, 2);
  t.match(store.position('shop'), { ok: true, value: { epoch: 2 } });
});

t.test('a file that is begun anew gets where every gate stands, at once', async (t) => {
  const { path, store, stage, watch, ticks } = watched(t);
  for (const service of ['cart', 'shop']) {
    await stage.gates.move(stage.move(stage.gate(service, ['blue']), { blue: 1 }));
  }
  for (let count = 0; count < 4000; count++) stage.events.append('health', null, 'x'.repeat(1000), null);
  store.look();
  store.onOtherFile();
  t.match(store.positions(), { ok: true, value: [{ service: 'cart' }, { service: 'shop' }] });
  rmSync(path);
  rmSync(`${path}-wal`);
  ticks();
  t.match(store.positions(), { ok: true, value: [{ service: 'cart' }, { service: 'shop' }] });
  t.equal(watch.view().writable, true);
});
