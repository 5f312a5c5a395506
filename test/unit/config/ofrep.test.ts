/** The answers about flags as they are configured, refused, hidden and compared. */
import t from 'tap';
import { differences } from '../../../src/config/differences.ts';
import { accept, complaints, read, SMALL } from './texts.ts';

const withOfrep = (keys: string): string => `${SMALL}ofrep: { ${keys} }\n`;
const TOKEN = 'tokens: [{ name: web, token: a-token-of-an-app }]';
const OUTSIDE = 'address: 0.0.0.0:8016';

t.test('nothing has to be said: flags are answered at the admin address, and pages may not ask', async (t) => {
  t.same(accept(SMALL).ofrep, {
    public: false,
    tokens: [],
    origins: [],
    allowedHosts: [],
    limits: { attributes: 256, depth: 8, streams: 1000, bodyBytes: 65_536 },
  });
  const origins = 'origins: [https://Shop.example.com, "https://shop.example.com:443", "http://localhost:3000", "*"]';
  const all = `${OUTSIDE}, ${TOKEN}, ${origins}, baseUrl: "https://flags.example.com/at/", limits: { streams: 5, body: 1KiB }`;
  t.match(accept(withOfrep(all)).ofrep, {
    address: { host: '0.0.0.0', port: 8016 },
    tokens: [{ name: 'web', token: 'a-token-of-an-app', role: 'read' }],
    origins: ['https://shop.example.com', 'https://shop.example.com', 'http://localhost:3000', '*'],
    baseUrl: 'https://flags.example.com/at',
    limits: { streams: 5, bodyBytes: 1024 },
  });
});

t.test('an address that others reach needs a token, or has to be declared public', async (t) => {
  t.match(
    complaints(withOfrep(OUTSIDE)).join('\n'),
    /9:\d+: ofrep\.address: .*reached from other machines.*`public: true`/,
  );
  t.ok(accept(withOfrep(`${OUTSIDE}, public: true`)));
  t.ok(accept(withOfrep(`${OUTSIDE}, ${TOKEN}`)));
  t.ok(accept(withOfrep('address: 127.0.0.1:8016')));
  const reader = (role: string) => `admin: { tokens: [{ name: ci, token: abcdefgh, role: ${role} }] }\n`;
  t.ok(accept(`${withOfrep(OUTSIDE)}${reader('read')}`));
  t.match(complaints(`${withOfrep(OUTSIDE)}${reader('operate')}`).join('\n'), /there is no token/);
});

const bad: readonly (readonly [title: string, text: string, complaint: RegExp])[] = [
  ['an origin is no URL', withOfrep('origins: ["https://shop.example.com/"]'), /origins\[0\].*an origin such as/],
  ['an origin has a scheme', withOfrep('origins: [shop.example.com]'), /origins\[0\].*an origin such as/],
  ['an origin has a port that is one', withOfrep('origins: ["https://a:99999"]'), /origins\[0\].*an origin such as/],
  [
    'a token can hardly be guessed',
    withOfrep('tokens: [{ name: web, token: short }]'),
    /tokens\[0\]\.token: .*8 or more/,
  ],
  ['a token of an application has no role', withOfrep('tokens: [{ name: web, token: abcdefgh, role: read }]'), /role/],
  [
    'a name is there once',
    withOfrep('tokens: [{ name: a, token: abcdefgh }, { name: a, token: ijklmnop }]'),
    /has a name twice/,
  ],
  ['an address is free', withOfrep('address: 127.0.0.1:8080'), /cannot be open beside/],
  ['an address is not the admin’s', withOfrep('address: 127.0.0.1:9900'), /cannot be open beside the admin API/],
  ['a limit is within limits', withOfrep('limits: { streams: 0 }'), /streams: .*from 1 to 10000/],
];

for (const [title, text, complaint] of bad) {
  t.test(`${title}, or else it is refused`, async (t) => {
    t.match(complaints(text).join('\n'), complaint);
  });
}

t.test('tokens beside `public` are pointed out, since nobody is asked for one', async (t) => {
  const { problems } = read(withOfrep(`${OUTSIDE}, ${TOKEN}, public: true`));
  t.match(problems, [{ severity: 'warning', message: /nobody needs a token/ }]);
});

t.test('a new address waits for the next start, everything else does not; a token is never shown', async (t) => {
  const before = accept(withOfrep('address: 127.0.0.1:8016'));
  const after = accept(withOfrep(`address: 127.0.0.1:8017, ${TOKEN}, origins: ["*"]`));
  const found = differences(before, after);
  t.match(found.map(({ subject, needsRestart }) => [subject, needsRestart]).sort(), [
    ['ofrep.address', true],
    ['ofrep.origins', false],
    ['ofrep.tokens.web.name', false],
    ['ofrep.tokens.web.role', false],
    ['ofrep.tokens.web.token', false],
  ]);
  t.notMatch(JSON.stringify(found), /a-token-of-an-app/);
  t.notMatch(read(withOfrep(TOKEN)).redacted, /a-token-of-an-app/);
});
