import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { murmur3 } from '../../../src/routing/hash.ts';
import { createUnitMemory, LEVEL_MAX, UnitLedger } from '../../../src/stats/unit-ledger.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

function raise(ledger: UnitLedger, key: string, level: number): number {
  return ledger.raise(murmur3(key, 1), murmur3(key, 2), level);
}

t.test('a unit speaks once, over all threads', async (t) => {
  const memory = createUnitMemory(100);
  const threads = [new UnitLedger(memory), new UnitLedger(memory)] as const;
  t.equal(raise(threads[0], 'ann', 1), 0);
  t.equal(raise(threads[1], 'ann', 1), 1);
  t.equal(raise(threads[1], 'bob', 1), 0);
  t.equal(raise(threads[0], 'bob', 1), 1);
});

t.test('for latency a unit speaks once about each boundary', async (t) => {
  const ledger = new UnitLedger(createUnitMemory(100));
  t.equal(raise(ledger, 'ann', 4), 0);
  t.equal(raise(ledger, 'ann', 2), 4);
  t.equal(raise(ledger, 'ann', LEVEL_MAX), 4);
  t.equal(raise(ledger, 'ann', 24), LEVEL_MAX);
});

t.test(`as many units as it was made for are told apart but for a few in a thousand (seed ${runSeed})`, async (t) => {
  const seeded = new Seeded(runSeed);
  const units = 2 ** 17;
  const ledger = new UnitLedger(createUnitMemory(units));
  let counted = 0;
  for (let unit = 0; unit < units; unit++) if (ledger.raise(seeded.u32(), seeded.u32(), 1) === 0) counted += 1;
  t.equal(counted + ledger.dropped(), units, 'no unit is taken for another');
  t.ok(ledger.dropped() > 0 && ledger.dropped() < units * 0.002, `${ledger.dropped()} of ${units} found no place`);
});

t.test('a full ledger drops, says so, and never counts a unit twice', async (t) => {
  const ledger = new UnitLedger(createUnitMemory(1));
  const first = Array.from({ length: 16 }, (_, unit) => raise(ledger, `u${unit}`, 1));
  t.ok(first.every((before) => before === 0));
  t.equal(raise(ledger, 'late', 1), -1);
  t.equal(raise(ledger, 'late', 1), -1);
  t.equal(ledger.dropped(), 2);
  t.equal(raise(ledger, 'u3', 1), 1);
});

t.test('memory is 8 to 16 bytes for each unit', async (t) => {
  for (const units of [1000, 65_536, 100_000]) {
    const bytes = createUnitMemory(units).byteLength - 64;
    t.ok(bytes >= 8 * units && bytes <= 16 * units, `${units}: ${bytes}`);
  }
});

t.test('threads that meet at a unit agree on who was first: each unit is counted once', async (t) => {
  const units = 500;
  const threads = 2;
  const memory = createUnitMemory(100 * units);
  const arrivals = new SharedArrayBuffer(units * 4);
  const workerData = { memory, arrivals, units, threads };
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./unit-ledger-thread.ts', import.meta.url), { workerData }),
  );
  const firsts = await Promise.all(workers.map(async (worker) => Number((await once(worker, 'message'))[0].first)));
  t.equal(
    firsts.reduce((sum, first) => sum + first, 0),
    units,
  );
});
