/** Limits on exchanges in flight: what the client of one too many gets, what counts, and that nothing of it is left over. */
import t from 'tap';
import { isRefusal } from '../../src/control/operations.ts';
import { readInFlight } from '../../src/stats/in-flight-cells.ts';
import { readShed, SHED_REASONS, type ShedReason } from '../../src/stats/overload-cells.ts';
import { CODES, OUTCOMES, SeriesReader } from '../../src/stats/series.ts';
import { until } from '../scenario/stage/until.ts';
import { masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { type Arrival, Upstream } from './stage/upstream.ts';
import type { WireEnd } from './stage/wire-end.ts';

const KEPT = 'Retry-After: 1\r\n';
const POOL_FULL = own(503, 'Too many requests are in flight for this pool.', KEPT);
const ALL_FULL = own(503, 'Too many requests are in flight.', KEPT);

let rig: Rig;
let small: Upstream;
let canary: Upstream;
t.before(async () => {
  small = await Upstream.open(t);
  canary = await Upstream.open(t);
  rig = await Rig.start(t, {
    limits: { inFlight: 4 },
    services: {
      small: {
        pools: {
          main: { version: 'v1', endpoints: [small.address] },
          canary: { version: 'v2', endpoints: [canary.address], limits: { inFlight: 1 } },
        },
        traffic: 'main',
        limits: { inFlight: 2 },
        preview: { header: 'x-pool', token: 'show' },
      },
    },
    routes: [{ path: '/small', service: 'small' }, { service: 'app' }],
  });
});
t.beforeEach(() => {
  for (const upstream of [small, canary]) upstream.hold();
});

const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`;
const shed = (reason: ShedReason) => readShed(rig.plane.metrics().overload)[SHED_REASONS.indexOf(reason)]!;
const place = (service: string, pool: string) =>
  readInFlight(rig.plane.metrics().inFlight.find((one) => one.service === service && one.pool === pool)!.board);
const emptied = () => until('nothing is in flight', () => place('', '').inFlight === 0);

/** Requests that reach the upstream and wait there for their answer. */
async function waiting(count: number, fields = ''): Promise<{ client: WireEnd; arrival: Arrival }[]> {
  const all: { client: WireEnd; arrival: Arrival }[] = [];
  for (let at = 0; at < count; at++) {
    const client = await rig.client();
    client.send(get('/small', fields));
    all.push({ client, arrival: await (fields === '' ? small : canary).request() });
  }
  return all;
}

async function answer(all: readonly { client: WireEnd; arrival: Arrival }[]): Promise<void> {
  for (const { client, arrival } of all) {
    arrival.end.send(OK);
    await client.until('the answer', (text) => text === OK_RELAYED);
    client.socket.destroy();
  }
}

async function answered(all: readonly { client: WireEnd; arrival: Arrival }[]): Promise<void> {
  await answer(all);
  await emptied();
}

t.test('one more than a pool may have in flight gets a 503 at once, and its connection goes on', async (t) => {
  const [before, refusedBefore] = [shed('pool-in-flight'), place('small', 'main').refused];
  const held = await waiting(2);
  const client = await rig.client();
  client.send(`${get('/small')}${get('/other')}`);
  const both = POOL_FULL + OK_RELAYED;
  await client.until('both answers', (text) => masked(text).length >= both.length);
  t.equal(masked(client.received), both, 'a request to another service is served');
  t.equal(shed('pool-in-flight') - before, 1);
  t.same(place('small', 'main'), { inFlight: 2, refused: refusedBefore + 1 });
  await answered(held);
  t.strictSame(small.take(), [], 'no endpoint has heard of it');
  small.answerOk();
  t.equal(await rig.ask(get('/small')), OK_RELAYED, 'and when one has ended there is room again');
  await emptied();
});

t.test('a refusal comes after the responses that are owed', async (t) => {
  const [first] = await waiting(1);
  const client = await rig.client();
  client.send(get('/small', 'X-Owed: 1\r\n') + get('/small'));
  const owed = await small.request();
  t.match(owed.bytes, /X-Owed/);
  // The owed one leaves its place to this one, so that the next finds both taken.
  const other = await rig.client();
  owed.end.send(OK);
  await client.until('the owed answer', (text) => text.startsWith(OK_RELAYED));
  const second = await small.request();
  other.send(get('/small'));
  await other.until('a refusal', (text) => masked(text) === POOL_FULL);
  second.end.send(OK);
  await client.until('both answers', (text) => text === OK_RELAYED + OK_RELAYED);
  await answered([first!]);
  for (const end of [client, other]) end.socket.destroy();
});

t.test('over the limit of the process every service is refused, in words of its own', async (t) => {
  const before = shed('in-flight');
  rig.upstream.hold();
  const clients: WireEnd[] = [];
  const arrivals: Arrival[] = [];
  for (let at = 0; at < 4; at++) {
    const client = await rig.client();
    client.send(get('/app'));
    arrivals.push(await rig.upstream.request());
    clients.push(client);
  }
  t.equal(await rig.ask(get('/app')), ALL_FULL);
  t.equal(await rig.ask(get('/small')), ALL_FULL);
  t.equal(await rig.ask(get('/small', '').replace('GET', 'HEAD')), ALL_FULL.slice(0, ALL_FULL.indexOf('\r\n\r\n') + 4));
  t.equal(shed('in-flight') - before, 3);
  t.equal(place('small', 'main').inFlight, 0, 'what the process refuses takes no place of a pool');
  for (const [at, { end }] of arrivals.entries()) {
    end.send(OK);
    await clients[at]!.until('the answer', (text) => text === OK_RELAYED);
  }
  rig.upstream.answerOk();
  await emptied();
});

t.test('a body of a refused request does not get in the way of the next', async (t) => {
  const held = await waiting(2);
  const client = await rig.client();
  const head = 'POST /small HTTP/1.1\r\nHost: app.test\r\nContent-Length: 6\r\n\r\n';
  await client.sendPieces([`${head}abc`, `def${get('/other')}`]);
  const both = POOL_FULL + OK_RELAYED;
  await client.until('both answers', (text) => masked(text).length >= both.length);
  t.equal(masked(client.received), both);
  await answered(held);
});

t.test('a tunnel counts until its end, and a client that goes away gives its place back', async (t) => {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  const client = await rig.client('plain', true);
  client.send(get('/small', upgrade));
  const { end } = await small.request();
  end.send(`HTTP/1.1 101 Switching Protocols\r\n${upgrade}\r\n`);
  await client.untilHas('101 ');
  const [gone] = await waiting(1);
  t.equal(await rig.ask(get('/small')), POOL_FULL);
  gone!.client.reset();
  await until('its place is free', () => place('small', 'main').inFlight === 1);
  client.end();
  end.end();
  await emptied();
  small.answerOk();
  t.equal(await rig.ask(get('/small')), OK_RELAYED);
});

t.test('a candidate that is refused for its limit is not blamed: no attempt, no bad event', async (t) => {
  const entry = rig.plane.metrics().series.find(({ version }) => version === 'v2')!;
  const reader = new SeriesReader(entry.board);
  const sum = (cells: Float64Array) => cells.reduce((total, one) => total + one, 0);
  const preview = 'X-Pool: canary; token=show\r\n';
  const held = await waiting(1, preview);
  const before = { attempts: sum(reader.outcomes()), codes: reader.codes() };
  t.equal(await rig.ask(get('/small', preview)), POOL_FULL, 'the limit of the pool stands in for that of the service');
  const seen = () => reader.codes()[CODES.indexOf('5xx')]! - before.codes[CODES.indexOf('5xx')]!;
  await until('it is counted as what a user has seen', () => seen() === 1);
  t.equal(sum(reader.outcomes()), before.attempts);
  await answered(held);
  let bad = 0;
  for (let slot = 0; slot < 64; slot++) bad += reader.position(slot).bad;
  t.equal(bad, 0);
  t.equal(reader.outcomes()[OUTCOMES.indexOf('ok')], 1);
});

t.test('limits change while requests are under way; one below what is in flight waits for enough to end', async (t) => {
  const text = (limit: number | undefined) => {
    const config = JSON.parse(rig.plane.config().text.replace('***', '"show"')) as {
      services: { small: { limits?: object } };
    };
    config.services.small.limits = limit === undefined ? {} : { inFlight: limit };
    return JSON.stringify(config);
  };
  const reload = async (limit: number | undefined) => {
    const answer = await rig.plane.reloadText(text(limit));
    if (isRefusal(answer)) throw new Error(JSON.stringify(answer));
    return answer.changes;
  };
  const held = await waiting(2);
  t.ok((await reload(1)).some((change) => /small\.limits\.inFlight 2→1/.test(change)));
  t.equal(await rig.ask(get('/small')), POOL_FULL);
  await answer(held.slice(0, 1));
  await until('one has ended', () => place('small', 'main').inFlight === 1);
  t.equal(await rig.ask(get('/small')), POOL_FULL, 'one is as many as there may be');
  await reload(undefined);
  held.push(...(await waiting(2)));
  t.equal(place('small', 'main').inFlight, 3);
  await reload(3);
  t.equal(await rig.ask(get('/small')), POOL_FULL, 'those that came without a limit count');
  await answered(held.slice(1));
});
