/**
 * What clients see when endpoints fail under load: those that can be saved are, the others get an honest answer, and no
 * application is ever asked twice for what may be done only once.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import t, { type Test } from 'tap';
import { exchange } from './stage/exchange.ts';
import { type Incoming, Load, type Outgoing } from './stage/load.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { configFile, startTidegate, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';
import { UpstreamProcess } from './stage/upstream-process.ts';

const CLIENTS = 24;
const SENT_502 = 'The endpoint closed the connection without an answer.';

/** How often each id has reached an application. */
class Ids {
  readonly counts = new Map<string, number>();

  readonly handler = (req: IncomingMessage, res: ServerResponse, upstream: Upstream): void => {
    this.counts.set(req.url!, (this.counts.get(req.url!) ?? 0) + 1);
    // Long enough for some to be under way at any moment.
    setTimeout(() => sayVersion(req, res, upstream), 5);
  };

  get most(): number {
    return Math.max(...this.counts.values());
  }
}

/** Three processes behind one pool, and Tidegate in front of them. */
async function three(
  t: Test,
  service: readonly string[] = [],
): Promise<{ all: UpstreamProcess[]; tidegate: Tidegate }> {
  const all = await Promise.all([1, 2, 3].map(() => UpstreamProcess.start(t, 'v1')));
  return { all, tidegate: await startTidegate(t, shopConfig({ pools: onePool(all), traffic: 'blue', service })) };
}

function onePool(endpoints: readonly { readonly address: string }[]) {
  return { blue: { version: 'v1', endpoints: endpoints.map(({ address }) => address) } };
}

function post(number: number): Outgoing {
  return { bytes: `POST /${number} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello` };
}

for (const [how, service] of [
  ['', []],
  [' and it is ejected meanwhile', ['ejection: { consecutiveFailures: 3, base: 200ms }']],
] as const) {
  t.test(`one of three endpoints is killed with SIGKILL under GETs${how}: no client sees an error`, async (t) => {
    const { all, tidegate } = await three(t, service);
    const load = new Load({ port: tidegate.port, clients: CLIENTS, keepAlive: true });
    await load.answers(600);
    await all[1]!.kill();
    await load.answers(3000);
    await load.stop();
    t.same(load.failures, []);
    const metrics = await tidegate.admin.metrics();
    t.ok(metrics.sum('tidegate_retries_total', { result: 'saved' }) > 0, 'some were saved');
    t.equal(metrics.sum('tidegate_retries_total', { result: 'failed' }), 0);
    t.equal(metrics.sum('tidegate_requests_total', { code: '2xx' }), load.answered);
    t.equal(metrics.sum('tidegate_requests_in_flight'), 0);
    if (service.length > 0) t.ok(metrics.sum('tidegate_endpoint_ejections_total', { endpoint: all[1]!.address }) > 0);
  });
}

t.test('the same under POSTs: only those that had been sent fail, with a 502, and none is done twice', async (t) => {
  const { all, tidegate } = await three(t);
  const load = new Load({ port: tidegate.port, clients: CLIENTS, keepAlive: true, make: post });
  await load.answers(600);
  await all[1]!.kill();
  await load.answers(3000);
  await load.stop();
  t.ok(load.failed <= CLIENTS, `${load.failed} were under way`);
  t.same(
    [...new Set(load.failures.map(({ reason }) => reason))].filter((reason) => reason !== `status 502: ${SENT_502}`),
    [],
  );
  // What the processes have said is known for certain when they have ended.
  for (const upstream of all) await upstream.kill();
  const arrived = all.flatMap(({ arrivals }) => [...arrivals]);
  t.ok(arrived.every(([, count]) => count === 1));
  t.equal(new Set(arrived.map(([path]) => path)).size, arrived.length, 'every id has reached one application, once');
  const failed = new Set(load.failures.map(({ number }) => `/${number}`));
  const elsewhere = [all[0]!, all[2]!].flatMap(({ arrivals }) => [...arrivals.keys()]);
  t.same(
    elsewhere.filter((path) => failed.has(path)),
    [],
    'whoever was told of a failure was at the endpoint that was killed',
  );
  const metrics = await tidegate.admin.metrics();
  t.equal(metrics.sum('tidegate_retries_total', { result: 'not-safe' }), load.failed);
  t.ok(metrics.sum('tidegate_retries_total', { result: 'saved' }) > 0, 'those that nobody had taken were saved');
});

for (const method of ['GET', 'POST'] as const) {
  t.test(`a candidate with half of the traffic refuses connections: no ${method} fails`, async (t) => {
    const ids = new Ids();
    const blue = await Upstream.start(t, 'v1', ids.handler);
    const refusing = `127.0.0.1:${await unusedPort()}`;
    const config = shopConfig({ pools: blueAndGreen(blue.address, refusing), traffic: '{ blue: 50, green: 50 }' });
    const tidegate = await Tidegate.start(t, await configFile(t, config));
    const make = method === 'POST' ? { make: post } : {};
    const load = new Load({ port: tidegate.port, clients: CLIENTS, keepAlive: true, requests: 1000, ...make });
    await load.finished;
    t.same(load.failures, []);
    const metrics = await tidegate.admin.metrics();
    const [version1, version2] = [{ pool: 'blue' }, { pool: 'green' }];
    const routed = metrics.sum('tidegate_requests_total', version2);
    t.ok(routed > 350 && routed < 650, `${routed} were routed to the candidate`);
    t.equal(
      metrics.sum('tidegate_upstream_attempts_total', { ...version2, outcome: 'connect' }),
      routed,
      'each failed',
    );
    t.equal(metrics.sum('tidegate_requests_total', { ...version2, code: '2xx' }), routed, 'and each was saved');
    t.equal(metrics.sum('tidegate_retries_total', { ...version2, result: 'saved' }), routed);
    t.equal(metrics.sum('tidegate_upstream_attempts_total', { ...version1, outcome: 'ok' }), 1000);
    t.equal(
      metrics.sum('tidegate_upstream_attempts_total', { ...version1 }),
      1000,
      'nothing counts against the active',
    );
    t.equal(metrics.sum('tidegate_requests_in_flight'), 0);
    t.equal(ids.most, 1);
    const receipt = await tidegate.admin.traffic({ blue: 100, green: 0 });
    t.equal(receipt.inFlight, 0, 'and the account of the position is even');
  });
}

t.test(
  'a candidate without an endpoint that admits is helped by the active pool; without fallback it is not',
  async (t) => {
    for (const fallback of [true, false]) {
      const blue = await Upstream.start(t, 'v1');
      const green = await Upstream.start(t, 'v2');
      green.healthStatus = 500;
      const config = shopConfig({
        pools: blueAndGreen(blue.address, green.address),
        traffic: 'blue',
        service: [
          'health: { path: /healthz, interval: 20ms, unhealthy: 1, healthy: 1 }',
          `retries: { attempts: 0, fallback: ${fallback} }`,
        ],
      });
      const tidegate = await Tidegate.start(t, await configFile(t, config));
      const up = async () => (await tidegate.admin.metrics()).sum('tidegate_endpoint_up', { pool: 'green' });
      await until('the candidate is shut', async () => (await up()) === 0);
      await tidegate.admin.traffic({ blue: 1, green: 99 });
      const answers = [];
      for (let count = 0; count < 40; count++)
        answers.push(await exchange(tidegate.port, '/', { method: 'POST', body: 'x' }));
      const refused = answers.filter(({ status }) => status === 503);
      if (fallback) t.equal(refused.length, 0);
      else t.ok(refused.length > 20 && refused.every(({ headers }) => headers['retry-after'] === '1'));
      const metrics = await tidegate.admin.metrics();
      const unavailable = metrics.sum('tidegate_upstream_attempts_total', { pool: 'green', outcome: 'unavailable' });
      t.ok(unavailable > 20, `${unavailable} speak against the candidate`);
    }
  },
);

t.test('endpoints that fail everything are not asked more than the budget allows', async (t) => {
  const REQUESTS = 1500;
  let arrived = 0;
  const fail = (req: IncomingMessage): void => {
    arrived += 1;
    req.socket.destroy();
  };
  const endpoints = [await Upstream.start(t, 'v1', fail), await Upstream.start(t, 'v1', fail)];
  const config = shopConfig({
    pools: onePool(endpoints),
    traffic: 'blue',
    workers: 1,
    service: ['retries: { attempts: 5, budget: 10% }'],
  });
  const tidegate = await Tidegate.start(t, await configFile(t, config));
  const judge = ({ status, body }: Incoming): string | null =>
    status === 502 && body.trim() === SENT_502 ? null : `status ${status}: ${body}`;
  const load = new Load({ port: tidegate.port, clients: CLIENTS, keepAlive: true, requests: REQUESTS, judge });
  await load.finished;
  t.same(load.failures, [], 'every client is told the truth');
  t.ok(arrived > REQUESTS, 'some were tried again');
  t.ok(arrived <= REQUESTS * 1.1 + 10, `${arrived} attempts of ${REQUESTS} requests`);
  const metrics = await tidegate.admin.metrics();
  t.equal(metrics.sum('tidegate_upstream_attempts_total', { outcome: 'reset' }), arrived, 'each is counted once');
  const ended = ['failed', 'budget'].map((result) => metrics.sum('tidegate_retries_total', { result }));
  t.equal(ended[0]! + ended[1]!, REQUESTS);
  t.ok(ended[1]! > REQUESTS / 2, `${ended[1]} had no budget`);
});

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
