import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { createGateMemory, GateReader, GateWriter } from '../../../src/routing/gate.ts';
import { positionOf } from '../../../src/routing/split.ts';
import { createProcessMemory, ProcessOwner } from '../../../src/stats/process-cells.ts';
import { POSITION_SLOTS } from '../../../src/stats/series.ts';
import { POOLS, STOP, weightsAt } from './gate-positions.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const MOVES = 10_000;
const THREADS = 2;
/** Epochs that each thread must have seen; on a busy computer the gate moves for longer. */
const EPOCHS_SEEN = 200;

function standsAt(reader: GateReader, pools: number) {
  const slot = reader.slot();
  const cells = [...reader.cells];
  return {
    slot,
    epoch: reader.epochAt(slot),
    bounds: cells.slice(reader.boundsAt(slot), reader.boundsAt(slot) + pools),
    weights: cells.slice(reader.weightsAt(slot), reader.weightsAt(slot) + pools),
  };
}

t.test('a new gate stands at slot 0 without traffic', async (t) => {
  const reader = new GateReader(createGateMemory(2), 2);
  t.strictSame(standsAt(reader, 2), { slot: 0, epoch: 0, bounds: [0, 0], weights: [0, 0] });
});

t.test('every slot holds a whole position, and writing one leaves the others as they are', async (t) => {
  for (const pools of [1, 2, 3, 17]) {
    const memory = createGateMemory(pools);
    const reader = new GateReader(memory, pools);
    const writer = new GateWriter(memory, pools);
    const weightsOf = (slot: number): number[] => Array.from({ length: pools }, (_, pool) => 1 + slot * pools + pool);
    for (let slot = 0; slot < POSITION_SLOTS; slot++) {
      writer.move(slot, 1_000 + slot, weightsOf(slot));
      t.strictSame(standsAt(reader, pools), {
        slot,
        epoch: 1_000 + slot,
        bounds: [...positionOf(weightsOf(slot))],
        weights: weightsOf(slot),
      });
    }
    const cells = [...reader.cells];
    for (let slot = 0; slot < POSITION_SLOTS; slot++) {
      t.equal(reader.epochAt(slot), 1_000 + slot);
      t.strictSame(cells.slice(reader.weightsAt(slot), reader.weightsAt(slot) + pools), weightsOf(slot));
    }
  }
});

t.test('a position says which pool is the active one', async (t) => {
  const memory = createGateMemory(2);
  const [reader, writer] = [new GateReader(memory, 2), new GateWriter(memory, 2)];
  t.equal(reader.activeAt(0), -1, 'none at first');
  for (const active of [0, 1, -1]) {
    writer.move(1, 1, [50, 50], active);
    t.equal(reader.activeAt(1), active);
  }
});

t.test('a position with another number of weights than there are pools is refused and moves nothing', async (t) => {
  const memory = createGateMemory(2);
  const writer = new GateWriter(memory, 2);
  writer.move(1, 1, [100, 0]);
  t.throws(() => writer.move(2, 2, [100]), RangeError);
  t.throws(() => writer.move(2, 2, [50, 40, 10]), RangeError);
  t.throws(() => writer.move(2, 2, [50, Number.NaN]), RangeError);
  t.match(standsAt(new GateReader(memory, 2), 2), { slot: 1, epoch: 1, weights: [100, 0] });
});

t.test(
  'threads that read while the gate moves see whole positions, and none that is earlier than the last answer',
  async (t) => {
    const gate = createGateMemory(POOLS);
    const memory = createProcessMemory(THREADS);
    const answered = new SharedArrayBuffer(4 * (1 + THREADS));
    const answeredEpoch = new Int32Array(answered);
    const writer = new GateWriter(gate, POOLS);
    const owner = new ProcessOwner(memory);
    writer.move(0, 1, weightsAt(1));
    const workers = Array.from({ length: THREADS }, (_, thread) => {
      const worker = new Worker(new URL('./gate-thread.ts', import.meta.url), {
        workerData: { gate, memory, thread, answered },
        execArgv: [],
      });
      t.teardown(() => worker.terminate());
      return worker;
    });
    await Promise.all(workers.map((worker) => once(worker, 'message')));

    const seenLeast = (): number => Math.min(...workers.map((_, thread) => Atomics.load(answeredEpoch, 1 + thread)));
    // Two slots in turn, so that each move overwrites what was in force just before the last one: the hardest rotation.
    for (let epoch = 2; epoch <= MOVES + 1 || seenLeast() < EPOCHS_SEEN; epoch++) {
      writer.move((epoch - 1) % 2, epoch, weightsAt(epoch));
      if (!(await owner.awaitGrace(30_000, { now: () => performance.now(), turn })))
        throw new Error('a thread did not leave');
      Atomics.store(answeredEpoch, 0, epoch);
    }
    const accounts = workers.map((worker) => once(worker, 'message'));
    Atomics.store(answeredEpoch, 0, STOP);
    for (const [seen] of await Promise.all(accounts)) {
      t.comment(JSON.stringify(seen));
      t.match(seen, { torn: 0, backwards: 0, early: 0 });
      t.ok(seen.epochs >= EPOCHS_SEEN, `${seen.epochs} epochs were seen in ${seen.reads} reads`);
    }
  },
);
