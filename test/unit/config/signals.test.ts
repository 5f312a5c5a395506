// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/** Signals as they are written: what each becomes, and what is refused, with its place. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { judgedSignals, readableSignal, requestSignals } from '../../../src/control/signal-specs.ts';
import { accept, complaints, read } from './texts.ts';

function text(...signals: readonly string[]): string {
  return `listeners:
  - address: 127.0.0.1:8080
services:
  shop:
    pools:
      blue: { version: v1.0, endpoints: [127.0.0.1:3001] }
    rollout:
      guard:
        signals:
${signals.map((line) => `          ${line}\n`).join('')}routes:
  - { service: shop }
`;
}

const shop = (...signals: readonly string[]) => accept(text(...signals)).services.get('shop')!;

t.test('without any, there is none', async (t) => {
  const { services } = accept(
    text().replace('        signals:\n', '').replace('      guard:\n', '').replace('    rollout:\n', ''),
  );
  t.same(services.get('shop')!.rollout.guard.signals, {});
});

t.test('a signal of requests has a match, an outcome and a part of the budget', async (t) => {
  const service = shop(
    'checkout:',
    '  requests:',
    '    match: { method: post, path: { exact: /checkout }, headers: { X-Tenant: { present: true } } }',
    '    bad: [{ status: [5xx, 409] }, { headers: { X-Outcome: failed } }]',
    '    good: { status: 2xx }',
    '    weight: 2',
    '    proof: 2x',
    '    ceiling: 10%',
    '  dryRun: true',
  );
  const [spec] = requestSignals(service);
  t.match(spec, {
    name: 'checkout',
    match: {
      methods: ['POST'],
      path: { kind: 'exact', value: '/checkout' },
      headers: [['x-tenant', { present: true }]],
    },
    rest: null,
  });
  const statuses = spec!.bad[0]!.statuses!;
  t.same([statuses[409], statuses[500], statuses[599], statuses[404], statuses[200]], [1, 1, 1, 0, 0]);
  t.match(spec!.bad[1], { statuses: null, headers: [['X-Outcome', { kind: 'exact', value: 'failed' }]] });
  t.equal(spec!.good[0]!.statuses![204], 1);
  t.match(judgedSignals(service), [
    {
      kind: 'compared',
      name: 'checkout',
      acts: false,
      margin: 1.5,
      weight: 2,
      proof: { margin: 2, rate: null, thresholds: 1 },
      ceiling: { minRequests: 50, share: 0.1 },
    },
  ]);
});

t.test('what is said of one side only decides about all other answers', async (t) => {
  const rest = (line: string) => requestSignals(shop(`a: { requests: { ${line} } }`))[0]!.rest;
  t.equal(rest('bad: { status: 500 }'), 'good');
  t.equal(rest('good: { status: 200 }'), 'bad');
});

t.test('a class of statuses is all of it, also 404', async (t) => {
  const [spec] = requestSignals(shop('a: { requests: { bad: { status: 4xx } } }'));
  t.equal(spec!.bad[0]!.statuses![404], 1);
});

t.test('signals that are read have a condition, a policy, and defaults', async (t) => {
  const service = shop(
    'memory: { scrape: { metric: m, atMostRatio: 1.5x } }',
    'slow: { scrape: { metric: m, value: p99.9, labels: { a: b }, atMost: 0.5, noData: halt } }',
    `known: { prometheus: { url: 'http://p:9090', query: 'up{p="{pool}"}', atLeastRatio: 0.8x, failures: 1 } }`,
    `orders: { json: { url: 'https://x/{service}', pointer: /a, atLeast: -3, interval: 1m, noData: rollback } }`,
  );
  const rule = { failures: 3, staleMs: Number.MAX_SAFE_INTEGER };
  t.match(judgedSignals(service), [
    { name: 'memory', onUnknown: 'wait', acts: true, rule: { fine: 'at-most', limit: 1.5, isRatio: true, ...rule } },
    { name: 'slow', onUnknown: 'halt', rule: { fine: 'at-most', limit: 0.5, isRatio: false } },
    { name: 'known', rule: { fine: 'at-least', limit: 0.8, isRatio: true, failures: 1 } },
    { name: 'orders', onUnknown: 'rollback', rule: { fine: 'at-least', limit: -3, isRatio: false } },
  ]);
  t.match(readableSignal(service, 'memory'), {
    path: '/metrics',
    value: { kind: 'value' },
    intervalMs: 10_000,
    timeoutMs: 5_000,
  });
  t.match(readableSignal(service, 'slow'), {
    value: { kind: 'quantile', quantile: 0.9990000000000001 },
    labels: { a: 'b' },
  });
  t.equal(readableSignal(service, 'constructor'), undefined);
});

const REFUSED: readonly (readonly [signal: string, words: RegExp])[] = [
  [
    'a: {}',
    /^t\.yaml:10:14: .*signals\.a: has no kind of signal; allowed: exactly one of requests, scrape, prometheus, json/,
  ],
  ['a: { scrape: { metric: m, atMost: 1 }, requests: { bad: { status: 500 } } }', /more than one kind of signal/],
  [
    'errors: { requests: { bad: { status: 500 } } }',
    /errors: is a signal already.*another name than errors and latency/,
  ],
  ['a: { requests: {} }', /a\.requests: says not what is bad/],
  ['a: { requests: { bad: { status: 6xx } } }', /a\.requests\.bad/],
  ['a: { requests: { bad: { status: 500 }, proof: 1x } }', /requests\.proof: .*can never be shown/],
  ['a: { requests: { bad: { status: 500 }, ceiling: 0% } }', /requests\.ceiling: .*stops every release/],
  ['a: { requests: { bad: { status: 500 }, match: { path: { regex: "(a+)+" } } } }', /match\.path.*repeats something/],
  ['a: { requests: { bad: { status: 500 }, atMost: 1 } }', /"atMost" is not a known key/],
  ['a: { scrape: { metric: m } }', /a\.scrape: has no condition.*exactly one of atMost, atLeast/],
  ['a: { scrape: { metric: m, atMost: 1, atLeast: 0 } }', /has more than one condition/],
  ['a: { scrape: { metric: "m{}", atMost: 1 } }', /scrape\.metric.*name of a metric/],
  ['a: { scrape: { metric: m, atMost: 1, value: p0 } }', /scrape\.value/],
  ['a: { scrape: { metric: m, atMost: 1, value: p100 } }', /scrape\.value/],
  ['a: { scrape: { metric: m, atMostRatio: 0x } }', /scrape\.atMostRatio.*above zero/],
  ['a: { scrape: { metric: m, atMost: 1, interval: 10ms } }', /scrape\.interval.*at least 1000ms/],
  ['a: { json: { url: "ftp://x/", pointer: /a, atMost: 1 } }', /json\.url: is no address that can be asked/],
  ['a: { json: { url: "http://u:p@x/", pointer: /a, atMost: 1 } }', /is no address that can be asked/],
  ['a: { json: { url: "http://x/#a", pointer: /a, atMost: 1 } }', /is no address that can be asked/],
  ['a: { json: { url: "http://x/{cadidate}", pointer: /a, atMost: 1 } }', /json\.url: names what is not known/],
  ['a: { json: { url: "http://x/", pointer: a, atMost: 1 } }', /json\.pointer.*JSON pointer/],
  ['a: { json: { url: "http://x/", pointer: /a, atMostRatio: 2x } }', /asks the same of both pools/],
  ['a: { prometheus: { url: "http://x/", query: "up{candidate}{pol}", atMost: 1 } }', /query: names what is not known/],
];

for (const [signal, words] of REFUSED) {
  t.test(`${signal} is refused`, async (t) => {
    const found = complaints(text(signal));
    t.equal(found.length, 1, found.join('\n'));
    t.match(found[0], words);
    t.match(found[0], /^t\.yaml:(?:9|10):\d+: /);
  });
}

t.test('there may be so many of them', async (t) => {
  const many = (count: number, rest: string) => Array.from({ length: count }, (_, index) => `s${index}: { ${rest} }`);
  const counted = 'requests: { bad: { status: 500 } }';
  const scraped = 'scrape: { metric: m, atMost: 1 }';
  t.same(complaints(text(...many(8, counted))), []);
  t.match(complaints(text(...many(9, counted))), [/at most 16 signals, 8 of them of requests/]);
  t.same(complaints(text(...many(16, scraped))), []);
  t.match(complaints(text(...many(17, scraped))), [/at most 16 signals/]);
});

t.test('tokens and header fields are shown nowhere', async (t) => {
  const line = (secret: string) =>
    text(`a: { json: { url: "http://x/", pointer: /a, atMost: 1, token: ${secret}, headers: { x-key: ${secret} } } }`);
  const found = differences(accept(line('hunter2')), accept(line('hunter3')));
  t.equal(found.length, 2);
  for (const { text: shown } of found) t.notMatch(shown, 'hunter');
  t.notMatch(read(line('${SECRET}'), { SECRET: 'hunter2' }).redacted, 'hunter2');
});

t.test('a change of a signal is told by its name', async (t) => {
  const line = (limit: number) => text(`memory: { scrape: { metric: m, atMost: ${limit} } }`);
  t.match(differences(accept(line(1)), accept(line(2))), [{ subject: 'shop.rollout.guard.signals.memory.limit' }]);
});

t.test('what the page about signals shows is a config', async (t) => {
  const [, example] = /```yaml\n([\s\S]*?)```/.exec(readFileSync('docs/signals.md', 'utf8'))!;
  const pools = '    pools: { blue: { version: v1, endpoints: [127.0.0.1:3001] } }\n';
  const whole = `listeners: [{ address: 127.0.0.1:8080 }]\n${example!.replace('  shop:\n', (line) => line + pools)}`;
  const { services } = accept(`${whole}routes: [{ service: shop }]\n`);
  t.equal(Object.keys(services.get('shop')!.rollout.guard.signals).length, 5);
});
