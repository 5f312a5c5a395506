/** What a preview says is held against what the evaluator gives the same keys, before and after. */
import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import { bucketsOf } from '../../../src/flags/buckets-of.ts';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import type { FlagSpec } from '../../../src/flags/flag.ts';
import { type SampledChange, sampledChange } from '../../../src/flags/sampled-change.ts';
import { contextOf, flagOf, NOW_MS, variantOf } from './flag-of.ts';

const KEYS = Array.from({ length: 2000 }, (_, i) => `user-${i}`);

function rollsOf(spec: FlagSpec): Int32Array {
  const buckets = bucketsOf(spec);
  return Int32Array.from(KEYS, (key) => Math.min(Math.floor(buckets.roll(key)), SHARE_ALL));
}

function shareOf({ strategy }: FlagSpec): number {
  return 'share' in strategy ? strategy.share : SHARE_ALL;
}

function foretold(before: FlagSpec, after: FlagSpec): SampledChange {
  return sampledChange(
    { spec: before, share: shareOf(before) },
    { spec: after, share: shareOf(after) },
    rollsOf(before),
  );
}

/** How many keys the evaluator gives another value. */
function seen(before: FlagSpec, after: FlagSpec): number {
  const [now, then] = [new FlagEvaluator([before]), new FlagEvaluator([after])];
  return KEYS.filter((key) => {
    const [a, b] = [now, then].map((evaluator) => evaluator.evaluate(before.name, contextOf(key), NOW_MS).value);
    return !isDeepStrictEqual(a, b);
  }).length;
}

const percentage = (percent: number, rest: Partial<FlagSpec> = {}): FlagSpec =>
  flagOf({ strategy: { kind: 'percentage', share: percent * 1000 }, ...rest });

const variants = (weights: readonly number[], enrolled = 100, rest: Partial<FlagSpec> = {}): FlagSpec =>
  flagOf({
    strategy: { kind: 'variants', share: enrolled * 1000 },
    variants: [
      variantOf('off', 'old', 0),
      ...weights.map((weight, i) => variantOf(`v${i}`, i === 0 ? 'old' : i, weight)),
    ],
    ...rest,
  });

t.test('a change of the share is counted, key by key, as the evaluator then answers', async (t) => {
  for (const [from, to] of [
    [5, 25],
    [25, 5],
    [0, 100],
    [100, 0],
    [12.5, 12.501],
    [30, 30],
  ] as const) {
    const told = foretold(percentage(from), percentage(to));
    t.equal(told.changed, seen(percentage(from), percentage(to)), `${from} to ${to}`);
    t.match(told, { sampled: KEYS.length, isCounted: true, moved: [], untold: [] });
    t.equal(Math.abs(told.onAfter! - told.onBefore!), told.changed);
  }
});

t.test('so is one from everybody or nobody to a share, and one of what on stands for', async (t) => {
  const everybody = flagOf({ strategy: { kind: 'all' } });
  const nobody = flagOf({ strategy: { kind: 'none' } });
  const other = percentage(20, { variants: [variantOf('off', false), variantOf('on', { a: 1, b: 2 })] });
  const same = percentage(20, { variants: [variantOf('off', false), variantOf('on', { b: 2, a: 1 })] });
  for (const [from, to] of [
    [everybody, percentage(20)],
    [percentage(20), nobody],
    [nobody, everybody],
    [percentage(20), other],
    [other, same],
  ] as const) {
    const told = foretold(from, to);
    t.same([told.changed, told.isCounted], [seen(from, to), true]);
  }
});

for (const bucketing of ['tidegate', 'unleash', 'growthbook-v1', 'growthbook-v2', 'flagd', 'launchdarkly'] as const) {
  t.test(`with the buckets of ${bucketing} shares, enrolment and weights are as the evaluator has them`, async (t) => {
    const drawsTwice = bucketing === 'tidegate' || bucketing === 'unleash';
    const by = { bucketing };
    const pairs = [
      { from: percentage(5, by), to: percentage(25, by), counted: true },
      { from: variants([50, 50], 20, by), to: variants([50, 50], 40, by), counted: !drawsTwice },
      { from: variants([50, 50], 100, by), to: variants([20, 80], 100, by), counted: !drawsTwice },
      { from: variants([2, 2, 2], 60, by), to: variants([1, 2, 3], 30, by), counted: !drawsTwice },
    ];
    for (const [index, { from, to, counted }] of pairs.entries()) {
      const [told, actual] = [foretold(from, to), seen(from, to)];
      t.equal(told.isCounted, counted, `pair ${index}`);
      // What is counted may miss a key that lies within a hundred-thousandth of a border.
      const slack = counted ? 2 : 4 * Math.sqrt(KEYS.length / 4);
      t.ok(Math.abs(told.changed! - actual) <= slack, `pair ${index}: ${told.changed} told, ${actual} seen`);
    }
  });
}

t.test('another salt, way or attribute moves everybody, and what is to be expected is what comes', async (t) => {
  const from = percentage(25);
  for (const [to, moved, isCertain] of [
    [percentage(25, { salt: 'another' }), ['salt'], false],
    [percentage(40, { bucketing: 'launchdarkly', salt: 'x' }), ['salt', 'bucketing'], false],
    [percentage(100, { salt: 'another' }), ['salt'], true],
  ] as const) {
    const told = foretold(from, to);
    t.same([told.moved, told.isCounted], [moved, isCertain]);
    const actual = seen(from, to);
    t.ok(Math.abs(told.changed! - actual) < 4 * Math.sqrt(KEYS.length / 4), `${told.changed} told, ${actual} seen`);
  }
  t.same(foretold(from, percentage(25, { bucketBy: 'company' })).moved, ['bucketBy']);
  const all = foretold(flagOf({}), flagOf({ salt: 'another' }));
  t.equal(all.changed, 0, 'who has everybody keeps everybody');
});

t.test('what rolls say nothing about is named, and not guessed', async (t) => {
  const users = flagOf({ strategy: { kind: 'users', users: ['user-1'] } });
  t.match(foretold(users, percentage(5)), { changed: null, onBefore: null, untold: ['users'] });
  t.equal(foretold(users, percentage(5)).onAfter, foretold(percentage(5), percentage(5)).onBefore);
  const ruled = percentage(5, { rules: [{ name: 'staff', when: [], strategy: { kind: 'all' }, variant: null }] });
  t.match(foretold(percentage(5), ruled), { changed: 0, untold: ['rules'] });
  const timed = percentage(5, {
    schedule: { fromMs: NOW_MS, untilMs: null },
    requires: [{ flag: 'b', variant: 'on' }],
  });
  t.match(foretold(percentage(5), timed), { untold: ['requires', 'schedule'] });
});

t.test('nobody was seen, and nobody changes', async (t) => {
  const told = sampledChange(
    { spec: percentage(5), share: 5000 },
    { spec: percentage(25), share: 25_000 },
    new Int32Array(),
  );
  t.match(told, { sampled: 0, onBefore: 0, onAfter: 0, changed: 0 });
});
