/**
 * What is under way on a route and a pool that did not change is not touched by a reload, whatever else changes: a
 * WebSocket, an event stream, an upload and a request that waits for its answer live through one reload after the other.
 */
import t, { type Test } from 'tap';
import { until } from '../scenario/stage/until.ts';
import { chunkedEnd } from './stage/messages.ts';
import { Rig, type RigOptions } from './stage/rig.ts';
import { type Ends, eventStream, held, speak, tell, webSocket } from './stage/streams.ts';
import { Upstream } from './stage/upstream.ts';
import type { WireEnd } from './stage/wire-end.ts';

const PIECE_BYTES = 1000;

/** An upload in chunks that goes on for as long as the test wants. */
class Upload {
  readonly #ends: Ends;
  #sent = '';
  #pieces = 0;

  private constructor(ends: Ends) {
    this.#ends = ends;
  }

  static async begin(rig: Rig): Promise<Upload> {
    rig.upstream.respondToHead = () => {};
    const client: WireEnd = await rig.client();
    client.send('POST /upload HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n');
    const { end } = await rig.upstream.request();
    rig.upstream.respondToHead = null;
    return new Upload({ client, end });
  }

  /** Sends a piece that is like no other; resolves when it has arrived. */
  async goOn(): Promise<void> {
    this.#pieces += 1;
    const piece = `${this.#pieces} `.repeat(PIECE_BYTES).slice(0, PIECE_BYTES);
    this.#sent += piece;
    this.#ends.client.send(`${PIECE_BYTES.toString(16)}\r\n${piece}\r\n`);
    await this.#ends.end.until('the piece', (text) => bodyOf(text).data.length >= this.#sent.length);
  }

  /** Ends the upload and has it answered; gives whether it has arrived as it was sent, and the answer. */
  async finish(): Promise<{ readonly isWhole: boolean; readonly answer: string }> {
    this.#ends.client.send('0\r\n\r\n');
    const text = await this.#ends.end.until('the end of the body', (received) => bodyOf(received).end > 0);
    this.#ends.end.send('HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nkept');
    const answer = await this.#ends.client.until('the answer', (received) => received.endsWith('\r\n\r\nkept'));
    return { isWhole: bodyOf(text).data === this.#sent, answer };
  }
}

function bodyOf(text: string): { readonly data: string; readonly end: number } {
  return chunkedEnd(text, text.indexOf('\r\n\r\n') + 4);
}

/** Everything that goes on at once, and that must go on. */
async function underWay(rig: Rig) {
  const [socket, stream, request] = [await webSocket(rig), await eventStream(rig), await held(rig, '/slow')];
  const upload = await Upload.begin(rig);
  return {
    goOn: async () => {
      await speak(socket);
      await tell(stream);
      await upload.goOn();
    },
    finish: async (t: Test) => {
      request.end.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter');
      await request.client.until('the slow answer', (text) => text.endsWith('\r\n\r\nafter'));
      const { isWhole, answer } = await upload.finish();
      t.ok(isWhole, 'the upload has arrived as it was sent');
      t.match(answer, /^HTTP\/1\.1 201 /);
      stream.end.send('0\r\n\r\n');
      await stream.client.until('the last chunk', (text) => text.endsWith('\r\n0\r\n\r\n'));
      socket.end.end('\x88\x00');
      t.equal(await socket.client.ended(), 'end');
    },
  };
}

/** What must not be waited for by what began before: the shortest of everything. */
const SHORT = { connect: '50ms', response: '50ms', idle: '50ms', queue: '50ms' };

t.test('whatever a reload changes elsewhere, what is under way goes on', async (t) => {
  const side = await Upstream.open(t);
  const second = await Upstream.open(t);
  const app = '/';
  const sidePools = { main: { version: 'v1', endpoints: [side.address] } };
  const services = { side: { pools: sidePools } };
  const routes = [
    { path: '/side', service: 'side' },
    { path: app, service: 'app' },
  ];
  const base: RigOptions = { services, routes };
  const rig = await Rig.start(t, base);
  const under = await underWay(rig);
  await under.goOn();

  const twoSidePools = { ...sidePools, extra: { version: 'v2', endpoints: [second.address] } };
  const changes: readonly (readonly [string, RigOptions])[] = [
    ['another route comes', { ...base, routes: [{ path: '/new', service: 'app' }, ...routes] }],
    ['another route changes', { ...base, routes: [{ path: '/side', method: 'GET', service: 'side' }, routes[1]!] }],
    ['another route goes', { ...base, routes: [routes[1]!] }],
    ['another service has one pool more', { ...base, services: { side: { pools: twoSidePools, traffic: 'main' } } }],
    ['its traffic moves', { ...base, services: { side: { pools: twoSidePools, traffic: 'extra', drain: '0s' } } }],
    ['its pool goes', { ...base, services: { side: { pools: sidePools, drain: '0s' } } }],
    ['the other service goes', { routes: [routes[1]!] }],
    ['the listener has other timeouts', { ...base, listener: { timeouts: { head: '50ms', keepAlive: '50ms' } } }],
    ['the listener takes fewer connections', { ...base, listener: { connections: 1, connectionsPerClient: 1 } }],
    ['the listener trusts others', { ...base, listener: { trustedProxies: ['::1'], proxyProtocol: 'accept' } }],
    ['the limit of bodies is below what has come', { ...base, limits: { body: '1KiB' } }],
    ['heads may be shorter', { ...base, limits: { head: '1KiB', target: '256B', fields: 8, paths: 'lenient' } }],
    ['the timeouts of the service are shorter', { ...base, service: { timeouts: SHORT } }],
    ['the timeouts of the route are shorter', { ...base, routes: [routes[0]!, { ...routes[1], timeouts: SHORT }] }],
    ['fewer connections and no queue', { ...base, service: { limits: { connections: 1, queue: 0 } } }],
    ['idle connections are kept for less', { ...base, service: { keepAlive: { idle: '1ms' } } }],
    ['ejection begins', { ...base, service: { ejection: { consecutiveFailures: 1 } } }],
    ['checks begin, and nothing is admitted before', { ...base, service: { health: { path: '/h', initial: 'shut' } } }],
    ['slow start begins', { ...base, service: { slowStart: '10s' } }],
    ['endpoints are told of clients', { ...base, service: { proxyProtocol: 'v1' } }],
    ['the drain is shorter', { ...base, service: { drain: { after: '0s', perSecond: 1000 } } }],
    [
      'clients stick',
      { ...base, service: { sticky: { cookie: 'tg' }, versionHeader: 'x-version', balance: 'random' } },
    ],
    ['fields are set', { ...base, routes: [routes[0]!, { ...routes[1], responseHeaders: { set: { 'x-a': 'b' } } }] }],
    ['the route refuses everybody', { ...base, routes: [routes[0]!, { ...routes[1], ipDeny: ['127.0.0.0/8'] }] }],
    ['the pool has a new version', { ...base, pools: { main: { version: 'v9', endpoints: [rig.upstream.address] } } }],
    [
      'the pool has an endpoint more',
      { ...base, pools: { main: { version: 'v1', endpoints: [second.address, rig.upstream.address] } } },
    ],
    [
      'the service has a pool more, ahead of the other',
      { ...base, pools: { first: { version: 'v0', endpoints: [second.address] } }, service: { traffic: 'main' } },
    ],
    ['what is logged changes', { ...base, top: { log: { level: 'fatal', access: 'sampled 1%' } } }],
  ];
  for (const [title, options] of changes) {
    const said = await rig.reload(options);
    t.ok(said.length > 0, `${title}: ${said.join('; ')}`);
    await under.goOn();
    t.ok((await rig.reload(base)).length > 0, 'and it changes back');
    await under.goOn();
  }

  await rig.reload({ ...base, service: { timeouts: SHORT } });
  const atMs = performance.now();
  await until('the shorter timeouts have passed', () => performance.now() - atMs > 400);
  await under.goOn();
  await under.finish(t);
});

t.test('what is under way when its own route goes is finished by the pool that has it', async (t) => {
  const rig = await Rig.start(t, { routes: [{ path: '/', service: 'app' }] });
  const under = await underWay(rig);
  await rig.reload({ routes: [{ path: '/elsewhere', service: 'app' }] });
  await under.goOn();
  await under.finish(t);
});
