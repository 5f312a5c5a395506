/** Limits on what is in flight, and overload, as they are written. */
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { formatProblem } from '../../../src/config/problem.ts';

function parse(top: string, service = '', pool = '') {
  const text = `listeners: [{ address: 127.0.0.1:0 }]
${top}
services:
  shop:
    ${service}
    pools:
      blue:
        version: v1
        endpoints: [127.0.0.1:1]
        ${pool}
routes: [{ service: shop }]
`;
  const { config, problems } = parseConfig(text, { file: 't.yaml', env: {} });
  return { config, problems: problems.map(formatProblem) };
}

t.test('without a word there is no limit on what is in flight, and overload is shed at 200 ms', async (t) => {
  const { config, problems } = parse('');
  t.same(problems, []);
  t.equal(config?.limits.inFlight, undefined);
  t.equal(config?.services.get('shop')?.limits.inFlight, undefined);
  t.equal(config?.services.get('shop')?.pools.get('blue')?.limits.inFlight, undefined);
  t.same(config?.overload, { lagMs: 200 });
});

t.test('everything can be said, and overload can be turned off', async (t) => {
  const { config, problems } = parse(
    'limits: { inFlight: 1000 }\noverload: { lag: 250ms }',
    'limits: { inFlight: 500 }',
    'limits: { inFlight: 50 }',
  );
  t.same(problems, []);
  t.equal(config?.limits.inFlight, 1000);
  t.equal(config?.services.get('shop')?.limits.inFlight, 500);
  t.equal(config?.services.get('shop')?.pools.get('blue')?.limits.inFlight, 50);
  t.same(config?.overload, { lagMs: 250 });
  t.same(parse('overload: off').config?.overload, { lagMs: Number.POSITIVE_INFINITY });
});

const wrong: readonly (readonly [top: string, service: string, pool: string, RegExp])[] = [
  ['limits: { inFlight: 0 }', '', '', /^t\.yaml:2:21: limits\.inFlight: 0 is not allowed; allowed: a whole number/],
  ['', 'limits: { inFlight: off }', '', /^t\.yaml:5:25: services\.shop\.limits\.inFlight: "off" is not allowed/],
  [
    '',
    '',
    'limits: { queue: 5 }',
    /^t\.yaml:10:19: services\.shop\.pools\.blue\.limits\.queue: "queue" is not a known/,
  ],
  ['overload: { lag: 5ms }', '', '', /^t\.yaml:2:18: overload\.lag: "5ms" is not allowed; .* at least 20ms/],
  ['overload: on', '', '', /^t\.yaml:2:11: overload: "on" is not allowed/],
];
for (const [top, service, pool, expected] of wrong) {
  t.test(`${top}${service}${pool} is refused`, async (t) => {
    const { config, problems } = parse(top, service, pool);
    t.equal(config, undefined);
    t.equal(problems.length, 1);
    t.match(problems[0], expected);
  });
}

t.test('a limit that can never be reached is told, and allowed', async (t) => {
  const { config, problems } = parse(
    'limits: { inFlight: 10 }',
    'limits: { inFlight: 11 }',
    'limits: { inFlight: 12 }',
  );
  t.ok(config);
  t.match(problems, [
    /^t\.yaml:5:25: .*services\.shop\.limits\.inFlight: 11 is never reached: limits\.inFlight is 10/,
    /^t\.yaml:10:29: .*services\.shop\.pools\.blue\.limits\.inFlight: 12 is never reached: limits\.inFlight is 10/,
  ]);
});

t.test('a change of each is told in words', async (t) => {
  const before = parse('limits: { inFlight: 1000 }', 'limits: { inFlight: 500 }', 'limits: { inFlight: 50 }').config!;
  const after = parse('overload: off', 'limits: { inFlight: 400 }', 'limits: { inFlight: 40 }').config!;
  t.same(
    differences(before, after).map(({ text }) => text),
    [
      'limits.inFlight removed',
      'overload.lag 200ms→off',
      'shop.blue: limits.inFlight 50→40',
      'shop.limits.inFlight 500→400',
    ],
  );
});
