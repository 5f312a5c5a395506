/** Who may ask about flags: Host, origin, token and pass, at the admin address and at the listener for applications. */
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { startOfrepListener } from '../../../src/admin/ofrep-listener.ts';
import { followed, type OfrepConfig, ownDoorRules } from '../../../src/admin/ofrep-rules.ts';
import { SLOW_DOWN } from '../../../src/admin/wrong-tokens.ts';
import { type Answer, type Ask, type Given, Harness, OFREP, scriptedOfrep, start } from './harness.ts';
import { flagSpec } from './scripted-flags.ts';
import { ScriptedOperations } from './scripted-operations.ts';

const ALL = '/ofrep/v1/evaluate/flags';
const EVENTS = '/ofrep/v1/events';
const APP = { name: 'web', token: 'a-token-of-an-application', role: 'read' } as const;
const READER = { name: 'reader', token: 'a-token-that-reads', role: 'read' } as const;
const OPERATOR = { name: 'ops', token: 'a-token-that-operates', role: 'operate' } as const;
const SHOP = 'https://shop.example.com';

const ask = (headers: Record<string, string> = {}, more: Partial<Ask> = {}): Ask => ({
  method: 'POST',
  path: ALL,
  body: '{}',
  ...more,
  headers: { 'Content-Type': 'application/json', ...headers },
});

/** A listener for applications, asked as the admin API is. */
async function startOwn(t: Test, ofrep: Partial<OfrepConfig['ofrep']>, tokens: Given['tokens'] = []): Promise<Harness> {
  const access = { token: '', tokens, readsNeedToken: false, allowedHosts: [] };
  const { answers, flags, config } = scriptedOfrep({ access, ofrep });
  const rules = followed(() => config, ownDoorRules);
  const slowDown = { ...SLOW_DOWN, firstMs: 0 };
  const server = await startOfrepListener({
    ofrep: answers,
    host: '127.0.0.1',
    port: 0,
    rules,
    streamsMax: 10,
    slowDown,
  });
  t.teardown(() => {
    answers.close();
    return server.close();
  });
  flags.say([flagSpec('banner', true, false)]);
  return new Harness({ operations: new ScriptedOperations(), server, flags, ofrep: answers, logged: [] });
}

/** The first line and the fields of an answer that goes on. */
function headOf(admin: Harness, path: string, headers = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(admin.server.address.port, '127.0.0.1');
    let text = '';
    socket.on('error', reject).on('data', (part: Buffer) => {
      text += part;
      if (!text.includes('\r\n\r\n')) return;
      socket.destroy();
      resolve(text.slice(0, text.indexOf('\r\n\r\n')));
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${admin.own}\r\n${headers}\r\n`);
  });
}

const streamOf = (answer: Answer): string =>
  (JSON.parse(answer.text) as { eventStreams: { endpoint: { requestUri: string } }[] }).eventStreams[0]!.endpoint
    .requestUri;

t.test('at the admin address a Host that is not its own is refused, whatever is asked', async (t) => {
  const admin = await start(t, { allowedHosts: ['admin.example.com'] });
  for (const more of [
    {},
    { path: `${ALL}/banner` },
    { method: 'GET', path: EVENTS, body: '' },
    { method: 'OPTIONS' },
  ]) {
    const answer = await admin.ask(ask({}, { ...more, host: 'evil.example' }));
    t.equal(answer.status, 421);
    t.match(JSON.parse(answer.text), { errorCode: 'GENERAL', errorDetails: /admin\.allowedHosts/ });
  }
  t.equal((await admin.ask(ask({}, { host: null }))).status, 400);
  t.equal((await admin.ask(ask({}, { host: 'admin.example.com' }))).status, 200);
});

t.test('a page may ask if its origin is one of those that may, and can then read what is answered', async (t) => {
  const admin = await start(t, { ofrep: { origins: [SHOP] } });
  const preflight = await admin.ask(
    ask({ Origin: SHOP, 'Access-Control-Request-Method': 'POST' }, { method: 'OPTIONS', body: '' }),
  );
  t.equal(preflight.status, 204);
  t.match(preflight.headers, {
    'access-control-allow-origin': SHOP,
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': 'Content-Type, Authorization, X-API-Key, If-None-Match',
    'access-control-expose-headers': 'ETag',
    vary: 'Origin',
  });
  const answer = await admin.ask(ask({ Origin: SHOP }));
  t.match(answer, {
    status: 200,
    headers: { 'access-control-allow-origin': SHOP, 'access-control-expose-headers': 'ETag' },
  });
  const notModified = await admin.ask(ask({ Origin: SHOP, 'If-None-Match': answer.headers.etag! }));
  t.match(notModified, { status: 304, headers: { 'access-control-allow-origin': SHOP } });
  t.match(await admin.ask(ask({ Origin: SHOP }, { body: '{' })), {
    status: 400,
    headers: { 'access-control-allow-origin': SHOP },
  });
  t.match(
    await headOf(admin, EVENTS, `Origin: ${SHOP}\r\n`),
    /^HTTP\/1.1 200 .*Access-Control-Allow-Origin: https:\/\/shop/s,
  );
  t.equal((await admin.ask(ask({ Origin: `http://${admin.own}` }))).status, 200, 'a page of ours may always');
});

t.test('a page of another origin gets nothing, neither an answer nor a place for its stream', async (t) => {
  for (const origins of [[], [SHOP]]) {
    const admin = await start(t, { ofrep: { origins } });
    for (const origin of [
      'https://evil.example',
      'http://shop.example.com',
      `${SHOP}:8443`,
      'null',
      '*',
      `${SHOP}.evil.example`,
    ]) {
      for (const more of [{}, { method: 'OPTIONS' }, { method: 'GET', path: EVENTS, body: '' }]) {
        const answer = await admin.ask(ask({ Origin: origin }, more));
        t.equal(answer.status, 403, `${origin} ${answer.text}`);
        t.notOk('access-control-allow-origin' in answer.headers);
      }
    }
    t.equal(admin.ofrep.figures().streams.open, 0);
    t.equal(admin.flags.counted.length, 0);
  }
  const open = await start(t, { ofrep: { origins: ['*'] } });
  t.match(await open.ask(ask({ Origin: 'null' })), { status: 200, headers: { 'access-control-allow-origin': '*' } });
});

t.test('at the admin address a token is needed where reading needs one', async (t) => {
  const open = await start(t, { tokens: [OPERATOR] });
  t.equal((await open.ask(ask())).status, 200);
  const admin = await start(t, { tokens: [OPERATOR, READER], readsNeedToken: true, ofrep: { tokens: [APP] } });
  const missing = await admin.ask(ask());
  t.match(missing, { status: 401, headers: { 'www-authenticate': /^Bearer/ } });
  t.match(JSON.parse(missing.text), { errorDetails: /Authorization: Bearer <token>, or X-API-Key/ });
  for (const { token } of [OPERATOR, READER, APP]) {
    t.equal((await admin.ask(ask({ Authorization: `Bearer ${token}` }))).status, 200);
    t.equal((await admin.ask(ask({ 'X-API-Key': token }))).status, 200);
    t.equal((await admin.ask(ask({ 'X-API-Key': `${token}x` }))).status, 401);
  }
  t.equal(admin.lines('peer').length, 3, 'wrong tokens are in the log');
  const preflight = await admin.ask(ask({}, { method: 'OPTIONS' }));
  t.equal(preflight.status, 204, 'a preflight carries no token');
  const elsewhere = await admin.ask({ path: '/api/services', headers: { Authorization: `Bearer ${APP.token}` } });
  t.equal(elsewhere.status, 401, 'the token of an application is good for nothing else');
});

t.test(
  'the listener for applications takes their tokens and those that read, and knows none that operates',
  async (t) => {
    const own = await startOwn(t, { tokens: [APP] }, [OPERATOR, READER]);
    t.equal((await own.ask(ask())).status, 401);
    for (const [{ token }, status] of [
      [APP, 200],
      [READER, 200],
      [OPERATOR, 401],
    ] as const) {
      t.equal((await own.ask(ask({ Authorization: `Bearer ${token}` }))).status, status);
    }
    const foreign = await own.ask(ask({ 'X-API-Key': APP.token }, { host: 'flags.example.com' }));
    t.equal(foreign.status, 200, 'whoever has a token may call it by any name');
    t.equal((await own.ask({ path: '/api/services' })).status, 404, 'there is nothing else');
  },
);

t.test('a listener that needs no token answers to its own names only, unless it is public', async (t) => {
  const local = await startOwn(t, { allowedHosts: ['flags.example.com'] });
  t.equal((await local.ask(ask())).status, 200);
  t.equal((await local.ask(ask({}, { host: 'evil.example' }))).status, 421);
  t.equal((await local.ask(ask({}, { host: 'flags.example.com' }))).status, 200);
  const open = await startOwn(t, { public: true, tokens: [APP] });
  t.equal((await open.ask(ask({}, { host: 'anything.example' }))).status, 200);
});

t.test('a change stream opens by its pass, which is good for streams only and no longer than its token', async (t) => {
  const own = await startOwn(t, { tokens: [APP] });
  const answer = await own.ask(ask({ 'X-API-Key': APP.token }));
  const target = streamOf(answer);
  t.match(target, /^\/ofrep\/v1\/events\?pass=[\w-]{22}$/);
  t.match(await headOf(own, target), /^HTTP\/1.1 200 /);
  t.match(await headOf(own, EVENTS, `Authorization: Bearer ${APP.token}\r\n`), /^HTTP\/1.1 200 /);
  const pass = target.slice(target.indexOf('=') + 1);
  t.equal((await own.ask(ask({}, { path: `${ALL}?pass=${pass}` }))).status, 401, 'not for questions');
  t.equal((await own.ask(ask({ 'X-API-Key': pass }))).status, 401);
  for (const wrong of [EVENTS, `${EVENTS}?pass=`, `${EVENTS}?pass=${'A'.repeat(22)}`, `${EVENTS}?pass=${pass}A`]) {
    t.match(await headOf(own, wrong), /^HTTP\/1.1 401 /, wrong);
  }
  const same = await startOwn(t, { tokens: [{ ...APP, name: 'other' }] });
  t.match(await headOf(same, target), /^HTTP\/1.1 200 /, 'another Tidegate with the same token takes it');
  const changed = await startOwn(t, { tokens: [{ ...APP, token: 'another-token-of-it' }] });
  t.match(await headOf(changed, target), /^HTTP\/1.1 401 /);
});

t.test('guessing tokens is never answered with a 429, after which a client would stop asking', async (t) => {
  const access = { token: '', tokens: [], readsNeedToken: false, allowedHosts: [] };
  const { answers, config } = scriptedOfrep({ access, ofrep: { tokens: [APP] } });
  const slowDown = { ...SLOW_DOWN, firstMs: 60_000, mostMs: 60_000, waitingOfOneMax: 1 };
  const rules = followed(() => config, ownDoorRules);
  const server = await startOfrepListener({
    ofrep: answers,
    host: '127.0.0.1',
    port: 0,
    rules,
    streamsMax: 10,
    slowDown,
  });
  const own = new Harness({ operations: new ScriptedOperations(), server, flags: null!, ofrep: answers, logged: [] });
  const guesses = ['wrong-one', 'wrong-two'].map((guess) => own.ask(ask({ 'X-API-Key': guess })));
  const early = await Promise.race(guesses);
  t.match(early, { status: 503, headers: { 'retry-after': '60' } });
  answers.close();
  const closed = server.close();
  t.same((await Promise.all(guesses)).map(({ status }) => status).sort(), [401, 503]);
  await closed;
});

t.test('a request that never ends keeps neither server from closing', async (t) => {
  const own = await startOwn(t, {});
  const admin = await start(t);
  for (const [{ server }, path] of [
    [own, ALL],
    [admin, ALL],
    [admin, '/api/config/validate'],
  ] as const) {
    const socket = connect(server.address.port, '127.0.0.1');
    socket.on('error', () => {});
    const answered = new Promise((resolve) => socket.once('data', resolve));
    const head = (to: string, length: number): string =>
      `POST ${to} HTTP/1.1\r\nHost: 127.0.0.1:${server.address.port}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    socket.write(`${head(ALL, 2)}{}${head(path, 9)}{`);
    await answered;
  }
  await Promise.all([own.server.close(), admin.server.close()]);
});

t.test('what a config does not say is as closed as it can be', async (t) => {
  t.same(
    { ...OFREP, limits: null },
    { ...OFREP, address: undefined, public: false, origins: [], tokens: [], limits: null },
  );
});
