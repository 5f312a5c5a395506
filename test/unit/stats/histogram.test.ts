import t from 'tap';
import {
  BUCKETS,
  bucketOf,
  countAtMost,
  DURATION_MAX_US,
  lowerBoundUs,
  quantileUs,
} from '../../../src/stats/histogram.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

/** The largest relative error over these durations when each is the only one recorded. */
function worstError(durations: Iterable<number>): { readonly error: number; readonly atUs: number } {
  const counts = new Float64Array(BUCKETS);
  let error = 0;
  let atUs = 0;
  for (const us of durations) {
    const bucket = bucketOf(us);
    counts[bucket] = 1;
    const own = Math.abs(quantileUs(counts, 0.5) / us - 1);
    counts[bucket] = 0;
    if (own <= error) continue;
    error = own;
    atUs = us;
  }
  return { error, atUs };
}

function* whole(from: number, to: number): Generator<number> {
  for (let us = from; us <= to; us++) yield us;
}

function* grid(from: number, to: number, factor: number): Generator<number> {
  for (let us = from; us <= to; us *= factor) yield us;
}

t.test('a duration is told to within 5% from 50 µs to 60 s', async (t) => {
  const fine = worstError(whole(50, 70_000));
  t.ok(fine.error <= 0.05, `every whole microsecond to 70 ms: ${fine.error} at ${fine.atUs} µs`);
  const coarse = worstError(grid(50, 60_000_000, 1.0002));
  t.ok(coarse.error <= 0.05, `a grid with fractions to 60 s: ${coarse.error} at ${coarse.atUs} µs`);
});

t.test('both ends of every bucket lie in it, and buckets follow one another without a gap', async (t) => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const from = lowerBoundUs(bucket);
    const to = lowerBoundUs(bucket + 1);
    if (bucketOf(from) !== bucket || bucketOf(to - 1) !== bucket || to <= from) t.fail(`bucket ${bucket}`);
  }
  t.equal(lowerBoundUs(0), 0);
  t.equal(lowerBoundUs(BUCKETS), DURATION_MAX_US + 1);
});

t.test('durations outside the range count in the first and the last bucket', async (t) => {
  t.same([-1, -Infinity, -0, 0, 0.9].map(bucketOf), [0, 0, 0, 0, 0]);
  t.same(
    [DURATION_MAX_US, DURATION_MAX_US + 1, 2 ** 40, Infinity].map(bucketOf),
    Array.from({ length: 4 }, () => BUCKETS - 1),
  );
});

t.test('nothing recorded has no quantile', async (t) => {
  for (const q of [0, 0.5, 1]) t.ok(Number.isNaN(quantileUs(new Float64Array(BUCKETS), q)));
});

t.test('the quantiles of one duration are all that duration', async (t) => {
  const counts = new Float64Array(BUCKETS);
  counts[bucketOf(7)] = 1;
  t.same(
    [0, 0.01, 0.5, 0.99, 1].map((q) => quantileUs(counts, q)),
    [7, 7, 7, 7, 7],
  );
});

t.test(`quantiles of random durations lie within 5% of the exact ones (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed);
  for (let round = 0; round < 200; round++) {
    const durations = Float64Array.from({ length: 1 + random.below(3_000) }, () =>
      Math.floor(50 * 1_200_000 ** (random.u32() / 2 ** 32)),
    ).sort();
    const counts = new Float64Array(BUCKETS);
    for (const us of durations) counts[bucketOf(us)]! += 1;
    for (const q of [0, 0.01, 0.5, 0.95, 0.99, 0.999, 1]) {
      const exact = durations[Math.max(1, Math.ceil(q * durations.length)) - 1]!;
      const told = quantileUs(counts, q);
      if (!(Math.abs(told / exact - 1) <= 0.05)) t.fail(`round ${round}, q ${q}: ${told} for ${exact}`);
    }
  }
});

t.test(`the count below the bound of a bucket is exact, and never too high elsewhere (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed);
  const counts = new Float64Array(BUCKETS);
  const durations = Array.from({ length: 5_000 }, () => Math.floor(2 ** (random.below(31_000) / 1_000)));
  for (const us of durations) counts[bucketOf(us)]! += 1;
  for (let bucket = 0; bucket <= BUCKETS; bucket++) {
    const bound = lowerBoundUs(bucket);
    const below = durations.filter((us) => us < bound).length;
    if (countAtMost(counts, bound) !== below) t.fail(`${countAtMost(counts, bound)} for ${below} below ${bound}`);
  }
  for (let round = 0; round < 500; round++) {
    const bound = random.u32() / 2;
    const atMost = durations.filter((us) => us <= bound).length;
    if (countAtMost(counts, bound) > atMost) t.fail(`too high at ${bound}`);
  }
  t.equal(countAtMost(counts, -1), 0);
  t.equal(countAtMost(counts, Infinity), durations.length);
});
