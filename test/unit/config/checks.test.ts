/** What must hold between the keys of a config. */
import t from 'tap';
import { read, SMALL } from './texts.ts';

const TWO = SMALL.replace(
  '      blue: { version: v1.0, endpoints: [127.0.0.1:3001] }\n',
  `      blue: { version: v1.0, endpoints: [127.0.0.1:3001] }
      green: { version: v2.0, endpoints: [127.0.0.1:3101] }
    traffic: { blue: 1, green: 0 }
`,
);

type Case = {
  readonly title: string;
  readonly text: string;
  readonly expected: readonly (readonly [string, number, RegExp])[];
};

/** Each case: path, line and message of every problem that the text has, and no other. */
const cases: readonly Case[] = [
  { title: 'a good config has no problems', text: TWO, expected: [] },
  {
    title: 'a service with several pools must say where traffic goes',
    text: TWO.replace('    traffic: { blue: 1, green: 0 }\n', ''),
    expected: [['services.shop.traffic', 4, /is missing, and there is more than one pool/]],
  },
  {
    title: 'traffic names pools of its service',
    text: TWO.replace('green: 0 }', 'gren: 0 }'),
    expected: [['services.shop.traffic.gren', 8, /"gren" is no pool/]],
  },
  {
    title: 'a pool that takes everything must exist',
    text: TWO.replace('{ blue: 1, green: 0 }', 'bleu'),
    expected: [['services.shop.traffic', 8, /"bleu" is no pool/]],
  },
  {
    title: 'an address is in a pool once',
    text: SMALL.replace('[127.0.0.1:3001]', '[127.0.0.1:3001, { address: 127.0.0.1:3001 }]'),
    expected: [['services.shop.pools.blue.endpoints[1].address', 6, /in this pool twice, first on line 6/]],
  },
  {
    title: 'an address belongs to one version, however it is written',
    text: TWO.replace('[127.0.0.1:3001]', '["[::1]:3001"]').replace('127.0.0.1:3101', '"[0:0:0:0:0:0:0:1]:3001"'),
    expected: [['services.shop.pools.green.endpoints[0]', 7, /is also in pool blue \(line 6\)/]],
  },
  {
    title: 'a route names a service',
    text: SMALL.replace('service: shop', 'service: shpo'),
    expected: [['routes[0].service', 8, /"shpo" is no service/]],
  },
  {
    title: 'a route that matches the same as one above is unreachable, however it is written',
    text: `${SMALL}  - { host: [a.x, B.x], method: get, headers: { X: "1", Y: "2" }, service: shop }
  - { host: b.x, method: GET, path: { prefix: / }, headers: { y: "2", x: "1" }, service: shop }\n`,
    expected: [['routes[2]', 10, /can never be reached: the route on line 9/]],
  },
  {
    title: 'a route is unreachable when several routes above take all of it',
    text: `${SMALL}  - { host: a.x, service: shop }
  - { host: b.x, service: shop }
  - { host: [a.x, b.x], service: shop }\n`,
    expected: [['routes[3]', 11, /the route on line 9 and 10/]],
  },
  {
    title: 'a more or less specific match is reachable whatever stands above it',
    text: `${SMALL}  - { path: /a, service: shop }
  - { path: { exact: /a }, service: shop }
  - { method: GET, service: shop }
  - { host: "*.x", service: shop }
  - { host: a.x, service: shop }\n`,
    expected: [],
  },
  {
    title: 'names of routes are different',
    text: `${SMALL}  - { name: a, path: /a, service: shop }\n  - { name: a, path: /b, service: shop }\n`,
    expected: [['routes[2].name', 10, /"a" is there twice, first on line 9/]],
  },
  {
    title: 'an expression that cannot be compiled is refused',
    text: `${SMALL}  - { path: { regex: '(a' }, service: shop }\n`,
    expected: [['routes[1].path.regex', 9, /is not a regular expression: unterminated group/]],
  },
  {
    title: 'an expression that can take exponential time is refused',
    text: `${SMALL}  - { path: { regex: '^(a+)+$' }, service: shop }\n`,
    expected: [['routes[1].path.regex', 9, /exponential/]],
  },
  {
    title: 'two listeners cannot share an address',
    text: SMALL.replace('services:', '  - address: 0.0.0.0:8080\nservices:'),
    expected: [['listeners[1].address', 3, /beside another listener \(line 2\)/]],
  },
  {
    title: 'a listener cannot take the place of the admin API, also of the one by default',
    text: SMALL.replace('127.0.0.1:8080', '"[::]:9900"'),
    expected: [['listeners[0].address', 2, /beside the admin API/]],
  },
  {
    title: 'port zero clashes with nothing',
    text: SMALL.replace('127.0.0.1:8080', '127.0.0.1:0\n  - address: 127.0.0.1:0\n    name: second'),
    expected: [],
  },
  {
    title: 'an admin API that others can reach needs a token',
    text: `${SMALL}admin: { address: 0.0.0.0:9900 }\n`,
    expected: [['admin.address', 9, /can be reached from other machines and there is no token/]],
  },
  {
    title: 'with a token it may be reached',
    text: `${SMALL}admin: { address: 0.0.0.0:9900, token: abc }\n`,
    expected: [],
  },
  {
    title: 'loopback by name and by IPv6 is loopback',
    text: `${SMALL}admin: { address: "[::1]:9900" }\n`,
    expected: [],
  },
  {
    title: 'an endpoint needs a port that can be connected to',
    text: SMALL.replace(':3001', ':65536'),
    expected: [['services.shop.pools.blue.endpoints[0]', 6, /is not allowed/]],
  },
  {
    title: 'a cookie lifetime needs a cookie',
    text: SMALL.replace('    pools:', '    sticky: { clientIp: true, maxAge: 1h }\n    pools:'),
    expected: [['services.shop.sticky.maxAge', 5, /no cookie/]],
  },
  {
    title: 'what was taken out because it is malformed is not said to be missing',
    text: TWO.replace('version: v2.0, ', ''),
    expected: [['services.shop.pools.green.version', 7, /is missing/]],
  },
  {
    title: 'an index is that of the file, also when an earlier item is malformed',
    text: `${SMALL}  - 7\n  - { path: /x, service: nowhere }\n`,
    expected: [
      ['routes[1]', 9, /7 is not allowed/],
      ['routes[2].service', 10, /"nowhere" is no service/],
    ],
  },
];

for (const { title, text, expected } of cases) {
  t.test(title, async (t) => {
    const { config, problems } = read(text);
    t.equal(config === undefined, expected.length > 0, 'it is accepted exactly when it has no error');
    t.match(
      problems,
      expected.map(([path, line, message]) => ({ path, line, message, severity: 'error' })),
    );
    t.equal(problems.length, expected.length);
  });
}

t.test('weights that are all zero are legal and worth a warning', async (t) => {
  const { config, problems } = read(TWO.replace('blue: 1', 'blue: 0'));
  t.same({ ...config?.services.get('shop')?.traffic }, { blue: 0, green: 0 });
  t.match(problems, [{ path: 'services.shop.traffic', line: 8, severity: 'warning' }]);
  t.equal(problems.length, 1);
});

t.test('a wait may be as long as a timer holds, the life of a cookie ten years', async (t) => {
  const wait = SMALL.replace('    pools:', '    timeouts: { response: 597h }\n    pools:');
  t.match(read(wait).problems[0]?.allowed, /at most 596h/);
  const life = SMALL.replace('    pools:', '    sticky: { cookie: tg, maxAge: 8760h }\n    pools:');
  t.same(read(life).problems, []);
  t.match(read(life.replace('8760h', '87601h')).problems[0]?.allowed, /at most 87600h/);
});
