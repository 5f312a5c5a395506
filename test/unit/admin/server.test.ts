import { connect } from 'node:net';
import t from 'tap';
import { errorOf, start } from './harness.ts';

t.test('the process is alive while it answers, and ready or not with reasons', async (t) => {
  const admin = await start(t);
  const health = await admin.ask({ path: '/healthz' });
  t.same([health.status, JSON.parse(health.text)], [200, { status: 'ok' }]);
  const ready = await admin.ask({ path: '/readyz' });
  t.same([ready.status, JSON.parse(ready.text)], [200, { ready: true, reasons: [], warnings: [] }]);
  admin.operations.ready = { ready: false, reasons: ['stopping'], warnings: ['the state file'] };
  const not = await admin.ask({ path: '/readyz' });
  t.same(
    [not.status, JSON.parse(not.text)],
    [503, { ready: false, reasons: ['stopping'], warnings: ['the state file'] }],
  );
  t.equal((await admin.ask({ path: '/healthz' })).status, 200);
});

t.test('HEAD answers like GET without a body', async (t) => {
  const admin = await start(t);
  const answer = await admin.ask({ method: 'HEAD', path: '/api/services/shop' });
  t.equal(answer.status, 200);
  t.equal(answer.headers.etag, '"7"');
  t.equal(answer.text, '');
});

t.test('a method that a path does not take is 405 and says which it takes', async (t) => {
  const admin = await start(t);
  const cases = [
    ['POST', '/api/services', 'GET, HEAD'],
    ['DELETE', '/api/services/shop', 'GET, HEAD'],
    ['GET', '/api/services/shop/traffic', 'PUT'],
    ['POST', '/api/services/shop/traffic', 'PUT'],
    ['GET', '/api/services/shop/flip', 'POST'],
    ['PATCH', '/api/services/shop/rollback', 'POST'],
    ['POST', '/api/config', 'GET, HEAD'],
    ['GET', '/api/config/validate', 'POST'],
    ['GET', '/api/config/reload', 'POST'],
    ['HEAD', '/api/events', 'GET'],
    ['POST', '/metrics', 'GET, HEAD'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['TRACE', '/readyz', 'GET, HEAD'],
  ] as const;
  for (const [method, path, allow] of cases) {
    const answer = await admin.ask({ method, path });
    t.equal(answer.status, 405, `${method} ${path}`);
    t.equal(answer.headers.allow, allow, `${method} ${path}`);
    if (method !== 'HEAD') t.equal(errorOf(answer).code, 'method-not-allowed');
  }
  t.same(admin.operations.calls, []);
});

t.test('what is no path, no JSON or no HTTP gets an error of the same shape', async (t) => {
  const admin = await start(t);
  const long = 'x'.repeat(300);
  const cases = [
    [await admin.ask({ path: '/api/services/%zz' }), 400, 'bad-url'],
    [await admin.ask({ path: `/api/services/${long}` }), 414, 'url-too-long'],
    [await admin.change('POST', '/api/config/reload', '{'), 400, 'bad-json'],
    [await admin.change('POST', '/api/config/reload', 'reason=x'), 400, 'bad-json'],
    [await admin.raw('garbage\r\n\r\n'), 400, 'bad-request'],
    [
      await admin.raw(`GET / HTTP/1.1\r\nHost: ${admin.own}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
      431,
      'headers-too-large',
    ],
    [
      await admin.raw(
        `POST /api/config/reload HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\n` +
          'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      ),
      400,
      'bad-request',
    ],
  ] as const;
  for (const [answer, status, code] of cases) {
    t.equal(answer.status, status, code);
    const error = errorOf(answer);
    t.equal(error.code, code);
    t.same(Object.keys(error), ['code', 'message', 'details']);
    t.match(answer.headers['content-type'], /^application\/json/);
  }
});

t.test('a head or a body that does not arrive in time ends in 408', async (t) => {
  const admin = await start(t, { serverLimits: { headersMs: 50, requestMs: 100, timeoutCheckMs: 20 } });
  const head = await admin.raw('GET /api/services HTTP/1.1\r\nHost: ');
  t.equal(head.status, 408);
  t.equal(errorOf(head).code, 'request-timeout');
  const body = await admin.raw(
    `POST /api/config/reload HTTP/1.1\r\nHost: ${admin.own}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{`,
  );
  t.equal(body.status, 408);
  t.same(admin.operations.calls, []);
});

t.test('answers may not be kept or guessed at', async (t) => {
  const admin = await start(t);
  for (const path of ['/api/services', '/api/nothing', '/api/services/%zz', '/healthz']) {
    const { headers } = await admin.ask({ path });
    t.equal(headers['cache-control'], 'no-store', path);
    t.equal(headers['x-content-type-options'], 'nosniff', path);
  }
});

t.test('the OpenAPI document names every route, its bodies, answers and errors', async (t) => {
  const admin = await start(t);
  const answer = await admin.ask({ path: '/api/openapi.json' });
  const document = JSON.parse(answer.text);
  t.equal(document.openapi, '3.1.0');
  t.equal(document.info.version, '1.2.3');
  const routes = Object.entries(document.paths as Record<string, object>).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  t.same(routes.sort(), [
    'delete /api/flags/{flag}',
    'delete /api/freeze',
    'get /api/config',
    'get /api/events',
    'get /api/flags',
    'get /api/flags/{flag}',
    'get /api/flags/{flag}/history',
    'get /api/flags/{flag}/rollout',
    'get /api/flags/{flag}/rollouts',
    'get /api/freeze',
    'get /api/groups/{group}/rollout',
    'get /api/receipts/{epoch}',
    'get /api/rollouts/{id}',
    'get /api/rollouts/{id}/explanation',
    'get /api/rollouts/{id}/judgement',
    'get /api/services',
    'get /api/services/{service}',
    'get /api/services/{service}/rollout',
    'get /api/services/{service}/rollouts',
    'get /healthz',
    'get /metrics',
    'get /readyz',
    'post /api/config/reload',
    'post /api/config/validate',
    'post /api/flags/import',
    'post /api/flags/{flag}',
    'post /api/flags/{flag}/explain',
    'post /api/flags/{flag}/kill',
    'post /api/flags/{flag}/preview',
    'post /api/flags/{flag}/restore',
    'post /api/flags/{flag}/rollout',
    'post /api/flags/{flag}/rollout/forecast',
    'post /api/flags/{flag}/rollout/{command}',
    'post /api/freeze',
    'post /api/groups/{group}/rollout',
    'post /api/groups/{group}/rollout/forecast',
    'post /api/groups/{group}/rollout/{command}',
    'post /api/services/{service}/flip',
    'post /api/services/{service}/rollback',
    'post /api/services/{service}/rollout',
    'post /api/services/{service}/rollout/forecast',
    'post /api/services/{service}/rollout/{command}',
    'put /api/services/{service}/traffic',
  ]);
  const traffic = document.paths['/api/services/{service}/traffic'].put;
  t.match(traffic.requestBody.content['application/json'].schema, {
    type: 'object',
    additionalProperties: { type: 'number', minimum: 0 },
  });
  t.match(traffic.parameters.map((parameter: { name: string }) => parameter.name).sort(), [
    'if-match',
    'service',
    'x-tidegate-by',
    'x-tidegate-reason',
  ]);
  t.match(traffic.responses['200'].content['application/json'].schema.required, ['service', 'epoch']);
  t.match(traffic.responses['4XX'].content['application/json'].schema.properties.error.required, ['code']);
  t.notOk(answer.text.includes('$schema'));
});

t.test('each changing call leaves one line that says who, from where, what and how it ended', async (t) => {
  const admin = await start(t, { token: 'sesame' });
  const token = { Authorization: 'Bearer sesame' };
  await admin.change(
    'PUT',
    '/api/services/shop/traffic',
    { blue: 90, green: 10 },
    {
      ...token,
      'X-Tidegate-By': 'ann',
      'X-Tidegate-Reason': 'a try',
      'If-Match': '"7"',
    },
  );
  await admin.change('POST', '/api/services/shop/rollback?token=sesame', '', { 'X-Tidegate-By': 'bob' });
  await admin.change('POST', '/api/services/shop/flip', '{"to":5}', token);
  await admin.ask({ path: '/api/services' });
  t.match(admin.lines('audit'), [
    {
      level: 30,
      audit: 'traffic',
      peer: '127.0.0.1',
      service: 'shop',
      status: 200,
      by: 'ann',
      note: 'a try',
      ifEpoch: 7,
      change: { epoch: 8, from: { blue: 100, green: 0 }, to: { blue: 90, green: 10 } },
    },
    { level: 30, audit: 'rollback', peer: '127.0.0.1', service: 'shop', status: 401, code: 'unauthorized' },
    { level: 30, audit: 'flip', service: 'shop', status: 400, code: 'invalid-request' },
  ]);
  t.equal(admin.lines('audit').length, 3);
  t.notOk(JSON.stringify(admin.logged).includes('sesame'));
});

t.test('closing frees the port, stops listening to events and ends idle connections', async (t) => {
  const admin = await start(t);
  const { port } = admin.server.address;
  const idle = await admin.connect();
  const ended = new Promise((resolve) => idle.once('close', resolve));
  idle.write(`GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => idle.once('data', resolve));
  t.equal(admin.operations.listeners, 1);
  await admin.server.close();
  await ended;
  t.equal(admin.operations.listeners, 0);
  const refused = await new Promise((resolve) => {
    connect(port, '127.0.0.1')
      .once('error', resolve)
      .once('connect', () => resolve(null));
  });
  t.match(refused, { code: 'ECONNREFUSED' });
});
