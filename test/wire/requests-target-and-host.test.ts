/** The request line, the target and the host: which requests are understood, and where they go. */
import t from 'tap';
import { forwarded, GET, masked, OK_RELAYED, own, refusal } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type ForwardRow, type RefusalRow, testForwards, testRefusals } from './stage/tables.ts';
import { Upstream } from './stage/upstream.ts';

let rig: Rig;
let admin: Upstream;
t.before(async () => {
  admin = await Upstream.open(t);
  rig = await Rig.start(t, {
    services: { admin: { pools: { main: { version: 'v1', endpoints: [admin.address] } } } },
    routes: [{ path: '/admin', service: 'admin' }, { host: 'admin.test', service: 'admin' }, { service: 'app' }],
  });
});

const get = (target: string, host = 'app.test') => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const line = (bytes: string) => `${bytes}\r\nHost: app.test\r\n\r\n`;
const hosts = (...values: readonly string[]) =>
  `GET / HTTP/1.1\r\n${values.map((value) => `Host: ${value}\r\n`).join('')}\r\n`;

const requestLines: RefusalRow[] = [
  ['two spaces after the method are refused', line('GET  / HTTP/1.1'), 400, 'request-line-malformed'],
  ['two spaces after the target are refused', line('GET /  HTTP/1.1'), 400, 'request-line-malformed'],
  ['a space at the end of the request line is refused', line('GET / HTTP/1.1 '), 400, 'request-line-malformed'],
  ['a space before the method is refused', line(' GET / HTTP/1.1'), 400, 'request-line-malformed'],
  ['a tab instead of a space is refused', line('GET\t/ HTTP/1.1'), 400, 'method-malformed'],
  ['a space inside the target is refused', line('GET /a b HTTP/1.1'), 400, 'request-line-malformed'],
  ['a method that is no token is refused', line('GE{T / HTTP/1.1'), 400, 'method-malformed'],
  ['a method with a byte beyond ASCII is refused', line('G\xc9T / HTTP/1.1'), 400, 'method-malformed'],
  ['a request line without version (HTTP/0.9) is refused', 'GET /\r\n\r\n', 400, 'version-malformed'],
  ['a request line of one word is refused', 'GET\r\nHost: app.test\r\n\r\n', 400, 'request-line-malformed'],
  ['a version in lower case is refused', line('GET / http/1.1'), 400, 'version-malformed'],
  ['a version with two digits is refused', line('GET / HTTP/1.10'), 400, 'version-malformed'],
  ['a version without a point is refused', line('GET / HTTP/11'), 400, 'version-malformed'],
  ['another protocol is refused', line('GET / HTTPS/1.1'), 400, 'version-malformed'],
  ['version 0.9 is not spoken here: 505', line('GET / HTTP/0.9'), 505, 'version-unsupported'],
  ['version 1.2 is not spoken here: 505', line('GET / HTTP/1.2'), 505, 'version-unsupported'],
  ['version 2.0 is not spoken here: 505', line('GET / HTTP/2.0'), 505, 'version-unsupported'],
  ['CONNECT is answered with 405', line('CONNECT app.test:443 HTTP/1.1'), 405, 'method-connect'],
  ['TRACE is answered with 405', line('TRACE / HTTP/1.1'), 405, 'method-trace'],
  ['three empty lines before the request line are refused', `\r\n\r\n\r\n${GET}`, 400, 'head-malformed'],
  ['an LF alone before the request line is refused', `\n${GET}`, 400, 'bare-line-feed'],
];
testRefusals(t, () => rig, requestLines);

testRefusals(t, () => rig, [
  ['a target with a fragment is refused', get('/a#b'), 400, 'target-fragment'],
  ['a target with a control character is refused', get('/a\x01b'), 400, 'target-malformed'],
  ['a target with DEL is refused', get('/a\x7fb'), 400, 'target-malformed'],
  ['a target with a tab is refused', get('/a\tb'), 400, 'target-malformed'],
  ['a target with raw UTF-8 is refused', get('/caf\xc3\xa9'), 400, 'target-malformed'],
  ['a target with an encoded NUL is refused', get('/a%00b'), 400, 'target-nul'],
  ['a query with an encoded NUL is refused', get('/a?b=%00'), 400, 'target-nul'],
  ['a target that is no path is refused', get('a/b'), 400, 'target-form'],
  ['a target in authority-form is refused', get('app.test:80'), 400, 'target-form'],
  ['an asterisk is only for OPTIONS', get('*'), 400, 'target-form'],
  ['an absolute target of another scheme is refused', get('ftp://app.test/'), 400, 'target-scheme'],
  ['an absolute target without authority is refused', get('http:///x'), 400, 'target-authority'],
  ['an absolute target with user information is refused', get('http://me@app.test/'), 400, 'target-authority'],
  ['an absolute target with a bad port is refused', get('http://app.test:x/'), 400, 'target-authority'],

  ['HTTP/1.1 without Host is refused', 'GET / HTTP/1.1\r\n\r\n', 400, 'host-missing'],
  ['two equal Hosts are refused', hosts('app.test', 'app.test'), 400, 'host-repeated'],
  ['two different Hosts are refused', hosts('app.test', 'admin.test'), 400, 'host-repeated'],
  ['two Hosts are refused in HTTP/1.0 too', hosts('a', 'b').replace('1.1', '1.0'), 400, 'host-repeated'],
  ...[
    'a b',
    'app.test/x',
    'me@app.test',
    'a,b',
    'app.test:80:80',
    'app.test:65536',
    '[::1',
    '[1]',
    'a%41',
    ':80',
    'http://a',
    'caf\xe9',
  ].map((host): RefusalRow => [`Host ${JSON.stringify(host)} is refused`, hosts(host), 400, 'host-malformed']),
  ['an empty Host beside an absolute target is refused', get('http://app.test/', ''), 400, 'host-empty'],
]);

testForwards(t, () => rig, [
  ['one empty line before the request line is ignored', `\r\n${GET}`, forwarded({})],
  ['two empty lines before the request line are ignored', `\r\n\r\n${GET}`, forwarded({})],
  ...['get', 'Get', 'PROPFIND', 'M-SEARCH', "!#$%&'*+-.^_`|~9z"].map(
    (method): ForwardRow => [
      `any token is a method, its case kept: ${method}`,
      `${method} /x HTTP/1.1\r\nHost: app.test\r\n\r\n`,
      forwarded({ line: `${method} /x HTTP/1.1` }),
    ],
  ),
  ...['app.test:8080', 'APP.Test', 'app.test:', '127.0.0.1', '[::1]:80', 'app_test', 'app.test.'].map(
    (host): ForwardRow => {
      const quoted = /[:[\]]/.test(host) ? `"${host}"` : host;
      return [
        `Host ${host} is forwarded as sent`,
        get('/', host),
        forwarded({ host }).replace(`;host=${host};`, `;host=${quoted};`),
      ];
    },
  ),
  [
    'an absolute target goes on in origin-form, and its authority is the Host',
    get('http://app.test/a?b=c', 'other.test'),
    forwarded({ line: 'GET /a?b=c HTTP/1.1' }),
  ],
  ['an absolute target without path asks for the root', get('http://app.test'), forwarded({ line: 'GET / HTTP/1.1' })],
  [
    'an absolute target with nothing but a query asks for the root',
    get('HTTP://app.test?q'),
    forwarded({ line: 'GET /?q HTTP/1.1' }),
  ],
  [
    'dot segments that change no route are forwarded as sent',
    get('/a/../b/./c'),
    forwarded({ line: 'GET /a/../b/./c HTTP/1.1' }),
  ],
  ['an absolute target may be of https', get('https://app.test/s'), forwarded({ line: 'GET /s HTTP/1.1' })],
  [
    'OPTIONS with an absolute target without path asks the endpoint about itself',
    get('http://app.test').replace('GET', 'OPTIONS'),
    forwarded({ line: 'OPTIONS * HTTP/1.1' }),
  ],
  ['two slashes are a path and no host', get('//admin.test/x'), forwarded({ line: 'GET //admin.test/x HTTP/1.1' })],
  ['a backslash is forwarded as sent', get('/a\\b'), forwarded({ line: 'GET /a\\b HTTP/1.1' })],
  ['escapes are forwarded as sent', get('/%41%2f?%zz'), forwarded({ line: 'GET /%41%2f?%zz HTTP/1.1' })],
  ['dot segments in a query mean nothing', get('/?/../admin'), forwarded({ line: 'GET /?/../admin HTTP/1.1' })],
]);

for (const target of [
  '/x/../admin',
  '/x/%2e%2e/admin',
  '/%2E%2E/admin',
  '//admin',
  '/./admin/x',
  '/\\admin',
  '/admin/../x',
  '/%61dmin',
  '/admin/..\\x',
  'http://app.test/x/../admin',
]) {
  t.test(`a path that selects another route once it is normalised is refused: ${target}`, async (t) => {
    const answer = await rig.ask(get(target));
    t.equal(answer, own(400, 'The path selects different routes before and after normalising.', ''));
    t.strictSame(await rig.seen(), []);
    t.strictSame(admin.takeBytes(), []);
  });
}

for (const target of ['/%', '/a%4', '/a%zz']) {
  t.test(`a path whose escapes are broken is refused: ${target}`, async (t) => {
    t.equal(await rig.ask(get(target)), own(400, 'The path is not well-formed.', ''));
    t.strictSame(await rig.seen(), []);
  });
}

t.test('an absolute target is routed by its authority and not by Host', async (t) => {
  t.equal(await rig.ask(get('http://admin.test/x', 'app.test')), OK_RELAYED);
  t.strictSame(admin.take().map(masked), [forwarded({ line: 'GET /x HTTP/1.1', host: 'admin.test' })]);
  t.strictSame(await rig.seen(), []);
});

t.test('an empty Host matches no route with a host; the endpoint is named in its place', async (t) => {
  t.equal(await rig.ask(get('/', '')), OK_RELAYED);
  const [request] = rig.upstream.take();
  t.ok(request!.startsWith(`GET / HTTP/1.1\r\nHost: ${rig.upstream.address}\r\nX-Forwarded-For: 127.0.0.1\r\n`));
  t.notMatch(request, /x-forwarded-host/i);
});

t.test('HTTP/1.0 needs no Host', async (t) => {
  t.match(await rig.untilEnd('GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n.*\r\nConnection: close\r\n\r\nok$/s);
  t.match(rig.upstream.take(), [/^GET \/ HTTP\/1\.1\r\n/]);
});

t.test('OPTIONS * is answered by Tidegate itself, with 200 and without Allow, and no endpoint is asked', async (t) => {
  t.equal(await rig.ask('OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n'), own(200, '', ''));
  t.strictSame(await rig.seen(), []);
});

t.test('the preface of HTTP/2 is refused and closes', async (t) => {
  const answer = await rig.untilEnd('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  t.equal(answer, refusal(505, 'version-unsupported'));
  t.strictSame(await rig.seen(), []);
});

t.test('Max-Forwards of OPTIONS is answered at 0 and decremented above', async (t) => {
  const options = (value: string, method = 'OPTIONS') =>
    `${method} /x HTTP/1.1\r\nHost: app.test\r\nMax-Forwards: ${value}\r\n\r\n`;
  t.equal(await rig.ask(options('0')), own(200, '', ''));
  t.strictSame(await rig.seen(), []);
  t.equal(await rig.ask(options('3')), OK_RELAYED);
  t.strictSame(rig.upstream.take().map(masked), [
    forwarded({ line: 'OPTIONS /x HTTP/1.1', last: 'Max-Forwards: 2\r\n' }),
  ]);
  t.equal(await rig.ask(options('0', 'GET')), OK_RELAYED);
  t.match(rig.upstream.take(), [/\r\nMax-Forwards: 0\r\n/], 'of another method it means nothing');
});

testRefusals(t, () => rig, [
  [
    'a Max-Forwards of OPTIONS that is no number is refused',
    'OPTIONS / HTTP/1.1\r\nHost: app.test\r\nMax-Forwards: x\r\n\r\n',
    400,
    'max-forwards-malformed',
  ],
]);

t.test(
  'a request that no route matches is answered with 404; its body is dropped and the client may go on',
  async (t) => {
    const bare = await Rig.start(t, { routes: [{ host: 'app.test', service: 'app' }] });
    const notFound = own(404, 'No route matches this request.', '');
    const client = await bare.client();
    const sent = [
      get('/', 'else.test'),
      'POST / HTTP/1.1\r\nHost: else.test\r\nContent-Length: 5\r\n\r\nhello',
      'POST / HTTP/1.1\r\nHost: else.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      get('/', 'else.test').replace('GET', 'HEAD'),
      GET,
    ];
    await client.sendPieces(sent.join('').match(/.{1,30}/gs)!);
    await client.until('the last answer', (text) => text.endsWith(OK_RELAYED));
    const ofHead = notFound.slice(0, notFound.indexOf('\r\n\r\n') + 4);
    t.equal(masked(client.received), notFound.repeat(3) + ofHead + OK_RELAYED);
    t.equal((await bare.seen()).length, 1);
  },
);
