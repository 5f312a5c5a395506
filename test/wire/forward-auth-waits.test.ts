/**
 * Forward-auth while it takes its time: who waits for what and how long, what a client may do in the meantime, and what
 * becomes of questions when the service moves.
 */
import t, { type Test } from 'tap';
import { readEndpoint } from '../../src/stats/endpoint-cells.ts';
import { until } from '../scenario/stage/until.ts';
import { distinctText } from './stage/distinct-text.ts';
import { CANNOT_BE_FOUND_OUT, failures, results } from './stage/forward-auth.ts';
import { masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';

const UNAVAILABLE = own(503, CANNOT_BE_FOUND_OUT, '');
const NO = 'HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n';
const NO_RELAYED = 'HTTP/1.1 403 No\r\nVia: 1.1 tidegate\r\nContent-Length: 0\r\n\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';
const post = (fields: string, body = '') => `POST / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n${body}`;

interface Scene {
  readonly rig: Rig;
  readonly auth: Upstream;
}

/** Tidegate with a service that is asked about every request but the probe. */
async function scene(t: Test, service: object = {}, rule: object = {}): Promise<Scene> {
  const auth = await Upstream.open(t);
  const pools = { main: { version: 'v1', endpoints: [auth.address] } };
  const rig = await Rig.start(t, {
    services: { gatekeeper: { pools, ...service } },
    routes: [
      { path: '/probe', service: 'app' },
      { name: 'main', service: 'app', forwardAuth: { service: 'gatekeeper', ...rule } },
    ],
  });
  auth.hold();
  return { rig, auth };
}

/** Sends the bytes on a connection of its own and gives it with the question that they lead to. */
async function asked({ rig, auth }: Scene, bytes: string) {
  const client = await rig.client();
  client.send(bytes);
  return { client, question: await auth.request() };
}

function inFlight({ rig }: Scene): number {
  const { endpoints } = rig.plane.metrics();
  const boards = endpoints.filter(({ service }) => service === 'gatekeeper').map(({ board }) => readEndpoint(board));
  return boards.reduce((sum, { inFlight }) => sum + inFlight, 0);
}

for (const [title, bytes] of [
  ['says nothing', ''],
  ['stops in the middle of its head', 'HTTP/1.1 200 OK\r\nX-U'],
  ['stops in the middle of its body', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok'],
] as const) {
  t.test(`a service that ${title} lets nobody in when its time is over`, async (t) => {
    const stage = await scene(t, {}, { timeout: '50ms' });
    const { client, question } = await asked(stage, GET);
    question.end.send(bytes);
    const answer = await client.until('the answer', (text) => masked(text).length >= UNAVAILABLE.length);
    t.equal(masked(answer), UNAVAILABLE);
    await question.end.ended();
    t.equal(failures(stage.rig, 'main').timeout, 1);
    t.equal(inFlight(stage), 0);
    t.strictSame(await stage.rig.seen(), []);
  });
}

t.test('when nobody can be reached, nobody is let in', async (t) => {
  const stage = await scene(t, { pools: { main: { version: 'v1', endpoints: ['127.0.0.1:9'] } } });
  t.equal(await stage.rig.ask(GET), UNAVAILABLE);
  t.equal(failures(stage.rig, 'main').unavailable, 1);
  t.strictSame(await stage.rig.seen(), []);
});

t.test('when the service has no traffic, nobody is let in', async (t) => {
  const stage = await scene(t, { traffic: { main: 0 } });
  t.equal(await stage.rig.ask(GET), UNAVAILABLE);
  t.equal(failures(stage.rig, 'main').unavailable, 1);
});

t.test('a dead endpoint of the service is noticed by no client as long as another lives', async (t) => {
  const living = await Upstream.open(t);
  const stage = await scene(t, {
    pools: { main: { version: 'v1', endpoints: ['127.0.0.1:9', living.address] } },
    balance: 'round-robin',
  });
  for (let count = 0; count < 6; count++) t.equal(await stage.rig.ask(GET), OK_RELAYED);
  t.equal(living.take().length, 6);
  t.equal(results(stage.rig, 'main', 'allowed'), 6);
  t.equal(inFlight(stage), 0);
});

for (const [title, bytes] of [
  ['', GET],
  [' with its body sent', post('Content-Length: 2\r\n', 'ab')],
] as const) {
  t.test(`a client that goes while it waits${title} takes its question with it`, async (t) => {
    const stage = await scene(t);
    const { client, question } = await asked(stage, bytes);
    client.socket.destroy();
    await question.end.ended();
    await until('the question is counted', () => results(stage.rig, 'main', 'cancelled') === 1);
    t.equal(inFlight(stage), 0);
    t.strictSame(await stage.rig.seen(), [], 'the endpoint has heard of nothing');
  });
}

t.test('pipelined requests are asked about one after another, and answered in order', async (t) => {
  const stage = await scene(t);
  const line = (path: string) => GET.replace('/', path);
  const { client, question: first } = await asked(stage, line('/a') + line('/b') + line('/c'));
  t.match(first.bytes, /\r\nX-Forwarded-Uri: \/a\r\n/);
  await stage.rig.settled();
  t.strictSame(stage.auth.take(), [], 'nobody is asked about the second yet');
  first.end.send(NO);
  const second = await stage.auth.request();
  t.match(second.bytes, /\r\nX-Forwarded-Uri: \/b\r\n/);
  second.end.send(OK);
  const third = await stage.auth.request();
  t.match(third.bytes, /\r\nX-Forwarded-Uri: \/c\r\n/);
  third.end.send(NO);
  const expected = NO_RELAYED + OK_RELAYED + NO_RELAYED;
  t.equal(await client.until('all answers', (text) => text.length >= expected.length), expected);
});

t.test('a client that waits to be asked for its body is asked after the permission', async (t) => {
  const stage = await scene(t);
  const head = post('Expect: 100-continue\r\nContent-Length: 2\r\n');
  const { client, question } = await asked(stage, head);
  t.notMatch(question.bytes, /expect|content-length/i);
  await stage.rig.settled();
  t.equal(client.received, '');
  stage.rig.upstream.respondToHead = ({ end }) => end.send('HTTP/1.1 100 Continue\r\n\r\n');
  question.end.send(OK);
  const continued = 'HTTP/1.1 100 Continue\r\nVia: 1.1 tidegate\r\n\r\n';
  await client.until('the 100', (text) => text === continued);
  const { end } = await stage.rig.upstream.request();
  client.send('ab');
  await end.until('the body', (text) => text.endsWith('\r\n\r\nab'));
  end.send(OK);
  await client.until('the answer', (text) => text === continued + OK_RELAYED);

  const refused = await asked(stage, head);
  refused.question.end.send(NO);
  await refused.client.ended();
  t.equal(refused.client.received, NO_RELAYED.replace(/\r\n\r\n$/, '\r\nConnection: close\r\n\r\n'));
});

t.test('a body is not read while it waits, and arrives whole', async (t) => {
  const stage = await scene(t);
  const body = distinctText('b', 8 * 1024 * 1024);
  const { client, question } = await asked(stage, post(`Content-Length: ${body.length}\r\n`));
  const sent = client.stream(body);
  await stage.rig.untilStalled(client);
  t.ok(client.taken < body.length, `${client.taken} bytes were taken`);
  stage.rig.upstream.hold();
  question.end.send(OK);
  const { bytes, end } = await stage.rig.upstream.request();
  await sent;
  t.ok(bytes.endsWith(`\r\n\r\n${body}`));
  end.send(OK);
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
});

t.test('what is left of the body of a refused request is dropped, and the connection goes on', async (t) => {
  const stage = await scene(t);
  const { client, question } = await asked(stage, post('Content-Length: 6\r\n', 'abc'));
  question.end.send(NO);
  await client.until('the refusal', (text) => text === NO_RELAYED);
  client.send(`def${GET}`);
  const next = await stage.auth.request();
  next.end.send(OK);
  t.equal(await client.until('the answer', (text) => text.endsWith('ok')), NO_RELAYED + OK_RELAYED);
});

t.test('an upgrade is asked about as any request, and becomes a tunnel after the permission only', async (t) => {
  const stage = await scene(t);
  const upgrade = 'GET /ws HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const refused = await asked(stage, upgrade);
  t.notMatch(refused.question.bytes, /\r\n(?:upgrade|connection):/i);
  refused.question.end.send(NO);
  await refused.client.until('the refusal', (text) => text === NO_RELAYED);
  t.strictSame(await stage.rig.seen(), []);

  stage.rig.upstream.hold();
  const allowed = await asked(stage, upgrade);
  allowed.question.end.send(OK);
  const { bytes, end } = await stage.rig.upstream.request();
  t.match(bytes, /\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n$/);
  end.send('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  await allowed.client.until('the 101', (text) => text.endsWith('Upgrade: websocket\r\n\r\n'));
  allowed.client.send('to and');
  await end.until('what the client says', (text) => text.endsWith('to and'));
  end.send('fro');
  await allowed.client.until('what the endpoint says', (text) => text.endsWith('fro'));
});

t.test('questions have the limits of the service: more than its queue takes are turned away at once', async (t) => {
  const stage = await scene(t, { limits: { connections: 1, queue: 1 } });
  const first = await asked(stage, GET);
  const second = await stage.rig.client();
  second.send(GET);
  const queued = (): number => {
    const { endpoints } = stage.rig.plane.metrics();
    return readEndpoint(endpoints.find(({ service }) => service === 'gatekeeper')!.board).queued;
  };
  await until('a question waits', () => queued() === 1);
  t.equal(await stage.rig.ask(GET), UNAVAILABLE);
  t.equal(failures(stage.rig, 'main').busy, 1);
  first.question.end.send(OK);
  (await stage.auth.request()).end.send(OK);
  for (const client of [first.client, second]) t.equal(await client.untilHas('ok'), OK_RELAYED);
  t.equal(stage.auth.ends.length, 1);
  t.equal(inFlight(stage), 0);
});

t.test('a question waits for a connection no longer than the service lets requests wait', async (t) => {
  const stage = await scene(t, { limits: { connections: 1 }, timeouts: { queue: '50ms' } });
  const first = await asked(stage, GET);
  t.equal(await stage.rig.ask(GET), UNAVAILABLE);
  t.equal(failures(stage.rig, 'main').busy, 1);
  first.question.end.send(OK);
  t.equal(await first.client.untilHas('ok'), OK_RELAYED);
});

t.test('who waits when a reload names another service is answered by the one that was asked', async (t) => {
  const stage = await scene(t);
  const other = await Upstream.open(t);
  const allowed = await asked(stage, GET);
  const refused = await asked(stage, GET);
  await stage.rig.replaceInConfig(stage.auth.address, other.address);
  t.equal(await stage.rig.ask(GET), OK_RELAYED);
  t.equal(other.take().length, 1, 'who comes later is asked about at the new address');
  allowed.question.end.send(OK);
  refused.question.end.send(NO);
  t.equal(await allowed.client.untilHas('ok'), OK_RELAYED);
  t.equal(await refused.client.untilHas(NO_RELAYED), NO_RELAYED);
});

t.test('questions follow the gate of their service, and one whose pool is drained is asked again', async (t) => {
  const blue = await Upstream.open(t);
  const green = await Upstream.open(t);
  const stage = await scene(t, {
    pools: {
      blue: { version: 'v1', endpoints: [blue.address] },
      green: { version: 'v2', endpoints: [green.address] },
    },
    traffic: 'blue',
    drain: '50ms',
  });
  blue.hold();
  const client = await stage.rig.client();
  client.send(GET);
  const { end } = await blue.request();
  await stage.rig.plane.setTraffic('gatekeeper', { green: 1 }, { by: 'test', reason: '', ifEpoch: null });
  t.equal(await stage.rig.ask(GET), OK_RELAYED);
  t.equal(green.take().length, 1);
  await end.ended();
  t.equal(await client.untilHas('ok'), OK_RELAYED, 'nobody was turned away by the move');
  t.equal(green.take().length, 1);
});
