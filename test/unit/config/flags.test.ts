import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { flagFingerprint } from '../../../src/config/fingerprint.ts';
import { changeFlag, inEnvironment } from '../../../src/config/flag-merge.ts';
import type { FlagDefinition } from '../../../src/config/flag-schema.ts';
import { accept, complaints, SMALL } from './texts.ts';

/** The small config with these lines under `flags:`, the first of them on line 10. */
function withFlags(...lines: readonly string[]): string {
  return `${SMALL}flags:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

t.test('a flag keeps the form in which it is written', async (t) => {
  const config = accept(
    withFlags(
      'new-checkout:',
      '  strategy: percentage',
      '  value: 12.345',
      '  rules:',
      "    - { name: staff, when: [{ attribute: email, suffix: '@acme.com' }], strategy: all }",
      '  ramp: { from: 5, to: 50, start: 2026-12-01T00:00:00Z, over: 3h }',
      '  on: { text: new, sizes: [1, 2] }',
      '  off: { text: old }',
    ),
  );
  t.same(config.flags.get('new-checkout'), {
    strategy: 'percentage',
    value: 12.345,
    rules: [{ name: 'staff', when: [{ attribute: 'email', suffix: '@acme.com' }], strategy: 'all' }],
    ramp: { from: 5, to: 50, start: '2026-12-01T00:00:00Z', over: '3h' },
    on: { text: 'new', sizes: [1, 2] },
    off: { text: 'old' },
  });
  t.equal(config.environment, 'production');
});

const VARIANTS = 'variants: { old: { value: 1 }, new: { value: 2, weight: 3 } }';
const RULE = (condition: string): string => `a: { strategy: all, rules: [{ when: [${condition}], strategy: all }] }`;

for (const [what, line, complaint] of [
  [
    'a percentage above 100',
    'a: { strategy: percentage, value: 100.001 }',
    /^t.yaml:10:37: flags\.a\.value: 100\.001 is/,
  ],
  ['a finer step', 'a: { strategy: percentage, value: 0.0005 }', /in steps of 0\.001/],
  ['no share', 'a: { strategy: percentage }', /flags\.a\.value: says not how many get it/],
  [
    'a value that says nothing',
    'a: { strategy: all, value: 5 }',
    /10:\d+: flags\.a\.value: says nothing: the strategy is all/,
  ],
  ['a share for users', 'a: { strategy: users, value: 5 }', /says not for whom it is on/],
  [
    'values of two types',
    'a: { strategy: all, on: new, off: 1 }',
    /10:37: flags\.a\.off: is a number, and on is a text/,
  ],
  [
    'an off value of another type',
    'a: { strategy: all, on: new }',
    /flags\.a\.off: is true or false, and on is a text|off/,
  ],
  ['null as a value', 'a: { strategy: all, on: null, off: null }', /null is no value/],
  [
    'a variant that is not there',
    `a: { strategy: all, ${VARIANTS}, variant: newer, offVariant: old }`,
    /newer is no variant of this flag; allowed: old, new/,
  ],
  [
    'no variant for all',
    `a: { strategy: all, ${VARIANTS}, offVariant: old }`,
    /flags\.a\.variant: is missing: nobody knows which/,
  ],
  ['no off value', `a: { strategy: variants, ${VARIANTS} }`, /flags\.a\.off: is missing, and false is of another type/],
  [
    'a rule with a variant that is not there',
    'a: { strategy: none, rules: [{ strategy: all, variant: blue }] }',
    /rules\[0\]\.variant: blue is no variant/,
  ],
  [
    'variants to draw without any',
    'a: { strategy: variants }',
    /flags\.a\.variants: is missing, and the strategy draws one/,
  ],
  [
    'no weight',
    'a: { strategy: variants, variants: { x: { weight: 0 } }, off: no }',
    /weight: is zero as all others are, so none can be drawn/,
  ],
  [
    'two rules of one name',
    'a: { strategy: all, rules: [{ name: r, strategy: all }, { name: r, strategy: none }] }',
    /r is there twice/,
  ],
  ['a bad expression', RULE("{ attribute: x, matches: '(a' }"), /10:.*matches: is no regular expression of RE2/],
  ['a back-reference', RULE("{ attribute: x, matches: '(a)\\1' }"), /is no regular expression of RE2/],
  ['a bad version', RULE("{ attribute: x, semver: { ge: '1.2' } }"), /a version such as 1\.2\.0/],
  ['a day that no calendar has', RULE('{ attribute: x, before: 2026-02-30T00:00:00Z }'), /a moment such as/],
  ['a bad network', RULE('{ attribute: x, cidr: [10.0.0.0/33] }'), /a range such as 10\.0\.0\.0\/8/],
  ['a condition that asks nothing', RULE('{ attribute: x }'), /asks nothing; allowed: exactly one of exists/],
  ['a condition that asks two things', RULE('{ attribute: x, equals: 1, lt: 2 }'), /asks more than one thing/],
  [
    'a schedule that ends first',
    'a: { strategy: all, schedule: { from: 2026-01-02T00:00:00Z, until: 2026-01-01T00:00:00Z } }',
    /until: is not after from/,
  ],
  [
    'a ramp without a share',
    'a: { strategy: all, ramp: { from: 1, to: 2, start: 2026-01-01T00:00:00Z, over: 1h } }',
    /ramp: has no share to change/,
  ],
  [
    'a guard of a list of users',
    'a: { strategy: users, value: [ann], guard: {} }',
    /guard: has nobody to compare a list of users with; allowed: a guard beside percentage or variants/,
  ],
  [
    'a guard in the buckets of another product',
    'a: { strategy: percentage, value: 5, bucketing: unleash, guard: {} }',
    /guard: cannot know how many keys are beside a share/,
  ],
  [
    'a guard beside a ramp beyond a half',
    'a: { strategy: percentage, guard: {}, ramp: { from: 5, to: 51, start: 2026-12-01T00:00:00Z, over: 3h } }',
    /guard: cannot compare while a ramp goes beyond 50%/,
  ],
  [
    'a guard that compares with all others beside a ramp',
    'a: { strategy: percentage, guard: { control: others }, ramp: { from: 1, to: 5, start: 2026-12-01T00:00:00Z, over: 3h } }',
    /guard\.control: cannot compare with all others beside a ramp.*allowed: equal, or a value that is set/,
  ],
  [
    'a ramp of an environment beside a guard that compares with all others',
    'a: { strategy: percentage, value: 5, guard: { control: others }, environments: { dev: { ramp: { from: 1, to: 5, start: 2026-12-01T00:00:00Z, over: 3h } } } }',
    /environments\.dev: cannot compare with all others beside a ramp/,
  ],
  [
    'a control that is none',
    'a: { strategy: percentage, value: 5, guard: { control: all } }',
    /guard\.control: "all" is not allowed; allowed: equal, others/,
  ],
  [
    'no false alarms at all',
    'a: { strategy: percentage, value: 5, guard: { falseAlarm: 0% } }',
    /guard\.falseAlarm: "0%" is not allowed; allowed: a share over 0% and below 100%/,
  ],
  [
    'a misspelt key of a guard',
    'a: { strategy: percentage, value: 5, guard: { error: {} } }',
    /"error" is not a known key.*did you mean "errors"/,
  ],
  [
    'a period that is none',
    'a: { strategy: percentage, value: 5, guard: { renew: 10s } }',
    /guard\.renew: "10s" is not allowed; allowed: a duration such as/,
  ],
  ['a flag that needs itself', 'a: { strategy: all, requires: [{ flag: a }] }', /a flag cannot need itself/],
  [
    'a flag that needs an unknown one',
    'a: { strategy: all, requires: [{ flag: b }] }',
    /requires\[0\]\.flag: b is no flag/,
  ],
  [
    'an environment where it does not fit',
    'a: { strategy: all, environments: { staging: { strategy: users } } }',
    /flags\.a\.environments\.staging: says not for whom/,
  ],
  [
    'a variant that a mapping would put first',
    'a: { strategy: variants, off: x, variants: { b: {}, 2: {} } }',
    /variants\.2: "2" is not allowed as a name; allowed: .* and not a whole number/,
  ],
  ['a name that is no name', '"-a": { strategy: all }', /"-a" is not allowed as a name/],
  ['a misspelt key', 'a: { strategy: all, varaints: {} }', /"varaints" is not a known key.*did you mean "variants"/],
] as const) {
  t.test(`refused with line and column: ${what}`, async (t) => {
    const found = complaints(withFlags(line));
    t.equal(found.length, 1, found.join('\n'));
    t.match(found[0], /^t\.yaml:10:/);
    t.match(found[0], complaint);
  });
}

t.test('flags that need each other in a circle, or over two levels, are refused where they say so', async (t) => {
  t.match(
    complaints(
      withFlags('a: { strategy: all, requires: [{ flag: b }] }', 'b: { strategy: all, requires: [{ flag: a }] }'),
    ),
    [/^t\.yaml:10:.*goes in a circle: a needs b, and b needs a/, /^t\.yaml:11:.*goes in a circle/],
  );
  t.match(
    complaints(
      withFlags(
        'a: { strategy: all, requires: [{ flag: b }] }',
        'b: { strategy: all, requires: [{ flag: c }] }',
        'c: { strategy: all }',
      ),
    ),
    [/^t\.yaml:10:.*b needs c itself; allowed: a flag that needs no other/],
  );
  const inStaging = withFlags(
    'a: { strategy: all, requires: [{ flag: b }] }',
    'b: { strategy: all, environments: { staging: { requires: [{ flag: a }] } } }',
  );
  t.match(complaints(inStaging)[0], /goes in a circle/, 'also in an environment that is not this one');
  const variant = withFlags('a: { strategy: all, requires: [{ flag: b, variant: blue }] }', 'b: { strategy: all }');
  t.match(complaints(variant), [
    /^t\.yaml:10:.*requires\[0\]\.variant: blue is no variant of this flag; allowed: off, on/,
  ]);
});

t.test('a route names flags of the file, and their variants name pools of its service', async (t) => {
  const routed = (flags: string, ...lines: readonly string[]): string =>
    `${withFlags(...lines).replace('{ service: shop }', `{ service: shop, flags: ${flags} }`)}flagContext: { key: [{ cookie: uid }] }\n`;
  t.match(complaints(routed('[new-chekout]', 'new-checkout: { strategy: all }')), [
    /^t\.yaml:8:30: routes\[0\]\.flags\[0\]: "new-chekout" is no flag of this file.*did you mean "new-checkout"/,
  ]);
  t.match(complaints(routed('[A]', 'A: { strategy: all }')), [/cannot be told to an endpoint in a header field/]);
  t.match(complaints(routed('[a, a]', 'a: { strategy: all }')), [/routes\[0\]\.flags: has a flag twice/]);
  const pools = 'a: { strategy: variants, variants: { x: { pool: canary } }, off: no }';
  t.match(complaints(routed('[a]', pools)), [
    /^t\.yaml:10:.*variants\.x\.pool: canary is no pool of the services that its routes lead to; allowed: blue/,
  ]);
  t.strictSame(complaints(routed('[a]', pools.replace('canary', 'blue'))), []);
  t.match(complaints(withFlags(pools)), [/warning: .*leads somewhere, and no route names this flag/]);
});

t.test('rules beside the strategy none are never asked, which is said', async (t) => {
  const flag = (environments: string): string =>
    withFlags(`a: { strategy: none, rules: [{ strategy: all }]${environments} }`);
  t.match(complaints(flag('')), [/^t\.yaml:10:.*warning: flags\.a\.rules: are never asked: the strategy is none/]);
  t.equal(complaints(flag(', environments: { staging: { salt: x } }')).length, 1, 'nor anywhere else');
  t.strictSame(complaints(flag(', environments: { staging: { strategy: all } }')), []);
});

t.test('there is an end to everything', async (t) => {
  const many = (count: number, item: (index: number) => string): string =>
    Array.from({ length: count }, (_, i) => item(i)).join(', ');
  const flags = `{ ${many(1001, (i) => `f${i}: { strategy: all }`)} }`;
  t.match(complaints(`${SMALL}flags: ${flags}\n`), [/has too many flags; allowed: at most 1000/]);
  t.match(complaints(withFlags(`a: { strategy: variants, off: a, variants: { ${many(51, (i) => `v${i}: {}`)} } }`)), [
    /1 to 50 variants/,
  ]);
  t.equal(complaints(withFlags(`a: { strategy: none, rules: [${many(101, () => '{ strategy: all }')}] }`)).length, 1);
  t.equal(complaints(withFlags(`a: { strategy: users, value: [${many(10_001, (i) => `u${i}`)}] }`)).length, 1);
  t.match(complaints(withFlags(`a: { strategy: all, on: ${'x'.repeat(17_000)}, off: x }`)), [/is too large/]);
});

t.test('differences of flags are told key by key, and a fingerprint is what a flag means', async (t) => {
  const before = accept(withFlags('a: { strategy: percentage, value: 5 }', 'b: { strategy: all }'));
  const after = accept(
    withFlags('c: { strategy: none }', 'a: { value: 10, strategy: percentage, salt: s }').concat(
      'environment: staging\n',
    ),
  );
  t.same(
    differences(before, after).map(({ text }) => text),
    [
      'environment production→staging',
      'flag a: value 5→10',
      'flag a: salt added (s)',
      'flag b removed',
      'flag c added (none)',
    ],
  );
  const print = (definition: object): string => flagFingerprint(definition as FlagDefinition);
  t.equal(
    print({ strategy: 'all', on: { a: 1, b: 2 } }),
    print({ on: { b: 2, a: 1 }, strategy: 'all' }),
    'the order of keys says nothing',
  );
  t.equal(print({ strategy: 'all' }), print({ strategy: 'all', description: 'x' }), 'nor does the description');
  t.not(
    print({ strategy: 'variants', variants: { a: {}, b: {} } }),
    print({ strategy: 'variants', variants: { b: {}, a: {} } }),
    'the order of variants decides who gets which',
  );
});

const staged = { strategy: 'percentage', value: 10, rules: [], environments: { staging: { value: 50 } } } as const;

for (const [what, base, change, expected] of [
  [
    'keys that are not given stay',
    { strategy: 'variants', variants: { a: {} }, off: 'x' },
    { strategy: 'percentage', value: 5 },
    { strategy: 'percentage', value: 5, variants: { a: {} }, off: 'x' },
  ],
  ['null takes a key away', { strategy: 'all', salt: 's' }, { salt: null }, { strategy: 'all' }],
  ['another strategy drops the value', { strategy: 'users', value: ['a'] }, { strategy: 'all' }, { strategy: 'all' }],
  [
    'the same strategy keeps it',
    { strategy: 'users', value: ['a'] },
    { strategy: 'users' },
    { strategy: 'users', value: ['a'] },
  ],
  [
    'a share takes the place of a ramp',
    { strategy: 'percentage', ramp: {} },
    { value: 5 },
    { strategy: 'percentage', value: 5 },
  ],
  [
    'what the environment says otherwise is what is changed',
    staged,
    { value: 60 },
    { ...staged, environments: { staging: { strategy: 'percentage', value: 60 } } },
  ],
  [
    'what is taken away is gone here and elsewhere',
    staged,
    { rules: null },
    { strategy: 'percentage', value: 10, environments: { staging: { strategy: 'percentage', value: 50 } } },
  ],
  [
    'the environments themselves can be said',
    staged,
    { environments: null },
    { strategy: 'percentage', value: 10, rules: [] },
  ],
] as const) {
  t.test(`a change over a flag: ${what}`, async (t) => {
    t.strictSame(changeFlag(base, change, 'staging'), expected);
  });
}

t.test(
  'an environment says single keys otherwise, and one called like a member of every object says nothing',
  async (t) => {
    const flag = { strategy: 'users', value: ['a'], environments: { staging: { strategy: 'all' } } } as FlagDefinition;
    t.strictSame(inEnvironment(flag, 'staging'), { strategy: 'all' });
    t.strictSame(inEnvironment(flag, 'constructor'), { strategy: 'users', value: ['a'] });
  },
);

t.test('a guard keeps its written form; beside all and none it may stand, and rests', async (t) => {
  const guard = {
    falseAlarm: '0.5%',
    control: 'others',
    errors: { margin: '2x' },
    latency: 'off',
    renew: '24h',
    dryRun: true,
  };
  const { flags } = accept(withFlags(`a: { strategy: percentage, value: 5, guard: ${JSON.stringify(guard)} }`));
  t.same(flags.get('a')?.guard, guard);
  for (const strategy of ['all', 'none']) accept(withFlags(`a: { strategy: ${strategy}, guard: {} }`));
});

t.test('a guard is judged by signals that the services of its routes have, and there are not too many', async (t) => {
  const shop = SMALL.replace('{ service: shop }', '{ service: shop, flags: [a] }').replace(
    'routes:',
    '    rollout: { guard: { signals: { paid: { requests: { bad: { status: 402 } } } } } }\nroutes:',
  );
  const text = (signal: string): string =>
    `${shop}flagContext: { key: [{ cookie: uid }] }\nflags:\n  a: { strategy: percentage, value: 5, guard: { signals: [${signal}] } }\n`;
  t.same(accept(text('paid')).flags.get('a')?.guard, { signals: ['paid'] });
  t.match(complaints(text('payed')), [
    /flags\.a\.guard\.signals\[0\]: payed is no signal of requests of the services that its routes lead to; allowed: paid/,
  ]);
  const many = Array.from({ length: 65 }, (_, at) => `a${at}: { strategy: percentage, value: 5, guard: {} }`);
  t.match(complaints(withFlags(...many)).join('\n'), /flags: 65 flags have a guard; allowed: at most 64/);
});
