/**
 * What is tried again, seen byte by byte: two endpoints of the pool `main`, a candidate that refuses connections, one that
 * is shut, and what each of them was sent.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { OUTCOMES, POSITION_SLOTS, RETRY_RESULTS, type SeriesReader } from '../../src/stats/series.ts';
import { masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type Arrival, type Script, Upstream } from './stage/upstream.ts';

/** Connections are not used again here, so that none of the failures is a race. */
const OK_LAST = OK.replace('\r\n', '\r\nConnection: close\r\n');
const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno';
const RESET = own(502, 'The endpoint closed the connection without an answer.', '');
const TRY_MS = 200;
const BY_TEST = { by: 'test', reason: '', ifEpoch: null };

let rig: Rig;
let other: Upstream;
/** What only the service `hasty` has. */
let third: Upstream;
let seen: (Arrival & { readonly address: string })[] = [];

const reset: Script = ({ end }) => end.reset();
const answerLast: Script = ({ end }) => end.end(OK_LAST);

t.before(async () => {
  other = await Upstream.open(t);
  third = await Upstream.open(t);
  const refusing = `127.0.0.1:${await unusedPort()}`;
  const lone = (endpoint: string) => ({ version: 'v2', endpoints: [endpoint] });
  const retries = { attempts: 1, body: '1KiB', statuses: [503], backoff: '5ms' };
  const withOther = { version: 'v1', endpoints: [other.address] };
  rig = await Rig.start(t, {
    access: 'all',
    endpoints: [other.address],
    service: {
      retries,
      timeouts: { response: '20s' },
    },
    services: {
      saved: {
        pools: { active: withOther, candidate: lone(refusing) },
        traffic: { active: 100, candidate: 0 },
        preview: { header: 'x-pool', token: 's3cret' },
        versionHeader: 'x-version',
      },
      unsaved: {
        pools: { active: withOther, candidate: lone(refusing) },
        traffic: { active: 0, candidate: 100 },
      },
      helped: {
        pools: { active: lone(`127.0.0.1:${await unusedPort()}`), candidate: lone(refusing) },
        traffic: { active: 1, candidate: 1 },
        health: { path: '/', initial: 'shut', interval: '1h' },
      },
      patient: { pools: { only: withOther }, retries },
      hasty: {
        pools: { both: { ...withOther, endpoints: [other.address, third.address] } },
        retries: { ...retries, perTry: `${TRY_MS}ms` },
      },
    },
    routes: [
      { path: '/saved', service: 'saved' },
      { path: '/unsaved', service: 'unsaved' },
      { path: '/helped', service: 'helped' },
      { path: '/patient', service: 'patient' },
      { path: '/slow', service: 'hasty' },
      { service: 'app' },
    ],
  });
  // The active pool stays the active one for as long as it has any weight.
  await rig.plane.setTraffic('saved', { active: 0.001, candidate: 99.999 }, BY_TEST);
});

/** What the first request that comes to any endpoint meets; every later one is answered. */
function first(script: Script): void {
  seen = [];
  for (const upstream of [rig.upstream, other, third]) {
    upstream.take();
    upstream.respond = (arrival) => {
      seen.push({ ...arrival, address: upstream.address });
      if (seen.length === 1) script(arrival);
      else answerLast(arrival);
    };
  }
}

function request(method: string, path: string, body = '', lines = ''): string {
  const length = method === 'GET' ? '' : `Content-Length: ${body.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: app.test\r\n${lines}${length}\r\n${body}`;
}

function withVersion(answer: string): string {
  return answer.replace(/x-version: v1\r\n/, '');
}

t.test('a GET whose endpoint resets it is answered by the other endpoint', async (t) => {
  first(reset);
  t.equal(await rig.ask(request('GET', '/reset')), OK_RELAYED);
  t.equal(seen.length, 2);
  t.not(seen[0]!.address, seen[1]!.address, 'by the other one');
  t.equal(masked(seen[1]!.bytes), masked(seen[0]!.bytes), 'which got the same head');
  const line = await rig.logged('/reset');
  t.match(line, { attempts: 2, status: 200, termination: 'whole' });
  t.same(line.retried, [`${seen[0]!.address} upstream-reset`]);
  t.notOk('servedBy' in line);
});

t.test('a client gets no more interim responses because an attempt was repeated', async (t) => {
  const waiting = 'HTTP/1.1 102 Wait\r\n\r\n';
  const chatty: Script = ({ end }) => end.end(waiting.repeat(17) + OK_LAST);
  rig.upstream.respond = chatty;
  other.respond = chatty;
  const client = await rig.client();
  client.send(request('GET', '/chatty'));
  const answer = await client.until('the answer', (text) => text.endsWith('answer.\n'));
  t.equal(answer.split('HTTP/1.1 102 ').length - 1, 16);
  t.match(answer, /HTTP\/1\.1 502 /);
  client.socket.destroy();
});

for (const [name, method] of [
  ['POST', 'POST'],
  ['PATCH', 'PATCH'],
  ['a method that nobody knows', 'BREW'],
] as const) {
  t.test(`${name} that has been sent is not sent again, and the 502 says so`, async (t) => {
    first(reset);
    t.equal(await rig.ask(request(method, '/once', 'hello')), RESET);
    t.equal(seen.length, 1);
  });
}

for (const [how, body] of [
  ['with a length', 'Content-Length: 5\r\n\r\nhello'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'],
] as const) {
  t.test(`a PUT is sent again with its whole body, ${how}`, async (t) => {
    first(reset);
    t.equal(await rig.ask(`PUT /whole HTTP/1.1\r\nHost: app.test\r\n${body}`), OK_RELAYED);
    t.equal(seen.length, 2);
    t.equal(masked(seen[1]!.bytes), masked(seen[0]!.bytes));
  });
}

t.test('a body that was sent in part is sent again from its first byte, and the rest follows', async (t) => {
  const client = await rig.client();
  first(() => {});
  rig.upstream.respondToHead = reset;
  other.respondToHead = reset;
  client.send('PUT /part HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\nhello');
  await Promise.race([rig.upstream.request(), other.request()]);
  rig.upstream.respondToHead = null;
  other.respondToHead = null;
  first(answerLast);
  client.send('world');
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
  t.match(seen.at(-1)!.bytes, /\r\n\r\nhelloworld$/);
});

t.test('a body that is longer than what is kept is not sent again', async (t) => {
  first(reset);
  t.equal(await rig.ask(request('PUT', '/long', 'x'.repeat(1025))), RESET);
  t.equal(seen.length, 1);
  first(reset);
  t.equal(await rig.ask(request('PUT', '/short', 'x'.repeat(1024))), OK_RELAYED);
  await rig.settled();
  t.equal(rig.plane.metrics().threads[0]!.replayBytes, 0, 'and what was kept is given back');
});

t.test('a status that is configured is tried again, if the method is idempotent', async (t) => {
  const before = rig.outcomes('5xx');
  first(({ end }) => end.end(UNAVAILABLE));
  t.equal(await rig.ask(request('GET', '/status')), OK_RELAYED);
  t.equal(seen.length, 2);
  await rig.settled();
  t.equal(rig.outcomes('5xx'), before + 1, 'and counts against the version all the same');
  first(({ end }) => end.end(UNAVAILABLE));
  t.match(await rig.ask(request('POST', '/status')), /^HTTP\/1\.1 503 /);
  t.equal(seen.length, 1, 'and not otherwise');
});

t.test('an endpoint that asks for time is given it: nothing is sent again before', async (t) => {
  const later = UNAVAILABLE.replace('Content', 'Retry-After: 1\r\nContent');
  first(({ end }) => end.end(later));
  const before = performance.now();
  t.equal(await rig.ask(request('GET', '/later')), OK_RELAYED);
  t.ok(performance.now() - before >= 950, 'a second has passed');
  t.equal(seen.length, 2);
});

t.test('a Retry-After that is longer than what is left is passed on', async (t) => {
  first(({ end }) => end.end(UNAVAILABLE.replace('Content', 'Retry-After: 21\r\nContent')));
  t.match(await rig.ask(request('GET', '/much-later')), /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: 21\r\n/);
  t.equal(seen.length, 1);
});

t.test('an attempt that takes too long is given up for another, if the method is idempotent', async (t) => {
  first(() => {});
  const before = performance.now();
  t.equal(await rig.ask(request('GET', '/slow')), OK_RELAYED);
  t.ok(performance.now() - before >= TRY_MS);
  t.equal(seen.length, 2);
  first(({ end }) => setTimeout(() => end.end(OK_LAST), 2 * TRY_MS));
  t.equal(await rig.ask(request('POST', '/slow')), OK_RELAYED, 'a POST may take all the time there is');
  t.equal(seen.length, 1);
});

t.test('a request that no connection took is sent to the other pool with its body, whatever its method', async (t) => {
  first(answerLast);
  const answer = await rig.ask(request('POST', '/saved', 'hello'));
  t.equal(withVersion(answer), OK_RELAYED);
  t.match(answer, /x-version: v1\r\n/, 'the version that served is named');
  t.equal(seen.length, 1);
  t.match(seen[0]!.bytes, /\r\n\r\nhello$/);
  t.match(await rig.logged('/saved'), { pool: 'candidate', servedBy: 'active', attempts: 2, status: 200 });
});

t.test('what no connection took is sent to the other pool whole, however long its body is', async (t) => {
  first(answerLast);
  const body = 'x'.repeat(300_000);
  t.equal(withVersion(await rig.ask(request('POST', '/saved', body))), OK_RELAYED);
  t.equal(seen.length, 1);
  t.ok(seen[0]!.bytes.endsWith(`\r\n\r\n${body}`), 'though no more than 1KiB of what was sent is kept');
  await rig.settled();
  t.equal(rig.plane.metrics().threads[0]!.replayBytes, 0);
});

t.test('the failed attempt counts against the version that failed, the answer stays where it was routed', async (t) => {
  const read = () => {
    const [candidate, active] = [rig.series('candidate', 'saved'), rig.series('active', 'saved')];
    return {
      failed: candidate.outcomes()[OUTCOMES.indexOf('connect')]!,
      bad: badOf(candidate),
      answered: candidate.codes()[1]!,
      inFlight: candidate.inFlight() + active.inFlight(),
      served: active.outcomes()[OUTCOMES.indexOf('ok')]!,
      activeAnswered: active.codes()[1]!,
      activeBad: badOf(active),
      saved: candidate.retries()[RETRY_RESULTS.indexOf('saved')]!,
    };
  };
  const before = read();
  first(answerLast);
  for (let count = 0; count < 5; count++) t.equal(withVersion(await rig.ask(request('GET', '/saved'))), OK_RELAYED);
  await rig.settled();
  const now = read();
  t.equal(now.failed - before.failed, 5);
  t.equal(now.bad - before.bad, 5);
  t.equal(now.answered - before.answered, 5);
  t.equal(now.served - before.served, 5);
  t.equal(now.saved - before.saved, 5);
  t.same([now.activeAnswered, now.activeBad, now.inFlight], [before.activeAnswered, before.activeBad, 0]);
});

t.test('a pool without traffic saves nobody', async (t) => {
  first(answerLast);
  t.equal(await rig.ask(request('GET', '/unsaved')), own(502, 'The endpoint cannot be reached.', ''));
  t.equal(seen.length, 0);
});

t.test('a request that a preview forced to a pool is never moved to another', async (t) => {
  first(answerLast);
  const preview = 'X-Pool: candidate; token=s3cret\r\n';
  t.match(await rig.ask(request('GET', '/saved', '', preview)), /^HTTP\/1\.1 502 /);
  t.equal(seen.length, 0);
});

t.test('when no pool has an endpoint that admits, the answer is a 503 with Retry-After', async (t) => {
  t.equal(await rig.ask(request('GET', '/helped')), own(503, 'No endpoint is available.', 'Retry-After: 1\r\n'));
});

t.test('a pool with one endpoint asks it again after a pause', async (t) => {
  first(reset);
  t.equal(await rig.ask(request('GET', '/patient')), OK_RELAYED);
  t.equal(seen.length, 2);
});

const BROKEN_AT_ONCE = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n';

t.test(
  'an answer that is broken before any of it has left for the client is taken back: another is asked',
  async (t) => {
    first(({ end }) => end.send(BROKEN_AT_ONCE));
    t.equal(await rig.ask(request('GET', '/taken-back')), OK_RELAYED);
    t.equal(seen.length, 2);
  },
);

t.test('an answer that is taken back and may not be asked for again becomes a 502, not a reset', async (t) => {
  first(({ end }) => end.send(BROKEN_AT_ONCE));
  t.equal(await rig.ask(request('POST', '/taken-back', 'hello')), own(502, 'The endpoint sent a bad body.', ''));
  t.equal(seen.length, 1);
});

t.test('an answer that has begun is never begun again', async (t) => {
  first(({ end }) => {
    end.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
    setImmediate(() => end.reset());
  });
  const received = await rig.untilEnd(request('GET', '/begun'));
  t.match(received, /hello$/);
  t.equal(seen.length, 1);
});

/** Bad attempts under all positions of the gate. */
function badOf(series: SeriesReader): number {
  let bad = 0;
  for (let slot = 0; slot < POSITION_SLOTS; slot++) bad += series.position(slot).bad;
  return bad;
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
