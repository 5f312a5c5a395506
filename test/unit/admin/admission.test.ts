import { pino } from 'pino';
import t from 'tap';
import { startAdmin } from '../../../src/admin/server.ts';
import { type Ask, errorOf, scriptedOfrep, start } from './harness.ts';
import { ScriptedOperations } from './scripted-operations.ts';

const TOKEN = 'correct horse battery staple'.replaceAll(' ', '-');
const NO_TOKEN = { token: '', tokens: [], readsNeedToken: false, allowedHosts: [] };
const CHANGES = [
  { method: 'PUT', path: '/api/services/shop/traffic', body: '{"blue":1}' },
  { method: 'POST', path: '/api/services/shop/flip', body: '' },
  { method: 'POST', path: '/api/services/shop/rollback', body: '' },
  { method: 'POST', path: '/api/config/validate', body: '{"text":""}' },
  { method: 'POST', path: '/api/config/reload', body: '' },
] as const;
const READS = [
  '/api/services',
  '/api/services/shop',
  '/api/receipts/8?service=shop',
  '/api/config',
  '/api/openapi.json',
] as const;

t.test('every name of the machine itself is admitted with the right port, and no other name is', async (t) => {
  const admin = await start(t, { allowedHosts: ['Admin.Example.com', 'gate.example.com:8443'] });
  const { port } = admin.server.address;
  const cases: readonly (readonly [host: string, status: number])[] = [
    [`localhost:${port}`, 200],
    [`LOCALHOST:${port}`, 200],
    [`127.0.0.1:${port}`, 200],
    [`[::1]:${port}`, 200],
    ['admin.example.com', 200],
    ['admin.example.com:1234', 200],
    ['ADMIN.example.com', 200],
    ['gate.example.com:8443', 200],
    ['gate.example.com', 421],
    ['gate.example.com:8444', 421],
    ['localhost', 421],
    [`localhost:${port + 1}`, 421],
    [`localhost.:${port}`, 421],
    [`evil.example:${port}`, 421],
    [`127.0.0.1.evil.example:${port}`, 421],
    [`localhost.evil.example:${port}`, 421],
    [`127.0.0.2:${port}`, 421],
    [`user@localhost:${port}`, 421],
    [`localhost:${port}, evil.example`, 421],
    ['', 421],
  ];
  for (const [host, status] of cases) {
    const answer = await admin.ask({ path: '/api/services', host });
    t.equal(answer.status, status, `Host: ${host}`);
    if (status === 421) t.match(errorOf(answer), { code: 'wrong-host', details: { host } });
  }
});

t.test('a wrong Host is refused before anything else is said, on reads, changes and unknown paths', async (t) => {
  const admin = await start(t, { token: TOKEN });
  const host = 'evil.example';
  for (const path of [...READS, '/api/events', '/api/nothing']) {
    t.equal((await admin.ask({ path, host })).status, 421, path);
  }
  for (const { method, path, body } of CHANGES) {
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` };
    t.equal((await admin.ask({ method, path, host, headers, body })).status, 421, path);
  }
  t.same(admin.operations.calls, []);
});

t.test('probes and metrics answer under any Host', async (t) => {
  const admin = await start(t, { token: TOKEN });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    t.equal((await admin.ask({ path, host: '10.1.2.3:80' })).status, 200, path);
  }
});

t.test('a request without a Host, with two, or with a whole URL as its target is refused', async (t) => {
  const admin = await start(t);
  const bad = async (head: string, code: string) => {
    const answer = await admin.raw(`${head}Connection: close\r\n\r\n`);
    t.equal(answer.status, 400, head);
    t.equal(errorOf(answer).code, code, head);
  };
  await bad('GET /api/services HTTP/1.1\r\n', 'bad-host');
  await bad(`GET /api/services HTTP/1.1\r\nHost: ${admin.own}\r\nHost: evil.example\r\n`, 'bad-host');
  await bad(`GET http://evil.example/api/services HTTP/1.1\r\nHost: ${admin.own}\r\n`, 'bad-url');
});

t.test('without the token nothing can be changed, and the refusal is logged without what was sent', async (t) => {
  const admin = await start(t, { token: TOKEN });
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    'Bearer x',
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(1)}`,
    `Basic ${TOKEN}`,
    TOKEN,
  ];
  let refused = 0;
  for (const { method, path, body } of CHANGES) {
    for (const authorization of wrong) {
      const headers: Record<string, string> = { 'Content-Type': 'application/json' };
      if (authorization !== '') headers.Authorization = authorization;
      const answer = await admin.ask({ method, path, headers, body });
      t.equal(answer.status, 401, `${path} with "${authorization}"`);
      t.equal(errorOf(answer).code, 'unauthorized');
      t.match(answer.headers['www-authenticate'], /^Bearer/);
      refused++;
    }
  }
  t.same(admin.operations.calls, []);
  t.same(admin.operations.validated, []);
  const warnings = admin.logged.filter((line) => line.level === 40);
  t.equal(warnings.length, refused);
  t.ok(warnings.every((line) => line.peer === '127.0.0.1'));
  t.notOk(JSON.stringify(admin.logged).includes(TOKEN.slice(1)));
});

t.test('with the token everything can be changed', async (t) => {
  const admin = await start(t, { token: TOKEN });
  for (const { method, path, body } of CHANGES) {
    for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN}`]) {
      const headers = { 'Content-Type': 'application/json', Authorization: authorization };
      t.equal((await admin.ask({ method, path, headers, body })).status, 200, path);
    }
  }
  t.equal(admin.operations.calls.length, 8);
  t.notOk(JSON.stringify(admin.logged).includes(TOKEN));
});

t.test('a token may hold spaces and letters beyond ASCII', async (t) => {
  const admin = await start(t, { token: 'Sesam öffne dich' });
  const sent = (token: string) => ({ Authorization: `Bearer ${Buffer.from(token, 'utf8').toString('latin1')}` });
  const path = '/api/services/shop/rollback';
  t.equal((await admin.change('POST', path, '', sent('Sesam öffne dich'))).status, 200);
  t.equal((await admin.change('POST', path, '', sent('Sesam öffne'))).status, 401);
});

t.test('reads need no token', async (t) => {
  const admin = await start(t, { token: TOKEN });
  for (const path of READS) t.equal((await admin.ask({ path })).status, 200, path);
});

t.test('a changing call that a form could send is refused, with or without a body', async (t) => {
  const admin = await start(t);
  const types = [
    undefined,
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain; charset=application/json',
    'application/jsonx',
    'application/json-patch+json',
    'text/plain, application/json',
  ];
  for (const { method, path, body } of CHANGES) {
    for (const type of types) {
      const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
      const answer = await admin.ask({ method, path, headers, body });
      t.equal(answer.status, 415, `${path} with ${type}`);
      t.equal(errorOf(answer).code, 'content-type');
    }
  }
  t.same(admin.operations.calls, []);
});

t.test('the content type may carry parameters and any case', async (t) => {
  const admin = await start(t);
  for (const type of ['application/json; charset=utf-8', 'Application/JSON', 'application/json ;charset=utf-8']) {
    const answer = await admin.change('POST', '/api/services/shop/rollback', '', { 'Content-Type': type });
    t.equal(answer.status, 200, type);
  }
});

t.test('a page of another origin may not change anything; the own origin may', async (t) => {
  const admin = await start(t, { allowedHosts: ['admin.example.com'] });
  const { port } = admin.server.address;
  const cases: readonly (readonly [host: string, origin: string, status: number])[] = [
    [admin.own, `http://${admin.own}`, 200],
    [`localhost:${port}`, `http://localhost:${port}`, 200],
    ['admin.example.com', 'https://admin.example.com', 200],
    [admin.own, 'https://admin.example.com', 200],
    [admin.own, 'https://admin.example.com:8443', 403],
    [admin.own, 'null', 403],
    [admin.own, 'http://evil.example', 403],
    [admin.own, `http://127.0.0.1:${port + 1}`, 403],
    [admin.own, `http://evil.example/${admin.own}`, 403],
    [admin.own, `ftp://${admin.own}`, 403],
    [admin.own, `http://${admin.own}, http://evil.example`, 403],
  ];
  for (const [host, origin, status] of cases) {
    const ask: Ask = {
      method: 'POST',
      path: '/api/services/shop/rollback',
      host,
      headers: { 'Content-Type': 'application/json', Origin: origin },
    };
    const answer = await admin.ask(ask);
    t.equal(answer.status, status, `${origin} at ${host}`);
    if (status === 403) t.equal(errorOf(answer).code, 'wrong-origin');
  }
});

t.test('a preflight is refused and allows nothing', async (t) => {
  const admin = await start(t);
  const answer = await admin.ask({
    method: 'OPTIONS',
    path: '/api/services/shop/traffic',
    headers: { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'PUT' },
  });
  t.equal(answer.status, 405);
  t.same(
    Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
    [],
  );
});

t.test('an address that others can reach is not opened without a token', async (t) => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'admin.example.com']) {
    const starting = startAdmin({
      operations: new ScriptedOperations(),
      host,
      port: 0,
      access: () => NO_TOKEN,
      log: pino({ level: 'silent' }),
      version: '1.2.3',
      ofrep: scriptedOfrep().door,
    });
    await t.rejects(starting, /needs a token/, host);
  }
});

t.test('a wildcard listener is called by the address that the connection came in on', async (t) => {
  const admin = await start(t, { host: '0.0.0.0', token: TOKEN });
  const { port } = admin.server.address;
  t.equal((await admin.ask({ path: '/api/services', host: `127.0.0.1:${port}` })).status, 200);
  t.equal((await admin.ask({ path: '/api/services', host: `0.0.0.0:${port}` })).status, 200);
  t.equal((await admin.ask({ path: '/api/services', host: `192.0.2.1:${port}` })).status, 421);
});

t.test('a port that is taken is an error of the start', async (t) => {
  const admin = await start(t);
  const operations = new ScriptedOperations();
  const second = startAdmin({
    operations,
    host: '127.0.0.1',
    port: admin.server.address.port,
    access: () => NO_TOKEN,
    log: pino({ level: 'silent' }),
    version: '1.2.3',
    ofrep: scriptedOfrep().door,
  });
  await t.rejects(second, { code: 'EADDRINUSE' });
  t.equal(operations.listeners, 0);
});
