import t from 'tap';
import { parseConfig } from '../../../src/config/parse.ts';

function parse(...lines: readonly string[]) {
  const text = [
    'listeners: [{ address: 127.0.0.1:0 }]',
    'services:',
    '  shop:',
    '    pools: { blue: { version: v1, endpoints: [127.0.0.1:1] } }',
    ...lines.map((line) => `    ${line}`),
    'routes: [{ service: shop }]',
  ].join('\n');
  const { config, problems } = parseConfig(text, { file: 'test.yaml', env: {} });
  return { shop: config?.services.get('shop'), problems };
}

t.test('without the key nothing is ejected and nothing starts slowly', async (t) => {
  const { shop } = parse();
  t.equal(shop?.ejection, undefined);
  t.equal(shop?.slowStartMs, 0);
});

t.test('an empty ejection is one with every default', async (t) => {
  t.same(parse('ejection: {}').shop?.ejection, {
    consecutiveFailures: 5,
    successRatio: undefined,
    minRequests: 20,
    windowMs: 10_000,
    baseMs: 30_000,
    maxMs: 300_000,
    maxShare: 0.5,
    panic: 0.5,
  });
});

t.test('everything can be said', async (t) => {
  const { shop } = parse(
    'slowStart: 45s',
    'ejection: { consecutiveFailures: 3, successRatio: 90%, minRequests: 5, window: 5s, base: 1s, max: 1m, maxShare: 25%, panic: 0% }',
  );
  t.equal(shop?.slowStartMs, 45_000);
  t.match(shop?.ejection, {
    consecutiveFailures: 3,
    successRatio: 0.9,
    minRequests: 5,
    windowMs: 5000,
    baseMs: 1000,
    maxMs: 60_000,
    maxShare: 0.25,
    panic: 0,
  });
});

t.test('a longest time that is shorter than the first one is refused, at its place', async (t) => {
  const { problems } = parse('ejection: { base: 1m, max: 30s }');
  t.match(problems, [{ line: 5, path: 'services.shop.ejection.max', message: /is shorter than base/ }]);
});

for (const [line, path] of [
  ['ejection: { consecutiveFailures: 0 }', 'services.shop.ejection.consecutiveFailures'],
  ['ejection: { maxShare: 101% }', 'services.shop.ejection.maxShare'],
  ['ejection: { panik: 50% }', 'services.shop.ejection.panik'],
  ['slowStart: fast', 'services.shop.slowStart'],
] as const) {
  t.test(`refused: ${line}`, async (t) => {
    t.match(parse(line).problems, [{ line: 5, path }]);
  });
}
