/** Rate limits: exact for each key, over all threads, in memory that does not grow. */
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { createBucketMemory, TokenBuckets } from '../../../src/routing/token-bucket.ts';
import { runSeed, Seeded } from './seeded.ts';

const SECOND = 1_000_000_000;
const at = (seconds: number): bigint => BigInt(Math.round(seconds * SECOND)) + 10n ** 15n;
const bucketsOf = (perSecond: number, burst: number, keys = 64): TokenBuckets =>
  new TokenBuckets(createBucketMemory(keys, [1, 2]), SECOND / perSecond, burst);

/** Takes so many, and gives how many were granted. */
function granted(buckets: TokenBuckets, key: string, count: number, nowNs: bigint): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += buckets.take(key, nowNs) === 0 ? 1 : 0;
  return sum;
}

t.test('after a rest the whole burst is granted, and then as many as the rate', async (t) => {
  const buckets = bucketsOf(10, 5);
  t.equal(granted(buckets, 'a', 9, at(0)), 5);
  t.equal(buckets.take('a', at(0)), SECOND / 10, 'the wait is told');
  t.equal(buckets.take('a', at(0.04)), 0.06 * SECOND);
  t.equal(granted(buckets, 'a', 9, at(0.1)), 1);
  t.equal(granted(buckets, 'a', 9, at(0.35)), 2, 'a part of an interval counts for the next');
  t.equal(granted(buckets, 'a', 9, at(0.4)), 1);
  t.equal(granted(buckets, 'a', 9, at(1000)), 5, 'a bucket never holds more than its burst');
});

t.test('keys do not touch each other, whatever they are called', async (t) => {
  const buckets = bucketsOf(1, 2, 1024);
  for (const key of ['', 'a', 'A', '__proto__', 'constructor', 'toString', '1', 'é']) {
    t.equal(granted(buckets, key, 5, at(0)), 2, JSON.stringify(key));
  }
});

t.test(`over any time, no key is granted more than burst and rate allow (seed ${runSeed})`, async (t) => {
  const { u32 } = new Seeded(runSeed);
  const random = () => u32() / 2 ** 32;
  for (let round = 0; round < 50; round++) {
    const rate = 1 + Math.floor(random() * 1000);
    const burst = 1 + Math.floor(random() * 50);
    const buckets = bucketsOf(rate, burst);
    let seconds = 0;
    let sum = 0;
    for (let index = 0; index < 400; index++) {
      seconds += random() < 0.5 ? 0 : (random() * 3) / rate;
      if (buckets.take('k', at(seconds)) === 0) sum += 1;
      const most = burst + seconds * rate + 1e-3;
      if (sum > most) t.fail(`${sum} granted in ${seconds} s at ${rate}/s with burst ${burst}`);
    }
  }
  t.pass();
});

t.test(
  'in a full table, who has used up the most is remembered, and a newcomer begins with a full bucket',
  async (t) => {
    const buckets = bucketsOf(1, 100, 8);
    t.equal(granted(buckets, 'greedy', 200, at(0)), 100);
    for (let index = 0; index < 1000; index++) t.equal(buckets.take(`other ${index}`, at(0)), 0);
    t.not(buckets.take('greedy', at(0)), 0);
  },
);

t.test('a smaller burst after a reload does not make anybody wait for the larger one', async (t) => {
  const memory = createBucketMemory(64, [1, 2]);
  t.equal(granted(new TokenBuckets(memory, SECOND, 100), 'a', 200, at(0)), 100);
  const smaller = new TokenBuckets(memory, SECOND, 2);
  t.equal(smaller.take('a', at(0)), SECOND);
  t.equal(smaller.take('a', at(1)), 0);
});

t.test('threads that take at once are granted exactly the burst together', async (t) => {
  const memory = createBucketMemory(64, [3, 4]);
  const worker = new URL('./token-thread.ts', import.meta.url);
  const counts = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise<number>((resolve, reject) => {
          const thread = new Worker(worker, { workerData: memory });
          thread.once('message', resolve);
          thread.once('error', reject);
        }),
    ),
  );
  t.equal(
    counts.reduce((sum, count) => sum + count, 0),
    1000,
  );
});
