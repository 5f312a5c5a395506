import t from 'tap';
import { choose, chooseAt, positionOf } from '../../../src/routing/split.ts';
import { runSeed, Seeded, sigmas } from './seeded.ts';

const LINE = 2 ** 32;

t.test('bounds are cumulative, and the last pool with weight ends at exactly 2^32', async (t) => {
  const cases: readonly (readonly [readonly number[], readonly number[]])[] = [
    [[], []],
    [[1], [LINE]],
    [[0], [0]],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    [
      [1, 1],
      [LINE / 2, LINE],
    ],
    [
      [75, 25],
      [LINE * 0.75, LINE],
    ],
    [
      [0, 5, 0],
      [0, LINE, LINE],
    ],
    [
      [1, 0, 3, 0],
      [LINE / 4, LINE / 4, LINE, LINE],
    ],
    [
      [1, 1, 1],
      [1431655765, 2863311531, LINE],
    ],
    [
      [1, LINE - 1],
      [1, LINE],
    ],
    [
      [LINE - 1, 1],
      [LINE - 1, LINE],
    ],
    [
      [1, 1, 1, LINE - 3],
      [1, 2, 3, LINE],
    ],
    [
      [Number.MAX_VALUE, Number.MAX_VALUE],
      [LINE / 2, LINE],
    ],
    [
      [Number.MIN_VALUE, Number.MIN_VALUE],
      [LINE / 2, LINE],
    ],
  ];
  for (const [weights, bounds] of cases) t.same([...positionOf(weights)], bounds, JSON.stringify(weights));
});

t.test('a weight that is negative, infinite or not a number is refused', async (t) => {
  for (const weight of [-1, Infinity, Number.NaN]) t.throws(() => positionOf([1, weight]), RangeError, `${weight}`);
});

t.test('numbers at the borders fall into the right pool', async (t) => {
  const bounds = positionOf([0, 1, 0, 1, 2, 0]);
  const expected: readonly (readonly [number, number])[] = [
    [0, 1],
    [LINE / 4 - 1, 1],
    [LINE / 4, 3],
    [LINE / 2 - 1, 3],
    [LINE / 2, 4],
    [LINE - 1, 4],
  ];
  for (const [u32, pool] of expected) t.equal(choose(bounds, bounds.length, u32), pool, `${u32}`);
});

t.test('no weight at all chooses no pool', async (t) => {
  for (const u32 of [0, 1, LINE - 1]) t.equal(choose(positionOf([0, 0]), 2, u32), -1);
  t.equal(choose(positionOf([]), 0, 0), -1);
});

t.test('a share of 2^-32 gets one number of the line, a pool without weight none', async (t) => {
  const bounds = positionOf([LINE - 2, 0, 1, 1]);
  t.equal(choose(bounds, 4, LINE - 3), 0);
  t.equal(choose(bounds, 4, LINE - 2), 2);
  t.equal(choose(bounds, 4, LINE - 1), 3);
});

t.test('a share of 2^-32 between two halves of a unit does not vanish in rounding', async (t) => {
  const bounds = positionOf([3560893914.5, 1, 734073380.5]);
  t.equal(bounds[1]! - bounds[0]!, 1);
  t.equal(bounds[2], LINE);
});

t.test('bounds in the middle of a longer array are read from their offset only', async (t) => {
  const memory = new Float64Array([LINE, LINE, ...positionOf([1, 1]), LINE]);
  t.equal(chooseAt(memory, 2, 2, 0), 0);
  t.equal(chooseAt(memory, 2, 2, LINE / 2), 1);
  t.equal(chooseAt(new Float64Array([LINE, 0, 0, LINE]), 1, 2, 5), -1);
});

t.test(`every share of a unit or more keeps a part of the line as long as itself (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (let i = 0; i < 20_000; i += 1) {
    const weights = Array.from({ length: 1 + rng.below(9) }, () =>
      rng.chance(0.2) ? 0 : 2 ** (rng.below(64) / 2 - 20),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const bounds = positionOf(weights);
    const problem = weights.some((weight, index) => {
      const length = bounds[index]! - (bounds[index - 1] ?? 0);
      const ideal = total === 0 ? 0 : (weight / total) * LINE;
      return (
        length < 0 || Math.abs(length - ideal) > 1.001 || (weight === 0 && length !== 0) || (ideal >= 1 && length < 1)
      );
    });
    if (problem || (total > 0 && bounds.at(-1) !== LINE)) {
      t.fail(JSON.stringify({ weights, bounds: [...bounds] }));
      return;
    }
  }
  t.pass('20,000 positions');
});

t.test(`uniform numbers give each pool its share within four sigma (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (const weights of [
    [90, 10],
    [99.9, 0.1],
    [1, 1, 1],
    [5, 0, 1, 94],
    [0.001, 1000],
  ]) {
    const bounds = positionOf(weights);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = weights.map(() => 0);
    const trials = 200_000;
    for (let i = 0; i < trials; i += 1) counts[choose(bounds, weights.length, rng.u32())]! += 1;
    weights.forEach((weight, pool) => {
      if (weight === 0) t.equal(counts[pool], 0);
      else
        t.ok(
          sigmas(counts[pool]!, trials, weight / total) < 4,
          `${weights} pool ${pool}: ${counts[pool]} of ${trials}`,
        );
    });
  }
});
