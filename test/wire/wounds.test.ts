/** What once went wrong in an exchange between a client and an endpoint. Each test is named by its wound. */
import t from 'tap';
import { SeriesReader } from '../../src/stats/series.ts';
import { until } from '../scenario/stage/until.ts';
import { distinctText } from './stage/distinct-text.ts';
import { forwarded, GET, masked, OK, OK_RELAYED, own } from './stage/messages.ts';
import { Rig } from './stage/rig.ts';
import { Upstream } from './stage/upstream.ts';
import type { WireEnd } from './stage/wire-end.ts';

const RESPONSE_MS = 100;
const PATIENCE_MS = 300;
/** More than the system keeps of what a client does not read. */
const ENDLESS = 24 * 1024 * 1024;
const STEP = 12 * 1024;
const ROUNDS_MAX = 8;

/** What the series of `app` have been counted: exchanges that were routed to a pool, and bytes to their clients. */
function counted(rig: Rig): { readonly started: number; readonly bytesOut: number; readonly inFlight: number } {
  const readers = rig.plane
    .metrics()
    .series.filter(({ service, pool }) => service === 'app' && pool !== '')
    .map(({ board }) => new SeriesReader(board));
  const sum = (value: (reader: SeriesReader) => number): number =>
    readers.reduce((total, reader) => total + value(reader), 0);
  return {
    started: sum((reader) => reader.started()),
    bytesOut: sum((reader) => reader.bytesOut()),
    inFlight: sum((reader) => reader.inFlight()),
  };
}

/** Asks for a response that ends with its connection and reads nothing of it; gives both ends. */
async function askAndNotRead(rig: Rig): Promise<{ readonly client: WireEnd; readonly end: WireEnd }> {
  const client = await rig.client();
  client.socket.pause();
  client.send('GET / HTTP/1.0\r\nHost: app.test\r\n\r\n');
  const { end } = await rig.upstream.request();
  return { client, end };
}

/** How much the data plane takes of a response that its client does not read, what it keeps itself included. */
async function capacityTowards(rig: Rig): Promise<number> {
  const before = counted(rig).bytesOut;
  const { client, end } = await askAndNotRead(rig);
  end.send(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(ENDLESS)}`);
  // It has to wait once both systems' buffers are full, and then nothing of it moves any more.
  let waiting = -1;
  await until('the endpoint has to wait', () => {
    const isStill = waiting === end.socket.writableLength && waiting > 0;
    waiting = end.socket.writableLength;
    return isStill;
  });
  client.reset();
  await end.ended();
  return until('it is counted', () => counted(rig).inFlight === 0 && counted(rig).bytesOut - before);
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

/** Responses that have ended upstream and that nobody reads, most of them of a size that leaves a part with Tidegate. */
async function unreadResponses(rig: Rig): Promise<{ readonly client: WireEnd; readonly body: string }[]> {
  const capacity = await capacityTowards(rig);
  const responses = [];
  for (let step = 1; step <= 10; step++) {
    const { client, end } = await askAndNotRead(rig);
    const body = distinctText(`<${step}>`, ENDLESS).slice(0, capacity - step * STEP);
    end.end(`HTTP/1.1 200 OK\r\n\r\n${body}`);
    responses.push({ client, body });
  }
  await until('some have ended upstream', () => counted(rig).inFlight < responses.length);
  return responses;
}

const bodyOf = (received: string): string => received.slice(received.indexOf('\r\n\r\n') + 4);

t.test('a client that pauses at the end of its last response still gets the whole of it', async (t) => {
  const rig = await Rig.start(t);
  rig.upstream.hold();
  let held = 0;
  // What the systems keep differs from one connection to the next; it is tried until Tidegate itself has to keep some.
  for (let round = 0; round < ROUNDS_MAX && held === 0; round++) {
    const responses = await unreadResponses(rig);
    // A connection that is closed now is waited for as long as the bytes of the others once were.
    const lingering = await rig.client('plain', true);
    lingering.send('bad\r\n\r\n');
    await lingering.untilHas('HTTP/1.1 400');
    await until('the time for lingering is over', () => {
      lingering.send('x');
      return lingering.socket.closed;
    });
    held = rig.connections() - counted(rig).inFlight;
    for (const { client, body } of responses) {
      client.socket.resume();
      t.equal(await client.ended(), 'end');
      t.equal(bodyOf(client.received) === body, true, `all ${body.length} bytes have come`);
    }
    await until('all are closed', () => rig.connections() === 0);
  }
  t.ok(held > 0, `${held} were still held for their readers`);
});

t.test(
  'a client that has stopped reading its last response sees a reset, and not an end that looks whole',
  async (t) => {
    const rig = await Rig.start(t, { listener: { timeouts: { keepAlive: `${PATIENCE_MS}ms` } } });
    rig.upstream.hold();
    let cut = 0;
    for (let round = 0; round < ROUNDS_MAX && cut === 0; round++) {
      const responses = await unreadResponses(rig);
      await until('all that have ended have been given up', () => rig.connections() === counted(rig).inFlight);
      for (const { client, body } of responses) {
        client.socket.resume();
        const ending = await client.ended();
        const isWhole = bodyOf(client.received) === body;
        if (!isWhole) cut += 1;
        t.equal(ending, isWhole ? 'end' : 'reset', `${bodyOf(client.received).length} of ${body.length} bytes`);
      }
    }
    t.ok(cut > 0, `${cut} were cut`);
  },
);

t.test('a wait is never shorter than it is configured, whenever it begins between two ticks', async (t) => {
  const rig = await Rig.start(t, { service: { timeouts: { response: `${RESPONSE_MS}ms` } } });
  rig.upstream.hold();
  const clients = [];
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
  // An idle connection is there already, so that nothing but the rule keeps the second request.
  t.equal(await rig.ask(GET), OK_RELAYED);
  rig.upstream.hold();
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
  const unrouted = () => {
    const entry = rig.plane.metrics().series.find(({ service }) => service === '')!;
    return new SeriesReader(entry.board).ended();
  };
  for (const line of ['OPTIONS /x HTTP/1.1\r\nMax-Forwards: 0', 'OPTIONS * HTTP/1.1']) {
    await rig.settled();
    const before = [counted(rig).started, unrouted()] as const;
    t.equal(await rig.ask(`${line}\r\nHost: app.test\r\n\r\n`), own(200, '', ''));
    await until('it is counted', () => unrouted() === before[1] + 1);
    t.equal(counted(rig).started, before[0]);
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
