/**
 * Whatever comes in from outside: 500 documents and 500 contexts that are broken in ways nobody thought of. Importers and evaluator
 * answer all of them; what an importer gives out is accepted by the schema, or it has been said that it is not there.
 */
import t from 'tap';
import type { ConditionTest } from '../../../src/flags/condition.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import { explain } from '../../../src/flags/explanation.ts';
import { importFlagd } from '../../../src/flags/import-flagd.ts';
import { importGrowthbook } from '../../../src/flags/import-growthbook.ts';
import { importUnleash } from '../../../src/flags/import-unleash.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { contextOf, flagOf, NOW_MS, ruleOf } from './flag-of.ts';
import { Imported } from './imported.ts';

const UNLEASH = {
  version: 1,
  features: [
    {
      name: 'new-nav',
      enabled: true,
      strategies: [
        {
          name: 'flexibleRollout',
          parameters: { rollout: '25', stickiness: 'default', groupId: 'g' },
          constraints: [{ contextName: 'country', operator: 'IN', values: ['DE'], inverted: true }],
          segments: [1],
          variants: [{ name: 'a', weight: 1, payload: { type: 'json', value: '{}' } }],
        },
      ],
      variants: [{ name: 'b', weight: 1, overrides: [{ contextName: 'userId', values: ['1'] }] }],
      dependencies: [{ feature: 'other', enabled: false }],
    },
    { name: 'other', enabled: false, strategies: [{ name: 'userWithId', parameters: { userIds: '1,2' } }] },
  ],
  segments: [{ id: 1, constraints: [{ contextName: 'age', operator: 'NUM_GT', value: '5' }] }],
};

const GROWTHBOOK = {
  features: {
    'new-nav': {
      defaultValue: 'a',
      rules: [
        { condition: { $or: [{ a: { $in: [1] } }, { $not: { b: { $gt: 5 } } }] }, force: 'b', coverage: 0.5 },
        {
          key: 'e',
          variations: ['a', 'b'],
          weights: [0.5, 0.5],
          ranges: [
            [0, 0.5],
            [0.5, 1],
          ],
          hashVersion: 2,
          meta: [{ key: 'x' }],
        },
        { parentConditions: [{ id: 'other', condition: { value: true }, gate: true }] },
      ],
    },
    other: { defaultValue: true, rules: [{ force: false, condition: { v: { $vgt: '1.2.3' } } }] },
  },
  savedGroups: { staff: ['a'] },
};

const FLAGD = {
  flags: {
    'new-nav': {
      state: 'ENABLED',
      variants: { on: true, off: false },
      defaultVariant: 'off',
      targeting: {
        if: [
          { and: [{ $ref: 'r' }, { '<': [1, { var: 'n' }, 3] }] },
          {
            fractional: [
              ['on', 1],
              ['off', 2],
            ],
          },
          'off',
        ],
      },
    },
    other: { state: 'DISABLED', variants: { a: {} }, defaultVariant: 'a' },
  },
  $evaluators: { r: { sem_ver: [{ var: 'v' }, '^', '1.0.0'] } },
};

/** Values that are seldom where one expects them. */
const ODD: readonly unknown[] = [
  ...[
    null,
    undefined,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    ' ',
    '$ref',
    '__proto__',
  ],
  ...[
    'constructor',
    'x'.repeat(5000),
    '\0',
    '\ud800',
    '(',
    '1.2',
    '2026-13-01',
    '0x10',
    [],
    {},
    [[]],
    [{}],
    { $ref: 'r' },
  ],
  ...[
    { if: [] },
    { $or: {} },
    { var: null },
    { fractional: [] },
    { constructor: 1 },
    JSON.parse('{"__proto__":{"a":1}}'),
  ],
];

/** A copy with some of its parts replaced, taken away, put twice, or nested into each other. */
function broken(value: unknown, rng: Seeded, chance: number): unknown {
  if (rng.chance(chance)) return rng.pick(ODD);
  if (Array.isArray(value)) {
    const items = value.filter(() => !rng.chance(chance)).map((item) => broken(item, rng, chance));
    return rng.chance(chance) ? [...items, ...items] : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(() => !rng.chance(chance))
    .map(([key, inner]) => [rng.chance(chance) ? String(rng.pick(ODD)) : key, broken(inner, rng, chance)]);
  return Object.fromEntries(entries);
}

const IMPORTERS = [
  ['unleash', UNLEASH, importUnleash],
  ['growthbook', GROWTHBOOK, importGrowthbook],
  ['flagd', FLAGD, importFlagd],
] as const;

t.test(`500 broken documents of each product are read to their end (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  for (const [product, document, read] of IMPORTERS) {
    t.strictSame(new Imported(read(document)).unfit, [], `${product}: the sound one`);
    let carried = 0;
    for (let i = 0; i < 500; i += 1) {
      const input = broken(document, rng, 0.01 + 0.1 * (i / 500));
      const result = read(input);
      carried += result.flags.length;
      for (const { message, at, kind } of result.notes) {
        if (message === '' || typeof at !== 'string' || kind === undefined) t.fail(`${product}: an empty note on ${i}`);
      }
      if (
        result.flags.length === 0 &&
        result.notes.length === 0 &&
        JSON.stringify(input) !== JSON.stringify({ features: {} })
      ) {
        const flags = (input as { flags?: unknown; features?: unknown }) ?? {};
        const isEmpty = Object.keys(Object(flags.flags ?? flags.features ?? {})).length === 0;
        if (!isEmpty) t.fail(`${product}: nothing comes out and nothing is said of ${JSON.stringify(input)}`);
      }
      const { unfit } = new Imported(result);
      if (unfit.length > 0) t.fail(`${product}: ${unfit[0]} of ${JSON.stringify(input)}`);
    }
    t.ok(carried > 200, `${product}: ${carried} flags were brought over all the same`);
  }
});

t.test('a document that is nested without end, or grows without end, is read to its end', async (t) => {
  const abyss = JSON.parse(`{"features":[${'['.repeat(400_000)}${']'.repeat(400_000)}]}`) as unknown;
  for (const [, , read] of IMPORTERS) {
    t.match(read(abyss), { flags: [], notes: [{ kind: 'refused', message: 'the document is nested too deeply' }] });
  }
  let nested: unknown = { a: 1 };
  let ifs: unknown = 'on';
  for (let depth = 0; depth < 40; depth += 1) {
    nested = { $not: nested };
    ifs = { if: [true, ifs] };
  }
  const rules = [{ condition: nested, force: true }];
  t.match(importGrowthbook({ features: { deep: { defaultValue: false, rules } } }).notes, [{ kind: 'lost' }]);
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: ifs };
  t.match(importFlagd({ flags: { deep: flag } }).notes, [{ kind: 'refused' }]);
  const wide = { $and: Array.from({ length: 30 }, (_, i) => ({ $or: [{ [`a${i}`]: 1 }, { [`b${i}`]: 1 }] })) };
  t.match(
    importGrowthbook({ features: { wide: { defaultValue: false, rules: [{ condition: wide, force: true }] } } }).notes,
    [{ kind: 'lost', message: /more rules/ }],
  );
});

const TESTS: readonly ConditionTest[] = [
  { kind: 'exists' },
  { kind: 'equals', value: 'x' },
  { kind: 'in', values: ['x', 1, true] },
  { kind: 'prefix', value: 'x' },
  { kind: 'suffix', value: 'x' },
  { kind: 'contains', value: 'x' },
  { kind: 'matches', source: '^x+$' },
  { kind: 'number', operator: '<', value: 5 },
  { kind: 'semver', operator: '>=', value: '1.0.0' },
  { kind: 'date', operator: '>', valueMs: NOW_MS },
  { kind: 'cidr', networks: ['10.0.0.0/8'] },
];

t.test(`500 odd contexts are answered, and explained, alike (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const rules = TESTS.map((test, index) =>
    ruleOf({
      name: `r${index}`,
      when: [
        { attribute: 'x', negate: index % 2 === 1, test },
        { attribute: 'y', negate: false, test },
      ],
    }),
  );
  const evaluator = new FlagEvaluator([
    flagOf({ rules, bucketBy: 'y', strategy: { kind: 'percentage', share: 50_000 } }),
  ]);
  const odd = () => (rng.chance(0.3) ? [rng.pick(ODD), rng.pick(ODD)] : rng.pick(ODD));
  for (let i = 0; i < 500; i += 1) {
    const context = contextOf(rng.pick([undefined, '', 'alice', '\ud800']), { x: odd(), y: odd() });
    const answer = evaluator.evaluateAt(0, context, NOW_MS);
    const says = explain(evaluator.flagAt(0), context, NOW_MS);
    if (says.variant !== answer.variant || says.rule !== answer.rule) t.fail(`${i}: ${JSON.stringify(says)}`);
    if (answer.variant !== 'on' && answer.variant !== 'off') t.fail(`${i}: ${answer.variant}`);
  }
});
