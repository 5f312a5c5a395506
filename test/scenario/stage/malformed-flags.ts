/**
 * Bodies for the API of flags of which each is wrong in one place at least, made from a seed: keys with values of another kind, out
 * of range, too many, too deep, and texts that are no JSON.
 */

type Chance = { readonly next: () => number; readonly below: (n: number) => number };

/** A call that must be refused. */
export interface MalformedCall {
  readonly path: string;
  readonly body: string;
}

const STRANGE: readonly unknown[] = [-1, 1e300, 'x', '', true, [], {}, [[]], { a: 1 }, [null], '\u0000', 0.5];

/** Keys of a definition, each with what it may never be, whatever else is said. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  strategy: ['everybody', 5, [], {}, true, 'ALL', ''],
  value: [
    -0.001,
    100.001,
    0.00001,
    '5',
    '5%',
    {},
    true,
    [5],
    ['a', null],
    [''],
    Array.from({ length: 10_001 }, String),
  ],
  on: ['x'.repeat(17_000), 7, [1], { a: 1 }],
  off: ['x'.repeat(17_000), 7, [1], { a: 1 }],
  variants: [
    [],
    {},
    'a',
    { '-': {} },
    { a: { weight: -1 } },
    { a: { weight: 1.5 } },
    { a: { value: 1, colour: 1 } },
    { a: 7 },
  ],
  variant: ['nowhere', 7, [], {}, 'a b'],
  offVariant: ['nowhere', 7, [], {}, ''],
  rules: [
    {},
    'x',
    [1],
    [{}],
    [{ strategy: 'users' }],
    [{ strategy: 'all', when: [{}] }],
    [{ strategy: 'all', when: {} }],
  ],
  requires: [{}, ['base'], [{}], [{ flag: 'nobody' }], [{ flag: 'base', variant: 'nowhere' }]],
  schedule: [{}, [], 'now', { from: 'now' }, { until: '2026-02-30T00:00:00Z' }, { from: 5 }],
  ramp: [
    {},
    { from: 1 },
    { from: 1, to: 2, start: 'now', over: '1h' },
    { from: 1, to: 200, start: '2026-01-01T00:00:00Z', over: '1h' },
  ],
  bucketBy: [5, [], {}, '', 'x'.repeat(200)],
  salt: [5, [], {}, 'x'.repeat(300)],
  bucketing: ['sha256', 5, [], {}],
  description: [5, [], {}, 'x'.repeat(2000)],
  environments: [[], 'x', { 'a b': {} }, { staging: { strategy: 'users' } }, { staging: { environments: {} } }],
  guards: STRANGE,
  Strategy: STRANGE,
};

/** Conditions that cannot be asked. */
const CONDITIONS: readonly unknown[] = [
  { attribute: 'a' },
  { attribute: '', equals: 1 },
  { equals: 1 },
  { attribute: 'a', equals: 1, in: [1] },
  { attribute: 'a', matches: '(' },
  { attribute: 'a', matches: '(?=x)' },
  { attribute: 'a', lt: '5' },
  { attribute: 'a', semver: { ge: '1' } },
  { attribute: 'a', semver: {} },
  { attribute: 'a', before: 'yesterday' },
  { attribute: 'a', cidr: ['10.0.0.0/64'] },
  { attribute: 'a', in: [] },
  { attribute: 'a', in: [[]] },
  { attribute: 'a', not: 'yes', exists: true },
];

/** One of all that can be wrong. */
export function malformedCall(chance: Chance): MalformedCall {
  const one = <T>(list: readonly T[]): T => list[chance.below(list.length)]!;
  const key = one(Object.keys(WRONG));
  const definition: Record<string, unknown> = { strategy: 'percentage', value: 5, [key]: one(WRONG[key]!) };
  const condition = { strategy: 'all', rules: [{ strategy: 'all', when: [one(CONDITIONS)] }] };
  const flag = chance.next() < 0.7 ? definition : condition;
  const text = JSON.stringify(flag);
  switch (chance.below(8)) {
    case 0:
      return { path: 'web', body: text.slice(0, 1 + chance.below(Math.min(text.length - 2, 40))) };
    case 1:
      return {
        path: 'import',
        body: JSON.stringify({
          flags: [
            { name: 'fresh', definition: { strategy: 'all' } },
            { name: 'bad', definition: flag },
          ],
        }),
      };
    case 2:
      return {
        path: 'import',
        body: JSON.stringify(
          one<unknown>([{}, [], { flags: [] }, { flags: {} }, { flags: [{ name: 'a' }] }, { flags: [7] }]),
        ),
      };
    case 3:
      return { path: 'web/explain', body: JSON.stringify({ context: one<unknown>([5, 'x', [], null, true]) }) };
    case 4:
      return { path: 'web/preview', body: text };
    case 5:
      return { path: one(['-a', 'a%20b', '%F0%9F%8F%B4', `${'x'.repeat(101)}`]), body: '{"strategy":"all"}' };
    default:
      return { path: one(['web', 'fresh']), body: text };
  }
}
