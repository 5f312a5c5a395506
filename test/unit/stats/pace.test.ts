import { Worker } from 'node:worker_threads';
import t from 'tap';
import { createPaceMemory, Pace, SLACK_MS } from '../../../src/stats/pace.ts';

const MS = 1_000_000n;
const START = 10n ** 15n;

t.test('turns come evenly, and not earlier', async (t) => {
  const pace = new Pace(createPaceMemory(), 50);
  const at: number[] = [];
  while (pace.take(START));
  for (let ms = 1; ms <= 1000; ms++) while (pace.take(START + BigInt(ms) * MS)) at.push(ms);
  t.equal(at.length, 50);
  t.ok(
    at.every((ms, index) => index === 0 || ms - at[index - 1]! === 20),
    'one in each 20 ms',
  );
});

t.test(
  'who looks every 50 ms takes all turns; who has not looked for long takes no more than the last ones',
  async (t) => {
    const pace = new Pace(createPaceMemory(), 100);
    while (pace.take(START));
    const turns: number[] = [];
    for (let look = 1; look <= 40; look++) {
      let count = 0;
      while (pace.take(START + BigInt(look) * 50n * MS)) count += 1;
      turns.push(count);
    }
    t.same(new Set(turns), new Set([5]));
    let late = 0;
    while (pace.take(START + 3600n * 1000n * MS)) late += 1;
    t.equal(late, SLACK_MS / 10 + 1);
  },
);

t.test('several that share a pace share its turns, and one that takes none slows nobody down', async (t) => {
  const memory = createPaceMemory();
  const paces = [new Pace(memory, 200), new Pace(memory, 200), new Pace(memory, 200)];
  while (paces[0]!.take(START));
  const taken = [0, 0, 0];
  for (let ms = 1; ms <= 5000; ms++) {
    // The second looks at odd moments, the third never.
    const one = ms % 2;
    if (paces[one]!.take(START + BigInt(ms) * MS)) taken[one]! += 1;
  }
  t.equal(taken[0]! + taken[1]!, 1000);
  t.equal(taken[2], 0);
});

t.test('threads that take turns at the same moment never take one twice', async (t) => {
  const memory = createPaceMemory();
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.module).then(({ Pace }) => {
      const pace = new Pace(workerData.memory, 1e6);
      let taken = 0;
      for (let us = 0; us < 100000; us++) while (pace.take(${START}n + BigInt(us) * 1000n)) taken += 1;
      parentPort.postMessage(taken);
    });`;
  const module = new URL('../../../src/stats/pace.ts', import.meta.url).href;
  const counts = await Promise.all(
    [0, 1].map(
      () =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(source, { eval: true, workerData: { memory, module } });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  const sum = counts[0]! + counts[1]!;
  const all = 100_000 + SLACK_MS * 1000;
  t.ok(sum <= all, `${counts.join(' and ')} of ${all} turns`);
  t.ok(sum >= 100_000);
});

t.test('another rate holds from the next turn on, whatever was taken at the rate before', async (t) => {
  const pace = new Pace(createPaceMemory(), 0.001);
  while (pace.take(START));
  t.equal(pace.take(START + 1000n * MS), false);
  pace.set(10, START + 1000n * MS);
  t.equal(pace.take(START + 1000n * MS), false);
  t.equal(pace.take(START + 1100n * MS), true);
  t.equal(pace.take(START + 1199n * MS), false);
});
