import t from 'tap';
import { type FlagDefinition, flag } from '../../../src/config/flag-schema.ts';
import { compileFlag } from '../../../src/control/flag-compile.ts';
import { createDialMemory, Dial } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import { PlainContext } from '../../../src/flags/plain-context.ts';

function compile(written: object, environment = 'production') {
  return compileFlag('web', new Map([['web', flag.parse(written)]]), environment);
}

/** What a flag gives for a context, by the word of the evaluator. */
function answer(written: object, context: object) {
  const { spec, share } = compile(written);
  const dial = createDialMemory();
  new Dial(dial).set({ share, slot: 0, killed: false });
  return new FlagEvaluator([{ ...spec, dial }]).evaluate('web', new PlainContext({ ...context }), Date.UTC(2026, 5, 1));
}

t.test('what is not said has its meaning: values, variants, weights, salt', async (t) => {
  t.match(compile({ strategy: 'all' }).spec, {
    variants: [
      { name: 'off', value: false, weight: 0, pool: null, rewrite: null, redirect: null },
      { name: 'on', value: true, weight: 1 },
    ],
    off: 0,
    on: 1,
    rules: [],
    requires: [],
    schedule: null,
    ramp: null,
    bucketBy: null,
    salt: 'web',
    bucketing: 'tidegate',
  });
  const variants = { control: {}, treatment: { value: 'new', weight: 3, pool: 'green', rewrite: '/v2' } };
  t.match(compile({ strategy: 'variants', variants, offVariant: 'control' }).spec, {
    strategy: { kind: 'variants', share: 100_000 },
    variants: [
      { name: 'control', value: 'control', weight: 1 },
      { name: 'treatment', value: 'new', weight: 3, pool: 'green', rewrite: '/v2' },
    ],
    off: 0,
  });
  t.match(compile({ strategy: 'variants', variants, off: 'none', value: 12.5 }), {
    spec: { variants: [{ name: 'off', value: 'none', weight: 0 }, {}, {}], off: 0 },
    share: 12_500,
  });
  t.match(compile({ strategy: 'all', variants: { on: { value: 1 }, off: { value: 0 } } }).spec, { off: 1, on: 0 });
  const said = compile({ strategy: 'percentage', value: 1, salt: 's', bucketBy: 'company', bucketing: 'flagd' }).spec;
  t.match(said, { salt: 's', bucketBy: 'company', bucketing: 'flagd' });
});

t.test('moments and durations become milliseconds, percentages thousandths', async (t) => {
  const { spec } = compile({
    strategy: 'percentage',
    schedule: { from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00+01:00' },
    ramp: { from: 0.5, to: 33.333, start: '2026-01-01T00:00:00Z', over: '1.5h' },
  });
  t.strictSame(spec.schedule, { fromMs: Date.UTC(2026, 0, 1), untilMs: Date.UTC(2026, 0, 1, 23) });
  t.strictSame(spec.ramp, { fromShare: 500, toShare: 33_333, startMs: Date.UTC(2026, 0, 1), overMs: 5_400_000 });
});

for (const [condition, yes, no] of [
  [{ exists: true }, 'x', undefined],
  [{ equals: 5 }, 5, '5'],
  [{ in: ['a', true] }, true, 'true'],
  [{ prefix: 'ab' }, 'abc', 'cab'],
  [{ suffix: 'ab' }, 'cab', 'abc'],
  [{ contains: 'b' }, 'abc', 'ac'],
  [{ matches: '^a+$' }, 'aaa', 'aab'],
  [{ lt: 5 }, 4.9, 5],
  [{ le: 5 }, 5, 5.1],
  [{ gt: 5 }, 5.1, 5],
  [{ ge: 5 }, 5, 4.9],
  [{ semver: { lt: '1.2.0' } }, '1.2.0-rc.1', '1.2.0'],
  [{ semver: { le: '1.2.0' } }, '1.2.0+build', '1.2.1'],
  [{ semver: { equals: '1.2.0' } }, '1.2.0', '1.2.0-rc.1'],
  [{ semver: { ge: '1.2.0' } }, '1.10.0', '1.1.9'],
  [{ semver: { gt: '1.2.0' } }, '1.2.1', '1.2.0'],
  [{ before: '2026-01-01T00:00:00Z' }, '2025-12-31T23:59:59Z', '2026-01-01T00:00:00Z'],
  [{ after: '2026-01-01T00:00:00Z' }, Date.UTC(2026, 0, 1) + 1, Date.UTC(2026, 0, 1)],
  [{ cidr: ['10.0.0.0/8', 'fd00::/8'] }, 'fd00::1', '11.0.0.1'],
  [{ not: true, equals: 'DE' }, 'FR', 'DE'],
] as const) {
  t.test(`a condition asks what is written: ${JSON.stringify(condition)}`, async (t) => {
    const written = { strategy: 'none', rules: [{ strategy: 'all', when: [{ attribute: 'a', ...condition }] }] };
    const asked = { ...written, strategy: 'users', value: [] };
    t.equal(answer(asked, { a: yes, targetingKey: 'k' }).variant, 'on');
    t.equal(answer(asked, { a: no, targetingKey: 'k' }).variant, 'off');
  });
}

t.test('the revision is that of what a flag says: its share is not in it, everything else is', async (t) => {
  const base = { strategy: 'percentage', value: 5 };
  const { revision } = compile(base).spec;
  t.equal(compile({ ...base, value: 50 }).spec.revision, revision);
  t.equal(compile({ ...base, description: 'x' }).spec.revision, revision);
  for (const other of [
    { salt: 'x' },
    { on: 1, off: 0 },
    { rules: [{ strategy: 'all' }] },
    { bucketBy: 'x' },
    { strategy: 'variants', variants: { on: {}, off: {} } },
  ]) {
    t.not(compile({ ...base, ...other }).spec.revision, revision, JSON.stringify(other));
  }
  const inStaging = { ...base, environments: { staging: { on: 'a', off: 'b' } } };
  t.equal(compile(inStaging).spec.revision, revision);
  t.not(compile(inStaging, 'staging').spec.revision, revision);
});

t.test('a flag whose need is not there, or needs something itself, is compiled as one that is off', async (t) => {
  const definition = (written: object): FlagDefinition => flag.parse(written);
  const web = definition({ strategy: 'all', requires: [{ flag: 'base' }] });
  t.match(compileFlag('web', new Map([['web', web]]), ''), {
    problem: 'base is no flag',
    spec: { strategy: { kind: 'none' }, requires: [] },
  });
  const base = definition({ strategy: 'all', requires: [{ flag: 'web' }] });
  t.match(
    compileFlag(
      'web',
      new Map([
        ['web', web],
        ['base', base],
      ]),
      '',
    ),
    { problem: /goes in a circle/ },
  );
  const sound = new Map([
    ['web', web],
    ['base', definition({ strategy: 'all' })],
  ]);
  t.match(compileFlag('web', sound, ''), { problem: null, spec: { requires: [{ flag: 'base', variant: 'on' }] } });
});
