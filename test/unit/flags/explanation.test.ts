import t from 'tap';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import { explain } from '../../../src/flags/explanation.ts';
import type { Bucketing, EvaluationContext, FlagSpec, Strategy } from '../../../src/flags/flag.ts';
import { murmur3 } from '../../../src/routing/hash.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';
import { contextOf, flagOf, NOW_MS, ruleOf, turn, variantOf } from './flag-of.ts';

const explained = (spec: FlagSpec, context: EvaluationContext, others: readonly FlagSpec[] = [], nowMs = NOW_MS) =>
  explain(new FlagEvaluator([spec, ...others]).flagAt(0), context, nowMs);

const staff = ruleOf({
  name: 'staff',
  when: [
    { attribute: 'email', negate: false, test: { kind: 'suffix', value: '@acme.com' } },
    { attribute: 'country', negate: true, test: { kind: 'in', values: ['DE', 'AT'] } },
  ],
});

t.test('a draw can be repeated by hand from what is said of it', async (t) => {
  const spec = flagOf({ strategy: { kind: 'percentage', share: 5720 } });
  const says = explained(spec, contextOf('alice'));
  t.match(says, {
    flag: 'new-checkout',
    revision: 'r1',
    key: 'alice',
    value: false,
    share: 5720,
    draw: {
      by: 'targetingKey',
      key: 'alice',
      roll: 5720,
      threshold: 5720,
      isIn: false,
      enrolment: { input: 'new-checkout:alice', hash: 'murmur3_x86_32, seed 0', place: 5720, of: SHARE_ALL },
    },
  });
  t.equal(says.draw?.enrolment?.digest, String(murmur3('new-checkout:alice', 0)));
  t.strictSame(says.because, [
    'alice is at 5720 of 100000, not below 5720: out at the share of 5.72%',
    'so it is off, false (SPLIT)',
  ]);
  turn(spec, 5721, { slot: 9 });
  const now = explained(spec, contextOf('alice'));
  t.match(now, { value: true, share: 5721, slot: 9, draw: { isIn: true } });
  t.equal(now.because[0], 'alice is at 5720 of 100000, below 5721: in at the share of 5.721%');
});

t.test('each rule says why it fits or not, and those behind it that they are not asked', async (t) => {
  const spec = flagOf({
    rules: [
      staff,
      ruleOf({ name: 'beta', strategy: { kind: 'percentage', share: SHARE_ALL } }),
      ruleOf({ name: 'rest' }),
    ],
  });
  const says = explained(spec, contextOf('eve', { email: 'eve@acme.com', country: 'DE' }));
  t.match(says.rules, [
    {
      name: 'staff',
      fits: false,
      conditions: [
        { text: 'email is a text that ends with "@acme.com"', found: '"eve@acme.com"', holds: true },
        { text: 'country is not one of "DE", "AT"', found: '"DE"', holds: false },
      ],
    },
    { name: 'beta', fits: true, strategy: 'percentage' },
    { name: 'rest', fits: null },
  ]);
  t.equal(says.because[0], 'rule staff does not fit: it wants that country is not one of "DE", "AT", and it is "DE"');
  t.match(says.because, [
    /^rule staff/,
    'rule beta fits everybody',
    'rule rest is not asked',
    /^eve is at/,
    /by rule beta/,
  ]);
  t.equal(says.draw?.threshold, SHARE_ALL, "the rule's share, not the flag's");
  const other = explained(spec, contextOf('eve', { email: 'eve@acme.com', country: 'CH' }));
  t.match(other.because[0], /^rule staff fits: email .* \("eve@acme.com"\), country is not one of .* \("CH"\)$/);
  t.equal(other.draw, null);
});

t.test('where nothing is drawn, it is said whom it is for, and whether that is them', async (t) => {
  const users = { kind: 'users', users: ['alice', 'carol'] } as const;
  const why = (spec: FlagSpec, key?: string) => explained(spec, contextOf(key)).because;
  t.strictSame(why(flagOf({ strategy: users }), 'alice'), [
    'it is for a list of keys, and alice is in it',
    'so it is on, true (TARGETING_MATCH)',
  ]);
  t.equal(why(flagOf({ strategy: users }), 'bob')[0], 'it is for a list of keys, and bob is not in it');
  t.equal(why(flagOf({ strategy: users }))[0], 'it is for a list of keys, and there is none to look for');
  t.equal(why(flagOf({ strategy: { kind: 'all' } }), 'bob')[0], 'it is for everybody');
  const ruled = flagOf({ rules: [ruleOf({ name: 'friends', strategy: users })] });
  t.strictSame(why(ruled, 'bob'), [
    'rule friends fits everybody',
    'it is for a list of keys, and bob is not in it',
    'so it is off, false by rule friends (DEFAULT)',
  ]);
});

t.test('what stops a flag before its rules is said, and nothing behind it', async (t) => {
  const schedule = { fromMs: NOW_MS, untilMs: NOW_MS + 10 };
  const killed = flagOf({ rules: [staff] });
  turn(killed, SHARE_ALL, { killed: true });
  const alice = contextOf('alice');
  t.match(explained(killed, alice), { state: 'killed', rules: [], requires: [], draw: null, reason: 'DISABLED' });
  t.match(explained(flagOf({ strategy: { kind: 'none' } }), alice), { state: 'switched off' });
  t.match(explained(flagOf({ schedule }), alice, [], NOW_MS - 1), { state: 'not yet' });
  t.match(explained(flagOf({ schedule }), alice, [], NOW_MS), { state: 'in force' });
  t.match(explained(flagOf({ schedule }), alice, [], NOW_MS + 10), { state: 'over' });
  t.strictSame(explained(killed, alice).because, ['it is killed: nobody is treated', 'so it is off, false (DISABLED)']);
  const needs = flagOf({ requires: [{ flag: 'nav', variant: 'on' }], rules: [staff] });
  const nav = flagOf({ name: 'nav', strategy: { kind: 'users', users: ['alice'] } });
  t.match(explained(needs, alice, [nav]).requires, [{ flag: 'nav', variant: 'on', given: 'on', isMet: true }]);
  t.match(explained(needs, contextOf('bob'), [nav]), { requires: [{ given: 'off', isMet: false }], rules: [] });
  t.equal(explained(needs, contextOf('bob'), [nav]).because[0], 'it needs nav to be on, and it is off');
});

t.test('a key that is missing is said, by the name of what was looked for', async (t) => {
  const strategy = { kind: 'percentage', share: 1000 } as const;
  const says = explained(flagOf({ strategy, bucketBy: 'company' }), contextOf('alice'));
  t.match(says, { error: 'TARGETING_KEY_MISSING', draw: { by: 'company', key: null, roll: null, isIn: false } });
  t.equal(says.because[0], 'a bucket is drawn by company, and there is none');
});

const MODES: readonly Bucketing[] = ['tidegate', 'unleash', 'growthbook-v1', 'growthbook-v2', 'flagd', 'launchdarkly'];

t.test(`an explanation never contradicts the answer (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  const strategyOf = (): Strategy =>
    rng.pick([
      { kind: 'all' },
      { kind: 'none' },
      { kind: 'users', users: ['user-1', 'user-2'] },
      { kind: 'percentage', share: rng.below(SHARE_ALL + 1) },
      { kind: 'variants', share: rng.pick([SHARE_ALL, rng.below(SHARE_ALL + 1)]) },
    ] as const);
  for (let i = 0; i < 3000; i += 1) {
    const nav = flagOf({ name: 'nav', strategy: strategyOf() });
    const spec = flagOf({
      variants: [variantOf('off', 0, 2), variantOf('on', 1, 3), variantOf('b', 2, rng.below(3))],
      strategy: strategyOf(),
      bucketing: rng.pick(MODES),
      bucketBy: rng.pick([null, 'country']),
      rules: rng.chance(0.5) ? [{ ...staff, strategy: strategyOf() }] : [],
      requires: rng.chance(0.3) ? [{ flag: 'nav', variant: 'on' }] : [],
    });
    if (rng.chance(0.1)) turn(spec, 5, { killed: true });
    const evaluator = new FlagEvaluator([spec, nav]);
    const context = contextOf(rng.pick([undefined, `user-${rng.below(5)}`]), {
      email: rng.pick(['a@acme.com', 'b@mail.test', 7]),
      country: rng.pick(['DE', 'CH', undefined]),
    });
    const answer = evaluator.evaluateAt(0, context, NOW_MS);
    const says = explain(evaluator.flagAt(0), context, NOW_MS);
    const { index: _, ...same } = answer;
    const contradiction = [
      JSON.stringify({ ...says, ...same }) !== JSON.stringify(says) && 'another answer',
      answer.reason === 'SPLIT' && says.draw === null && 'a draw is missing',
      says.draw !== null && says.draw.key !== null && answer.reason !== 'SPLIT' && 'a draw too many',
      answer.error !== null &&
        says.draw?.key !== null &&
        says.requires.every(({ isMet }) => isMet) &&
        'there was a key',
      says.rules.find(({ fits }) => fits === true)?.name !== (answer.rule ?? undefined) && 'another rule',
      says.because.length === 0 && 'nothing is said',
      structuredClone(says) === undefined && 'not plain',
    ].find((text) => text !== false);
    if (contradiction !== undefined) t.fail(`${contradiction}: ${JSON.stringify({ says, answer })}`);
  }
});

t.test('what is found is cut, whatever it is', async (t) => {
  const found = (x: unknown) => {
    const rule = ruleOf({ when: [{ attribute: 'x', negate: false, test: { kind: 'exists' } }] });
    return explained(flagOf({ rules: [rule] }), contextOf('alice', { x })).rules[0]!.conditions[0]!.found;
  };
  t.equal(found('x'.repeat(1000)).length, 121);
  for (const value of [undefined, null]) t.equal(found(value), 'not there');
  t.equal(found({ a: [1] }), '{"a":[1]}');
  t.equal(found(Symbol('s')), 'a symbol');
  t.equal(found(10n), '10');
});
