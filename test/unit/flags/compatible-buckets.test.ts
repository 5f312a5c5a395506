/**
 * The buckets of other products, by the numbers that they publish for their own SDKs. Where those come from stands over each
 * table. What no table covers is computed a second time here, from the description alone.
 */
import { createHash } from 'node:crypto';
import t from 'tap';
import { scaled } from '../../../src/flags/bucket.ts';
import { bucketsOf } from '../../../src/flags/buckets-of.ts';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import type { Bucketing, FlagSpec } from '../../../src/flags/flag.ts';
import { murmur3 } from '../../../src/routing/hash.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { flagOf, variantOf } from './flag-of.ts';

function specOf(bucketing: Bucketing, salt: string, weights: readonly number[] = [1, 1], name = 'flag'): FlagSpec {
  return flagOf({ name, bucketing, salt, variants: weights.map((weight, i) => variantOf(`v${i}`, i, weight)) });
}

const rollIn = (bucketing: Bucketing, salt: string, key: string, name = 'flag') =>
  bucketsOf(specOf(bucketing, salt, [1, 1], name)).roll(key);

/** The first two: the unit tests of its Node and Ruby SDKs. The rest: Unleash/client-specification 03, 04, 10 and 12. */
const UNLEASH_PLACES: readonly (readonly [string, string, number])[] = [
  ['gr1', '123', 73],
  ['groupX', '999', 25],
];
const UNLEASH_SHARES: readonly (readonly [string, string, number, boolean])[] = [
  ['AB12A', '123', 100, true],
  ['AB12A', '122', 50, true],
  ['AB12A', '155', 50, false],
  ['AB12A', '122', 0, false],
  ['Feature.flexibleRollout.10', '174', 10, true],
  ['Feature.flexibleRollout.10', '499', 10, false],
  ['Feature.flexibleRollout.userId.55', '25', 55, true],
  ['Feature.flexibleRollout.sessionId.42', '147', 42, true],
  ['Feature.flexible.rollout.custom.stickiness_50', '402', 50, false],
  ['Feature.flexible.rollout.custom.stickiness_50', '388', 50, true],
  ['Feature.flexible.rollout.custom.stickiness_50', '39', 50, true],
];
/** The same, 08, 12 and 16, version 6.1.0 (before 5.0 variants had no seed of their own): group, weights, key, the variant's index. */
const UNLEASH_VARIANTS: readonly (readonly [string, readonly number[], string, number])[] = [
  ['Feature.Variants.B', [1, 1], '2', 1],
  ['Feature.Variants.B', [1, 1], '0', 0],
  ['Feature.Variants.C', [33, 33, 33], '232', 0],
  ['Feature.Variants.C', [33, 33, 33], '607', 1],
  ['Feature.Variants.C', [33, 33, 33], '656', 2],
  ['Feature.Variants.D', [1, 49, 50], '712', 0],
  ['Feature.Variants.D', [1, 49, 50], '525', 1],
  ['Feature.Variants.D', [1, 49, 50], '537', 2],
  ['Feature.Variants.override.D', [33, 33, 34], '388', 1],
  ['Feature.flexible.rollout.custom.stickiness_100', [25, 25, 25, 25], '616', 0],
  ['Feature.flexible.rollout.custom.stickiness_100', [25, 25, 25, 25], '503', 1],
  ['Feature.flexible.rollout.custom.stickiness_100', [25, 25, 25, 25], '438', 2],
  ['Feature.flexible.rollout.custom.stickiness_100', [25, 25, 25, 25], '44', 3],
  ['a', [1, 1], '5', 0],
  ['a', [1, 1], '0', 1],
  ['a', [1, 1], '1', 0],
  ['a', [1, 1], '2', 1],
];

t.test('unleash: its own numbers come out', async (t) => {
  for (const [group, key, place] of UNLEASH_PLACES) {
    t.match(bucketsOf(specOf('unleash', group)).traceRoll(key), { place, of: 100 }, `${group} ${key}`);
    t.notOk(rollIn('unleash', group, key) < (place - 1) * 1000, 'it is not in below its place');
    t.notOk(rollIn('unleash', group, key) < place * 1000 - 1, 'nor by a part of a percent');
    t.ok(rollIn('unleash', group, key) < place * 1000, 'it is in from its place on');
  }
  for (const [group, key, percentage, isIn] of UNLEASH_SHARES) {
    t.equal(rollIn('unleash', group, key) < percentage * 1000, isIn, `${group} ${key} at ${percentage}%`);
  }
  for (const [group, weights, key, index] of UNLEASH_VARIANTS) {
    t.equal(bucketsOf(specOf('unleash', group, weights)).draw(key, SHARE_ALL), index, `${group} ${key}`);
  }
});

/** growthbook/growthbook, packages/sdk-js/test/cases.json, `hash`: seed, value, version, the number. */
const GROWTHBOOK_HASHES: readonly (readonly [string, string, 1 | 2, number])[] = [
  ['', 'a', 1, 0.22],
  ['', 'b', 1, 0.077],
  ['b', 'a', 1, 0.946],
  ['ef', 'd', 1, 0.652],
  ['asdf', '8952klfjas09ujk', 1, 0.549],
  ['', '123', 1, 0.011],
  ['', '___)((*":&', 1, 0.563],
  ['seed', 'a', 2, 0.0505],
  ['seed', 'b', 2, 0.2696],
  ['foo', 'ab', 2, 0.2575],
  ['foo', 'def', 2, 0.2019],
  ['89123klj', '8952klfjas09ujkasdf', 2, 0.124],
  ['90850943850283058242805', '123', 2, 0.7516],
  ['()**(%$##$%#$#', '___)((*":&', 2, 0.0128],
  // `feature` and `stickyBucket` of the same file.
  ['feature', '123', 1, 0.863],
  ['feature', '456', 1, 0.178],
  ['feature', 'fds', 1, 0.514],
  ['feature-exp', 'd123', 2, 0.6468],
  ['feature-exp', 'i123', 2, 0.9943],
];
/** `run` of the same file: weights, coverage, and the variation of the users 1 to 9; -1 for one that is not in. */
const GROWTHBOOK_RUNS: readonly (readonly [readonly number[], number, readonly number[]])[] = [
  [[1, 1], 1, [1, 0, 0, 1, 1, 1, 0, 1, 0]],
  [[1, 9], 1, [1, 1, 0, 1, 1, 1, 0, 1, 1]],
  [[1, 1], 0.4, [-1, 0, 0, -1, 1, -1, 0, 1, -1]],
  [[1, 1, 1], 1, [2, 0, 0, 2, 1, 2, 0, 1, 0]],
  [[1, 1], 0, [-1, -1, -1, -1, -1, -1, -1, -1, -1]],
];

t.test('growthbook: its own numbers come out, in both versions', async (t) => {
  for (const [seed, value, version, number] of GROWTHBOOK_HASHES) {
    const { place, of } = bucketsOf(specOf(`growthbook-v${version}`, seed)).traceRoll(value);
    t.equal(place / of, number, `${seed} ${value}`);
  }
  for (const [weights, coverage, drawn] of GROWTHBOOK_RUNS) {
    const buckets = bucketsOf(specOf('growthbook-v1', 'my-test', weights));
    drawn.forEach((index, i) => {
      t.equal(buckets.draw(String(i + 1), coverage * SHARE_ALL), index, `${weights} at ${coverage}, user ${i + 1}`);
    });
  }
  t.equal(bucketsOf(specOf('growthbook-v1', 'my-test-3')).draw('1', SHARE_ALL), 0, 'another experiment');
  t.equal(bucketsOf(specOf('growthbook-v2', 'foo')).draw('1', SHARE_ALL), 1, 'a seed and version 2');
  t.equal(bucketsOf(specOf('growthbook-v2', 'foo')).draw('1', 99_000), 1, 'a seed, version 2 and a coverage');
  // `feature`: "force rules - coverage included" and "excluded".
  t.ok(rollIn('growthbook-v1', 'feature', '3') < 50_000);
  t.notOk(rollIn('growthbook-v1', 'feature', '1') < 50_000);
});

t.test('growthbook: a place on the border of a coverage is in, and at 0 nobody is', async (t) => {
  const rng = new Seeded(runSeed);
  for (const version of [1, 2] as const) {
    const buckets = bucketsOf(specOf(`growthbook-v${version}`, 'seed'));
    for (let i = 0; i < 2000; i += 1) {
      const key = `user-${rng.below(1e6)}`;
      const { place, of } = buckets.traceRoll(key);
      for (const border of [place - 1, place, place + 1, rng.below(of + 1)]) {
        const isIn = border > 0 && place / of <= border / of;
        if (buckets.roll(key) < border * (SHARE_ALL / of) !== isIn) t.fail(`${key} at ${border} (seed ${runSeed})`);
      }
    }
    const first = Array.from({ length: 20_000 }, (_, i) => `user-${i}`).find(
      (key) => buckets.traceRoll(key).place === 0,
    )!;
    t.notOk(buckets.roll(first) < 0, 'nobody at 0, whoever comes first too');
    t.ok(buckets.roll(first) < 1);
  }
});

/**
 * open-feature/flagd-testbed, evaluator/gherkin/fractional.feature, the examples marked `@fractional-v2`, with the flags of
 * evaluator/flags/testkit-flags.json: salt, weights, key, the variant's index.
 */
const FLAGD: readonly (readonly [string, readonly number[], string, number])[] = [
  ['fractional-flag', [25, 25, 25, 25], 'jack', 2],
  ['fractional-flag', [25, 25, 25, 25], 'queen', 3],
  ['fractional-flag', [25, 25, 25, 25], 'ten', 0],
  ['fractional-flag', [25, 25, 25, 25], 'nine', 1],
  ['fractional-flag', [25, 25, 25, 25], '3', 0],
  ['fractional-flag-shorthand', [1, 1], 'jon@company.com', 0],
  ['fractional-flag-shorthand', [1, 1], 'jane@company.com', 1],
  ['shared-seed', [25, 25, 25, 25], 'seven', 2],
  ['shared-seed', [25, 25, 25, 25], 'eight', 1],
  ['shared-seed', [25, 25, 25, 25], 'nine', 0],
  ['shared-seed', [25, 25, 25, 25], 'two', 3],
  ['', [50, 50], 'ejOoVL', 0],
  ['', [50, 50], 'bY9fO-', 0],
  ['', [50, 50], 'SI7p-', 0],
  ['', [50, 50], '6LvT0', 1],
  ['', [50, 50], 'ceQdGm', 1],
  ['', [50, 50], 'user1', 1],
];

t.test('flagd: its own numbers come out', async (t) => {
  for (const [salt, weights, key, index] of FLAGD) {
    t.equal(bucketsOf(specOf('flagd', salt, weights)).draw(key, SHARE_ALL), index, `${salt} ${key}`);
  }
  // The comments of that feature: the place on a line of 100.
  const trace = (key: string) => bucketsOf(specOf('flagd', '', [50, 50])).traceDraw(key);
  t.match(trace('jon@company.com'), { place: 36, of: 100 });
  t.match(trace('user1'), { place: 76, of: 100 });
});

t.test('flagd: with weights of any size it is the product of 64 bits, shifted', async (t) => {
  const rng = new Seeded(runSeed);
  for (let i = 0; i < 3000; i += 1) {
    const weights = [1 + rng.below(100_000), rng.below(5_000_000), 1 + rng.below(3)];
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const key = `user-${rng.below(1e9)}`;
    const place = Number((BigInt(murmur3(`salt${key}`, 0)) * BigInt(total)) >> 32n);
    const index = weights.findIndex((_, at) => place < weights.slice(0, at + 1).reduce((sum, weight) => sum + weight));
    const buckets = bucketsOf(specOf('flagd', 'salt', weights));
    if (buckets.draw(key, SHARE_ALL) !== index) t.fail(`${key} ${weights} (seed ${runSeed})`);
    if (buckets.traceDraw(key).place !== place) t.fail(`${key} ${weights}: place (seed ${runSeed})`);
  }
  const hashes = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
  for (const hash of hashes) {
    for (const total of [0, 1, 2, 100, 100_000, 2 ** 31 - 1, 2 ** 36]) {
      t.equal(scaled(hash, total), Number((BigInt(hash) * BigInt(total)) >> 32n), `${hash} on ${total}`);
    }
  }
});

/** launchdarkly/go-server-sdk-evaluation, evaluator_bucketing_testdata_test.go, those without a seed: flag, salt, key, bucket. */
const LAUNCHDARKLY: readonly (readonly [string, string, string, number])[] = [
  ['hashKey', 'saltyA', 'userKeyA', 0.42157587],
  ['hashKey', 'saltyA', 'userKeyB', 0.6708485],
  ['hashKey', 'saltyA', 'userKeyC', 0.10343106],
  ['hashKey', 'saltyA', '33333', 0.54771423],
  ['hashKey', 'saltyA', '99999', 0.7309658],
];

t.test('launchdarkly: its own numbers come out', async (t) => {
  for (const [flag, salt, key, bucket] of LAUNCHDARKLY) {
    const place = rollIn('launchdarkly', salt, key, flag) / SHARE_ALL;
    t.ok(Math.abs(place - bucket) < 5e-8, `${key}: ${place}`);
  }
  // The weights 60,000 and 40,000 of the bucketing tests of its C++ SDK.
  const buckets = bucketsOf(specOf('launchdarkly', 'saltyA', [60_000, 40_000], 'hashKey'));
  t.strictSame(
    ['userKeyA', 'userKeyB', 'userKeyC'].map((key) => buckets.draw(key, SHARE_ALL)),
    [0, 1, 0],
  );
});

t.test('launchdarkly: it is the digest of Node, cut and divided', async (t) => {
  const rng = new Seeded(runSeed);
  for (let i = 0; i < 500; i += 1) {
    const key = `Zoë-${rng.below(1e6)}`;
    const digest = createHash('sha1').update(`flag.pepper.${key}`).digest();
    const place = Number(digest.readBigUInt64BE() >> 4n) / Number(0xfff_ffff_ffff_ffffn);
    const weights = [1 + rng.below(100), rng.below(100), 1 + rng.below(100)];
    const [first, second, third] = weights as [number, number, number];
    const at = place * (first + second + third);
    t.equal(rollIn('launchdarkly', 'pepper', key), place * SHARE_ALL);
    t.equal(
      bucketsOf(specOf('launchdarkly', 'pepper', weights)).draw(key, SHARE_ALL),
      at < first ? 0 : at < first + second ? 1 : 2,
    );
  }
});

t.test('in every mode a key that is enrolled stays so, with its variant, while the share grows', async (t) => {
  const rng = new Seeded(runSeed);
  const modes = ['tidegate', 'unleash', 'growthbook-v1', 'growthbook-v2', 'flagd', 'launchdarkly'] as const;
  for (const mode of modes) {
    const buckets = bucketsOf(specOf(mode, 'salt', [3, 0, 5, 2]));
    const seen = [0, 0, 0, 0];
    for (let i = 0; i < 2000; i += 1) {
      const key = `user-${rng.below(1e9)}`;
      let drawn = -1;
      for (const share of [0, 1000, 5000, 25_000, 50_000, 99_000, SHARE_ALL]) {
        const next = buckets.draw(key, share);
        if (share === 0 && next !== -1) t.fail(`${mode}: ${key} is enrolled at 0%`);
        if (drawn !== -1 && next !== drawn) t.fail(`${mode}: ${key} moved at ${share} (seed ${runSeed})`);
        drawn = next;
      }
      if (drawn === -1) t.fail(`${mode}: ${key} is not enrolled at 100%`);
      else seen[drawn]! += 1;
    }
    t.equal(seen[1], 0, `${mode}: no weight, no key`);
    for (const [index, part] of [0.3, 0, 0.5, 0.2].entries()) {
      const deviation = Math.abs(seen[index]! / 2000 - part) / Math.sqrt((0.25 + 1e-9) / 2000);
      t.ok(deviation < 4, `${mode}: variant ${index} has its part`);
    }
  }
});
