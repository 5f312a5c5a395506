import t from 'tap';
import { KeySamples } from '../../../src/control/key-samples.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import type { FlagSpec } from '../../../src/flags/flag.ts';
import { KeySampler } from '../../../src/stats/key-sample.ts';
import { contextOf, flagOf, NOW_MS, ruleOf } from '../flags/flag-of.ts';

const HOUR_MS = 3_600_000;
const half = (rest: Partial<FlagSpec> = {}): FlagSpec =>
  flagOf({ strategy: { kind: 'percentage', share: 50_000 }, ...rest });

/** Asks the flag about these keys, as OFREP would, and answers how many are in its sample then. */
function asked(samples: KeySamples, spec: FlagSpec, keys: readonly (string | undefined)[]): number {
  const evaluator = new FlagEvaluator([spec]);
  for (const key of keys) {
    const context = contextOf(key, { company: 'acme' });
    samples.answered(spec, evaluator.evaluate(spec.name, context, NOW_MS), context, NOW_MS);
  }
  return samples.rolls(spec, NOW_MS, HOUR_MS).length;
}

t.test('whoever a bucket was drawn for by the flag itself is in its sample, once, and nobody else', async (t) => {
  const keys = ['alice', 'bob', 'alice', undefined];
  t.equal(asked(new KeySamples(), half(), keys), 2);
  t.equal(asked(new KeySamples(), flagOf({}), keys), 0, 'nothing is drawn where everybody is in');
  const ruled = half({ rules: [ruleOf({ strategy: { kind: 'percentage', share: 50_000 } })] });
  t.equal(asked(new KeySamples(), ruled, keys), 0, 'a rule has decided');
  t.equal(asked(new KeySamples(), half({ bucketBy: 'company' }), keys), 1, 'the company was drawn for');
});

t.test(
  'a flag that says something else goes on with its sample, and with another salt begins an empty one',
  async (t) => {
    const samples = new KeySamples();
    asked(samples, half(), ['alice']);
    const more = half({ strategy: { kind: 'percentage', share: 90_000 }, revision: 'r2' });
    t.equal(samples.memoryOf(more), samples.memoryOf(half()));
    for (const other of [
      { salt: 'x' },
      { bucketing: 'unleash' },
      { bucketBy: 'company' },
      { name: 'another' },
    ] as const) {
      t.equal(samples.rolls(half(other), NOW_MS, HOUR_MS).length, 0, JSON.stringify(other));
    }
  },
);

t.test('threads and the control plane write into one sample; what no flag has any more is let go', async (t) => {
  const samples = new KeySamples();
  asked(samples, half(), ['alice']);
  new KeySampler(samples.memoryOf(half()), { roll: () => 7 }).saw('bob', NOW_MS);
  t.equal(samples.rolls(half(), NOW_MS, HOUR_MS).length, 2);
  samples.settle([half()]);
  t.equal(samples.rolls(half(), NOW_MS, HOUR_MS).length, 2);
  samples.settle([half({ salt: 'x' })]);
  t.equal(samples.rolls(half(), NOW_MS, HOUR_MS).length, 0);
});
