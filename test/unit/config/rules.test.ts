/** The rules of routes and pools, and the tokens of the admin API, as they are written, refused, compared and hidden. */
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { accept, complaints, read, SMALL } from './texts.ts';

const CRYPT = '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5';
/** The small config with this in its route. */
const withRoute = (keys: string): string => SMALL.replace('{ service: shop }', () => `{ ${keys} }`);
const withPool = (keys: string): string => SMALL.replace('version: v1.0', () => `version: v1.0, ${keys}`);
const withAdmin = (keys: string): string => `${SMALL}admin: { ${keys} }\n`;

t.test('rules become their normal form', async (t) => {
  const route = accept(
    withRoute(`service: shop, ipAllow: [10.0.0.0/8], path: /api, rewrite: { prefix: /v2 },
      requestHeaders: { set: { X-A: b }, add: { X-C: [d, e] }, remove: [x-f] },
      basicAuth: { users: [{ name: anna, password: ${CRYPT} }] },
      rateLimit: { requests: 10, per: 1m, header: X-Key }`),
  ).routes[0]!;
  t.match(route, {
    ipAllow: [{ address: '10.0.0.0', bits: 8 }],
    ipDeny: [],
    rewrite: { kind: 'prefix', to: '/v2' },
    requestHeaders: {
      set: [{ name: 'X-A', value: 'b' }],
      add: [
        { name: 'X-C', value: 'd' },
        { name: 'X-C', value: 'e' },
      ],
      remove: ['x-f'],
    },
    basicAuth: { realm: 'tidegate', users: [{ name: 'anna', password: CRYPT }] },
    rateLimit: {
      requests: 10,
      perMs: 60_000,
      burst: 10,
      keys: 65_536,
      dryRun: false,
      by: { kind: 'header', name: 'x-key' },
    },
  });
  t.match(accept(withRoute('redirect: { host: b.test }')).routes[0], {
    service: undefined,
    redirect: { status: 302, host: 'b.test', query: true },
  });
  t.match(accept(withRoute('respond: { status: 503, body: later }')).routes[0], {
    respond: { status: 503, body: 'later', contentType: 'text/plain; charset=utf-8' },
  });
});

const reserved = [
  'Connection',
  'content-length',
  'Transfer-Encoding',
  'TE',
  'Trailer',
  'Upgrade',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'Host',
  'Via',
  'Forwarded',
  'X-Forwarded-For',
  'x-forwarded-anything',
  'Expect',
  'X-Request-Id',
  'traceparent',
];
for (const name of reserved) {
  t.test(`no rule may touch ${name}`, async (t) => {
    for (const direction of ['requestHeaders', 'responseHeaders']) {
      for (const rule of [`set: { ${name}: a }`, `add: { ${name}: a }`, `remove: [${name}]`]) {
        for (const text of [
          withRoute(`service: shop, ${direction}: { ${rule} }`),
          withPool(`${direction}: { ${rule} }`),
        ]) {
          t.match(
            complaints(text),
            [/a header name that is not of framing, of one connection, or of forwarding/],
            rule,
          );
        }
      }
    }
  });
}

const bad: readonly (readonly [title: string, text: string, complaint: RegExp])[] = [
  ['a route leads somewhere', withRoute('path: /x'), /leads nowhere.*exactly one of service, redirect or respond/],
  ['a route leads to one place', withRoute('service: shop, respond: {}'), /leads to more than one place/],
  [
    'a line break ends no header value',
    withRoute('service: shop, requestHeaders: { set: { a: "b\\r\\nc: d" } }'),
    /printable ASCII/,
  ],
  ['a header name is a token', withRoute('service: shop, requestHeaders: { set: { "a b": c } }'), /a header name/],
  [
    'a regular expression has no nested repetition',
    withRoute("service: shop, rewrite: { regex: '^(a+)+$', to: / }"),
    /exponential/,
  ],
  [
    'a replacement names groups that are there',
    withRoute("service: shop, rewrite: { regex: '^/(a)', to: '/$2' }"),
    /group 2, which is not there/,
  ],
  [
    'a replacement has no other dollar signs',
    withRoute("service: shop, rewrite: { regex: '^/a', to: '/$&' }"),
    /names no group/,
  ],
  [
    'no group has the name of every object',
    withRoute("service: shop, rewrite: { regex: '^/a', to: '/$<constructor>' }"),
    /a group that is not there/,
  ],
  [
    'a rewrite says one thing',
    withRoute('service: shop, rewrite: { prefix: /a, regex: b, to: c }'),
    /either prefix, or regex and to/,
  ],
  [
    'a prefix is only replaced where one is matched',
    withRoute('service: shop, path: { exact: /a }, rewrite: { prefix: /b }'),
    /has no prefix to replace/,
  ],
  ['a redirect has the status of one', withRoute('redirect: { status: 200 }'), /301, 302, 303, 307, 308/],
  ['a redirect has no query in its path', withRoute('redirect: { path: /a?b }'), /a path that starts with \//],
  ['a 204 has no body', withRoute('respond: { status: 204, body: a }'), /which has no body/],
  ['an informational status is no answer', withRoute('respond: { status: 101 }'), /200 to 599/],
  [
    'a password is hashed',
    withRoute('service: shop, basicAuth: { users: [{ name: a, password: plain-text }] }'),
    /a hash as of/,
  ],
  [
    'a hash has a bounded cost',
    withRoute(`service: shop, basicAuth: { users: [{ name: a, password: $5$rounds=999999$a${CRYPT.slice(-44)} }] }`),
    /a hash as of/,
  ],
  [
    'a user is there once',
    withRoute(
      `service: shop, basicAuth: { users: [{ name: a, password: ${CRYPT} }, { name: a, password: ${CRYPT} }] }`,
    ),
    /has a user twice/,
  ],
  [
    'a user has no colon',
    withRoute(`service: shop, basicAuth: { users: [{ name: "a:b", password: ${CRYPT} }] }`),
    /without spaces and colons/,
  ],
  [
    'a realm ends no quotes',
    withRoute(`service: shop, basicAuth: { realm: 'a"b', users: [{ name: a, password: ${CRYPT} }] }`),
    /realm/,
  ],
  [
    'a rate limit has one key',
    withRoute('service: shop, rateLimit: { requests: 1, header: a, cookie: b }'),
    /more than one key/,
  ],
  ['a pool has no prefix to replace', withPool('rewrite: { prefix: /a }'), /prefix.* is not a known key/],
  [
    'a token name is there once',
    withAdmin('tokens: [{ name: a, token: 12345678x, role: read }, { name: a, token: 12345679x, role: read }]'),
    /has a name twice/,
  ],
  ['a token is long enough', withAdmin('tokens: [{ name: a, token: short, role: read }]'), /8 or more printable/],
  ['a role is known', withAdmin('tokens: [{ name: a, token: 12345678x, role: admin }]'), /read, operate/],
  [
    'reads cannot need a token that nobody has',
    withAdmin('readsNeedToken: true'),
    /asks for a token, and there is none/,
  ],
];
for (const [title, text, complaint] of bad) {
  t.test(title, async (t) => {
    const found = complaints(text);
    t.match(found.join('\n'), complaint);
  });
}

t.test('an address beyond this machine may be opened with named tokens alone', async (t) => {
  t.strictSame(
    complaints(withAdmin('address: 0.0.0.0:9900, tokens: [{ name: a, token: 12345678x, role: operate }]')),
    [],
  );
});

t.test('what changes is told, and no secret with it', async (t) => {
  const told = (from: string, to: string) => differences(accept(from), accept(to)).map(({ text }) => text);
  const auth = (password: string) =>
    withRoute(`service: shop, basicAuth: { users: [{ name: anna, password: ${password} }] }`);
  t.strictSame(told(auth(CRYPT), auth(CRYPT.replace('saltstring', 'other'))), [
    'route 1 (/): basicAuth.users.anna.password changed',
  ]);
  const header = (value: string) => withPool(`requestHeaders: { set: { Authorization: ${value} } }`);
  t.strictSame(told(header('one'), header('two')), ['shop.blue: requestHeaders.set.Authorization changed']);
  const token = (value: string) => withAdmin(`tokens: [{ name: ci, token: ${value}, role: read }]`);
  t.strictSame(told(token('12345678x'), token('12345678y')), ['admin.tokens.ci.token changed']);
  t.strictSame(told(withRoute('respond: { body: a }'), withRoute('respond: { body: b }')), [
    'route 1 (/): respond.body a→b',
  ]);
  t.strictSame(told(SMALL, withRoute('service: shop, ipDeny: [10.0.0.1]')), ['route 1 (/): ipDeny []→[10.0.0.1/32]']);
  t.notOk(
    JSON.stringify([
      ...told(SMALL, auth(CRYPT)),
      ...told(SMALL, header('secret-value')),
      ...told(SMALL, token('12345678x')),
    ]).match(/5B8v|secret-value|12345678x/),
  );
});

t.test('hashes and tokens are not in the text that is shown', async (t) => {
  const { redacted } = read(withRoute(`service: shop, basicAuth: { users: [{ name: anna, password: ${CRYPT} }] }`));
  t.notOk(redacted?.includes('5B8v'));
  t.notOk(read(withAdmin('tokens: [{ name: ci, token: 12345678x, role: read }]')).redacted?.includes('12345678x'));
});
