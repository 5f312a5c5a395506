/**
 * Further attempts where they meet the other features: ejection, rate limits, PROXY headers, Unix sockets, queues, rules of
 * pools, upgrades, a client that waits to be asked for its body, and config and traffic that change between two attempts.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { readEndpoint } from '../../src/stats/endpoint-cells.ts';
import { until } from '../scenario/stage/until.ts';
import { GET, masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type Script, Upstream } from './stage/upstream.ts';

const OK_LAST = OK.replace('\r\n', '\r\nConnection: close\r\n');
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CONTINUE_RELAYED = 'HTTP/1.1 100 Continue\r\nVia: 1.1 tidegate\r\n\r\n';
/** The failure that a service with `statuses: [503]` tries again after a second. */
const IN_A_SECOND =
  'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno';
const RETRIES = { attempts: 1, backoff: '5ms', statuses: [503] };
const BY_TEST = { by: 'test', reason: '', ifEpoch: null };

let rig: Rig;
let other: Upstream;
/** Whoever is sent the first request. */
let firstSeen: Upstream | null = null;

const reset: Script = ({ end }) => end.reset();
const answerLast: Script = ({ end }) => end.end(OK_LAST);

t.before(async () => {
  other = await Upstream.open(t);
  const later = await Upstream.open(t);
  const refusing = `127.0.0.1:${await unusedPort()}`;
  const nobody = `unix:${join(t.testdir(), 'nobody.sock')}`;
  const pool = (...endpoints: string[]) => ({ version: 'v1', endpoints });
  const service = (endpoints: string[], more = {}) => ({
    pools: { main: pool(...endpoints) },
    retries: RETRIES,
    ...more,
  });
  const lone = { active: pool(other.address), candidate: { version: 'v2', endpoints: [refusing] } };
  rig = await Rig.start(t, {
    endpoints: [other.address],
    service: { retries: RETRIES },
    services: {
      ejecting: service([refusing, other.address], {
        balance: 'round-robin',
        ejection: { consecutiveFailures: 2, base: '50ms', max: '50ms' },
      }),
      proxied: service([refusing, other.address], { balance: 'round-robin', proxyProtocol: 'v1' }),
      sockets: service([nobody, other.address], { balance: 'round-robin' }),
      narrow: service([other.address], { limits: { connections: 1, queue: 1 } }),
      replaced: service([refusing]),
      ruled: {
        pools: {
          active: { ...lone.active, requestHeaders: { set: { 'x-from': 'active' } } },
          candidate: { ...lone.candidate, requestHeaders: { set: { 'x-from': 'candidate' } } },
        },
        traffic: { active: 100 },
        retries: RETRIES,
      },
      closed: {
        pools: { active: { ...lone.active, ipDeny: ['0.0.0.0/0'] }, candidate: lone.candidate },
        traffic: { active: 100 },
        retries: RETRIES,
      },
      proven: {
        pools: { active: pool(refusing), candidate: { version: 'v2', endpoints: [other.address] } },
        traffic: { active: 100 },
        retries: RETRIES,
      },
      moving: {
        pools: { before: pool(other.address), after: { version: 'v2', endpoints: [later.address] } },
        traffic: 'before',
        versionHeader: 'x-version',
        retries: RETRIES,
      },
    },
    routes: [
      ...['ejecting', 'proxied', 'sockets', 'narrow', 'replaced', 'ruled', 'closed', 'proven', 'moving'].map(
        (name) => ({
          path: `/${name}`,
          service: name,
        }),
      ),
      { name: 'limited', path: '/limited', rateLimit: { requests: 2, per: '1h' }, service: 'app' },
      { service: 'app' },
    ],
  });
  for (const name of ['ruled', 'closed'])
    await rig.plane.setTraffic(name, { active: 0.001, candidate: 99.999 }, BY_TEST);
  await rig.plane.setTraffic('proven', { active: 99.999, candidate: 0.001 }, BY_TEST);
});

/** What the first request that comes to either endpoint meets; every later one is answered. */
function first(script: Script): void {
  firstSeen = null;
  for (const upstream of [rig.upstream, other]) {
    upstream.take();
    upstream.respondToHead = null;
    upstream.respond = (arrival) => {
      const isFirst = firstSeen === null;
      firstSeen ??= upstream;
      (isFirst ? script : answerLast)(arrival);
    };
  }
}

function get(path: string): string {
  return GET.replace('/', path);
}

function withoutVersion(answer: string): string {
  return answer.replace(/x-version: v[12]\r\n/, '');
}

t.test(
  'an endpoint whose failures no client has seen is ejected all the same, and its probes are saved too',
  async (t) => {
    first(answerLast);
    const board = rig.plane.metrics().endpoints.filter(({ service }) => service === 'ejecting')[0]!.board;
    const ejections = () => readEndpoint(board).ejections.reduce((sum, count) => sum + count, 0);
    // Once for its failures, and again for a probe that has failed.
    await until('two ejections', async () => {
      t.equal(await rig.ask(get('/ejecting')), OK_RELAYED);
      return ejections() >= 2;
    });
  },
);

t.test('a request that is sent twice takes one token of its rate limit', async (t) => {
  first(reset);
  t.equal(await rig.ask(get('/limited')), OK_RELAYED);
  t.equal(rig.upstream.take().length + other.take().length, 2);
  t.equal(await rig.ask(get('/limited')), OK_RELAYED);
  t.match(await rig.ask(get('/limited')), /^HTTP\/1\.1 429 /);
});

t.test('each attempt tells its own endpoint who the client is', async (t) => {
  for (let count = 0; count < 2; count++) {
    first(answerLast);
    const ends = other.ends.length;
    const client = await rig.client();
    client.send(get('/proxied'));
    t.equal(await client.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
    const { localPort } = client.socket;
    const header = `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${rig.port()}\r\nGET /proxied `;
    t.ok(other.ends[ends]!.received.startsWith(header), other.ends[ends]!.received.slice(0, 60));
    client.socket.destroy();
  }
});

t.test('a Unix socket where nobody listens costs a client nothing', async (t) => {
  first(answerLast);
  for (let count = 0; count < 2; count++) t.equal(await rig.ask(get('/sockets')), OK_RELAYED);
});

t.test('a full queue is a 503 that says when to come again, and whoever waits in it is served', async (t) => {
  first(() => {});
  const [holder, waiting] = [await rig.client(), await rig.client()];
  holder.send(get('/narrow'));
  const { end } = await other.request();
  waiting.send(get('/narrow'));
  const board = rig.plane.metrics().endpoints.find(({ service }) => service === 'narrow')!.board;
  await until('a request waits', () => readEndpoint(board).queued === 1);
  const third = rig.ask(get('/narrow'));
  t.equal(await third, own(503, 'Too many requests are waiting.', 'Retry-After: 1\r\n'));
  end.end(OK_LAST);
  t.equal(await waiting.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED, 'who waited is served');
  for (const client of [holder, waiting]) client.socket.destroy();
});

t.test('a pool that saves a request gives it its own rules, and those alone', async (t) => {
  first(answerLast);
  t.equal(await rig.ask(get('/ruled')), OK_RELAYED);
  t.match(other.take()[0], /\r\nx-from: active\r\n/);
});

t.test('a pool that would not let the client in does not save its request either', async (t) => {
  first(answerLast);
  t.equal(await rig.ask(get('/closed')), own(502, 'The endpoint cannot be reached.', ''));
  t.equal(firstSeen, null);
});

t.test('a candidate never gets what the active pool has failed', async (t) => {
  first(answerLast);
  t.equal(await rig.ask(get('/proven')), own(502, 'The endpoint cannot be reached.', ''));
  t.equal(firstSeen, null);
});

t.test('a WebSocket whose handshake fails is opened at the other endpoint', async (t) => {
  const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  first(reset);
  for (const upstream of [rig.upstream, other]) {
    const { respond } = upstream;
    upstream.respond = (arrival) => {
      if (firstSeen === null) respond(arrival);
      else arrival.end.send(`${upgraded}hello`);
    };
  }
  const client = await rig.client();
  client.send(get('/ws').replace(/\r\n\r\n$/, '\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'));
  t.match(await client.until('the tunnel', (text) => text.endsWith('hello')), /^HTTP\/1\.1 101 /);
  client.socket.destroy();
});

t.test('a client is asked for its body once, however many endpoints ask', async (t) => {
  const client = await rig.client();
  first(() => {});
  let asked = 0;
  for (const upstream of [rig.upstream, other]) {
    upstream.respondToHead = ({ end }) => {
      asked += 1;
      end.send(CONTINUE);
      if (asked === 1) void end.until('the body', (text) => text.endsWith('hello')).then(() => end.reset());
      else void end.until('the body', (text) => text.endsWith('hello')).then(() => end.end(OK_LAST));
    };
  }
  client.send('PUT /asked HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  await client.until('the 100', (text) => text === CONTINUE_RELAYED);
  client.send('hello');
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), CONTINUE_RELAYED + OK_RELAYED);
  t.equal(asked, 2);
});

t.test('a request that waits for its next attempt finds the endpoint that came meanwhile', async (t) => {
  const late = await Upstream.open(t);
  const early = await Upstream.open(t);
  const withEndpoint = (address: string) => {
    const { services, ...rest } = rig.config as { services: Record<string, object> };
    const replaced = { ...services.replaced, pools: { main: { version: 'v1', endpoints: [address] } } };
    return rig.plane.reloadText(JSON.stringify({ ...rest, services: { ...services, replaced } }));
  };
  t.match(await withEndpoint(early.address), { result: 'applied' });
  early.answer(IN_A_SECOND, 'end');
  const answer = rig.ask(get('/replaced'));
  await early.request();
  t.match(await withEndpoint(late.address), { result: 'applied' });
  t.equal(await answer, OK_RELAYED);
  t.equal(late.take().length, 1);
  t.equal(early.take().length, 0, 'and nothing more goes to the one that has left');
});

t.test('traffic that moves between two attempts takes the request along to the pool that is active now', async (t) => {
  first(({ end }) => end.end(IN_A_SECOND));
  const answer = rig.ask(get('/moving'));
  await other.request();
  await rig.plane.setTraffic('moving', { after: 100 }, BY_TEST);
  const whole = await answer;
  t.match(whole, /x-version: v2\r\n/);
  t.equal(withoutVersion(masked(whole)), OK_RELAYED);
  await rig.settled();
  t.equal(rig.series('before', 'moving').inFlight() + rig.series('after', 'moving').inFlight(), 0);
});

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
