/**
 * Flags from Unleash. The cases that name a number of the client specification are those of Unleash/client-specification 6.1.0; there
 * it is said what its SDKs answer.
 */
import t from 'tap';
import { importUnleash } from '../../../src/flags/import-unleash.ts';
import { NOW_MS } from './flag-of.ts';
import { Imported } from './imported.ts';

type Strategy = Readonly<Record<string, unknown>>;

const feature = (name: string, strategies: readonly Strategy[], more: Readonly<Record<string, unknown>> = {}) => ({
  name,
  enabled: true,
  strategies,
  ...more,
});
const rollout = (percent: number, more: Strategy = {}, groupId?: string, stickiness = 'default'): Strategy => ({
  name: 'flexibleRollout',
  parameters: { rollout: String(percent), stickiness, ...(groupId === undefined ? {} : { groupId }) },
  ...more,
});
const limited = (...constraints: readonly Strategy[]): Strategy => ({ name: 'default', parameters: {}, constraints });
const field = (contextName: string, operator: string, more: Strategy = {}) => ({ contextName, operator, ...more });
const variant = (name: string, weight: number, payload?: unknown) => ({
  name,
  weight,
  ...(payload === undefined ? {} : { payload: { type: 'string', value: payload } }),
});
const read = (features: readonly unknown[], more: Readonly<Record<string, unknown>> = {}) =>
  new Imported(importUnleash({ version: 1, features, ...more }));

t.test('who is in a share there is in it here (specification 03, 10, 12)', async (t) => {
  const from = read([
    feature('B3', [{ name: 'gradualRolloutUserId', parameters: { percentage: '50', groupId: 'AB12A' } }]),
    feature('C3', [{ name: 'gradualRolloutUserId', parameters: { percentage: '0', groupId: 'AB12A' } }]),
    feature('A4', [{ name: 'gradualRolloutSessionId', parameters: { percentage: '100', groupId: 'AB12A' } }]),
    feature('Feature.flexibleRollout.10', [rollout(10)]),
    feature('custom', [rollout(50, {}, 'Feature.flexible.rollout.custom.stickiness_50', 'customField')]),
  ]);
  t.strictSame(from.unfit, []);
  t.strictSame(from.notes, []);
  t.equal(from.value('B3', '122'), true);
  t.equal(from.value('B3', '155'), false);
  t.equal(from.value('C3', '122'), false);
  t.equal(from.value('A4', undefined, { sessionId: '123' }), true);
  t.equal(from.value('A4', '123'), false, 'without a session there is none in it');
  t.equal(from.value('Feature.flexibleRollout.10', '174'), true);
  t.equal(from.value('Feature.flexibleRollout.10', '499'), false);
  t.equal(from.value('custom', 'x', { customField: '402' }), false);
  t.equal(from.value('custom', 'x', { customField: '388' }), true);
  t.match(from.definition('custom'), {
    strategy: 'percentage',
    value: 50,
    bucketBy: 'customField',
    bucketing: 'unleash',
  });
});

t.test('variants are drawn as there, with their payloads as values (specification 08, 16)', async (t) => {
  const three = [variant('variant1', 33, 'val1'), variant('variant2', 33, 'val2'), variant('variant3', 33, 'val3')];
  const two = [variant('variantNameA', 1, 'a'), variant('variantNameB', 1, 'b')];
  const overridden = [
    { ...variant('variant1', 33, 'val1'), overrides: [{ contextName: 'userId', values: ['132', '61'] }] },
    ...three.slice(1, 2),
    variant('variant3', 34, 'val3'),
  ];
  const from = read([
    feature('Feature.Variants.C', [], { variants: three }),
    feature('Feature.Variants.override.D', [], { variants: overridden }),
    feature('strategy', [rollout(100, { variants: two }, 'a')], { variants: three }),
    feature('sticky', [rollout(100, { variants: two }, 'a', 'clientId')]),
    feature('one', [{ name: 'default' }], { variants: [variant('only', 1)] }),
    feature('typed', [{ name: 'default' }], {
      variants: [
        { ...variant('half', 1), payload: { type: 'number', value: '1.2' } },
        { ...variant('two', 1), payload: { type: 'number', value: '2' } },
      ],
    }),
  ]);
  t.strictSame(from.unfit, []);
  t.strictSame(
    ['232', '607', '656'].map((key) => from.value('Feature.Variants.C', key)),
    ['val1', 'val2', 'val3'],
  );
  t.strictSame(
    ['132', '61', '388'].map((key) => from.evaluate('Feature.Variants.override.D', key).variant),
    ['variant1', 'variant1', 'variant2'],
  );
  t.equal(from.value('strategy', '5'), 'a');
  t.equal(from.value('strategy', '0'), 'b');
  t.equal(from.value('sticky', undefined, { clientId: '1' }), 'a', 'drawn by what the strategy draws by');
  t.equal(from.value('sticky', undefined, { clientId: '2' }), 'b');
  t.match(
    from.evaluate('one', undefined),
    { variant: 'only', value: 'only', reason: 'STATIC' },
    'nothing to draw, no key',
  );
  t.equal(typeof from.value('typed', 'x'), 'number');
});

t.test(
  'each operator asks what it asks there, also inverted and of what is not there (specification 13, 14, 21, 22)',
  async (t) => {
    const cases: readonly (readonly [Strategy, unknown, boolean])[] = [
      [field('x', 'IN', { values: ['a', 'b'] }), 'b', true],
      [field('x', 'IN', { values: ['a', 'b'] }), undefined, false],
      [field('x', 'IN', { values: [] }), 'a', false],
      [field('x', 'NOT_IN', { values: ['a'] }), 'b', true],
      [field('x', 'NOT_IN', { values: ['a'] }), undefined, true],
      [field('x', 'NOT_IN', { values: ['a'], inverted: true }), 'a', true],
      [field('x', 'STR_STARTS_WITH', { values: ['e1', 'e2'] }), 'e2e', true],
      [field('x', 'STR_STARTS_WITH', { values: ['E1'] }), 'e1', false],
      [field('x', 'STR_STARTS_WITH', { values: ['E1'], caseInsensitive: true }), 'e1x', true],
      [field('x', 'STR_ENDS_WITH', { values: ['@acme.com', '.test'] }), 'a.test', true],
      [field('x', 'STR_ENDS_WITH', { values: ['.com', '.test'] }), 'axtest', false],
      [field('x', 'STR_CONTAINS', { values: ['a+b'], caseInsensitive: true }), 'xA+Bx', true],
      [field('x', 'STR_CONTAINS', { values: ['a+b'], inverted: true }), undefined, true],
      [field('x', 'STR_CONTAINS', { values: ['a+b'], inverted: true }), 'a+b', false],
      [field('x', 'NUM_GTE', { value: '5' }), 5, true],
      [field('x', 'NUM_LT', { value: '5', inverted: true }), 5, true],
      [field('x', 'NUM_LT', { value: '5', inverted: true }), 4, false],
      [field('x', 'SEMVER_GT', { value: '1.2.2' }), '1.2.3', true],
      [field('x', 'SEMVER_LTE', { value: '1.2.2' }), '1.2.3', false],
      [field('x', 'REGEX', { value: '^cat$' }), 'cat', true],
      [field('x', 'REGEX', { value: '^cat$', caseInsensitive: true }), 'CAT', true],
      [field('x', 'REGEX', { value: '(?!a)' }), 'x', false],
      [field('x', 'IN_CIDR', { values: ['160.33.0.0/16', '127.invalid'] }), '160.33.1.1', true],
      [field('x', 'DATE_AFTER', { value: '2022-01-29T13:00:00.000Z' }), '2022-01-29T13:00:01Z', true],
      [field('x', 'NOT_A_VALID_OPERATOR', { value: '1' }), '1', false],
    ];
    const from = read(cases.map(([constraint], index) => feature(`c${index}`, [limited(constraint)])));
    t.strictSame(from.unfit, []);
    cases.forEach(([constraint, x, expected], index) => {
      t.equal(from.value(`c${index}`, 'alice', { x }), expected, `${JSON.stringify(constraint)} of ${x}`);
    });
  },
);

t.test('strategies are alternatives, and the one with the largest share is asked first', async (t) => {
  const german = field('country', 'IN', { values: ['DE'] });
  const from = read([
    feature('both', [rollout(10, { constraints: [german] }), rollout(60)]),
    feature('either', [
      rollout(5),
      { name: 'userWithId', parameters: { userIds: 'alice, bob' } },
      { name: 'remoteAddress', parameters: { IPs: '10.0.0.0/8, nonsense' } },
    ]),
  ]);
  for (let i = 0; i < 200; i += 1) {
    const key = `user-${i}`;
    t.equal(
      from.value('both', key, { country: 'DE' }),
      from.value('both', key),
      'who is in at 60% is in, from Germany too',
    );
  }
  t.equal(from.value('either', 'bob'), true);
  t.equal(from.value('either', undefined, { ip: '10.9.9.9' }), true);
  t.match(from.definition('either'), { strategy: 'percentage', value: 5 }, 'the share is where it can be turned');
  t.strictSame(from.notesOn('either'), ['lost features[1].strategies[2]: nonsense is no address']);
});

t.test('the time becomes a schedule where it decides about all of a feature (specification 13)', async (t) => {
  const from = read([
    feature('range', [
      limited(
        field('currentTime', 'DATE_AFTER', { value: '2026-11-30T00:00:00Z' }),
        field('currentTime', 'DATE_BEFORE', { value: '2026-12-02T00:00:00Z' }),
      ),
    ]),
    feature('several', [limited(field('currentTime', 'DATE_AFTER', { value: '2026-11-30T00:00:00Z' })), rollout(50)]),
  ]);
  const day = 86_400_000;
  t.equal(from.value('range', 'x', {}, NOW_MS), true);
  t.equal(from.value('range', 'x', {}, NOW_MS - day), false, 'it is after that moment, not at it');
  t.equal(from.value('range', 'x', {}, NOW_MS - day + 1), true);
  t.equal(from.value('range', 'x', {}, NOW_MS + day), false);
  t.match(from.notesOn('several'), [/^lost features\[1\].strategies\[0\].constraints\[0\]: the time decides/]);
});

t.test('segments are constraints, and a strategy without its segment is for nobody (specification 15)', async (t) => {
  const segments = [
    { id: 1, name: 'staff', constraints: [field('email', 'STR_ENDS_WITH', { values: ['@acme.com'] })] },
    { id: 2, name: 'in the export of an environment' },
  ];
  const from = read(
    [
      feature('known', [{ name: 'default', segments: [1] }]),
      feature('unknown', [{ name: 'default', segments: [404] }]),
      feature('named', [{ name: 'default', segments: [2] }]),
    ],
    { segments },
  );
  t.equal(from.value('known', 'x', { email: 'a@acme.com' }), true);
  t.equal(from.value('known', 'x', { email: 'a@mail.test' }), false);
  t.equal(from.value('unknown', 'x'), false);
  const without = 'are not in the document, as what clients fetch has them; the strategy is left out';
  t.strictSame(from.notesOn('unknown'), [
    `lost features[1].strategies[0]: the constraints of the segment 404 ${without}`,
  ]);
  t.strictSame(from.notesOn('named'), [`lost features[2].strategies[0]: the constraints of the segment 2 ${without}`]);
});

t.test(
  'dependencies are prerequisites; one that cannot be asked for takes the flag away (specification 17)',
  async (t) => {
    const one = [variant('parent.variant', 1)];
    const two = [variant('a', 1), variant('b', 1)];
    const child = (name: string, parent: string, more: Strategy = {}) =>
      feature(name, [{ name: 'default' }], { dependencies: [{ feature: parent, ...more }] });
    const from = read([
      feature('on', [{ name: 'default' }]),
      feature('off', [{ name: 'default' }], { enabled: false }),
      feature('one', [{ name: 'default' }], { variants: one }),
      feature('two', [{ name: 'default' }], { variants: two }),
      child('needs-on', 'on'),
      child('needs-off', 'off', { enabled: false }),
      child('needs-off-on', 'off'),
      child('needs-one', 'one', { variants: ['parent.variant'] }),
      child('needs-none', 'on', { variants: ['disabled'] }),
      child('needs-either', 'two'),
      child('needs-gone', 'gone'),
      child('needs-child', 'needs-on'),
    ]);
    t.strictSame(from.unfit, []);
    for (const name of ['needs-on', 'needs-off', 'needs-one', 'needs-none']) t.equal(from.value(name, 'x'), true, name);
    t.equal(from.value('needs-off-on', 'x'), false);
    for (const name of ['needs-either', 'needs-gone', 'needs-child']) {
      t.equal(from.definition(name), undefined, name);
      t.match(from.notesOn(name), [/^refused features\[\d+\].dependencies\[0\]: what it depends on/], name);
    }
  },
);

t.test('what has no counterpart is named, with where it is, and left out towards off', async (t) => {
  const from = read([
    feature('own', [{ name: 'myStrategy', parameters: {} }]),
    feature('groups', [rollout(10, {}, 'a'), rollout(20, {}, 'b')]),
    feature('random', [{ name: 'gradualRolloutRandom', parameters: { percentage: '20' } }]),
    feature('disabled', [rollout(10)], { enabled: false }),
    feature('wrong share', [rollout(10)]),
    feature('share', [{ name: 'flexibleRollout', parameters: { rollout: 'many' } }]),
    feature('mixed', [{ name: 'default' }], {
      variants: [{ ...variant('n', 1), payload: { type: 'number', value: '1' } }, variant('s', 1, 'text')],
    }),
    feature('odd', [{ name: 'default' }], { variants: [variant('1', 1), variant('größe L', 1)] }),
    'nothing',
  ]);
  t.strictSame(from.unfit, []);
  t.equal(from.value('own', 'x'), false);
  t.strictSame(from.notesOn('own'), [
    'lost features[0].strategies[0]: the strategy myStrategy has no counterpart; it is left out',
  ]);
  t.match(from.notesOn('groups'), [/^lost features\[1\].strategies\[1\]: it draws by another group/]);
  t.match(from.notesOn('random'), [/^changed .*each request is drawn anew there/]);
  t.match(from.evaluate('disabled', 'x'), { value: false, reason: 'DISABLED' });
  t.match(from.notesOn('disabled'), [
    'changed features[3]: it is switched off; to switch it on, say strategy: percentage, value: 10',
  ]);
  t.match(from.notesOn('wrong share'), [/^refused features\[4\]: a flag cannot be called so/]);
  t.equal(from.value('share', 'x'), false);
  t.match(from.notesOn('mixed'), [/^changed .*its values are not of one type/]);
  t.match(['n', 's'], from.value('mixed', 'x') === 'n' ? ['n'] : ['n', 's']);
  t.match(from.notesOn('odd'), [/the variant "1" is called v1 here/, /the variant "größe L" is called gr-e-L here/]);
  t.match(from.notesOn(null), ['lost features[8]: is no mapping']);
});

t.test('the export of an environment, and the older export of the whole state, are read as well', async (t) => {
  const features = [
    { name: 'chat', type: 'release', archived: false },
    { name: 'gone', archived: true },
  ];
  const one = {
    features,
    featureStrategies: [{ ...rollout(25), featureName: 'chat', segments: [] }],
    featureEnvironments: [{ featureName: 'chat', environment: 'development', enabled: true, variants: [] }],
    dependencies: [],
  };
  const strategy = (environment: string, strategyName: string, sortOrder: number, id: string) => ({
    ...{ featureName: 'chat', strategyName, environment, sortOrder, id },
    ...{ parameters: { userIds: 'alice' }, constraints: [] },
  });
  const whole = {
    version: 4,
    features,
    featureStrategies: [strategy('development', 'default', 0, 'd'), strategy('production', 'userWithId', 0, 'p')],
    featureEnvironments: ['development', 'production'].map((environment) => ({
      featureName: 'chat',
      environment,
      enabled: true,
    })),
    segments: [{ id: 3, constraints: [field('country', 'IN', { values: ['DE'] })] }],
    featureStrategySegments: [{ featureStrategyId: 'p', segmentId: 3 }],
  };
  t.match(new Imported(importUnleash(one)).definition('chat'), { strategy: 'percentage', value: 25, salt: 'chat' });
  t.match(new Imported(importUnleash({ environment: 'x', data: one })).definition('chat'), { strategy: 'percentage' });
  const production = new Imported(importUnleash(whole));
  t.equal(production.value('chat', 'alice', { country: 'DE' }), true);
  t.equal(production.value('chat', 'alice'), false);
  t.match(production.notesOn(null), [/^lost featureEnvironments: the environment development/]);
  t.match(production.notesOn('gone'), ['lost features[1]: it is archived']);
  t.equal(new Imported(importUnleash(whole, 'development')).value('chat', 'bob'), true);
});
