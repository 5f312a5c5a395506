import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { valueAt } from '../../../src/control/expectation.ts';
import { type Smoke, type VerificationTarget, verify } from '../../../src/control/verification.ts';

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

async function endpoint(test: Test, handler: Handler, unhealthy: () => string | null = () => null) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const authority = `127.0.0.1:${port}`;
  return { name: authority, place: { host: '127.0.0.1', port }, authority, preface: null, unhealthy };
}

const never = new AbortController().signal;

function smoke(rest: Partial<Smoke> = {}): Smoke {
  const expect = { status: [200], headers: {}, json: {}, ...rest.expect };
  return { name: 'GET /', method: 'GET', path: '/', headers: {}, timeout: 5_000, ...rest, expect };
}

function target(rest: Partial<VerificationTarget>): VerificationTarget {
  return { endpoints: [], smoke: [], version: undefined, expectedVersion: 'v2', timeoutMs: 1, ...rest };
}

t.test('every endpoint is asked everything, and all results are shown', async (t) => {
  const good = await endpoint(t, (_req, res) => res.end('{"status":"up"}'));
  const bad = await endpoint(t, (_req, res) => res.writeHead(500).end('no database'));
  const found = await verify(target({ endpoints: [good, bad], smoke: [smoke()], timeoutMs: 300 }), never);
  t.equal(found.ok, false);
  t.match(found.results, [
    { endpoint: good.name, check: 'health', ok: true },
    { endpoint: good.name, check: 'GET /', ok: true, detail: 'ok' },
    { endpoint: bad.name, check: 'health', ok: true },
    { endpoint: bad.name, check: 'GET /', ok: false, detail: 'status 500, expected 200; it said "no database"' },
  ]);
  t.match(found.text, /^1 of 4 checks failed: .*no database/);
});

t.test('a smoke request is sent as written, and its answer is looked at in every part', async (t) => {
  const seen: unknown[] = [];
  const one = await endpoint(t, (req, res) => {
    let body = '';
    req.on('data', (chunk) => (body += chunk));
    req.on('end', () => {
      seen.push({ method: req.method, url: req.url, host: req.headers.host, tenant: req.headers['x-tenant'], body });
      res.setHeader('x-version', 'v2').end('{"a":{"b/c":[1,{"d":null}]},"name":"shop"}');
    });
  });
  const request = { method: 'POST', path: '/cart?x=1', headers: { 'x-tenant': 'acme' }, body: 'hello' };
  const expectations: readonly (readonly [Partial<Smoke['expect']>, string])[] = [
    [{ headers: { 'x-version': 'v2' }, body: 'shop', json: { '/a/b~1c/1/d': null, '/name': 'shop' } }, 'ok'],
    [{ status: [201, 204] }, 'status 200, expected 201 or 204; it said'],
    [{ headers: { 'x-version': 'v3' } }, 'x-version is "v2", expected "v3"'],
    [{ headers: { 'x-other': 'a' } }, 'x-other is missing, expected "a"'],
    [{ body: 'cart' }, 'the body has no "cart"'],
    [{ json: { '/name': 'cart' } }, '/name is "\\"shop\\"", expected "cart"'],
    [{ json: { '/a/b~1c/2': 1 } }, '/a/b~1c/2 is missing, expected 1'],
    [{ within: -1 }, 'expected at most -1ms'],
  ];
  for (const [expected, words] of expectations) {
    const expect = { status: [200], headers: {}, json: {}, ...expected };
    const found = await verify(
      target({ endpoints: [one], smoke: [smoke({ ...request, expect })], timeoutMs: 200 }),
      never,
    );
    t.ok(found.results[1]!.detail.includes(words), `${found.results[1]!.detail} says ${words}`);
  }
  t.match(seen[0], { method: 'POST', url: '/cart?x=1', host: one.authority, tenant: 'acme', body: 'hello' });
});

t.test('what is wrong at first and then right is verified; what was right is not asked again', async (t) => {
  const asked = { slow: 0, fast: 0 };
  const slow = await endpoint(t, (_req, res) => {
    asked.slow += 1;
    res.writeHead(asked.slow < 2 ? 503 : 200).end();
  });
  const fast = await endpoint(t, (_req, res) => {
    asked.fast += 1;
    res.end();
  });
  const found = await verify(target({ endpoints: [slow, fast], smoke: [smoke()], timeoutMs: 60_000 }), never);
  t.match(found, { ok: true, text: 'verified: 4 checks passed' });
  t.same(asked, { slow: 2, fast: 1 });
});

t.test('an endpoint proves its version by a field, a JSON value or its body', async (t) => {
  const one = await endpoint(t, (req, res) => {
    if (req.url === '/gone') res.writeHead(404).end();
    else if (req.url === '/json') res.end('{"build":{"version":"v2"}}');
    else res.setHeader('x-version', 'v1').end('v2\n');
  });
  const proofs = [
    [{ path: '/' }, true, 'ok'],
    [{ path: '/', header: 'x-version' }, false, 'runs "v1", expected "v2"'],
    [{ path: '/json', json: '/build/version' }, true, 'ok'],
    [{ path: '/json', json: '/build' }, false, 'runs a version that it does not name, expected "v2"'],
    [{ path: '/gone' }, false, 'status 404 where the version should be'],
  ] as const;
  for (const [version, ok, detail] of proofs) {
    const found = await verify(target({ endpoints: [one], version, timeoutMs: 200 }), never);
    t.match(found.results[1], { check: 'version', ok, detail });
  }
});

t.test('an endpoint that its health checks shut is not verified, whatever it answers', async (t) => {
  const one = await endpoint(
    t,
    (_req, res) => res.end(),
    () => 'is down: connect ECONNREFUSED',
  );
  const found = await verify(target({ endpoints: [one], smoke: [smoke()], timeoutMs: 200 }), never);
  t.match(found, { ok: false, results: [{ check: 'health', ok: false }, { ok: true }] });
});

t.test('an endpoint that never answers ends with its own timeout, and with the end of the time', async (t) => {
  const deaf = await endpoint(t, () => {});
  const short = await verify(target({ endpoints: [deaf], smoke: [smoke({ timeout: 50 })], timeoutMs: 500 }), never);
  t.match(short.results[1], { ok: false, detail: 'no answer within 50ms' });
  const cut = await verify(target({ endpoints: [deaf], smoke: [smoke({ timeout: 60_000 })], timeoutMs: 200 }), never);
  t.match(cut.results[1], { ok: false, detail: 'was not reached in time' });
});

t.test('a verification that is called off ends at once', async (t) => {
  const asked = Promise.withResolvers<void>();
  const deaf = await endpoint(t, () => asked.resolve());
  const stop = new AbortController();
  const running = verify(
    target({ endpoints: [deaf], smoke: [smoke({ timeout: 60_000 })], timeoutMs: 60_000 }),
    stop.signal,
  );
  await asked.promise;
  stop.abort();
  t.equal((await running).ok, false);
});

t.test('a JSON pointer finds only what is there', async (t) => {
  const root = { a: [{ 'x/y': 1, 'm~n': 2 }], '': 3 };
  t.equal(valueAt(root, '/a/0/x~1y'), 1);
  t.equal(valueAt(root, '/a/0/m~0n'), 2);
  t.equal(valueAt(root, '/'), 3);
  for (const pointer of ['/a/length/x', '/a/1', '/constructor', '/__proto__', '/a/0/toString'])
    t.equal(valueAt(root, pointer), undefined);
});
