/** The context of flags and exposures as they are written, refused, compared and hidden. */
import { generateKeyPairSync } from 'node:crypto';
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { accept, complaints, read, SMALL } from './texts.ts';

const FLAG = 'flags: { one: { strategy: all } }\n';
const withContext = (keys: string): string => `${SMALL}${FLAG}flagContext: { ${keys} }\n`;
const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();
const inYaml = (pem: string): string => JSON.stringify(pem);

t.test('nothing has to be said', async (t) => {
  t.equal(accept(SMALL).flagContext.attributes.size, 0);
  t.match(accept(SMALL).flagContext, {
    key: [],
    jwt: undefined,
    anonymous: undefined,
    overrides: undefined,
    headerLimitBytes: 4096,
    baggage: false,
  });
});

t.test('a flag that draws is said to be off for everybody where no request can have a key', async (t) => {
  const text = (keys: string, context = '') =>
    `${SMALL.replace('service: shop', 'service: shop, flags: [one]')}flags: { one: { ${keys} } }\n${context}`;
  const found = /flags\.one: asks for a key, and no request has one.*allowed: flagContext with key, anonymous or both/;
  const drawn = 'strategy: percentage, value: 5';
  t.match(complaints(text(drawn)).join(), found);
  t.match(complaints(text('strategy: all, rules: [{ strategy: users, value: [ann] }]')).join(), found);
  t.match(complaints(text(`strategy: all, environments: { staging: { ${drawn} } }`)).join(), found);
  t.strictSame(complaints(text('strategy: all')), []);
  t.strictSame(complaints(text(`${drawn}, bucketBy: header.x-company`)), []);
  t.strictSame(complaints(text(drawn, 'flagContext: { key: [{ cookie: uid }] }\n')), []);
  t.strictSame(complaints(text(drawn, 'flagContext: { anonymous: { cookie: visitor } }\n')), []);
});

t.test('everything can be', async (t) => {
  const text = withContext(
    'key: [{ cookie: uid }, { header: X-User }, { jwt: sub }], attributes: { age: { header: X-Age, as: number }, plan: { jwt: plan } }, ' +
      'jwt: { secret: sixteen-or-more-characters, issuer: me }, anonymous: { cookie: id, maxAge: 1h }, overrides: { secret: sixteen-or-more-characters }, headerLimit: 1KiB, baggage: true',
  );
  const { flagContext } = accept(text);
  t.match(flagContext, {
    key: [
      { kind: 'cookie', name: 'uid' },
      { kind: 'header', name: 'x-user' },
      { kind: 'jwt', name: 'sub' },
    ],
    jwt: { from: { kind: 'header', name: 'authorization' }, verify: { algorithms: ['HS256'], issuer: 'me' } },
    anonymous: { cookie: 'id', maxAgeMs: 3_600_000 },
    overrides: { header: 'x-tidegate-flags' },
    headerLimitBytes: 1024,
  });
  t.strictSame(flagContext.attributes.get('age'), { kind: 'header', name: 'x-age', as: 'number' });
});

t.test('a public key goes with its algorithms', async (t) => {
  const jwt = (keys: string) => withContext(`key: [{ jwt: sub }], jwt: { publicKey: ${inYaml(PEM)}, ${keys} }`);
  t.strictSame(complaints(jwt('algorithms: [ES256]')), []);
  t.match(complaints(jwt('algorithms: [RS256]')).join(), /jwt\.publicKey: cannot be used with these algorithms/);
  t.match(complaints(jwt('algorithms: [HS256]')).join(), /jwt\.algorithms\[0\]: does not go with this key/);
});

const bad: readonly (readonly [title: string, keys: string, complaint: RegExp])[] = [
  ['a place is one place', 'key: [{ cookie: a, header: b }]', /names more than one place/],
  ['a place is named', 'key: [{}]', /names no place/],
  [
    'built-in attributes stay what they are',
    'attributes: { path: { header: x } }',
    /is not allowed as a name.* are taken/,
  ],
  [
    'so do those that name their place',
    'attributes: { query.a: { header: x } }',
    /is not allowed as a name.* are taken/,
  ],
  ['a claim needs a token', 'key: [{ jwt: sub }]', /nothing says where the token is/],
  ['so does that of an attribute', 'attributes: { a: { jwt: b } }', /attributes\.a\.jwt: is a claim/],
  ['a token is signed by somebody', 'jwt: { header: x }', /does not say who may sign/],
  ['by one', 'jwt: { secret: sixteen-or-more-characters, unverified: true }', /two things about who signs/],
  ['a secret is long', 'jwt: { secret: short }', /short enough to be guessed/],
  ['that of testers too', 'overrides: { secret: short }', /short enough to be guessed/],
  ['what is not checked is not checked by anything', 'jwt: { unverified: true, issuer: me }', /checks nothing/],
  [
    'a choice has a field of its own',
    'overrides: { secret: sixteen-or-more-characters, header: Cookie }',
    /a field of its own/,
  ],
  ['a token is in one place', 'jwt: { header: a, cookie: b, unverified: true }', /is in two places/],
  ['a public key is PEM', 'jwt: { publicKey: abc }', /as PEM/],
];
for (const [title, keys, complaint] of bad) {
  t.test(title, async (t) => t.match(complaints(withContext(keys)).join('\n'), complaint));
}

t.test('a visitor is not known by the cookie that sticks to a pool', async (t) => {
  const sticky = withContext('anonymous: { cookie: tg }').replace(
    '    pools:',
    '    sticky: { cookie: tg }\n    pools:',
  );
  t.match(complaints(sticky).join(), /anonymous\.cookie: is also the cookie by which clients stick to pools of shop/);
});

t.test('a route that leads to no service tells nobody of flags', async (t) => {
  const text = `${SMALL}  - { path: /gone, respond: { status: 410 }, flags: [one] }\n${FLAG}`;
  t.match(complaints(text).join(), /routes\[1\]\.flags: are told to nobody/);
});

t.test('without flags it is for nothing, and an empty secret believes nobody', async (t) => {
  const warnings = (text: string) => read(text).problems.map(({ message, severity }) => `${severity}: ${message}`);
  t.match(warnings(`${SMALL}flagContext: { baggage: true }\n`).join(), /warning: is for flags, and there are none/);
  const text = withContext('overrides: { secret: "" }');
  t.match(warnings(text).join(), /warning: is empty, so nobody can choose variants/);
  t.equal(accept(text).flagContext.overrides, undefined);
  t.match(warnings(withContext('key: [{ jwt: sub }], jwt: { secret: "" }')), [
    'warning: is empty, so no token is believed',
  ]);
});

t.test('exposures are told to a file or to a webhook', async (t) => {
  const withExposures = (keys: string) => `${SMALL}${FLAG}exposures: { ${keys} }\n`;
  t.match(accept(withExposures('file: /tmp/x')).exposures, { file: '/tmp/x', windowMs: 86_400_000, memory: 65_536 });
  t.match(complaints(withExposures('')).join(), /told to nobody/);
  t.match(complaints(withExposures('file: a, webhook: { url: "http://127.0.0.1/x" }')).join(), /told twice/);
  const url = 'https://hooks.test/very-secret';
  const { redacted, problems } = read(withExposures(`webhook: { url: "${url}" }`));
  t.strictSame(problems, []);
  t.notMatch(redacted, /very-secret/);
  t.match(read(withExposures('webhook: { url: "http://hooks.test/x" }')).problems[0]?.message, /is not encrypted/);
});

t.test('changes are told, and secrets are not', async (t) => {
  const before = accept(withContext('jwt: { secret: the-first-secret-of-ours }, headerLimit: 1KiB'));
  const after = accept(
    withContext('jwt: { secret: the-second-secret-of-ours }, headerLimit: 2KiB, key: [{ cookie: a }]'),
  );
  const texts = differences(before, after).map(({ text }) => text);
  t.match(texts.join('\n'), /flagContext\.headerLimit 1KiB→2KiB/);
  t.match(texts.join('\n'), /flagContext\.jwt\.verify\.secret changed/);
  t.notMatch(texts.join('\n'), /secret-of-ours/);
});
