/** Flags from flagd. Cases that draw are those of open-feature/flagd-testbed, evaluator/gherkin, the examples for its present way. */
import t from 'tap';
import { importFlagd } from '../../../src/flags/import-flagd.ts';
import { Imported } from './imported.ts';

const SUITS = ['clubs', 'diamonds', 'hearts', 'spades', 'wild'];
const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));
const flag = (targeting: unknown, names = SUITS, defaultVariant: string | null = names.at(-1)!) => ({
  state: 'ENABLED',
  variants: named(names),
  defaultVariant,
  targeting,
});
const read = (flags: unknown, $evaluators: unknown = {}) => new Imported(importFlagd({ flags, $evaluators }));
const quarters = SUITS.slice(0, 4).map((suit) => [suit, 25]);

t.test('who is where in a fractional there is there here', async (t) => {
  const joined = (first: unknown) => ({ fractional: [{ cat: [first, { var: 'name' }] }, ...quarters] });
  const from = read({
    'fractional-flag': flag(joined({ var: '$flagd.flagKey' })),
    seeded: flag(joined('shared-seed')),
    'fractional-flag-shorthand': flag({ fractional: [['heads'], ['tails', 1]] }, ['heads', 'tails', 'draw']),
    edge: flag({ fractional: [{ var: 'targetingKey' }, ['lower', 50], ['upper', 50]] }, ['lower', 'upper']),
  });
  t.strictSame(from.unfit, []);
  t.strictSame(from.notes, []);
  const suits = (name: string, names: readonly string[]) => names.map((one) => from.value(name, 'x', { name: one }));
  t.strictSame(suits('fractional-flag', ['jack', 'queen', 'ten', 'nine', '3']), [
    'hearts',
    'spades',
    'clubs',
    'diamonds',
    'clubs',
  ]);
  t.strictSame(suits('seeded', ['seven', 'eight', 'nine', 'two']), ['hearts', 'diamonds', 'clubs', 'spades']);
  t.equal(from.value('fractional-flag-shorthand', 'jon@company.com'), 'heads');
  t.equal(from.value('fractional-flag-shorthand', 'jane@company.com'), 'tails');
  for (const key of ['ejOoVL', 'bY9fO-', 'SI7p-']) t.equal(from.value('edge', key), 'lower');
  for (const key of ['6LvT0', 'ceQdGm']) t.equal(from.value('edge', key), 'upper');
  t.match(from.definition('edge'), { salt: '', bucketing: 'flagd' });
});

t.test('the ranges lie in the order of the fractional, whatever the order of the variants is', async (t) => {
  const from = read({
    edge: flag({ fractional: [{ var: 'targetingKey' }, ['lower', 50], ['upper', 50]] }, ['upper', 'lower']),
  });
  t.equal(from.value('edge', 'ejOoVL'), 'lower');
});

t.test('a tree of ifs comes to the same end', async (t) => {
  const version = { var: 'version' };
  const from = read(
    {
      ref: flag({ if: [{ $ref: 'is_ballmer' }, 'hi', 'bye'] }, ['hi', 'bye', 'none']),
      text: flag(
        {
          if: [{ starts_with: [{ var: 'id' }, 'abc'] }, 'a', { if: [{ ends_with: [{ var: 'id' }, 'xyz'] }, 'b', 'c'] }],
        },
        ['a', 'b', 'c'],
      ),
      version: flag(
        {
          if: [
            { sem_ver: [version, '~', '3.0.0'] },
            'minor',
            { if: [{ sem_ver: [version, '^', '3.0.0'] }, 'major', 'none'] },
          ],
        },
        ['minor', 'major', 'none'],
      ),
      nested: flag(
        { if: [{ '>': [{ var: 'age' }, 17] }, { if: [{ in: [{ var: 'country' }, ['DE', 'AT']] }, 'a', 'b'] }, null] },
        ['a', 'b', 'c'],
      ),
      drawn: flag({
        if: [
          { in: ['@faas.com', { var: 'email' }] },
          {
            fractional: [
              ['clubs', 0],
              ['spades', 7],
            ],
          },
        ],
      }),
    },
    { is_ballmer: { '==': ['ballmer@macrosoft.com', { var: ['email'] }] } },
  );
  t.strictSame(from.unfit, []);
  t.strictSame(from.notes, []);
  t.equal(from.value('ref', 'x', { email: 'ballmer@macrosoft.com' }), 'hi');
  t.equal(from.value('ref', 'x'), 'bye');
  t.strictSame(
    ['abcdef', 'uvwxyz', 'abcxyz', 'lmnopq'].map((id) => from.value('text', 'x', { id })),
    ['a', 'b', 'a', 'c'],
  );
  t.strictSame(
    ['3.0.1', '3.1.0', '4.0.0', '3.0.0-rc.1'].map((one) => from.value('version', 'x', { version: one })),
    ['minor', 'major', 'none', 'minor'],
  );
  t.equal(from.value('nested', 'x', { age: 18, country: 'AT' }), 'a');
  t.equal(from.value('nested', 'x', { age: 18, country: 'CH' }), 'b');
  t.equal(from.value('nested', 'x', { age: 17, country: 'AT' }), 'c');
  t.equal(from.value('drawn', 'x', { email: 'a@faas.com' }), 'spades');
  t.equal(from.value('drawn', 'x', { email: 'a@mail.test' }), 'wild');
});

t.test('conditions hold for whom they hold there', async (t) => {
  const cases: readonly (readonly [unknown, Readonly<Record<string, unknown>>, boolean])[] = [
    [{ '===': [{ var: 'a' }, 1] }, { a: 1 }, true],
    [{ '!=': [{ var: 'a' }, 'x'] }, {}, true],
    [{ '!=': [{ var: 'a' }, 'x'] }, { a: 'x' }, false],
    [{ '==': [{ var: 'a' }, null] }, {}, true],
    [{ and: [{ '==': [{ var: 'a' }, 'x'] }, { '!': [{ '==': [{ var: 'b' }, 'y'] }] }] }, { a: 'x' }, true],
    [{ and: [{ '==': [{ var: 'a' }, 'x'] }, { '!': { '==': [{ var: 'b' }, 'y'] } }] }, { a: 'x', b: 'y' }, false],
    [{ or: [{ var: 'beta' }, { '<': [1, { var: 'n' }, 5] }] }, { n: 3 }, true],
    [{ or: [{ var: 'beta' }, { '<': [1, { var: 'n' }, 5] }] }, { n: 5 }, false],
    [{ var: 'beta' }, { beta: true }, true],
    [{ '!!': [{ var: 'beta' }] }, { beta: '' }, false],
    [{ '>=': [5, { var: 'n' }] }, { n: 5 }, true],
    // What is not there counts as 0 in an order, and is no version in a comparison of versions.
    [{ '<': [{ var: 'n' }, 18] }, {}, true],
    [{ '<=': [0, { var: 'n' }] }, {}, true],
    [{ '>': [{ var: 'n' }, 18] }, {}, false],
    [{ '!': [{ '<': [{ var: 'n' }, 18] }] }, {}, false],
    [{ '<': [1, { var: 'n' }, 5] }, {}, false],
    [{ '<': [-1, { var: 'n' }, 5] }, {}, true],
    [{ sem_ver: [{ var: 'v' }, '!=', '1.0.0'] }, {}, false],
    [{ if: [{ var: 'a' }, { '==': [{ var: 'b' }, 'x'] }, true] }, { b: 'y' }, true],
    [{ if: [{ var: 'a' }, { '==': [{ var: 'b' }, 'x'] }, true] }, { a: true, b: 'y' }, false],
    [{ sem_ver: [{ var: 'v' }, '!=', '1.0.0'] }, { v: '1.0.1' }, true],
    [true, {}, true],
  ];
  const from = read(
    Object.fromEntries(cases.map(([test], i) => [`c${i}`, flag({ if: [test, 'yes', 'no'] }, ['yes', 'no'])])),
  );
  t.strictSame(from.unfit, []);
  cases.forEach(([test, attributes, holds], i) => {
    t.strictSame(from.notesOn(`c${i}`), []);
    t.equal(
      from.value(`c${i}`, 'x', attributes),
      holds ? 'yes' : 'no',
      `${JSON.stringify(test)} of ${JSON.stringify(attributes)}`,
    );
  });
});

t.test('flags without targeting are their default, and can be switched off where they are true', async (t) => {
  const from = read({
    on: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' },
    off: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: {} },
    object: { state: 'ENABLED', variants: { big: { a: [1] }, small: {} }, defaultVariant: 'big' },
    asked: { state: 'ENABLED', variants: { true: 1, false: 0 }, defaultVariant: 'false', targeting: { var: 'beta' } },
  });
  t.strictSame(from.unfit, []);
  t.match(from.evaluate('on', undefined), { value: true, reason: 'STATIC' });
  t.match(from.definition('on'), { offVariant: 'off' });
  t.equal(from.value('off', 'x'), false);
  t.strictSame(from.value('object', 'x'), { a: [1] });
  t.equal(from.value('asked', 'x', { beta: true }), 1);
  t.equal(from.value('asked', 'x'), 0);
});

t.test('a targeting that is a question about something that is not there is the default variant', async (t) => {
  const question = (targeting: unknown, defaultVariant: string) => ({
    state: 'ENABLED',
    variants: { true: 'yes', false: 'no' },
    defaultVariant,
    targeting,
  });
  const from = read({
    beta: question({ var: 'beta' }, 'true'),
    recent: question({ sem_ver: [{ var: 'v' }, '>=', '2.0.0'] }, 'true'),
    equal: question({ '==': [{ var: 'plan' }, 'pro'] }, 'true'),
  });
  t.strictSame([from.unfit, from.notes], [[], []]);
  t.equal(from.value('beta', 'x'), 'yes');
  t.equal(from.value('beta', 'x', { beta: false }), 'no');
  t.equal(from.value('recent', 'x'), 'yes');
  t.equal(from.value('recent', 'x', { v: '1.9.0' }), 'no');
  t.equal(from.value('equal', 'x'), 'no', 'a comparison always has an answer');
});

t.test('what cannot be read takes its flag away, and says where; the rest is there', async (t) => {
  const draw = {
    fractional: [
      ['a', 1],
      ['b', 1],
    ],
  };
  const other = { fractional: [{ var: 'email' }, ['a', 1], ['b', 1]] };
  const condition = (test: unknown) => flag({ if: [test, 'a', 'b'] }, ['a', 'b']);
  const from = read({
    fine: flag(null, ['a']),
    arithmetic: condition({ '==': [{ '+': [{ var: 'a' }, 1] }, 2] }),
    time: condition({ '>': [{ var: '$flagd.timestamp' }, 1] }),
    missing: condition({ $ref: 'gone' }),
    version: condition({ sem_ver: [{ var: 'v' }, '=', '1'] }),
    unknown: condition({ before: [{ var: 'a' }, 1] }),
    end: flag({ if: [true, 'c', 'b'] }, ['a', 'b']),
    twice: flag({ if: [{ var: 'x' }, draw, other] }, ['a', 'b']),
    weight: flag(
      {
        fractional: [
          ['a', 0.5],
          ['b', 1],
        ],
      },
      ['a', 'b'],
    ),
    nothing: flag(
      {
        fractional: [
          ['a', 0],
          ['b', 0],
        ],
      },
      ['a', 'b'],
    ),
    types: { state: 'ENABLED', variants: { a: 1, b: 'x' }, defaultVariant: 'a' },
    empty: { state: 'ENABLED', variants: {}, defaultVariant: 'a' },
    'a/b': flag(null, ['a']),
  });
  t.strictSame(from.unfit, []);
  t.equal(from.value('fine', 'x'), 'a');
  const said: Readonly<Record<string, RegExp>> = {
    arithmetic: /targeting.if\[0\]: == wants a variable and a value/,
    time: /an order wants a variable and a number/,
    missing: /is not in the document/,
    version: /sem_ver wants/,
    unknown: /the operator before has no counterpart/,
    end: /targeting.if\[1\]: there is no variant c/,
    twice: /draws otherwise than the one before/,
    weight: /fractional\[0\]: .* is no part/,
    nothing: /no part has any weight/,
    types: /not of one type/,
    empty: /it has no variants/,
    'a/b': /cannot be called so/,
  };
  for (const [name, words] of Object.entries(said)) {
    t.equal(from.definition(name), undefined, name);
    t.equal(from.notesOn(name).length, 1, name);
    t.match(from.notesOn(name)[0], words);
    t.match(from.notesOn(name)[0], /^refused /);
  }
});

t.test('what is not quite the same is said', async (t) => {
  const from = read([
    { key: 'disabled', ...flag(null, ['a']), state: 'DISABLED' },
    { key: 'undecided', ...flag(null, ['a', 'b'], null) },
    {
      key: 'loose',
      ...flag({ if: [{ '==': [{ var: 'n' }, 5] }, 'a', 'b'] }, ['a', 'b']),
      metadata: { description: 'd', owner: 'x' },
    },
    { key: 'deep', ...flag({ if: [{ '==': [{ var: 'user.name' }, 'x'] }, 'a', 'b'] }, ['a', 'b']) },
    {
      key: 'numbers',
      ...flag(
        {
          fractional: [
            ['2', 1],
            ['1', 1],
          ],
        },
        ['1', '2'],
      ),
    },
  ]);
  t.strictSame(from.unfit, []);
  t.match(from.notesOn('disabled'), [/^changed flags\[0\].state: it is disabled/]);
  t.match(from.evaluate('disabled', 'x'), { reason: 'DISABLED' });
  t.match(from.notesOn('undecided'), [/leaves its default to the code; here it is a/]);
  t.match(from.notesOn('loose'), [/compared by value there/, /^lost flags\[2\].metadata.owner/]);
  t.match(from.definition('loose'), { description: 'd' });
  t.match(from.notesOn('deep'), [/user.name is looked for under this name/]);
  t.match(from.notesOn('numbers'), [/the variant "2" is called v2 here/, /the variant "1" is called v1 here/]);
  t.match(Object.keys(from.definition('numbers')?.variants ?? {}), ['v2', 'v1'], 'in the order of the ranges');
});
