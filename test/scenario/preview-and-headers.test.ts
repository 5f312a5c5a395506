/**
 * What an endpoint and a client get to see: previews, forwarding fields, ids, and which endpoints get anything at all.
 */
import type { IncomingHttpHeaders } from 'node:http';
import t from 'tap';
import type { AdminError } from './stage/admin.ts';
import { exchange } from './stage/exchange.ts';
import { Load } from './stage/load.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { startTidegate, type Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';

const TOKEN = 'let-me-see';

t.test('a preview reaches a pool at 0% with the right token only, and the endpoint never sees the token', async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const blue = await Upstream.start(t, 'v1');
  const green = await Upstream.start(t, 'v2', (req, res, upstream) => {
    seen.push(req.headers);
    sayVersion(req, res, upstream);
  });
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: blueAndGreen(blue.address, green.address),
      traffic: 'blue',
      service: [`preview: { header: x-tidegate-pool, token: ${TOKEN} }`, 'versionHeader: x-served-by'],
    }),
  );
  const ask = async (value: string): Promise<readonly [number, string | undefined]> => {
    const { status, headers } = await exchange(tidegate.port, '/', { headers: { 'x-tidegate-pool': value } });
    return [status, headers['x-served-by'] as string | undefined];
  };
  t.same(await ask(`green; token=${TOKEN}`), [200, 'v2']);
  t.same(await ask(`blue; token=${TOKEN}`), [200, 'v1']);
  t.same(await ask('green; token=let-me-sea'), [403, undefined]);
  t.same(await ask('green'), [403, undefined]);
  t.same(await ask(`red; token=${TOKEN}`), [400, undefined]);
  t.equal((await exchange(tidegate.port, '/')).headers['x-served-by'], 'v1', 'without the field the gate decides');
  t.equal(green.requests, 1);
  t.notMatch(JSON.stringify(seen), /let-me|x-tidegate-pool/);
  const { text } = await tidegate.admin.config();
  t.notMatch(text, TOKEN, 'nor does the admin API show it');
});

/** The fields of a request as the endpoint got it. */
async function forwarded(
  tidegate: Tidegate,
  headers: Record<string, string>,
  listener = 'web',
): Promise<IncomingHttpHeaders> {
  const answer = await exchange(tidegate.ports.get(listener)!, '/', { headers: { host: 'shop.test', ...headers } });
  return JSON.parse(answer.body) as IncomingHttpHeaders;
}

async function mirror(t: Parameters<typeof startTidegate>[0], listener: readonly string[]): Promise<Tidegate> {
  const blue = await Upstream.start(t, 'v1', (req, res) => {
    res.end(JSON.stringify(req.headers));
  });
  return startTidegate(t, shopConfig({ pools: blueAndGreen(blue.address, '127.0.0.1:9'), traffic: 'blue', listener }));
}

const CLAIMS = {
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'elsewhere.test',
  forwarded: 'for=203.0.113.7;proto=https',
  via: '1.1 first',
};

t.test('what a stranger claims about earlier hops is replaced', async (t) => {
  const tidegate = await mirror(t, []);
  const got = await forwarded(tidegate, CLAIMS);
  t.equal(got['x-forwarded-for'], '127.0.0.1');
  t.equal(got['x-forwarded-proto'], 'http');
  t.equal(got['x-forwarded-host'], 'shop.test');
  t.equal(got.forwarded, 'for=127.0.0.1;host=shop.test;proto=http');
  t.match(got.via, /^1\.1 first, 1\.1 tidegate$/i);
  t.equal(got.host, 'shop.test', 'Host stays what the client has sent');
});

t.test('what a trusted proxy says is passed on, with its own address behind it', async (t) => {
  const tidegate = await mirror(t, ['trustedProxies: [127.0.0.0/8]']);
  const got = await forwarded(tidegate, CLAIMS);
  t.equal(got['x-forwarded-for'], '203.0.113.7, 127.0.0.1');
  t.equal(got['x-forwarded-proto'], 'https');
  t.equal(got['x-forwarded-host'], 'elsewhere.test');
  t.equal(got.forwarded, 'for=203.0.113.7;proto=https, for=127.0.0.1;host=shop.test;proto=http');
});

t.test('a request id and a trace are passed on, or created where there is none or a malformed one', async (t) => {
  const tidegate = await mirror(t, []);
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const kept = await forwarded(tidegate, { 'x-request-id': 'order-4711', traceparent: trace });
  t.equal(kept['x-request-id'], 'order-4711');
  t.equal(String(kept.traceparent).slice(0, 36), trace.slice(0, 36), 'the trace stays the same');
  const made = [await forwarded(tidegate, {}), await forwarded(tidegate, { traceparent: 'nonsense' })];
  for (const headers of made) {
    t.match(headers['x-request-id'], /^[0-9a-f]{32}$/);
    t.match(headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  }
  t.not(made[0]!['x-request-id'], made[1]!['x-request-id']);
  t.not(made[0]!.traceparent, made[1]!.traceparent);
});

const HEALTH = 'health: { path: /healthz, interval: 20ms, timeout: 500ms, healthy: 2, unhealthy: 2, jitter: 0%';

t.test('an endpoint that goes bad gets no more requests, and comes back when it is well again', async (t) => {
  const one = await Upstream.start(t, 'v1');
  const two = await Upstream.start(t, 'v1');
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: { blue: { version: 'v1', endpoints: [one.address, two.address] } },
      traffic: 'blue',
      service: [`${HEALTH} }`],
    }),
  );
  const turned = (what: string) => (line: { readonly msg?: string }) =>
    line.msg?.includes(`${two.address} is ${what}`) === true;
  const load = new Load({ port: tidegate.port, clients: 8, keepAlive: true });
  await load.answers(300);
  t.ok(one.requests > 0 && two.requests > 0, 'both serve');

  const from = tidegate.lines.length;
  two.healthStatus = 500;
  await tidegate.line('it is down', turned('down'), from);
  await until('nothing is in flight there', async () => {
    const { endpoints } = await tidegate.admin.pool('blue');
    return endpoints.find(({ address }) => address === two.address)!.inFlight === 0;
  });
  const before = two.requests;
  await load.answers(500);
  t.equal(two.requests, before, 'the bad one gets nothing');
  t.equal((await tidegate.admin.metrics()).sum('tidegate_endpoint_up', { endpoint: two.address }), 0);
  const view = (await tidegate.admin.pool('blue')).endpoints.find(({ address }) => address === two.address)!;
  t.match(
    { health: view.health, admitting: view.admitting, ok: view.lastCheck?.ok },
    { health: 'down', admitting: false, ok: false },
  );

  const next = tidegate.lines.length;
  two.healthStatus = 200;
  await tidegate.line('it is up', turned('up'), next);
  await load.answers(500);
  t.ok(two.requests > before, 'it serves again');
  await load.stop();
  t.same(load.failures, [], 'and nobody has noticed');
  const texts = (await tidegate.admin.events('health')).map(({ text }) => text);
  t.ok(
    texts.some((text) => text.includes(`${two.address} is down`)),
    'the events tell it',
  );
  t.ok(texts.some((text) => text.includes(`${two.address} is up`)));
});

t.test('each endpoint is checked once, not once for each data thread', async (t) => {
  const one = await Upstream.start(t, 'v1');
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: { blue: { version: 'v1', endpoints: [one.address] } },
      traffic: 'blue',
      workers: 4,
      service: ['health: { path: /healthz, interval: 250ms, jitter: 0% }'],
    }),
  );
  const startedMs = performance.now();
  const before = one.checks;
  await until('a few checks were made', () => one.checks >= before + 4);
  t.ok(performance.now() - startedMs > 500, 'four checks in less than two intervals would be too many');
  t.equal(tidegate.errors, '');
});

t.test('with health.initial: shut, an endpoint gets nothing before its first good check', async (t) => {
  const one = await Upstream.start(t, 'v1');
  one.healthStatus = 503;
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: { blue: { version: 'v1', endpoints: [one.address] } },
      traffic: 'blue',
      service: [`${HEALTH}, initial: shut }`],
    }),
  );
  t.equal((await exchange(tidegate.port, '/')).status, 503);
  t.equal(one.requests, 0);
  const from = tidegate.lines.length;
  one.healthStatus = 200;
  await tidegate.line('it is up', (line) => line.msg?.includes('is up') === true, from);
  t.equal((await exchange(tidegate.port, '/')).status, 200);
});

t.test('flip refuses a pool without a healthy endpoint with 409, unless told not to verify', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const green = await Upstream.start(t, 'v2');
  green.healthStatus = 500;
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: blueAndGreen(blue.address, green.address),
      traffic: 'blue',
      service: [`${HEALTH} }`],
    }),
  );
  await until('green is down', async () => !(await tidegate.admin.pool('green')).endpoints[0]!.admitting);
  const { epoch } = await tidegate.admin.service();
  const refused = await tidegate.admin.call<AdminError>('POST', '/api/services/shop/flip', { to: 'green' });
  t.equal(refused.status, 409);
  t.equal(refused.body.error.code, 'no-healthy-endpoint');
  t.equal((await tidegate.admin.service()).epoch, epoch, 'nothing has moved');
  t.equal((await exchange(tidegate.port, '/')).body, 'v1\n');
  const forced = await tidegate.admin.call('POST', '/api/services/shop/flip', { to: 'green', verify: false });
  t.equal(forced.status, 200);
  t.equal((await exchange(tidegate.port, '/')).status, 503, 'whoever insists gets what there is');
  await tidegate.admin.rollback();
  t.equal((await exchange(tidegate.port, '/')).body, 'v1\n');
});

t.test('a move on a condition is refused when the gate stands elsewhere', async (t) => {
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: blueAndGreen('127.0.0.1:9', '127.0.0.1:10'), traffic: 'blue' }),
  );
  const { epoch } = await tidegate.admin.service();
  const put = (ifMatch: number) =>
    tidegate.admin.call('PUT', '/api/services/shop/traffic', { blue: 1, green: 1 }, { 'if-match': `"${ifMatch}"` });
  t.equal((await put(epoch + 1)).status, 412);
  t.equal((await put(epoch)).status, 200);
  t.equal((await put(epoch)).status, 412, 'of two who saw the same position, one moves it');
});
