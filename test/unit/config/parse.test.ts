// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of these texts.
/** What a config becomes, and what is said about one that cannot become anything. */
import t from 'tap';
import { formatProblem } from '../../../src/config/problem.ts';
import { accept, complaints, LARGE, read, SMALL } from './texts.ts';

t.test('the smallest config gets every default', async (t) => {
  const config = accept(SMALL);
  t.match(config, {
    listeners: [{ name: '127.0.0.1:8080', trustedProxies: [], timeouts: { headMs: 10_000, keepAliveMs: 75_000 } }],
    admin: { address: { host: '127.0.0.1', port: 9900 }, token: undefined, allowedHosts: [] },
    workers: 'auto',
    state: '.tidegate/state.db',
    log: { level: 'info', access: { mode: 'errors' } },
    limits: { headBytes: 16_384, targetBytes: 8192, fields: 128, bodyBytes: Number.POSITIVE_INFINITY, paths: 'strict' },
    shutdown: { delayMs: 0, deadlineMs: 30_000 },
  });
  const shop = config.services.get('shop');
  t.match(shop, {
    name: 'shop',
    traffic: { blue: 100 },
    balance: 'least-request',
    hashOn: { kind: 'clientIp' },
    timeouts: { connectMs: 2000, responseMs: 30_000, idleMs: 300_000, queueMs: 5000 },
    limits: { connections: 256, queue: 1024 },
    keepAlive: { idleMs: 60_000 },
    drainMs: 300_000,
    drainPerSecond: 100,
  });
  t.match(config.routes[0], {
    id: '/',
    hosts: [],
    path: { kind: 'prefix', value: '/' },
    methods: [],
    upgrade: ['websocket'],
  });
});

t.test('every written form becomes its normal form', async (t) => {
  const config = accept(LARGE);
  t.match(config, {
    listeners: [
      { address: { host: '0.0.0.0', port: 8080 }, trustedProxies: [{ address: '10.0.0.0', bits: 8, family: 'ipv4' }] },
    ],
    log: { access: { mode: 'sampled', share: 0.01 } },
    limits: { headBytes: 32_768, bodyBytes: 1_048_576 },
  });
  const shop = config.services.get('shop');
  t.same({ ...shop?.traffic }, { blue: 95, green: 5 });
  t.match(shop, {
    hashOn: { kind: 'header', name: 'x-user-id' },
    sticky: { kind: 'cookie', name: 'tg', maxAgeMs: 3_600_000 },
    preview: { header: 'x-tidegate-pool', token: 'open' },
    health: {
      intervalMs: 2000,
      jitterShare: 0.1,
      initial: 'admitted',
      status: [
        { from: 200, to: 200 },
        { from: 300, to: 399 },
      ],
    },
    drainMs: 60_000,
    drainPerSecond: 100,
    versionHeader: 'x-version',
  });
  t.match(shop?.pools.get('green')?.endpoints[1], {
    name: '127.0.0.1:3102',
    address: { host: '127.0.0.1', port: 3102 },
    weight: 2,
    resolveMs: null,
  });
  t.same(config.services.get('api')?.pools.get('only')?.endpoints[0]?.address, { host: '::1', port: 4000 });
  const [first, second, third, fourth] = config.routes;
  t.same(first?.path, { kind: 'prefix', value: '/api' }, 'a slash at the end of a prefix means nothing');
  t.match(second, { id: 'tenants', headers: [{ name: 'x-tenant', match: { kind: 'exact', value: 'acme' } }] });
  t.match(third, { hosts: ['*.example.com', 'example.org'], methods: ['GET', 'POST'], timeouts: { responseMs: 1000 } });
  t.match(fourth, { upgrade: [], query: [{ match: { kind: 'present', value: true } }] });
});

t.test('a pool that traffic does not name has weight zero, and a name alone means everything', async (t) => {
  const two = SMALL.replace(
    '    pools:\n',
    '    traffic: green\n    pools:\n      green: { version: v2, endpoints: [a:1] }\n',
  );
  t.same({ ...accept(two).services.get('shop')?.traffic }, { green: 100, blue: 0 });
});

t.test('names that objects inherit are ordinary names here', async (t) => {
  const config = accept(SMALL.replaceAll('shop', 'constructor').replace('blue', 'valueof'));
  t.same([...config.services.keys()], ['constructor']);
  t.same(Object.keys(config.services.get('constructor')?.traffic ?? {}), ['valueof']);
  t.match(complaints(`${SMALL}__proto__: { polluted: true }\n`), [/t.yaml:9:1: __proto__: is not allowed as a key/]);
  t.equal(({} as { polluted?: boolean }).polluted, undefined);
});

t.test('text that is no config is refused with a place', async (t) => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['an empty file', '', /^t.yaml:1:1: the file is empty$/],
    ['only a comment', '# nothing\n', /^t.yaml:1:1: the file is empty$/],
    ['a list', '- a\n', /^t.yaml:1:1: is not a mapping/],
    ['a tab', 'listeners:\n\t- a\n', /^t.yaml:2:1: a tab cannot be used/],
    ['an open bracket', 'listeners: [\n', /^t.yaml:\d+:\d+: .*bracket/],
    ['two documents', `${SMALL}---\na: 1\n`, /^t.yaml:9:1: a second YAML document/],
    [
      'a key twice',
      SMALL.replace('routes:', 'listeners: []\nroutes:'),
      /^t.yaml:7:1: listeners: is there twice, first on line 1$/,
    ],
    ['bytes that are no UTF-8', 'a: b\nc: "\ufffd"\n', /^t.yaml:2:5: is not UTF-8 text/],
    ['a control character', 'a: b\n\u0000', /^t.yaml:2:1: has a control character/],
    ['a mapping as a key', `? { a: 1 }\n: 2\n${SMALL}`, /^t.yaml:1:3: has a key that is not a text/],
    ['an unknown anchor', `${SMALL}state: *nowhere\n`, /^t.yaml:9:8: state: names an anchor/],
    ['an alias of itself', `${SMALL}log: &log { level: *log }\n`, /^t.yaml:9:\d+: log.level.* is nested too deeply/],
    ['a tag', `${SMALL}state: !!js/function x\n`, /^t.yaml:9:8: tags such as !name/],
    ['very deep lists', '['.repeat(20_000), /nested too deeply/],
    ['an unclosed quote', `${SMALL}state: "x\n`, /is missing here/],
  ];
  for (const [name, text, expected] of cases) {
    const { config, problems } = read(text);
    t.equal(config, undefined, `${name} is no config`);
    t.ok(
      problems.some((problem) => expected.test(formatProblem(problem))),
      `${name}: ${problems.map(formatProblem)[0]}`,
    );
  }
});

t.test('aliases are values, and a bomb of them is refused in little time', async (t) => {
  const shared = SMALL.replace(
    '  - { service: shop }',
    '  - { service: shop, path: /a, headers: &h { x: y } }\n  - { service: shop, headers: *h }',
  );
  t.same(accept(shared).routes[1]?.headers, [{ name: 'x', match: { kind: 'exact', value: 'y' } }]);
  let bomb = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n';
  for (let level = 1; level < 12; level += 1) {
    bomb += `a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]\n`;
  }
  t.ok(complaints(bomb).some((text) => text.includes('aliases multiply')));
});

t.test('a byte order mark and CRLF change neither the meaning nor the lines', async (t) => {
  const windows = `\ufeff${SMALL.replaceAll('\n', '\r\n')}`;
  t.same(accept(windows), accept(SMALL));
  t.match(complaints(`\ufeff${SMALL.replace('service: shop', 'servise: shop').replaceAll('\n', '\r\n')}`), [
    /^t.yaml:8:5: routes\[0\]: leads nowhere/,
    /^t.yaml:8:7: routes\[0\].servise: "servise" is not a known key.* did you mean "service"\?$/,
  ]);
});

t.test('all mistakes of a file come in one list, in the order of their lines', async (t) => {
  const found = complaints(`listeners: [{ adress: x }, { address: "[::1]:99999" }]
workers: 0
log: { level: inof, access: sampled 200% }
limits: { body: 5, head: 16KB }
services:
  Shop: {}
  a:
    pools: { x: { version: 1.0, endpoints: [a:0] }, y: { version: v, endpoints: [b:1] } }
    sticky: { cookie: a, header: b }
    hashOn: { header: x }
    traffic: { x: -1, y: .nan }
  b: { pools: { x: { version: v, endpoints: [{ address: b:1, wieght: 3 }] } }, traffic: { z: 1 } }
routes:
  - { service: bb, retries: 3 }
  - { path: { exact: /a, prefix: /b }, service: b }
  - 5
`);
  t.same(
    found.map((line) => line.replace(/; allowed.*/, '')),
    [
      't.yaml:1:13: listeners[0].address: is missing',
      't.yaml:1:15: listeners[0].adress: "adress" is not a known key',
      't.yaml:1:39: listeners[1].address: "[::1]:99999" is not allowed',
      't.yaml:2:10: workers: 0 is not allowed',
      't.yaml:3:15: log.level: "inof" is not allowed',
      't.yaml:3:29: log.access: "sampled 200%" is not allowed',
      't.yaml:4:17: limits.body: 5 is not allowed',
      't.yaml:4:26: limits.head: "16KB" is not allowed',
      't.yaml:6:3: services.Shop: "Shop" is not allowed as a name',
      't.yaml:8:28: services.a.pools.x.version: 1 is a number and not a text (put it in quotes)',
      't.yaml:8:45: services.a.pools.x.endpoints[0]: "a:0" is not allowed',
      't.yaml:9:13: services.a.sticky: has more than one kind',
      't.yaml:10:13: services.a.hashOn: is not used by this balance',
      't.yaml:11:19: services.a.traffic.x: -1 is not allowed',
      't.yaml:11:26: services.a.traffic.y: NaN is not allowed',
      't.yaml:12:62: services.b.pools.x.endpoints[0].wieght: "wieght" is not a known key',
      't.yaml:12:91: services.b.traffic.z: "z" is no pool of this service',
      't.yaml:14:16: routes[0].service: "bb" is no service',
      't.yaml:14:20: routes[0].retries: "retries" is not a known key',
      't.yaml:15:13: routes[1].path: has more than one kind of match',
      't.yaml:16:5: routes[2]: 5 is not allowed',
    ],
  );
});

t.test('a problem says what is allowed and what was probably meant', async (t) => {
  const [level] = complaints(`${SMALL}log: { level: wran }\n`);
  t.equal(
    level,
    't.yaml:9:15: log.level: "wran" is not allowed; allowed: trace, debug, info, warn, error, fatal; ' +
      'did you mean "warn"?',
  );
  const [key] = read(SMALL.replace('version', 'verison')).problems.filter(
    (problem) => problem.suggestion !== undefined,
  );
  t.match(key, {
    path: 'services.shop.pools.blue.verison',
    suggestion: 'version',
    allowed: 'version, endpoints',
    severity: 'error',
  });
});

t.test('keys of features that do not exist are unknown', async (t) => {
  for (const key of ['mirror']) {
    t.match(complaints(SMALL.replace('    pools:', `    ${key}: {}\n    pools:`)), [
      new RegExp(`"${key}" is not a known key`),
    ]);
  }
  for (const key of ['tls']) t.match(complaints(`${SMALL}${key}: {}\n`), [new RegExp(`"${key}" is not a known key`)]);
});
