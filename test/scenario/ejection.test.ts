/**
 * Endpoints that fail real requests are taken out of use and come back when they are good again, within the limits of
 * their pool; and what is known of them is the same for all threads and survives a reload.
 */
import t from 'tap';
import type { EndpointView } from '../../src/control/operations.ts';
import { FickleUpstream, type Mood } from './stage/fickle-upstream.ts';
import { Load } from './stage/load.ts';
import { type Shop, shopConfig } from './stage/shop.ts';
import { type Cleaning, startTidegate, type Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';

const CLIENTS = 8;
/** Long enough that no ejection ends while a test looks at it. */
const LONG = 'base: 1h, max: 1h';

/** Clients that take every answer and count the statuses. */
class Clients extends Load {
  readonly #statuses: Map<number, number>;

  private constructor(port: number, statuses: Map<number, number>) {
    super({
      port,
      clients: CLIENTS,
      keepAlive: true,
      restMs: 5,
      judge: ({ status }) => {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        return null;
      },
    });
    this.#statuses = statuses;
  }

  static start(t: Cleaning, { port }: Tidegate): Clients {
    const clients = new Clients(port, new Map());
    t.teardown(() => clients.stop());
    return clients;
  }

  count(status: number): number {
    return this.#statuses.get(status) ?? 0;
  }

  /** Answers with a status of 500 or more. */
  get errors(): number {
    return [...this.#statuses].reduce((sum, [status, count]) => (status >= 500 ? sum + count : sum), 0);
  }
}

function oneOf(blue: readonly FickleUpstream[], green: readonly FickleUpstream[] = []): Shop['pools'] {
  const addresses = (pool: readonly FickleUpstream[]): string[] => pool.map(({ address }) => address);
  const pools = { blue: { version: 'v1', endpoints: addresses(blue) } };
  return green.length === 0 ? pools : { ...pools, green: { version: 'v2', endpoints: addresses(green) } };
}

async function views(tidegate: Tidegate, pool = 'blue'): Promise<readonly EndpointView[]> {
  return (await tidegate.admin.pool(pool)).endpoints;
}

async function ejectionOf(tidegate: Tidegate, { address }: FickleUpstream): Promise<EndpointView['ejection']> {
  return (await views(tidegate)).find((one) => one.address === address)!.ejection;
}

async function startThree(t: Cleaning, mood: Mood = 'good'): Promise<[FickleUpstream, FickleUpstream, FickleUpstream]> {
  return [
    await FickleUpstream.start(t, mood),
    await FickleUpstream.start(t, mood),
    await FickleUpstream.start(t, mood),
  ];
}

const BAD: readonly { readonly mood: Mood; readonly rule: string; readonly reason: string }[] = [
  { mood: 'failing', rule: 'consecutiveFailures: 3', reason: 'consecutive-failures' },
  { mood: 'refusing', rule: 'consecutiveFailures: 3', reason: 'consecutive-failures' },
  { mood: 'hanging', rule: 'consecutiveFailures: 3', reason: 'consecutive-failures' },
  { mood: 'half', rule: 'consecutiveFailures: 1000, successRatio: 80%, minRequests: 10', reason: 'success-ratio' },
];

for (const { mood, rule, reason } of BAD) {
  t.test(
    `an endpoint that is ${mood} is ejected, costs a probe at a time, and comes back when it is good`,
    async (t) => {
      const [good, bad, other] = await startThree(t);
      const tidegate = await startTidegate(
        t,
        shopConfig({
          pools: oneOf([good, bad, other]),
          traffic: 'blue',
          // Nothing is tried again, so that what the endpoint costs is seen.
          service: [
            `ejection: { ${rule}, base: 100ms, max: 200ms }`,
            // Long enough that only what hangs is late, on a busy machine too.
            `timeouts: { response: ${mood === 'hanging' ? '500ms' : '30s'} }`,
            'retries: { attempts: 0 }',
          ],
        }),
      );
      const clients = Clients.start(t, tidegate);
      await clients.answers(100);
      t.equal(clients.errors, 0, 'all is well at first');

      await bad.be(mood);
      await until('it is ejected', async () => (await ejectionOf(tidegate, bad)) !== null);
      const [first] = await tidegate.admin.events('ejection');
      t.match(first, { service: 'shop', data: { pool: 'blue', endpoint: bad.address, state: 'shut', reason } });

      // A good answer to a probe would bring back what fails every second request; it is to stay bad.
      if (mood === 'half') await bad.be('failing');
      const labels = { service: 'shop', pool: 'blue', endpoint: bad.address };
      const probes = async (): Promise<number> =>
        (await tidegate.admin.metrics()).sum('tidegate_endpoint_ejections_total', { ...labels, reason: 'probe' });
      await until('what was under way at the ejection has ended', async () => (await probes()) >= 1);
      const [requestsBefore, probesBefore] = [bad.requests, await probes()];
      await until('several probes have failed', async () => (await probes()) >= probesBefore + 3);
      const spent = bad.requests - requestsBefore;
      const failed = (await probes()) - probesBefore;
      t.ok(spent <= failed + 1, `${spent} requests were sent there, each of them one of ${failed} probes`);

      await bad.be('good');
      await until('it is used again', async () => (await ejectionOf(tidegate, bad)) === null);
      const requests = bad.requests;
      await until('it gets requests again', () => bad.requests > requests + 10);
      const metrics = await tidegate.admin.metrics();
      t.equal(metrics.sum('tidegate_endpoint_up', labels), 1);
      t.equal(metrics.sum('tidegate_endpoint_ejected', labels), 0);
      for (const healthy of [good, other]) t.equal(await ejectionOf(tidegate, healthy), null, 'the others stayed');
      t.match((await tidegate.admin.events('ejection')).at(-1), {
        data: { endpoint: bad.address, state: 'admitting' },
      });
    },
  );
}

t.test(
  'of three bad endpoints no more than the share is ejected, and nothing goes to a pool without weight',
  async (t) => {
    const blue = await startThree(t, 'failing');
    const green = await FickleUpstream.start(t);
    const tidegate = await startTidegate(
      t,
      shopConfig({
        pools: oneOf(blue, [green]),
        traffic: 'blue',
        service: ['ejection: { consecutiveFailures: 2, base: 50ms, max: 50ms, maxShare: 50% }'],
      }),
    );
    const clients = Clients.start(t, tidegate);
    await until('one is ejected', async () => (await views(tidegate)).some(({ ejection }) => ejection !== null));
    for (let look = 0; look < 20; look++) {
      await clients.answers(10);
      const ejected = (await views(tidegate)).filter(({ ejection }) => ejection !== null);
      if (ejected.length > 1) t.fail(`${ejected.length} of three are ejected`);
    }
    t.equal(clients.count(503), 0, 'an endpoint was there for every request');
    t.equal(green.requests, 0, 'the pool without weight got nothing');
  },
);

t.test('in a panic all endpoints of the pool are used, and still nothing goes to a pool without weight', async (t) => {
  const blue = await startThree(t, 'failing');
  const green = await FickleUpstream.start(t);
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: oneOf(blue, [green]),
      traffic: 'blue',
      service: [`ejection: { consecutiveFailures: 3, ${LONG}, maxShare: 100% }`],
    }),
  );
  const clients = Clients.start(t, tidegate);
  await until('there is a panic', async () => (await tidegate.admin.pool('blue')).panic);
  const ejected = (await views(tidegate)).filter(({ ejection }) => ejection !== null);
  t.equal(ejected.length, 2, 'the last that admits stays');
  const before = blue.map(({ requests }) => requests);
  await until('all get requests', () => blue.every(({ requests }, index) => requests > before[index]! + 10));
  t.ok(
    (await views(tidegate)).every(({ admitting }) => admitting),
    'which the view says',
  );
  const metrics = await tidegate.admin.metrics();
  t.equal(metrics.sum('tidegate_pool_panic', { pool: 'blue' }), 1);
  t.equal(metrics.sum('tidegate_pool_panic', { pool: 'green' }), 0);
  t.equal(clients.count(503), 0, 'an endpoint was there for every request');
  t.equal(green.requests, 0, 'the pool without weight got nothing');
});

t.test('a reload keeps an ejection: the endpoint gets nothing before, during and after it', async (t) => {
  const [bad, good] = await startThree(t);
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: oneOf([bad, good]),
      traffic: 'blue',
      service: [`ejection: { consecutiveFailures: 3, ${LONG} }`, 'slowStart: 1h'],
    }),
  );
  const clients = Clients.start(t, tidegate);
  await bad.be('failing');
  const before = await until('it is ejected', () => ejectionOf(tidegate, bad));
  await bad.be('good');
  // Whoever had chosen it before is answered by then.
  await clients.answers(10 * CLIENTS);
  const [requests, errors] = [bad.requests, clients.errors];

  await tidegate.edit((text) => text.replace('slowStart: 1h', 'slowStart: 2h'));
  await tidegate.line('the reload is done', ({ msg }) => msg?.startsWith('config applied') === true);
  await clients.answers(100);
  const after = (await ejectionOf(tidegate, bad))!;
  t.same({ ...after, until: null }, { ...before, until: null });
  t.ok(Math.abs(Date.parse(after.until!) - Date.parse(before.until!)) < 1000, 'until the same moment');
  t.equal(bad.requests, requests, 'it got nothing');
  t.equal(clients.errors, errors, 'and nobody noticed');

  await tidegate.edit((text) => text.replace(/ +ejection: .*\n/, ''));
  await until('without the rule it is used again', async () => (await ejectionOf(tidegate, bad)) === null);
  await until('it gets requests', () => bad.requests > requests);
});

t.test('the only endpoint of a pool is never ejected', async (t) => {
  const only = await FickleUpstream.start(t, 'failing');
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: oneOf([only]),
      traffic: 'blue',
      service: ['ejection: { consecutiveFailures: 1, successRatio: 100%, minRequests: 1, maxShare: 100% }'],
    }),
  );
  const clients = Clients.start(t, tidegate);
  await clients.answers(300);
  // A look at the board after these answers is enough to have decided.
  const before = (await tidegate.admin.metrics()).sum('process_start_time_seconds');
  t.ok(before > 0);
  await clients.answers(300);
  t.equal(clients.count(503), 0, 'it got every request');
  t.equal(await ejectionOf(tidegate, only), null);
  t.same(await tidegate.admin.events('ejection'), []);
});

t.test('for a flip an ejected endpoint counts as not healthy, though its checks are good', async (t) => {
  const blue = await FickleUpstream.start(t);
  const [ejected, down] = await startThree(t);
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: oneOf([blue], [ejected, down]),
      traffic: 'green',
      service: [
        `ejection: { consecutiveFailures: 3, ${LONG} }`,
        'health: { path: /healthz, interval: 50ms, healthy: 1, unhealthy: 1 }',
      ],
    }),
  );
  Clients.start(t, tidegate);
  await ejected.be('failing');
  await until('it is ejected', async () => (await views(tidegate, 'green')).some(({ ejection }) => ejection !== null));
  await tidegate.admin.flip('blue');
  const flip = (): Promise<{ status: number; body: unknown }> =>
    tidegate.admin.call('POST', '/api/services/shop/flip', { to: 'green' });
  t.match(await flip(), { status: 200 }, 'the other endpoint is there');
  await tidegate.admin.flip('blue');
  down.healthStatus = 500;
  await until('the other is down', async () =>
    (await views(tidegate, 'green')).some(({ health }) => health === 'down'),
  );
  t.match(await flip(), { status: 409, body: { error: { code: 'no-healthy-endpoint' } } });
  const view = (await views(tidegate, 'green')).find(({ address }) => address === ejected.address);
  t.match(view, { health: 'up', ejection: { state: 'shut' } });
});

t.test('an endpoint that comes into use grows to its weight, and keeps its place through a reload', async (t) => {
  const [first, second] = await startThree(t);
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: oneOf([first]), traffic: 'blue', service: ['slowStart: 2s'] }),
  );
  const weights = async (): Promise<number[]> => (await views(tidegate)).map(({ effectiveWeight }) => effectiveWeight);
  await until('the first has grown', async () => (await weights())[0] === 1);
  await tidegate.edit((text) => text.replace(first.address, `${first.address}, ${second.address}`));
  const [old, fresh] = await until('the second is there', async () => {
    const found = await weights();
    return found.length === 2 ? found : null;
  });
  t.equal(old, 1, 'the first stays');
  t.ok(fresh! >= 0.1 && fresh! < 1, `the second stands in with ${fresh}`);
  await until('the second has grown', async () => (await weights())[1] === 1);
});
