/** The rules of routes and pools on the wire: what is refused, what is rewritten, what is answered without an endpoint. */
import { connect } from 'node:net';
import t from 'tap';
import { readListener } from '../../src/stats/listener-cells.ts';
import { RULE_RESULTS, type RuleResult, readRoute } from '../../src/stats/route-cells.ts';
import { forwarded, masked, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';

/** The hash of `secret word` with 5,000 rounds, and of `other word` by scrypt. */
const CRYPT = '$5$saltstring$zb4G.bJf1lQW1ZYWTH/6MLALsKTtlN7w/dLPCIegUaC';
const SCRYPT = '$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$GKAiVAnmxTckkYUNvoUfzwlBbtIl70HmitBhVc8sjZ0';

let rig: Rig;
t.before(async () => {
  const app = { service: 'app' };
  rig = await Rig.start(t, {
    pools: {
      shut: { version: 'v2', endpoints: ['127.0.0.1:9'], ipDeny: ['0.0.0.0/0'] },
      told: {
        version: 'v3',
        endpoints: ['127.0.0.1:10'],
        respond: { status: 418, body: 'later\n' },
        responseHeaders: { set: { 'X-Pool': 'told' } },
      },
    },
    service: { traffic: 'main', preview: { header: 'x-pool', token: 'show' } },
    routes: [
      { path: '/probe', ...app },
      { name: 'inside', path: '/inside', ipAllow: ['10.0.0.0/8', 'fd00::/8'], ipDeny: ['10.9.0.0/16'], ...app },
      {
        path: '/fields',
        requestHeaders: { set: { 'X-Set': 'new' }, add: { 'X-Add': ['one', 'two'] }, remove: ['x-Gone', 'Cookie'] },
        responseHeaders: { set: { Server: 'front' }, remove: ['x-powered-by'], add: { 'Set-Cookie': 'a=b' } },
        ...app,
      },
      { path: '/api/v1', rewrite: { prefix: '/' }, ...app },
      { path: { regex: '^/users/' }, rewrite: { regex: '^/users/([^/]+)/?', to: '/u-$1/' }, ...app },
      { path: '/old', redirect: { status: 308, scheme: 'https', host: 'new.test' }, rewrite: { prefix: '/new' } },
      { path: '/gone', redirect: { path: '/here', query: false } },
      { path: '/port', redirect: { port: 8443, scheme: 'https' } },
      {
        path: '/hello',
        respond: { body: '{"ö":1}', contentType: 'application/json' },
        responseHeaders: { set: { 'X-By': 'rule' } },
      },
      { path: '/empty', respond: { status: 204 } },
      {
        name: 'private',
        path: '/private',
        basicAuth: {
          realm: 'the shop',
          users: [
            { name: 'anna', password: CRYPT },
            { name: 'constructor', password: SCRYPT },
          ],
          userHeader: 'x-user',
        },
        ...app,
      },
      { name: 'slow', path: '/slow', rateLimit: { requests: 2, per: '1h', header: 'x-key' }, ...app },
      { name: 'counted', path: '/counted', rateLimit: { requests: 1, per: '1h', dryRun: true }, ...app },
      app,
    ],
  });
});

const get = (path: string, fields = '', method = 'GET') =>
  `${method} ${path} HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
const KEPT = '';

function refused(route: string, reason: RuleResult): number {
  const { board } = rig.plane.metrics().routes.find(({ name }) => name === route)!;
  return readRoute(board)[RULE_RESULTS.indexOf(reason)]!;
}

t.test('an address that a route does not let in gets a 403, and no endpoint hears of it', async (t) => {
  const before = refused('inside', 'ip-denied');
  const answer = own(403, 'This address may not come in.', KEPT);
  t.equal(await rig.ask(get('/inside')), answer);
  t.equal(await rig.ask(get('/inside', 'X-Forwarded-For: 10.1.1.1\r\n')), answer, 'what a stranger says is no address');
  for (const address of ['10.9.1.1', '11.0.0.1', '10.1.1.1, 192.0.2.1', 'fe80::1', '__proto__']) {
    const fields = `X-Forwarded-For: ${address}\r\n`;
    t.equal(await rig.ask(get('/inside', fields), 'trusting'), answer, address);
  }
  t.strictSame(await rig.seen(), []);
  for (const address of ['10.1.1.1', '192.0.2.1, 10.1.1.1', '::ffff:10.1.1.1', 'fd00::1']) {
    t.equal(await rig.ask(get('/inside', `X-Forwarded-For: ${address}\r\n`), 'trusting'), OK_RELAYED, address);
  }
  t.equal(refused('inside', 'ip-denied') - before, 7);
});

t.test('a connection outlives a refusal, and the next request on it is served', async (t) => {
  const body = 'POST /inside HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc';
  const client = await rig.client();
  await client.sendPieces([body + get('/')]);
  const both = own(403, 'This address may not come in.', KEPT) + OK_RELAYED;
  await client.until('both answers', (text) => masked(text).length >= both.length);
  t.equal(masked(client.received), both);
  client.socket.destroy();
});

t.test('fields are set, added and removed in both directions, and the rest stays as it was', async (t) => {
  await rig.settled();
  rig.upstream.answer('HTTP/1.1 200 OK\r\nX-Powered-By: x\r\nserver: y\r\nX-Kept: z\r\nContent-Length: 0\r\n\r\n');
  const fields = 'X-A: 1\r\nx-set: old\r\nX-GONE: 2\r\nx-add: zero\r\ncookie: a=b\r\nX-B: 3\r\n';
  t.equal(
    await rig.ask(get('/fields', fields)),
    'HTTP/1.1 200 OK\r\nX-Kept: z\r\nServer: front\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\nVia: 1.1 tidegate\r\n\r\n',
  );
  t.strictSame(rig.upstream.take().map(masked), [
    forwarded({
      line: 'GET /fields HTTP/1.1',
      lines: 'X-A: 1\r\nx-add: zero\r\nX-B: 3\r\nX-Set: new\r\nX-Add: one\r\nX-Add: two\r\n',
    }),
  ]);
  rig.upstream.answerOk();
});

const paths: readonly (readonly [sent: string, forwarded: string])[] = [
  ['/api/v1', '/'],
  ['/api/v1/', '/'],
  ['/api/v1/cart?a=/api/v1', '/cart?a=/api/v1'],
  ['/api/v1/a%2Fb?', '/a%2Fb?'],
  ['/api/v1/%61', '/a'],
  ['http://app.test/api/v1/x?y', '/x?y'],
  ['/users/anna', '/u-anna/'],
  ['/users/anna/cart?x', '/u-anna/cart?x'],
];
for (const [sent, path] of paths) {
  t.test(`${sent} is rewritten to ${path}`, async (t) => {
    await rig.settled();
    t.equal(await rig.ask(get(sent)), OK_RELAYED);
    t.match(rig.upstream.take(), [`GET ${path} HTTP/1.1\r\n`]);
  });
}

const answers: readonly (readonly [title: string, sent: string, head: string, lines: string, body: string])[] = [
  [
    'a redirect keeps path and query, rewritten',
    get('/old/a%2fb?q=1&r'),
    '308 Permanent Redirect',
    'Location: https://new.test/new/a%2Fb?q=1&r\r\n',
    '',
  ],
  ['a redirect may drop the query', get('/gone/x?q'), '302 Found', 'Location: http://app.test/here\r\n', ''],
  ['a redirect may name a port', get('/port'), '302 Found', 'Location: https://app.test:8443/port\r\n', ''],
  [
    'slashes that a rewrite brings together do not make another host of a path',
    get('/old//evil.test'),
    '308 Permanent Redirect',
    'Location: https://new.test/new/evil.test\r\n',
    '',
  ],
];
for (const [title, sent, head, lines, body] of answers) {
  t.test(title, async (t) => {
    const text = 'Content-Type: text/plain; charset=utf-8\r\n';
    const expected = `HTTP/1.1 ${head}\r\nServer: tidegate\r\nDate: *\r\n${text}Content-Length: ${body.length}\r\n${lines}\r\n${body}`;
    t.equal(await rig.ask(sent), expected);
    t.strictSame(await rig.seen(), []);
  });
}

t.test('a fixed answer is sent with its length in bytes, its type and the fields of its route', async (t) => {
  const head =
    'HTTP/1.1 200 OK\r\nServer: tidegate\r\nDate: *\r\nContent-Type: application/json\r\nContent-Length: 8\r\nX-By: rule\r\n\r\n';
  t.equal(await rig.ask(get('/hello')), `${head}{"\u00c3\u00b6":1}`);
  t.equal(await rig.ask(get('/hello', '', 'HEAD')), head);
  t.equal(await rig.ask(get('/empty')), 'HTTP/1.1 204 No Content\r\nServer: tidegate\r\nDate: *\r\n\r\n');
});

t.test('a pool may refuse and answer by itself', async (t) => {
  t.equal(
    await rig.ask(get('/slow', 'X-Pool: shut; token=show\r\nX-Key: pool\r\n')),
    own(403, 'This address may not come in.', KEPT),
  );
  t.match(
    await rig.ask(get('/', 'X-Pool: told; token=show\r\n')),
    /^HTTP\/1\.1 418 \r\nServer: tidegate\r\nDate: \*\r\nContent-Type: text\/plain; charset=utf-8\r\nContent-Length: 6\r\nX-Pool: told\r\n\r\nlater\n$/,
  );
});

const basic = (user: string, password: string) =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}\r\n`;
const UNAUTHORIZED = own(
  401,
  'A user and a password are needed.',
  'WWW-Authenticate: Basic realm="the shop", charset="UTF-8"\r\n',
);

t.test('without the right password there is a 401 that says how to come in', async (t) => {
  const wrong = [
    '',
    basic('anna', 'wrong'),
    basic('anna', ''),
    basic('', ''),
    basic('nobody', 'secret word'),
    basic('constructor', 'secret word'),
    basic('__proto__', 'secret word'),
    basic('toString', 'secret word'),
    'Authorization: Basic !!!\r\n',
    'Authorization: Bearer x\r\n',
    `${basic('anna', 'secret word')}${basic('anna', 'secret word')}`,
  ];
  for (const fields of wrong) t.equal(await rig.ask(get('/private', fields)), UNAUTHORIZED, fields);
  t.strictSame(await rig.seen(), []);
  t.equal(refused('private', 'unauthorized'), wrong.length);
});

t.test('with the right password the endpoint learns the user and not the password', async (t) => {
  await rig.settled();
  for (const [user, password] of [
    ['anna', 'secret word'],
    ['anna', 'secret word'],
    ['constructor', 'other word'],
  ] as const) {
    const fields = `X-A: 1\r\n${basic(user, password)}X-User: root\r\nX_User: root\r\nx_USER: root\r\n`;
    t.equal(await rig.ask(get('/private', fields)), OK_RELAYED);
    const lines = `X-A: 1\r\nx-user: ${user}\r\n`;
    t.strictSame(rig.upstream.take().map(masked), [forwarded({ line: 'GET /private HTTP/1.1', lines })]);
  }
});

t.test('a body waits for the check of the password and then arrives whole', async (t) => {
  await rig.settled();
  const password = basic('constructor', 'other word').replace('Basic ', 'basic  ');
  const head = `POST /private HTTP/1.1\r\nHost: app.test\r\n${password}Content-Length: 6\r\n\r\n`;
  t.equal(await rig.ask([`${head}abc`, 'def']), OK_RELAYED);
  t.match(rig.upstream.take(), [/\r\n\r\nabcdef$/]);
  const wrong = head.replace(/basic {2}\S+/, 'Basic eDp5');
  t.equal(await rig.ask([`${wrong}abc`, 'def']), UNAUTHORIZED);
});

t.test('a user cannot name itself in a trailer, and a field that is removed does not come back in one', async (t) => {
  await rig.settled();
  const chunked = (path: string, fields: string) =>
    `POST ${path} HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n${fields}\r\n1\r\na\r\n0\r\nX-User: root\r\nX_User: root\r\nX-Gone: a\r\nX-Kept: b\r\n\r\n`;
  t.equal(await rig.ask(chunked('/private', basic('anna', 'secret word'))), OK_RELAYED);
  t.match(rig.upstream.take(), [/\r\nx-user: anna\r\n[\s\S]*\r\n0\r\nX-Gone: a\r\nX-Kept: b\r\n\r\n$/]);
  rig.upstream.answer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Powered-By: a\r\nX-Kept: b\r\n\r\n');
  const answer = await rig.ask(chunked('/fields', 'TE: trailers\r\n'));
  t.match(answer, /\r\n0\r\nX-Kept: b\r\n\r\n$/);
  t.match(rig.upstream.take(), [/\r\n0\r\nX-User: root\r\nX_User: root\r\nX-Kept: b\r\n\r\n$/]);
  rig.upstream.answerOk();
});

t.test('after the burst there is a 429 with the time to wait, for each key by itself', async (t) => {
  for (const key of ['a', '__proto__', 'constructor', '127.0.0.1']) {
    for (const _ of [1, 2]) t.equal(await rig.ask(get('/slow', `X-Key: ${key}\r\n`)), OK_RELAYED, key);
    const answer = await rig.ask(get('/slow', `X-Key: ${key}\r\n`));
    t.equal(
      answer.replace(/\r\nRetry-After: 1[78]\d\d\r\n/, '\r\nRetry-After: *\r\n'),
      own(429, 'Too many requests.', 'Retry-After: *\r\n'),
    );
  }
  for (const _ of [1, 2]) t.equal(await rig.ask(get('/slow')), OK_RELAYED, 'the address stands in for a missing key');
  t.match(await rig.ask(get('/slow')), /^HTTP\/1\.1 429 /);
  t.equal(refused('slow', 'rate-limited'), 5);
});

t.test('a rate limit that only counts refuses nobody', async (t) => {
  for (const _ of [1, 2, 3]) t.equal(await rig.ask(get('/counted')), OK_RELAYED);
  t.equal(refused('counted', 'would-limit'), 2);
});

t.test('a client may have so many connections and no more, and again when one has gone', async (t) => {
  const few = await Rig.start(t, { listener: { connectionsPerClient: 2 } });
  const limited = () =>
    few.plane.metrics().listeners.reduce((sum, { board }) => sum + readListener(board).clientLimited, 0);
  const first = await few.client();
  await few.client();
  const third = connect({ host: '127.0.0.1', port: few.port() });
  third.on('error', () => {});
  await new Promise((resolve) => third.once('close', resolve));
  t.equal(limited(), 1);
  first.socket.destroy();
  await first.ended().catch(() => {});
  for (;;) {
    // One too many may be reset before it knows that it was connected.
    const again = await few.client().catch(() => null);
    if (again === null) continue;
    const answer = await Promise.race([
      again.ended().then(() => ''),
      again.sendPieces([get('/')]).then(() => again.until('the answer', (text) => text.endsWith('ok'))),
    ]).catch(() => '');
    if (answer !== '') break;
  }
  t.pass('another one is served');
  for (const _ of [1, 2, 3]) await few.client('trusting');
  t.equal(await few.ask(get('/'), 'trusting'), OK_RELAYED, 'trusted proxies are not limited');
});
