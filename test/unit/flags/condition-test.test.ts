import t from 'tap';
import type { ConditionTest } from '../../../src/flags/condition.ts';
import { ConditionTester } from '../../../src/flags/condition-test.ts';
import { parseMoment } from '../../../src/flags/moment.ts';
import { compareVersions, parseVersion } from '../../../src/flags/semantic-version.ts';
import { contextOf } from './flag-of.ts';

const holds = (test: ConditionTest, value: unknown, negate = false) =>
  new ConditionTester({ attribute: 'x', negate, test }).holds(contextOf('alice', { x: value }));

type Case = readonly [ConditionTest, yes: readonly unknown[], no: readonly unknown[], unknown: readonly unknown[]];

/** A test; values for which it holds, does not, and of which it says nothing. */
const CASES: readonly Case[] = [
  [{ kind: 'equals', value: 'DE' }, ['DE'], ['de', '', 'DE '], [1, true, {}]],
  [{ kind: 'equals', value: 5 }, [5, 5.0], [4, Number.NaN], ['5', true]],
  [{ kind: 'equals', value: false }, [false], [true], [0, '', 'false']],
  [{ kind: 'in', values: ['DE', 'AT'] }, ['DE', 'AT'], ['CH'], [1, true]],
  [{ kind: 'in', values: ['1', 2] }, ['1', 2], ['2', 1], [true]],
  [{ kind: 'prefix', value: 'beta-' }, ['beta-', 'beta-7'], ['Beta-7', 'x-beta-'], [7]],
  [{ kind: 'suffix', value: '@acme.com' }, ['eve@acme.com'], ['eve@acme.com.evil.test'], [7]],
  [{ kind: 'contains', value: 'Mobile' }, ['Mobile', 'iPhone Mobile Safari'], ['mobile'], [true]],
  [{ kind: 'matches', source: '^v[0-9]+$' }, ['v1', 'v22'], ['v', 'xv1', 'v1\nv2'], [1]],
  [{ kind: 'matches', source: 'b+' }, ['abbbc'], ['ac'], [{}]],
  [{ kind: 'matches', source: '(?i)^zoë$' }, ['zoë', 'ZOË'], ['zoe'], []],
  [{ kind: 'number', operator: '<', value: 18 }, [17, -1], [18, 19], ['', 'abc', '17', true]],
  [{ kind: 'number', operator: '<=', value: 18 }, [18], [18.5], [Number.NaN]],
  [{ kind: 'number', operator: '=', value: 18 }, [18.0], [19], ['18']],
  [{ kind: 'number', operator: '>=', value: 18 }, [18, Number.POSITIVE_INFINITY], [17], ['Infinity']],
  [{ kind: 'number', operator: '>', value: 18 }, [18.5], [18], [null]],
  [
    { kind: 'semver', operator: '<', value: '2.0.0' },
    ['1.9.9', '2.0.0-rc.1'],
    ['2.0.0', '2.0.0+b1'],
    ['v1.0.0', '1.9', 1],
  ],
  [{ kind: 'semver', operator: '=', value: '2.0.0' }, ['2.0.0', '2.0.0+b1'], ['2.0.0-0'], ['2']],
  [{ kind: 'semver', operator: '>=', value: '2.0.0' }, ['2.0.0', '10.0.0'], ['1.99.99'], ['']],
  [
    { kind: 'date', operator: '<', valueMs: Date.UTC(2026, 0, 1) },
    [0, '2025-12-31', '2025-12-31T23:59:59.999Z', '2026-01-01T00:59:00+01:00'],
    ['2026-01-01', '2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1)],
    ['2025-12-31T23:59:59', 'yesterday', '1', '2025-02-30', '2025-13-01', Number.NaN],
  ],
  [{ kind: 'date', operator: '>', valueMs: 0 }, ['1970-01-01T00:00:00.001Z', 1], ['1970-01-01', 0], [true]],
  [
    { kind: 'cidr', networks: ['10.0.0.0/8', 'fd00::/8', '192.0.2.7'] },
    ['10.1.2.3', '::ffff:10.0.0.1', 'fd12::1', '192.0.2.7'],
    ['11.0.0.1', 'fe80::1', '192.0.2.8'],
    ['10.0.0', 'localhost', 10, ''],
  ],
];

t.test(
  'a test holds, does not, or says nothing; negated it is the other way round, and nothing stays nothing',
  async (t) => {
    for (const [test, yes, no, unknown] of CASES) {
      const where = JSON.stringify(test);
      for (const value of yes) {
        t.equal(holds(test, value), true, `${where}: ${value}`);
        t.equal(holds(test, value, true), false, `not ${where}: ${value}`);
      }
      for (const value of no) {
        t.equal(holds(test, value), false, `${where}: ${value}`);
        t.equal(holds(test, value, true), true, `not ${where}: ${value}`);
      }
      for (const value of [...unknown, undefined, null, Symbol('x'), () => 1, Object.create(null)]) {
        t.equal(holds(test, value), false, `${where}: nothing of ${typeof value}`);
        t.equal(holds(test, value, true), false, `not ${where}: nothing of ${typeof value}`);
      }
    }
  },
);

t.test('exists is about being there, and can be negated', async (t) => {
  for (const value of ['', 0, false, [], {}]) {
    t.equal(holds({ kind: 'exists' }, value), true);
    t.equal(holds({ kind: 'exists' }, value, true), false);
  }
  for (const value of [undefined, null]) {
    t.equal(holds({ kind: 'exists' }, value), false);
    t.equal(holds({ kind: 'exists' }, value, true), true);
  }
});

t.test('a list holds what one of its elements holds', async (t) => {
  const staff: ConditionTest = { kind: 'equals', value: 'staff' };
  t.equal(holds(staff, ['guest', 'staff']), true);
  t.equal(holds(staff, ['guest', 'staff'], true), false);
  t.equal(holds(staff, ['guest']), false);
  t.equal(holds(staff, ['guest'], true), true);
  t.equal(holds(staff, [1, { name: 'staff' }]), false);
  t.equal(holds(staff, [1], true), false, 'of another type: nothing is said');
  t.equal(holds(staff, [], true), false);
  t.equal(holds({ kind: 'number', operator: '>', value: 10 }, [0, 5, -20, 15]), true);
});

t.test('targetingKey is the key', async (t) => {
  const condition = new ConditionTester({
    attribute: 'targetingKey',
    negate: false,
    test: { kind: 'in', values: ['alice'] },
  });
  t.equal(condition.holds(contextOf('alice')), true);
  t.equal(condition.holds(contextOf('bob', { targetingKey: 'alice' })), false);
  t.equal(condition.holds(contextOf(undefined)), false);
});

t.test('an expression that would take JavaScript years is answered', async (t) => {
  t.equal(holds({ kind: 'matches', source: '^(a+)+$' }, `${'a'.repeat(5000)}!`), false);
  t.equal(holds({ kind: 'matches', source: '^(a|a)*$' }, 'a'.repeat(5000)), true);
});

/** Semantic Versioning 2.0.0, chapter 11, and one step beyond what fits a number. */
const ASCENDING = [
  '0.9.99',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '2.0.0',
  '2.1.0',
  '2.1.1',
  '10.0.0',
  '9007199254740993.0.0',
  '9007199254740994.0.0',
];

t.test('versions have the precedence of their specification', async (t) => {
  ASCENDING.forEach((a, i) => {
    ASCENDING.forEach((b, j) => {
      t.equal(Math.sign(compareVersions(parseVersion(a)!, parseVersion(b)!)), Math.sign(i - j), `${a}, ${b}`);
    });
  });
  t.equal(compareVersions(parseVersion('1.0.0+a')!, parseVersion('1.0.0+b')!), 0, 'a build counts for nothing');
  for (const text of [
    '',
    '1',
    '1.2',
    '1.2.3.4',
    '01.0.0',
    '1.0.0-',
    '1.0.0-01',
    '1.0.0+',
    ' 1.0.0',
    'v1.0.0',
    `1.0.0-${'a'.repeat(300)}`,
  ]) {
    t.equal(parseVersion(text), undefined, text.slice(0, 20));
  }
});

t.test('a moment is a day, or a time with its offset', async (t) => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['1970-01-01', 0],
    ['1970-01-01T00:00Z', 0],
    ['1970-01-01t00:00:00z', 0],
    ['1970-01-01 00:00:00Z', 0],
    ['1970-01-01T01:30:00+01:30', 0],
    ['1969-12-31T19:00:00-05:00', 0],
    ['1970-01-01T00:00:00.0015Z', 1],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['2023-02-29', undefined],
    ['2026-00-10', undefined],
    ['2026-04-31T00:00:00Z', undefined],
    ['2026-01-01T24:00:00Z', undefined],
    ['2026-01-01T23:60:00Z', undefined],
    ['2026-01-01T00:00:00', undefined],
    ['2026-1-1', undefined],
    ['20260101', undefined],
    ['', undefined],
  ];
  for (const [text, ms] of cases) t.equal(parseMoment(text), ms, text);
});
