import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import t, { type Test } from 'tap';
import {
  CHECKS_MAX,
  type EndpointHealth,
  type HealthCheck,
  HealthChecker,
  type HealthTarget,
} from '../../../src/health/checker.ts';

interface Change {
  readonly key: string;
  readonly state: EndpointHealth;
  readonly detail: string;
}

/** A checker whose changes can be awaited in their order. */
function checkerOf(t: Test, options: { readonly random?: () => number } = {}) {
  const changes: Change[] = [];
  const waiters: ((change: Change) => void)[] = [];
  const warnings: string[] = [];
  const checker = new HealthChecker({
    onChange: (key, state, detail) => {
      const change = { key, state, detail };
      const waiter = waiters.shift();
      if (waiter === undefined) changes.push(change);
      else waiter(change);
    },
    log: { warn: (_fields, text) => warnings.push(text) },
    ...options,
  });
  t.teardown(() => checker.close());
  const next = (): Promise<Change> => {
    const change = changes.shift();
    return change === undefined ? new Promise((resolve) => waiters.push(resolve)) : Promise.resolve(change);
  };
  return { checker, next, changes, warnings };
}

async function listen(t: Test, server: Server | ReturnType<typeof createTcpServer>, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const serve = (t: Test, answer: RequestListener): Promise<number> => listen(t, createServer(answer));

const CHECK: HealthCheck = {
  path: '/healthz',
  intervalMs: 10,
  timeoutMs: 5_000,
  healthy: 2,
  unhealthy: 3,
  status: [[200, 399]],
  jitterShare: 0.1,
  hostHeader: 'app.test',
  preface: null,
  initial: 'admitted',
};

function target(port: number, check: Partial<HealthCheck> = {}, key = 'shop/blue/a'): HealthTarget {
  const hostHeader = `127.0.0.1:${port}`;
  return { key, place: { host: '127.0.0.1', port }, check: { ...CHECK, hostHeader, ...check } };
}

t.test('a good answer proves an endpoint, and says what was seen', async (t) => {
  const asked: unknown[] = [];
  const port = await serve(t, (req, res) => {
    asked.push([req.method, req.url, req.headers.host, req.headers.connection]);
    res.end('fine');
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port)]);
  t.same(checker.stateOf('shop/blue/a'), { health: 'admitted', admitting: true, lastCheck: null });
  const { key, state, detail } = await next();
  t.match(
    { key, state, detail },
    {
      key: 'shop/blue/a',
      detail: 'status 200',
      state: { health: 'up', admitting: true, lastCheck: { ok: true, detail: 'status 200', at: /^\d{4}-.*Z$/ } },
    },
  );
  t.same(asked[0], ['GET', '/healthz', `127.0.0.1:${port}`, 'close']);
});

t.test('an endpoint that starts shut is admitted by its first good answer', async (t) => {
  const port = await serve(t, (_req, res) => res.end());
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { initial: 'shut', healthy: 50 })]);
  t.same(checker.stateOf('shop/blue/a'), { health: 'down', admitting: false, lastCheck: null });
  t.match((await next()).state, { health: 'up', admitting: true });
});

t.test('a status that is not accepted takes the endpoint down after so many in a row', async (t) => {
  let asked = 0;
  const port = await serve(t, (_req, res) => {
    asked++;
    res.writeHead(503).end();
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { unhealthy: 4 })]);
  const { state, detail } = await next();
  t.equal(asked, 4);
  t.match(state, { health: 'down', admitting: false });
  t.equal(detail, 'status 503, expected 200-399');
});

t.test('accepted statuses may be single and several', async (t) => {
  const port = await serve(t, (_req, res) => res.writeHead(204).end());
  const { checker, next } = checkerOf(t);
  checker.update([
    target(port, {
      unhealthy: 1,
      status: [
        [200, 200],
        [301, 302],
      ],
    }),
  ]);
  t.equal((await next()).detail, 'status 204, expected 200, 301-302');
});

t.test('both ends of a range of statuses belong to it', async (t) => {
  for (const range of [
    [204, 299],
    [100, 204],
  ] as const) {
    const port = await serve(t, (_req, res) => res.writeHead(204).end());
    const { checker, next } = checkerOf(t);
    checker.update([target(port, { unhealthy: 1, status: [range] })]);
    t.equal((await next()).state.health, 'up');
  }
});

t.test('a redirect is an answer and is not followed', async (t) => {
  const asked: string[] = [];
  const port = await serve(t, (req, res) => {
    asked.push(req.url!);
    res.writeHead(302, { location: '/elsewhere' }).end();
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { unhealthy: 2, status: [[200, 299]] })]);
  t.equal((await next()).detail, 'status 302, expected 200-299');
  t.same(asked, ['/healthz', '/healthz']);
});

t.test('an endpoint that hangs before its head is shut after the timeout', async (t) => {
  const port = await serve(t, () => {});
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { timeoutMs: 30, unhealthy: 2 })]);
  t.equal((await next()).detail, 'no answer within 30ms');
});

t.test('the timeout covers the body too', async (t) => {
  const port = await serve(t, (_req, res) => {
    res.writeHead(200);
    res.write('half of it');
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { timeoutMs: 30, unhealthy: 1 })]);
  t.equal((await next()).detail, 'no answer within 30ms');
});

t.test('an answer that breaks off in its body is not a good one', async (t) => {
  const port = await serve(t, (_req, res) => {
    res.writeHead(200, { 'content-length': 100 });
    res.write('half of it', () => res.destroy());
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { unhealthy: 1 })]);
  t.equal((await next()).detail, 'the connection was closed before the answer was whole');
});

t.test('an endless body is read up to the limit and the connection closed', async (t) => {
  let closed: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const port = await serve(t, (_req, res) => {
    const pour = (): void => {
      while (!res.destroyed && res.write(Buffer.alloc(16_384)));
    };
    res.on('drain', pour).on('close', closed);
    pour();
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port)]);
  t.equal((await next()).detail, 'status 200');
  await gone;
});

t.test('an endpoint that is not there is refused in the words of the system', async (t) => {
  const server = createTcpServer();
  const port = await listen(t, server);
  server.close();
  await once(server, 'close');
  const { checker, next } = checkerOf(t);
  checker.update([target(port)]);
  t.equal((await next()).detail, 'connect ECONNREFUSED');
});

t.test('what is not HTTP is named so', async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.6\r\n')),
  );
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { unhealthy: 1 })]);
  t.equal((await next()).detail, 'not a valid HTTP answer');
});

t.test('an endpoint that recovers comes back after so many good answers in a row', async (t) => {
  const script = [200, 500, 500, 200, 500, 200, 200, 200];
  let asked = 0;
  const port = await serve(t, (_req, res) => res.writeHead(script[asked++] ?? 200).end());
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { unhealthy: 2, healthy: 3 })]);
  t.equal((await next()).state.health, 'up');
  t.match(await next(), { state: { health: 'down' }, detail: 'status 500, expected 200-399' });
  t.equal(asked, 3);
  t.equal((await next()).state.health, 'up');
  t.equal(asked, 8);
});

t.test('an update keeps the state of what stays, and the new parameters count', async (t) => {
  const paths: string[] = [];
  let status = 200;
  const port = await serve(t, (req, res) => {
    paths.push(req.url!);
    res.writeHead(status).end();
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port)]);
  await next();
  const before = checker.stateOf('shop/blue/a');
  status = 500;
  checker.update([target(port, { path: '/ready', unhealthy: 1, initial: 'shut' })]);
  t.equal(checker.stateOf('shop/blue/a').health, before.health);
  t.equal((await next()).state.health, 'down');
  t.equal(paths.at(-1), '/ready');
});

t.test('a shorter interval takes effect without waiting for the longer one', async (t) => {
  let status = 200;
  const port = await serve(t, (_req, res) => res.writeHead(status).end());
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { intervalMs: 3_600_000 })]);
  await next();
  status = 500;
  checker.update([target(port, { unhealthy: 1 })]);
  t.equal((await next()).state.health, 'down');
});

t.test('an update that changes nothing brings no check forward', async (t) => {
  const asked: string[] = [];
  const port = await serve(t, (req, res) => {
    asked.push(req.headers.host!);
    res.end();
  });
  const { checker, next } = checkerOf(t, { random: () => 0 });
  const first = target(port, { intervalMs: 3_600_000, hostHeader: 'a' });
  checker.update([first]);
  await next();
  for (let count = 0; count < 5; count++) checker.update([first]);
  checker.update([first, target(port, { hostHeader: 'b' }, 'shop/blue/b')]);
  t.equal((await next()).key, 'shop/blue/b');
  t.equal(asked.filter((host) => host === 'a').length, 1);
});

t.test('a target that was removed is not asked any more, and its check under way is broken off', async (t) => {
  let arrived: () => void = () => {};
  let left: () => void = () => {};
  const underWay = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const brokenOff = new Promise<void>((resolve) => {
    left = resolve;
  });
  let asked = 0;
  const port = await serve(t, (_req, res) => {
    asked++;
    res.on('close', left);
    arrived();
  });
  const other = await serve(t, (_req, res) => res.end());
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { timeoutMs: 3_600_000 })]);
  await underWay;
  checker.update([target(other, {}, 'shop/blue/b')]);
  await brokenOff;
  t.equal((await next()).key, 'shop/blue/b');
  t.equal(asked, 1);
  t.same(checker.stateOf('shop/blue/a'), { health: 'admitted', admitting: true, lastCheck: null });
});

t.test('close breaks off what is under way and leaves no timer and no socket', async (t) => {
  let arrived: () => void = () => {};
  const underWay = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const server = createServer(() => arrived());
  const port = await listen(t, server);
  const { checker, changes } = checkerOf(t);
  checker.update([target(port, { timeoutMs: 3_600_000 }), target(port, { intervalMs: 60_000 }, 'shop/blue/b')]);
  await underWay;
  const timersBefore = process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  t.ok(timersBefore > 0);
  await checker.close();
  const left = process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  t.ok(left < timersBefore, 'the timers of the checks are gone');
  checker.update([target(port)]);
  t.same(checker.stateOf('shop/blue/a').lastCheck, null);
  t.same(changes, []);
  server.close();
  await once(server, 'close');
});

t.test(`at most ${CHECKS_MAX} checks run at once, and none of the others is forgotten`, async (t) => {
  const count = CHECKS_MAX + 36;
  const held: (() => void)[] = [];
  let released = false;
  let full: () => void = () => {};
  const atLimit = new Promise<void>((resolve) => {
    full = resolve;
  });
  const port = await serve(t, (req, res) => {
    if (released || req.url === '/marker') {
      res.end();
      return;
    }
    held.push(() => res.end());
    if (held.length === CHECKS_MAX) full();
  });
  // Without jitter all checks fall due in one turn, so that any beyond the limit would be dialled before the marker.
  const { checker, next } = checkerOf(t, { random: () => 0 });
  const keys = Array.from({ length: count }, (_, index) => `shop/blue/${index}`);
  checker.update(keys.map((key) => target(port, { intervalMs: 60_000 }, key)));
  await atLimit;
  await (await fetch(`http://127.0.0.1:${port}/marker`)).text();
  t.equal(held.length, CHECKS_MAX);
  released = true;
  for (const release of held) release();
  const seen = new Set<string>();
  while (seen.size < count) seen.add((await next()).key);
  t.same(seen, new Set(keys));
});

t.test('the first check comes at once and not after an interval', async (t) => {
  const port = await serve(t, (_req, res) => res.end());
  const { checker, next } = checkerOf(t, { random: () => 0 });
  checker.update([target(port, { intervalMs: 3_600_000 })]);
  t.equal((await next()).state.health, 'up');
});

t.test('a listener that throws stops no check', async (t) => {
  const port = await serve(t, (_req, res) => res.writeHead(500).end());
  const warnings: string[] = [];
  let calls = 0;
  let second: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    second = resolve;
  });
  const checker = new HealthChecker({
    onChange: () => {
      calls++;
      if (calls === 2) second();
      throw new Error('from the listener');
    },
    log: { warn: (_fields, text) => warnings.push(text) },
  });
  t.teardown(() => checker.close());
  checker.update([target(port, { unhealthy: 1 })]);
  checker.update([target(port, { unhealthy: 1 }), target(port, { unhealthy: 1 }, 'shop/blue/b')]);
  await done;
  t.equal(checker.stateOf('shop/blue/a').health, 'down');
  t.match(warnings[0], /was not taken note of/);
});

t.test('the Host field can be given', async (t) => {
  let host = '';
  const port = await serve(t, (req, res) => {
    host = req.headers.host ?? '';
    res.end();
  });
  const { checker, next } = checkerOf(t);
  checker.update([target(port, { hostHeader: 'shop.example.com' })]);
  await next();
  t.equal(host, 'shop.example.com');
});
