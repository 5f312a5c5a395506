import t, { type Test } from 'tap';
import { armAt, armOf, hasArms, partAt, sameDraw, treatmentPart } from '../../../src/flags/arm.ts';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import type { FlagSpec } from '../../../src/flags/flag.ts';
import type { Control, FlagGuard } from '../../../src/flags/guard.ts';
import { runSeed, Seeded, sigmas } from '../routing/seeded.ts';
import { contextOf, flagOf, NOW_MS, ruleOf, turn, variantOf } from './flag-of.ts';

/** A guard that compares with these; what else it says decides nothing here. */
function guardBy(control: Control): FlagGuard {
  const errors = { margin: 1.5, proof: 3, rate: 0.01, ceiling: 0.2, ceilingRequests: 50 };
  return { falseAlarm: 0.01, missed: 0.05, control, errors, latency: null, signals: [], dryRun: false, renewMs: 1 };
}

/** How many places of the line are in the treatment, in the control, and in neither. */
function lengths(t: Test, share: number, control: Control): readonly number[] {
  const arms = Array.from({ length: SHARE_ALL }, (_, roll) => armOf(roll, share, control));
  const count = (arm: string | null) => arms.filter((is) => is === arm).length;
  t.equal(arms.lastIndexOf('treatment'), share - 1);
  const counts = [count('treatment'), count('control'), count(null)];
  if (share > 0) t.equal(treatmentPart(share, control), counts[0]! / (counts[0]! + counts[1]!), 'the part is theirs');
  return counts;
}

t.test(
  'an equal control is as large as the treatment and lies beside it, until there are not so many left',
  async (t) => {
    t.strictSame(lengths(t, 1000, 'equal'), [1000, 1000, 98_000]);
    t.strictSame(lengths(t, 50_000, 'equal'), [50_000, 50_000, 0]);
    t.strictSame(lengths(t, 75_000, 'equal'), [75_000, 25_000, 0]);
    t.strictSame(lengths(t, SHARE_ALL, 'equal'), [SHARE_ALL, 0, 0]);
    t.strictSame(lengths(t, 0, 'equal'), [0, 0, SHARE_ALL]);
    t.equal(treatmentPart(1000, 'equal'), 0.5);
  },
);

t.test('all others are everybody who is not treated, as long as somebody is', async (t) => {
  t.strictSame(lengths(t, 1000, 'others'), [1000, 99_000, 0]);
  t.strictSame(lengths(t, 75_000, 'others'), [75_000, 25_000, 0]);
  t.strictSame(lengths(t, SHARE_ALL, 'others'), [SHARE_ALL, 0, 0]);
  t.strictSame(lengths(t, 0, 'others'), [0, 0, SHARE_ALL]);
  t.equal(treatmentPart(1000, 'others'), 0.01);
});

t.test(`who is treated is in the treatment, and nobody else (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (const kind of ['percentage', 'variants'] as const) {
    const spec = flagOf({
      strategy: { kind, share: 5000 },
      variants: [variantOf('off', false, 0), variantOf('on', true)],
    });
    const evaluator = new FlagEvaluator([spec]);
    const counts = { treatment: 0, control: 0, none: 0 };
    const word = evaluator.loadDialAt(0);
    for (let i = 0; i < 20_000; i += 1) {
      const key = `user-${rng.below(1e9)}`;
      const evaluation = evaluator.evaluateAt(0, contextOf(key), NOW_MS, word);
      const arm = armAt(evaluator, 0, evaluation, contextOf(key), NOW_MS, word);
      const isTreated = evaluator.flagAt(0).buckets.draw(key, 5000) !== -1;
      if ((arm === 'treatment') !== isTreated) t.fail(`${kind}: ${key}`);
      counts[arm ?? 'none'] += 1;
    }
    t.ok(sigmas(counts.treatment, 20_000, 0.05) < 4, `${kind}: ${counts.treatment} treated`);
    t.ok(sigmas(counts.control, 20_000, 0.05) < 4, `${kind}: ${counts.control} in control`);
    turn(spec, 100);
    const evaluation = evaluator.evaluateAt(0, contextOf('alice'), NOW_MS, word);
    t.equal(
      armAt(evaluator, 0, evaluation, contextOf('alice'), NOW_MS, word),
      armOf(evaluator.flagAt(0).buckets.roll('alice'), 5000, 'equal'),
      'by the word that the answer was given by, wherever the dial stands now',
    );
  }
});

t.test('whoever was not decided on by the flag itself is in no arm', async (t) => {
  const armIn = (spec: FlagSpec, key: string | undefined = 'alice', others: readonly FlagSpec[] = []) => {
    const evaluator = new FlagEvaluator([spec, ...others]);
    const word = evaluator.loadDialAt(0);
    return armAt(evaluator, 0, evaluator.evaluateAt(0, contextOf(key), NOW_MS, word), contextOf(key), NOW_MS, word);
  };
  const strategy = { kind: 'percentage', share: SHARE_ALL } as const;
  t.equal(armIn(flagOf({ strategy })), 'treatment');
  t.equal(armIn(flagOf()), null, 'all');
  t.equal(armIn(flagOf({ strategy: { kind: 'users', users: ['alice'] } })), null, 'users');
  t.equal(armIn(flagOf({ strategy, rules: [ruleOf({ strategy })] })), null, 'a rule');
  t.equal(armIn(flagOf({ strategy, schedule: { fromMs: NOW_MS + 1, untilMs: null } })), null, 'not yet');
  t.equal(armIn(flagOf({ strategy }), ''), null, 'no key');
  t.equal(armIn(flagOf({ strategy, bucketing: 'unleash' })), null, 'other buckets');
  const needs = flagOf({ strategy, requires: [{ flag: 'other', variant: 'off' }] });
  t.equal(armIn(needs, 'alice', [flagOf({ name: 'other' })]), null, 'a prerequisite');
  const killed = flagOf({ strategy });
  turn(killed, SHARE_ALL, { killed: true });
  t.equal(armIn(killed), null, 'killed');
  t.notOk(hasArms(flagOf({ strategy, bucketing: 'flagd' })));
});

t.test('a ramp moves the arms with it', async (t) => {
  const ramp = { fromShare: 0, toShare: SHARE_ALL, startMs: NOW_MS, overMs: 1000 };
  const evaluator = new FlagEvaluator([flagOf({ strategy: { kind: 'percentage', share: 0 }, ramp })]);
  const word = evaluator.loadDialAt(0);
  const at = (nowMs: number) =>
    armAt(evaluator, 0, evaluator.evaluateAt(0, contextOf('alice'), nowMs, word), contextOf('alice'), nowMs, word);
  t.equal(at(NOW_MS), null);
  t.equal(at(NOW_MS + 1000), 'treatment');
  const roll = evaluator.flagAt(0).buckets.roll('alice');
  t.equal(at(NOW_MS + Math.floor(roll / 100)), 'control', 'one thousandth before its turn it is the counterpart');
});

t.test(
  `those who drew the off value are in the control, in the part that the weights say (seed ${runSeed})`,
  async (t) => {
    const rng = new Seeded(runSeed);
    const variants = [variantOf('old', 'old', 1), variantOf('new', 'new', 2), variantOf('newer', 'newer', 1)];
    for (const [control, share, expected] of [
      ['equal', SHARE_ALL, 0.75],
      ['equal', 20_000, 0.375],
      ['others', SHARE_ALL, 0.75],
      ['others', 20_000, 0.15],
    ] as const) {
      const guard = guardBy(control);
      const spec = flagOf({ strategy: { kind: 'variants', share }, variants, off: 0, on: 1, guard });
      const evaluator = new FlagEvaluator([spec]);
      const counts = { treatment: 0, control: 0, none: 0 };
      const word = evaluator.loadDialAt(0);
      for (let i = 0; i < 20_000; i += 1) {
        const context = contextOf(`user-${rng.below(1e9)}`);
        const evaluation = evaluator.evaluateAt(0, context, NOW_MS, word);
        const arm = armAt(evaluator, 0, evaluation, context, NOW_MS, word);
        if ((arm === 'treatment') !== (evaluation.variant !== 'old')) t.fail(evaluation.variant);
        counts[arm ?? 'none'] += 1;
      }
      const both = counts.treatment + counts.control;
      const part = partAt(spec, share);
      t.ok(Math.abs(part - expected) < 1e-12, `${control}: ${part}`);
      t.ok(sigmas(counts.treatment, both, part) < 4, `${counts.treatment} of ${both}`);
      if (control === 'others') t.equal(counts.none, 0, 'everybody is in an arm');
    }
    t.equal(partAt(flagOf({ strategy: { kind: 'percentage', share: 0 } }), 0), 0);
    t.equal(partAt(flagOf({ strategy: { kind: 'percentage', share: 5000 } }), 5000), 0.5);
  },
);

t.test(
  'who requires a flag that draws by the same hash has been picked by it, and the arms are not what they seem',
  async (t) => {
    const share = { kind: 'percentage', share: 5000 } as const;
    const flag = flagOf({ name: 'a', salt: 's', strategy: share, requires: [{ flag: 'b', variant: 'on' }] });
    const same = (other: Partial<FlagSpec>) => sameDraw(flag, [flag, flagOf({ name: 'b', salt: 's', ...other })]);
    t.equal(same({ strategy: share }), 'b');
    t.equal(same({ strategy: share, bucketBy: 'targetingKey' }), 'b');
    t.equal(same({ rules: [ruleOf({ strategy: share })] }), 'b');
    t.equal(same({}), null, 'it draws nothing');
    t.equal(same({ strategy: share, salt: 'b' }), null);
    t.equal(same({ strategy: share, bucketBy: 'tenant' }), null);
    t.equal(same({ strategy: share, bucketing: 'unleash' }), null);
    t.equal(same({ strategy: share, name: 'c' }), null, 'it is not required');
  },
);
