/**
 * Flags of requests that have to wait until it is known whether they may go on: nothing is decided for whom is refused, nothing by what a
 * client says of who it is, and nothing that has been overtaken while it waited.
 */
import t, { type Test } from 'tap';
import { readFlagSeries } from '../../src/stats/flag-series.ts';
import { Rig, type RigOptions } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

/** The hash of `secret word`. */
const CRYPT = '$5$saltstring$zb4G.bJf1lQW1ZYWTH/6MLALsKTtlN7w/dLPCIegUaC';
const BASIC = `Authorization: Basic ${Buffer.from('anna:secret word').toString('base64')}`;
const PRO = `Authorization: Bearer ${['{"alg":"none"}', '{"plan":"pro"}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.')}`;
const BY_TEST = { by: 'test', reason: '', ifEpoch: null };

function get(path: string, ...lines: string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

function allowed(...lines: string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}Content-Length: 0\r\n\r\n`;
}

interface Scene {
  readonly rig: Rig;
  readonly auth: Upstream;
  readonly canary: Upstream;
  readonly options: RigOptions;
}

async function scene(t: Test): Promise<Scene> {
  const auth = await Upstream.open(t);
  const canary = await Upstream.open(t);
  canary.answer('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary');
  const forwardAuth = { service: 'gatekeeper', copyResponse: ['x-user', 'authorization'], cookies: true };
  const options: RigOptions = {
    services: { gatekeeper: { pools: { main: { version: 'v1', endpoints: [auth.address] } } } },
    pools: { canary: { version: 'v2', endpoints: [canary.address] } },
    service: { traffic: { main: 100, canary: 0 } },
    routes: [
      { path: '/pool', service: 'app', flags: ['pooled'], forwardAuth },
      {
        path: '/password',
        service: 'app',
        flags: ['listed'],
        basicAuth: { users: [{ name: 'anna', password: CRYPT }], userHeader: 'x-user' },
      },
      { path: '/drawn', service: 'app', flags: ['drawn'], forwardAuth },
      { path: '/probe', service: 'app' },
      { service: 'app', flags: ['listed', 'planned'], forwardAuth },
    ],
    top: {
      flags: {
        listed: { strategy: 'users', value: ['anna'] },
        planned: {
          strategy: 'users',
          value: ['nobody'],
          rules: [{ when: [{ attribute: 'plan', equals: 'pro' }], strategy: 'all' }],
        },
        drawn: { strategy: 'percentage', value: 100 },
        pooled: {
          strategy: 'users',
          value: ['anna'],
          variants: { control: {}, treatment: { pool: 'canary' } },
          offVariant: 'control',
          variant: 'treatment',
        },
      },
      flagContext: {
        key: [{ header: 'X-User' }],
        attributes: { plan: { jwt: 'plan' } },
        jwt: { unverified: true },
        anonymous: { cookie: 'tg-id' },
      },
    },
  };
  return { rig: await Rig.start(t, options), auth, canary, options };
}

/** What the endpoint was told of flags in the one request that it got. */
function told(upstream: Upstream): string | undefined {
  const requests = upstream.take();
  return requests.length === 1 ? /^Feature-Flags: (.*)\r$/m.exec(requests[0]!)?.[1] : `${requests.length} requests`;
}

/** Sends the bytes and gives the client with the question about them, which waits. */
async function asked({ rig, auth }: Scene, bytes: string) {
  auth.hold();
  const client = await rig.client();
  client.send(bytes);
  return { client, question: await auth.request() };
}

function exchanges({ rig }: Scene, flag: string, variant: string, pool: string): number {
  const entries = rig.plane.metrics().flagTraffic!.series;
  const { board } = entries.find((one) => one.flag === flag && one.variant === variant && one.pool === pool)!;
  return readFlagSeries(board).codes.reduce((sum, count) => sum + count);
}

t.test('a kill that is answered while the permission is waited for holds for whoever waits', async (t) => {
  const stage = await scene(t);
  const { client, question } = await asked(stage, get('/'));
  await stage.rig.plane.flags.kill('listed', BY_TEST);
  question.end.send(allowed('X-User: anna'));
  await client.untilHas('ok');
  t.equal(told(stage.rig.upstream), 'listed=?0, planned=?0');
});

t.test('and so does one that follows a reload', async (t) => {
  const stage = await scene(t);
  const { client, question } = await asked(stage, get('/'));
  const flags = (stage.options.top as { flags: object }).flags;
  const listed = { strategy: 'percentage', value: 100 };
  await stage.rig.reload({ ...stage.options, top: { ...stage.options.top, flags: { ...flags, listed } } });
  await stage.rig.plane.flags.kill('listed', BY_TEST);
  question.end.send(allowed('X-User: anna'));
  await client.untilHas('ok');
  t.equal(told(stage.rig.upstream), 'listed=?0, planned=?0');
});

t.test('a user is whom the checks of the route have found, and not whom a client claims to be', async (t) => {
  const stage = await scene(t);
  const { rig, auth } = stage;
  const claims = ['X-User: anna', 'x_user: anna', PRO];
  auth.answer(allowed('X-User: ben'));
  await rig.ask(get('/', ...claims));
  t.equal(told(rig.upstream), 'listed=?0, planned=?0');
  auth.answer(allowed());
  await rig.ask(get('/', ...claims));
  t.equal(told(rig.upstream), 'listed=?0, planned=?0', 'nobody is found');
  auth.answer(allowed('X-User: anna', PRO));
  await rig.ask(get('/', 'X-User: ben'));
  t.equal(told(rig.upstream), 'listed=?1, planned=?1');

  for (const title of ['before it is proven', 'when it is remembered']) {
    await rig.ask(get('/password', BASIC, 'X-User: ben'));
    t.equal(told(rig.upstream), 'listed=?1', title);
  }
});

t.test('caches are told that it depends on more than they see', async (t) => {
  const { rig, auth } = await scene(t);
  auth.answer(allowed('X-User: ben'));
  t.match(await rig.ask(get('/pool')), /\r\nVary: \*\r\n/);
});

t.test('whoever is refused was given nothing', async (t) => {
  const stage = await scene(t);
  const { rig, auth } = stage;
  auth.answer('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n');
  t.notMatch(await rig.ask(get('/drawn')), /Set-Cookie/);
  t.match(await rig.ask(get('/password', 'Authorization: Basic YTpi')), /^HTTP\/1.1 401 /);
  await rig.settled();
  t.equal(exchanges(stage, 'drawn', 'on', 'main'), 0);
  t.equal(exchanges(stage, 'listed', 'off', 'main'), 0);
  t.strictSame(
    rig.plane.metrics().flags.evaluations.filter(({ count }) => count > 0),
    [],
  );
});

t.test('a variant leads to its pool after the permission, and each exchange is counted in one place', async (t) => {
  const stage = await scene(t);
  const { rig } = stage;
  const { client, question } = await asked(stage, get('/pool'));
  const before = rig.series('').codes();
  const ofService = rig.series('');
  t.equal(ofService.inFlight(), 1, 'who waits is in flight under the service');
  question.end.send(allowed('X-User: anna'));
  await client.untilHas('canary');
  await rig.settled();
  t.equal(exchanges(stage, 'pooled', 'treatment', 'canary'), 1);
  t.equal(rig.series('canary').codes()[1], 1);
  t.equal(ofService.inFlight(), 0);
  t.strictSame(ofService.codes(), before);
});

t.test('a body arrives whole, and cookies of both come', async (t) => {
  const stage = await scene(t);
  const body = 'POST /drawn HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\n\r\nab';
  const { client, question } = await asked(stage, body);
  question.end.send(allowed('Set-Cookie: session=1'));
  client.send('cd');
  const answer = await client.untilHas('ok');
  t.match(answer, /\r\nSet-Cookie: session=1\r\nSet-Cookie: tg-id=[0-9a-f]{32};/);
  t.match(stage.rig.upstream.take(), [/\r\nFeature-Flags: drawn=\?1\r\n[\s\S]*\r\n\r\nabcd$/]);
});

t.test(
  'what a reload makes of the route meanwhile holds, and a route that is gone is followed to its end',
  async (t) => {
    const stage = await scene(t);
    const { rig, options } = stage;
    const first = await asked(stage, get('/pool'));
    const other = await Upstream.open(t);
    await rig.replaceInConfig(rig.upstream.address, other.address);
    first.question.end.send(allowed());
    await first.client.untilHas('ok');
    t.equal(other.take().length, 1, 'its endpoint has left meanwhile, and nobody saw an error');
    const second = await asked(stage, get('/pool'));
    await rig.reload({ ...options, routes: [{ path: '/else', service: 'app' }] });
    second.question.end.send(allowed('X-User: anna'));
    await second.client.untilHas('canary');
  },
);
