/** What once went wrong in an exchange between a client and an endpoint. Each test is named by its wound. */
import t from 'tap';
import { isRefusal } from '../../src/control/operations.ts';
import { readListener } from '../../src/stats/listener-cells.ts';
import { SeriesReader } from '../../src/stats/series.ts';
import { until } from '../scenario/stage/until.ts';
import { forwarded, GET, masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';
import type { WireEnd } from './stage/wire-end.ts';

const RESPONSE_MS = 100;
const PATIENCE_MS = 300;
/** Requests whose answers are more than the systems keep of what a client does not read. */
const ASKED = 100_000;

/** How many exchanges were routed to a pool of `app`. */
function routed(rig: Rig): number {
  const series = rig.plane.metrics().series.filter(({ service, pool }) => service === 'app' && pool !== '');
  return series.reduce((sum, { board }) => sum + new SeriesReader(board).started(), 0);
}

/** How many exchanges have ended that were routed nowhere. */
function unrouted(rig: Rig): number {
  return new SeriesReader(rig.plane.metrics().series.find(({ service }) => service === '')!.board).ended();
}

/** A client that is owed more than the systems keep, and whose connection Tidegate has begun to close. */
async function closedUnread(rig: Rig): Promise<{ client: WireEnd; owed: number; open: () => number }> {
  const listener = rig.plane.metrics().listeners.find(({ name }) => name === 'trusting')!;
  const client = await rig.client('trusting');
  client.socket.pause();
  client.send('OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n'.repeat(ASKED));
  let answers = -1;
  await until('the client is answered no more', async () => {
    const before = answers;
    await rig.settled();
    answers = unrouted(rig);
    return answers > 0 && answers === before && answers < ASKED;
  });
  const config = JSON.parse(rig.plane.textInForce);
  config.listeners = config.listeners.filter(({ name }: { readonly name: string }) => name === 'plain');
  if (isRefusal(await rig.plane.reloadText(JSON.stringify(config)))) throw new Error('the reload was refused');
  await rig.settled();
  const open = (): number => {
    const { active, idle } = readListener(listener.board);
    return active + idle;
  };
  return { client, owed: answers, open };
}

t.test('a request that waited in a queue and whose body came only later is read from again', async (t) => {
  const rig = await Rig.start(t, { service: { limits: { connections: 1, queue: 1 } } });
  for (const [framing, body] of [
    ['Content-Length: 5\r\n', 'hello'],
    ['Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'],
  ] as const) {
    rig.upstream.hold();
    const holder = await rig.client();
    holder.send(GET);
    const held = await rig.upstream.request();
    const client = await rig.client();
    client.send(`POST / HTTP/1.1\r\nHost: app.test\r\n${framing}\r\n`);
    await rig.untilQueued();
    client.send(body);
    held.end.send(OK);
    const { bytes, end } = await rig.upstream.request();
    t.equal(masked(bytes), forwarded({ line: 'POST / HTTP/1.1', framing, body }));
    end.send(OK);
    t.equal(await client.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
    t.equal(await holder.until('the answer', (text) => text.endsWith('ok')), OK_RELAYED);
  }
});

t.test('a client that pauses at the end of its last response still gets the whole of it', async (t) => {
  const rig = await Rig.start(t);
  const { client, owed, open } = await closedUnread(rig);
  // A connection that is closed now, with nothing owed, is waited for as long as this one once was.
  const lingering = await rig.client('plain', true);
  lingering.send('bad\r\n\r\n');
  await lingering.untilHas('HTTP/1.1 400');
  await until('the time for lingering is over', () => {
    lingering.send('x');
    return lingering.socket.closed;
  });
  t.equal(open(), 1, 'its connection is still there');
  client.socket.resume();
  t.equal(await client.ended(), 'end');
  t.equal(masked(client.received) === own(200, '', '').repeat(owed), true, `all ${owed} answers have come`);
});

t.test('a client that does not read what it is owed sees a reset, and not an end that looks whole', async (t) => {
  const rig = await Rig.start(t, { listener: { timeouts: { keepAlive: `${PATIENCE_MS}ms` } } });
  const { client, owed, open } = await closedUnread(rig);
  await until('it has been given up', () => open() === 0);
  client.socket.resume();
  t.equal(await client.ended(), 'reset');
  t.ok(masked(client.received).length < own(200, '', '').length * owed);
});

t.test('a wait is never shorter than it is configured, whenever it begins between two ticks', async (t) => {
  const rig = await Rig.start(t, { service: { timeouts: { response: `${RESPONSE_MS}ms` } } });
  rig.upstream.hold();
  const clients: WireEnd[] = [];
  for (let count = 0; count < 16; count++) clients.push(await rig.client());
  const waits = await new Promise<number[]>((resolve, reject) => {
    const asked: Promise<number>[] = [];
    // Requests spread over more than one tick, so that some begin right before the next.
    const spread = setInterval(() => {
      const client = clients[asked.length]!;
      const atMs = performance.now();
      client.send(GET);
      asked.push(client.untilHas('in time.\n').then(() => performance.now() - atMs));
      if (asked.length < clients.length) return;
      clearInterval(spread);
      Promise.all(asked).then(resolve, reject);
    }, 7);
  });
  t.ok(
    waits.every((ms) => ms >= RESPONSE_MS),
    waits.map((ms) => ms.toFixed(0)).join(' '),
  );
});

t.test('a pipelined request does not run after its connection was cut with the response before it', async (t) => {
  const rig = await Rig.start(t);
  rig.upstream.hold();
  const primers = [await rig.client(), await rig.client()];
  for (const primer of primers) primer.send(GET);
  const primed = [await rig.upstream.request(), await rig.upstream.request()];
  for (const { end } of primed) end.send(OK);
  for (const primer of primers) await primer.until('the answer', (text) => text === OK_RELAYED);
  // An idle connection is left for the second request: nothing but the rule keeps it.
  const client = await rig.client();
  client.send(`${GET}POST /pay HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n`);
  const { end } = await rig.upstream.request();
  end.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf');
  await client.untilHas('half');
  end.end();
  await client.ended();
  for (const seen of await rig.seen()) t.notMatch(seen, '/pay');
});

t.test('an OPTIONS that Tidegate answers itself is counted under no pool', async (t) => {
  const rig = await Rig.start(t);
  for (const line of ['OPTIONS /x HTTP/1.1\r\nMax-Forwards: 0', 'OPTIONS * HTTP/1.1']) {
    await rig.settled();
    const before = [routed(rig), unrouted(rig)] as const;
    t.equal(await rig.ask(`${line}\r\nHost: app.test\r\n\r\n`), own(200, '', ''));
    await until('it is counted', () => unrouted(rig) === before[1] + 1);
    t.equal(routed(rig), before[0]);
  }
});

t.test('an endpoint that leaves and comes back while it drains is one endpoint with one limit', async (t) => {
  const other = await Upstream.open(t);
  const rig = await Rig.start(t, { service: { limits: { connections: 1, queue: 1 } } });
  const put = async (address: string): Promise<void> => {
    const config = JSON.parse(rig.plane.textInForce);
    config.services.app.pools.main.endpoints = [address];
    t.match(await rig.plane.reloadText(JSON.stringify(config)), { result: 'applied' });
  };
  rig.upstream.hold();
  const first = await rig.client();
  first.send(GET);
  const held = await rig.upstream.request();
  await put(other.address);
  t.equal(await rig.ask(GET), OK_RELAYED, 'the endpoint in its place answers meanwhile');
  t.equal(other.take().length, 1);
  await put(rig.upstream.address);
  const second = await rig.client();
  second.send(GET);
  await rig.untilQueued();
  held.end.send(OK);
  const next = await rig.upstream.request();
  t.equal(next.connection, held.connection, 'the one connection that is allowed has served both');
  next.end.send(OK);
  for (const client of [first, second]) await client.until('the answer', (text) => text === OK_RELAYED);
});
