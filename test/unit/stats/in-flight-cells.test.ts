import { Worker } from 'node:worker_threads';
import t from 'tap';
import {
  createInFlightMemory,
  InFlightCells,
  readInFlight,
  settleDeadInFlightLine,
} from '../../../src/stats/in-flight-cells.ts';

t.test('all threads together are let in up to the limit, and again when one has left', async (t) => {
  const memory = createInFlightMemory(2);
  const [first, second] = [new InFlightCells(memory, 0), new InFlightCells(memory, 1)];
  t.same([first.enter(3), first.enter(3), second.enter(3)], [true, true, true]);
  t.same([first.enter(3), second.enter(3)], [false, false]);
  t.same(readInFlight(memory), { inFlight: 3, refused: 2 });
  first.leave();
  t.same([second.enter(3), second.enter(3)], [true, false]);
});

t.test('without a limit everybody is let in, and counted for a limit that comes later', async (t) => {
  const cells = new InFlightCells(createInFlightMemory(1), 0);
  for (let count = 0; count < 5; count++) t.equal(cells.enter(null), true);
  t.equal(cells.enter(3), false, 'a limit below what is inside lets nobody in');
  for (let count = 0; count < 3; count++) cells.leave();
  t.equal(cells.enter(3), true, 'until enough have left');
  t.equal(cells.enter(3), false);
});

t.test('what a dead thread held is free at once, and what it refused stays counted', async (t) => {
  const memory = createInFlightMemory(2);
  const [dead, alive] = [new InFlightCells(memory, 0), new InFlightCells(memory, 1)];
  t.same([dead.enter(2), dead.enter(2), dead.enter(2), alive.enter(2)], [true, true, false, false]);
  settleDeadInFlightLine(memory, 0);
  t.same(readInFlight(memory), { inFlight: 0, refused: 2 });
  t.same([alive.enter(2), alive.enter(2), alive.enter(2)], [true, true, false]);
});

t.test('threads that enter at the same moment are never more than the limit', async (t) => {
  const memory = createInFlightMemory(3);
  const inside = new SharedArrayBuffer(4);
  const entry = new URL('./in-flight-thread.ts', import.meta.url);
  const accounts = await Promise.all(
    [0, 1, 2].map(
      (thread) =>
        new Promise<{ readonly entered: number; readonly most: number }>((resolve, reject) => {
          const worker = new Worker(entry, { workerData: { memory, inside, thread } });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  for (const { entered, most } of accounts) {
    t.ok(entered > 0);
    t.ok(most <= 3);
  }
  t.equal(readInFlight(memory).inFlight, 3, 'whoever entered has left, but for the last of each');
});
