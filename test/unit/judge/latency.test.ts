import t from 'tap';
import { BOUNDARIES, chooseScale, countsAbove, countsAboveOfLevels, levelTable } from '../../../src/judge/latency.ts';
import { BUCKETS, bucketOf, lowerBoundUs } from '../../../src/stats/histogram.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

function histogramOf(durations: readonly number[]): Float64Array {
  const histogram = new Float64Array(BUCKETS);
  for (const duration of durations) histogram[bucketOf(duration)]! += 1;
  return histogram;
}

t.test('boundaries run from just above the median to the slowest, in even steps of the logarithm', async (t) => {
  const durations = Array.from({ length: 1000 }, (_, index) => 1000 * 1.008 ** index);
  const scale = chooseScale(histogramOf(durations))!;
  t.equal(scale.boundariesUs.length, BOUNDARIES);
  t.ok(scale.boundariesUs[0]! > durations[490]! && scale.boundariesUs[0]! < durations[510]!);
  t.equal(scale.buckets.at(-1), bucketOf(durations.at(-1)!));
  const steps = scale.boundariesUs.slice(1).map((bound, index) => bound / scale.boundariesUs[index]!);
  t.ok(Math.max(...steps) / Math.min(...steps) < 1.15);
  t.same([...new Set(scale.boundariesUs)].length, BOUNDARIES, 'no two are the same');
});

t.test('a service that always takes the same time still has 24 boundaries, all above it', async (t) => {
  for (const duration of [0, 3, 50_000, 2 ** 31]) {
    const scale = chooseScale(histogramOf([duration, duration]))!;
    t.equal(new Set(scale.buckets).size, BOUNDARIES, `${duration} µs`);
    t.ok(scale.buckets.every((bucket) => bucket >= 0 && bucket < BUCKETS));
    if (duration < 1e9) t.ok(scale.buckets[0]! > bucketOf(duration));
  }
});

t.test('without a single duration there is no scale', async (t) => {
  t.equal(chooseScale(new Float64Array(BUCKETS)), null);
});

t.test(
  `levels, whole histograms and plain comparison count the same above each boundary (seed ${runSeed})`,
  async (t) => {
    const seeded = new Seeded(runSeed);
    for (let round = 0; round < 50; round++) {
      const durations = Array.from({ length: 200 }, () => 2 ** (seeded.u32() / 2 ** 27.5));
      const scale = chooseScale(histogramOf(durations.slice(0, 100)))!;
      const table = levelTable(scale);
      const levels = new Float64Array(BOUNDARIES + 1);
      for (const duration of durations) levels[table[bucketOf(duration)]!]! += 1;
      const plain = scale.boundariesUs.map((bound) => durations.filter((duration) => duration >= bound).length);
      t.same(countsAboveOfLevels(levels), plain);
      t.same(countsAbove(histogramOf(durations), scale.buckets), plain);
    }
  },
);

t.test('boundaries are bounds of the board, so nothing is cut', async (t) => {
  const scale = chooseScale(histogramOf([700, 900, 90_000]))!;
  t.same(
    scale.boundariesUs,
    scale.buckets.map((bucket) => lowerBoundUs(bucket)),
  );
});

t.test('what has to be proven harmless is what a twentieth of the active side was beyond', async (t) => {
  const durations = Array.from({ length: 1000 }, (_, index) => 1000 * 1.008 ** index);
  const { provable, boundariesUs } = chooseScale(histogramOf(durations))!;
  t.ok(boundariesUs[provable - 1]! <= durations[950]!);
  t.ok(boundariesUs[provable]! > durations[950]! / 1.07);
  t.equal(chooseScale(histogramOf([5, 5, 5]))!.provable, 1, 'at least one');
});
