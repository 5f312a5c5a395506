// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/** What is said about a change, and which changes are none. */
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { fingerprint } from '../../../src/config/fingerprint.ts';
import { accept, LARGE } from './texts.ts';

const before = accept(LARGE);

function sentences(...changes: readonly (readonly [string, string])[]): string[] {
  let text = LARGE;
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`the text has no ${from}`);
    text = text.replace(from, to);
  }
  return differences(before, accept(text)).map((difference) => difference.text);
}

const cases: readonly (readonly [string, string, readonly string[]])[] = [
  ['{ blue: 95, green: 5% }', '{ blue: 0, green: 100 }', ['shop: blue 95→0, green 5→100']],
  ['{ blue: 95, green: 5% }', 'green', ['shop: blue 95→0, green 5→100']],
  ['version: v2.0', 'version: v2.1', ['shop.green: version v2.0→v2.1']],
  ['[127.0.0.1:3101,', '[127.0.0.1:3101, 127.0.0.1:3103,', ['shop.green: endpoint 127.0.0.1:3103 added']],
  ['[127.0.0.1:3001, 127.0.0.1:3002]', '[127.0.0.1:3002]', ['shop.blue: endpoint 127.0.0.1:3001 removed']],
  ['weight: 2', 'weight: 3', ['shop.green: endpoint 127.0.0.1:3102 weight 2→3']],
  ['level: info', 'level: debug', ['log.level info→debug']],
  ['access: sampled 1%', 'access: all', ['log.access sampled 1%→all']],
  ['head: 32KiB', 'head: 16KiB', ['limits.head 32KiB→16KiB']],
  ['body: 1MiB', 'body: off', ['limits.body 1MiB→off']],
  ['deadline: 1m', 'deadline: 90s', ['shutdown.deadline 1m→90s']],
  ['workers: auto', 'workers: 2', ['workers auto→2']],
  ['127.0.0.1:9900', '127.0.0.1:9901', ['admin.address 127.0.0.1:9900→127.0.0.1:9901']],
  ['{ connect: 2s', '{ connect: 250ms', ['shop.timeouts.connect 2s→250ms']],
  ['status: [200, 300-399]', 'status: 200-399', ['shop.health.status [200, 300-399]→[200-399]']],
  ['sticky: { cookie: tg, maxAge: 1h }', 'sticky: { cookie: tg }', ['shop.sticky.maxAge removed']],
  ['    versionHeader: X-Version\n', '', ['shop.versionHeader removed']],
  [
    '[10.0.0.0/8] ',
    '[10.0.0.0/8, 10.1.0.0/16] ',
    ['listener 0.0.0.0:8080: trustedProxies [10.0.0.0/8]→[10.0.0.0/8, 10.1.0.0/16]'],
  ],
  ['0.0.0.0:8080', '0.0.0.0:8081', ['listener 0.0.0.0:8080 removed', 'listener 0.0.0.0:8081 added']],
  ['  - { name: tenants', '  - { path: /new, service: api }\n  - { name: tenants', ['route 2 added (/new/* → api)']],
  [
    "regex: '^/v[0-9]+/'",
    "regex: '^/w/'",
    ['route 2 (tenants): match ~^/v[0-9]+/ header x-tenant=acme→~^/w/ header x-tenant=acme'],
  ],
  ['path: /api/, service: shop', 'path: /api/, service: api', ['route 1 (shop.example.com /api/*): service shop→api']],
  [
    'timeouts: { response: 1s }',
    'timeouts: { response: 2s }',
    ['route 3 (GET,POST *.example.com,example.org =/a): timeouts.response 1s→2s'],
  ],
  [
    '  - { host: shop.example.com, path: /api/, service: shop }\n',
    '',
    ['route 1 removed (shop.example.com /api/* → shop)'],
  ],
];

t.test('every change has its sentence', async (t) => {
  for (const [from, to, expected] of cases) {
    if (expected.length > 0) t.same(sentences([from, to]), expected);
  }
  const listener = ['admin:\n', '  - { address: 0.0.0.0:8081 }\nadmin:\n'] as const;
  t.same(sentences(listener), ['listener 0.0.0.0:8081 added']);
  const service = ['  api:\n', '  more:\n    pools: { p: { version: v1, endpoints: [a:1] } }\n  api:\n'] as const;
  t.same(sentences(service), ['service more added']);
  const pool = ['    traffic:', '      red: { version: v3, endpoints: [a:1] }\n    traffic:'] as const;
  t.same(sentences(pool), ['shop: pool red added (version v3)']);
  t.same(sentences(['level: info', 'level: debug'], ['version: v7', 'version: v8']), [
    'log.level info→debug',
    'api.only: version v7→v8',
  ]);
});

t.test('what means the same is no difference', async (t) => {
  t.same(sentences(), []);
  t.same(sentences(['# whose', '# hers, whose']), []);
  t.same(sentences(['95', '95.0'], ['5%', '5']), []);
  t.same(sentences(['connect: 2s, ', ''], ['head: 32KiB', 'head: 32768B'], ['1h', '60m']), []);
  t.same(
    sentences(['[127.0.0.1:3001, 127.0.0.1:3002]', '[127.0.0.1:3002, { address: 127.0.0.1:3001, weight: 1 }]']),
    [],
  );
  t.same(sentences(['[get, post]', '[POST, GET]'], ['X-Tenant', 'x-tenant'], ['/api/', '/api']), []);
  const [head = '', routes = ''] = LARGE.split('routes:\n');
  const turned = `${head}routes:\n${routes
    .trimEnd()
    .split(/\n(?= {2}- )/)
    .reverse()
    .join('\n')}\n`;
  t.same(differences(before, accept(turned)), [], 'the order of routes');
});

t.test('a secret that changes is named and not shown', async (t) => {
  const found = sentences(['${TIDEGATE_TOKEN:-}', 'hunter2-new'], [':-open', ':-hunter2']);
  t.same(found, ['admin.token added', 'shop.preview.token changed']);
});

t.test('the header fields of a smoke request may be credentials, and are not shown', async (t) => {
  const text = (token: string): string => `listeners: [{ address: 127.0.0.1:8080 }]
services:
  shop:
    pools: { blue: { version: v1, endpoints: [127.0.0.1:1] } }
    rollout: { verify: { smoke: [{ path: /a, headers: { authorization: '${token}' } }] } }
routes: [{ service: shop }]
`;
  const found = differences(accept(text('Bearer one')), accept(text('Bearer two')));
  t.same(
    found.map((difference) => difference.text),
    ['shop.rollout.verify.smoke changed'],
  );
});

t.test('changes that wait for a restart say so', async (t) => {
  const after = accept(
    LARGE.replace('auto', '2').replace('state.db', 'other.db').replace(':9900', ':9901').replace('info', 'warn'),
  );
  t.same(
    differences(before, after).map(({ subject, needsRestart }) => [subject, needsRestart]),
    [
      ['workers', true],
      ['state', true],
      ['admin.address', true],
      ['log.level', false],
    ],
  );
});

t.test('a fingerprint changes with the instruction and with nothing else', async (t) => {
  const of = (traffic: string, text = LARGE) => {
    const service = accept(text.replace('{ blue: 95, green: 5% }', traffic)).services.get('shop');
    return fingerprint(service!.traffic);
  };
  const same = of('{ blue: 95, green: 5% }');
  t.match(same, /^[0-9a-f]{16}$/);
  t.equal(of('{ green: 5, blue: 95.0 } # a comment'), same);
  t.equal(of('{ blue: 95, green: 5 }', LARGE.replace('v2.0', 'v2.1')), same);
  t.equal(of('blue'), of('{ blue: 100, green: 0 }'));
  t.not(of('{ blue: 94, green: 5 }'), same);
  t.not(of('{ blue: 5, green: 95 }'), same);
  t.equal(fingerprint({}), fingerprint({ blue: 0 }));
});
