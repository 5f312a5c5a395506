import t from 'tap';
import { SHARE_ALL } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import type { EvaluationContext, FlagSpec } from '../../../src/flags/flag.ts';
import { contextOf, flagOf, NOW_MS, ruleOf, turn, variantOf } from './flag-of.ts';

const ask = (spec: FlagSpec, context: EvaluationContext, nowMs = NOW_MS) =>
  new FlagEvaluator([spec]).evaluate(spec.name, context, nowMs);

const alice = contextOf('alice', { country: 'DE' });
const nobody = contextOf(undefined);
const inGermany = { attribute: 'country', negate: false, test: { kind: 'equals', value: 'DE' } } as const;

t.test('each strategy answers with its value and its reason', async (t) => {
  const cases: readonly (readonly [string, Partial<FlagSpec>, EvaluationContext, unknown])[] = [
    ['all', {}, nobody, { value: true, variant: 'on', reason: 'STATIC', index: 1, error: null, rule: null }],
    ['none', { strategy: { kind: 'none' } }, alice, { value: false, variant: 'off', reason: 'DISABLED', index: 0 }],
    ['a user', { strategy: { kind: 'users', users: ['alice'] } }, alice, { value: true, reason: 'TARGETING_MATCH' }],
    ['no user', { strategy: { kind: 'users', users: ['bob'] } }, alice, { value: false, reason: 'DEFAULT' }],
    ['users, no key', { strategy: { kind: 'users', users: [''] } }, nobody, { value: false, reason: 'DEFAULT' }],
    ['0%', { strategy: { kind: 'percentage', share: 0 } }, alice, { value: false, reason: 'SPLIT' }],
    ['100%', { strategy: { kind: 'percentage', share: SHARE_ALL } }, alice, { value: true, reason: 'SPLIT' }],
    [
      'no key',
      { strategy: { kind: 'percentage', share: SHARE_ALL } },
      nobody,
      { value: false, reason: 'ERROR', error: 'TARGETING_KEY_MISSING' },
    ],
    [
      'variants',
      { strategy: { kind: 'variants', share: SHARE_ALL }, variants: [variantOf('a', 1, 0), variantOf('b', 2, 1)] },
      alice,
      { value: 2, variant: 'b', index: 1, reason: 'SPLIT' },
    ],
    [
      'variants, nobody enrolled',
      { strategy: { kind: 'variants', share: 0 }, variants: [variantOf('a', 1, 0), variantOf('b', 2, 1)] },
      alice,
      { value: 1, variant: 'a', index: 0, reason: 'SPLIT' },
    ],
    ['variants, no key', { strategy: { kind: 'variants', share: 0 } }, nobody, { error: 'TARGETING_KEY_MISSING' }],
  ];
  for (const [name, spec, context, expected] of cases) {
    t.match(ask(flagOf(spec), context), { flag: 'new-checkout', revision: 'r1', ...(expected as object) }, name);
  }
});

t.test('a flag that is not known is not found, whoever asks', async (t) => {
  const evaluator = new FlagEvaluator([flagOf()]);
  t.match(evaluator.evaluate('other', alice, NOW_MS), { flag: 'other', error: 'FLAG_NOT_FOUND', reason: 'ERROR' });
  t.notOk(evaluator.has('other'));
  t.equal(evaluator.indexOf('other'), -1);
  t.equal(evaluator.evaluate('__proto__', alice, NOW_MS).error, 'FLAG_NOT_FOUND');
});

t.test('names are sorted, indexes are as given', async (t) => {
  const evaluator = new FlagEvaluator(['b', 'a', 'c'].map((name) => flagOf({ name })));
  t.strictSame(evaluator.names, ['a', 'b', 'c']);
  t.equal(evaluator.evaluateAt(0, alice, NOW_MS).flag, 'b');
  t.equal(evaluator.indexOf('c'), 2);
});

t.test('the dial is read for each question: a kill, and the share, hold for the next one', async (t) => {
  const spec = flagOf({
    strategy: { kind: 'percentage', share: 0 },
    rules: [ruleOf({ when: [{ attribute: 'vip', negate: false, test: { kind: 'exists' } }] })],
  });
  const evaluator = new FlagEvaluator([spec]);
  const vip = contextOf('bob', { vip: true });
  turn(spec, SHARE_ALL);
  t.match(evaluator.evaluateAt(0, alice, NOW_MS), { value: true, reason: 'SPLIT' });
  turn(spec, SHARE_ALL, { killed: true, slot: 5 });
  t.match(evaluator.evaluateAt(0, alice, NOW_MS), { value: false, reason: 'DISABLED' });
  t.match(evaluator.evaluateAt(0, vip, NOW_MS), { value: false, reason: 'DISABLED' }, 'no rule overrules it');
  turn(spec, 0);
  t.match(evaluator.evaluateAt(0, alice, NOW_MS), { value: false, reason: 'SPLIT' });
  t.match(
    evaluator.evaluateAt(0, vip, NOW_MS),
    { value: true, reason: 'TARGETING_MATCH' },
    'the rule has its own share',
  );
  const word = evaluator.loadDialAt(0);
  turn(spec, SHARE_ALL);
  t.match(
    evaluator.evaluateAt(0, alice, NOW_MS, word),
    { value: false },
    'a word that was read before is the one that counts',
  );
});

t.test('the first rule that fits decides, for and against', async (t) => {
  const spec = flagOf({
    variants: [variantOf('off'), variantOf('on'), variantOf('beta')],
    rules: [
      ruleOf({ name: 'some', when: [inGermany], strategy: { kind: 'percentage', share: 0 } }),
      ruleOf({ name: 'everybody' }),
    ],
    strategy: { kind: 'percentage', share: 0 },
  });
  t.match(ask(spec, alice), { value: 'off', rule: 'some', reason: 'SPLIT' }, 'who is not in the share stays out');
  t.match(ask(spec, contextOf('alice')), { value: 'on', rule: 'everybody', reason: 'TARGETING_MATCH' });
});

t.test('a rule with a list of users is passed by whoever is not in it', async (t) => {
  const spec = flagOf({
    variants: [variantOf('off'), variantOf('on'), variantOf('beta')],
    rules: [
      ruleOf({ name: 'staff', when: [inGermany], strategy: { kind: 'users', users: ['carol'] }, variant: 2 }),
      ruleOf({ name: 'testers', strategy: { kind: 'users', users: ['dave'] }, variant: 2 }),
    ],
    strategy: { kind: 'percentage', share: SHARE_ALL },
  });
  t.match(ask(spec, contextOf('carol', { country: 'DE' })), {
    value: 'beta',
    rule: 'staff',
    reason: 'TARGETING_MATCH',
  });
  t.match(ask(spec, alice), { value: 'on', rule: null, reason: 'SPLIT' }, 'the next rule, and the flag, are asked');
  t.match(ask(spec, contextOf('carol')), { value: 'on', rule: null }, 'all its conditions must hold as well');
  t.match(ask(spec, contextOf('dave')), { value: 'beta', rule: 'testers', reason: 'TARGETING_MATCH' });
  t.match(ask(spec, contextOf(undefined)), { value: 'off', error: 'TARGETING_KEY_MISSING' }, 'nobody is in no list');
});

t.test('a rule that draws a bucket says SPLIT either way, and needs a key', async (t) => {
  const at = (share: number) =>
    flagOf({ rules: [ruleOf({ name: 'some', when: [inGermany], strategy: { kind: 'percentage', share } })] });
  t.match(ask(at(SHARE_ALL), alice), { value: true, rule: 'some', reason: 'SPLIT' });
  t.match(ask(at(0), alice), { value: false, rule: 'some', reason: 'SPLIT' });
  t.match(ask(at(SHARE_ALL), contextOf(undefined, { country: 'DE' })), {
    value: false,
    rule: 'some',
    reason: 'ERROR',
    error: 'TARGETING_KEY_MISSING',
  });
  t.match(ask(at(0), contextOf(undefined)), { value: true, reason: 'STATIC' }, 'and only where it fits');
});

t.test('a rule with none says no to those that it fits', async (t) => {
  const spec = flagOf({
    rules: [ruleOf({ name: 'not here', when: [inGermany], strategy: { kind: 'none' }, variant: 1 })],
  });
  t.match(ask(spec, alice), { value: false, rule: 'not here', reason: 'TARGETING_MATCH' });
  t.match(ask(spec, nobody), { value: true, reason: 'STATIC' });
});

t.test('a rule draws variants with its own enrolment', async (t) => {
  const variants = [variantOf('a', 1, 0), variantOf('b', 2, 1)];
  const rule = ruleOf({ when: [inGermany], strategy: { kind: 'variants', share: SHARE_ALL } });
  t.match(ask(flagOf({ variants, rules: [rule], strategy: { kind: 'none' } }), alice), { reason: 'DISABLED' });
  t.match(ask(flagOf({ variants, rules: [rule], strategy: { kind: 'variants', share: 0 } }), alice), {
    variant: 'b',
    reason: 'SPLIT',
    rule: 'rule',
  });
});

t.test('outside its schedule a flag is off', async (t) => {
  const spec = flagOf({ schedule: { fromMs: NOW_MS, untilMs: NOW_MS + 1000 }, rules: [ruleOf({})] });
  t.match(ask(spec, alice, NOW_MS - 1), { value: false, reason: 'DISABLED' });
  t.match(ask(spec, alice, NOW_MS), { value: true });
  t.match(ask(spec, alice, NOW_MS + 999), { value: true });
  t.match(ask(spec, alice, NOW_MS + 1000), { value: false, reason: 'DISABLED' });
  const open = flagOf({ schedule: { fromMs: null, untilMs: null } });
  t.match(ask(open, alice, 0), { value: true }, 'a schedule without bounds is none');
});

t.test('a ramp stands in place of the dial, and a kill ends it', async (t) => {
  const ramp = { fromShare: 0, toShare: SHARE_ALL, startMs: NOW_MS, overMs: 1000 };
  const spec = flagOf({ strategy: { kind: 'percentage', share: SHARE_ALL }, ramp });
  t.match(ask(spec, alice, NOW_MS), { value: false, reason: 'SPLIT' });
  t.match(ask(spec, alice, NOW_MS + 1000), { value: true, reason: 'SPLIT' });
  let wasIn = false;
  for (let ms = 0; ms <= 1000; ms += 1) {
    const isIn = ask(spec, alice, NOW_MS + ms).value === true;
    if (wasIn && !isIn) t.fail('who is in stays in while it grows');
    wasIn = isIn;
  }
  turn(spec, SHARE_ALL, { killed: true });
  t.match(ask(spec, alice, NOW_MS + 1000), { value: false, reason: 'DISABLED' });
});

t.test('a prerequisite must have its variant for the same context', async (t) => {
  const nav = flagOf({ name: 'new-nav', strategy: { kind: 'users', users: ['alice'] } });
  const checkout = flagOf({ requires: [{ flag: 'new-nav', variant: 'on' }], rules: [ruleOf({})] });
  // In this order, so that the flag that is needed comes last.
  const evaluator = new FlagEvaluator([checkout, nav]);
  t.match(evaluator.evaluateAt(0, alice, NOW_MS), { value: true, reason: 'TARGETING_MATCH' });
  t.match(evaluator.evaluateAt(0, contextOf('bob'), NOW_MS), {
    value: false,
    reason: 'DEFAULT',
    rule: null,
    error: null,
  });
  turn(nav, SHARE_ALL, { killed: true });
  t.match(evaluator.evaluateAt(0, alice, NOW_MS), { value: false, reason: 'DEFAULT' }, 'killed is off, at once');
});

t.test('a prerequisite that lacks a key says so', async (t) => {
  const nav = flagOf({ name: 'new-nav', strategy: { kind: 'percentage', share: SHARE_ALL } });
  for (const variant of ['on', 'off']) {
    const evaluator = new FlagEvaluator([flagOf({ requires: [{ flag: 'new-nav', variant }] }), nav]);
    t.match(evaluator.evaluateAt(0, nobody, NOW_MS), { value: false, error: 'TARGETING_KEY_MISSING' }, variant);
  }
});

t.test('what cannot be evaluated is refused when it comes in', async (t) => {
  const needs = (name: string, flag: string, variant = 'on') => flagOf({ name, requires: [{ flag, variant }] });
  t.throws(() => new FlagEvaluator([needs('a', 'gone')]), /a needs gone/);
  t.throws(() => new FlagEvaluator([needs('a', 'b', 'green'), flagOf({ name: 'b' })]), /green/);
  t.throws(() => new FlagEvaluator([needs('a', 'a')]), /need each other/);
  t.throws(() => new FlagEvaluator([needs('a', 'b'), needs('b', 'c'), needs('c', 'a')]), /a, b, c, a/);
  for (const test of [
    { kind: 'matches', source: '(' },
    { kind: 'semver', operator: '<', value: '1.2' },
    { kind: 'cidr', networks: ['10.0.0.0/33'] },
  ] as const) {
    const when = [{ attribute: 'x', negate: false, test }];
    t.throws(() => new FlagEvaluator([flagOf({ rules: [ruleOf({ when })] })]), test.kind);
  }
});

t.test('buckets are drawn by the attribute that the flag names', async (t) => {
  const spec = flagOf({ strategy: { kind: 'percentage', share: 50_000 }, bucketBy: 'company' });
  const evaluator = new FlagEvaluator([spec]);
  for (let i = 0; i < 100; i += 1) {
    const company = `company-${i}`;
    const { value } = evaluator.evaluateAt(0, contextOf(company), NOW_MS);
    const byCompany = (key: string | undefined) => evaluator.evaluateAt(0, contextOf(key, { company }), NOW_MS).value;
    t.equal(value, false, 'the key is not asked');
    t.equal(byCompany('alice'), byCompany('bob'));
    t.equal(byCompany('alice'), byCompany(undefined));
  }
  for (const company of [undefined, null, '', {}, ['acme']]) {
    t.equal(evaluator.evaluateAt(0, contextOf('alice', { company }), NOW_MS).error, 'TARGETING_KEY_MISSING');
  }
  const number = (company: unknown) => evaluator.evaluateAt(0, contextOf('alice', { company }), NOW_MS).value;
  for (let i = 0; i < 20; i += 1) t.equal(number(i), number(String(i)), 'a number is its digits');
});

t.test('an answer is the same object each time, and cannot be changed', async (t) => {
  const evaluator = new FlagEvaluator([
    flagOf({ strategy: { kind: 'variants', share: 50_000 }, rules: [ruleOf({ when: [inGermany] })] }),
  ]);
  const seen = new Set<unknown>();
  for (let i = 0; i < 1000; i += 1) seen.add(evaluator.evaluateAt(0, contextOf(`user-${i}`), NOW_MS));
  seen.add(evaluator.evaluateAt(0, alice, NOW_MS)).add(evaluator.evaluateAt(0, nobody, NOW_MS));
  t.equal(seen.size, 5, 'off, each variant, the rule, no key');
  for (const evaluation of seen) t.ok(Object.isFrozen(evaluation));
});
