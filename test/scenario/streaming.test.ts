/**
 * Bodies pass and are not kept: gigabytes with flat memory, events one by one, and an end that is seen on the other side
 * for what it is.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { RawClient } from './stage/raw-client.ts';
import { RawUpstream } from './stage/raw-upstream.ts';
import { growthDuring } from './stage/resident-memory.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { type Cleaning, startTidegate, type Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { Upstream } from './stage/upstream.ts';

const GIB = 2 ** 30;
const GROWTH_MAX = 150 * 2 ** 20;
const PIECE = Buffer.alloc(256 * 1024, 'tide');

function behind(t: Cleaning, address: string): Promise<Tidegate> {
  return startTidegate(t, shopConfig({ pools: blueAndGreen(address, '127.0.0.1:9'), traffic: 'blue', workers: 1 }));
}

/** Writes `bytes` bytes, never more than the other side takes. */
function pour(target: NodeJS.WritableStream, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      if (!target.write(piece)) {
        target.once('drain', more);
        return;
      }
    }
    target.end();
  };
  more();
}

/** Counts the bytes of a stream and lets go of them; rejects when it does not end as it should. */
function count(stream: IncomingMessage): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    stream.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

t.test('gigabytes pass in both directions while the memory of Tidegate stays flat', async (t) => {
  const upstream = await Upstream.start(t, 'v1', (req, res) => {
    const [, way, bytes] = req.url!.split('/');
    if (way === 'up') {
      void count(req).then((counted) => res.end(String(counted)));
      return;
    }
    if (way === 'length') res.setHeader('content-length', bytes!);
    pour(res, Number(bytes));
  });
  const tidegate = await behind(t, upstream.address);

  async function send(path: string, headers: Record<string, string | number>, bytes: number): Promise<IncomingMessage> {
    const req = request({ port: tidegate.port, path, method: bytes > 0 ? 'POST' : 'GET', headers, agent: false });
    const answered = once(req, 'response');
    if (bytes > 0) pour(req, bytes);
    else req.end();
    return (await answered)[0] as IncomingMessage;
  }

  // The first exchange of a process costs memory that no body is to blame for.
  await count(await send(`/length/${GIB / 16}`, {}, 0));
  const transfers = [
    { title: 'a response with a length', path: 'length', bytes: GIB, headers: null },
    { title: 'a chunked response', path: 'chunked', bytes: GIB / 2, headers: null },
    { title: 'an upload with a length', path: 'up', bytes: GIB, headers: { 'content-length': GIB } },
    { title: 'a chunked upload', path: 'up', bytes: GIB / 2, headers: { 'transfer-encoding': 'chunked' } },
  ];
  for (const { title, path, bytes, headers } of transfers) {
    await t.test(`${title} of ${bytes / GIB} GiB`, async (t) => {
      let passed = 0;
      const startedMs = performance.now();
      const growth = await growthDuring(tidegate.pid, async () => {
        const response = await send(`/${path}/${bytes}`, headers ?? {}, headers === null ? 0 : bytes);
        if (headers === null) {
          passed = await count(response);
        } else {
          for await (const piece of response) passed = Number(String(piece));
        }
      });
      const seconds = (performance.now() - startedMs) / 1000;
      t.equal(passed, bytes, 'every byte has come');
      t.ok(growth < GROWTH_MAX, `grew by ${(growth / 2 ** 20).toFixed(1)} MiB in ${seconds.toFixed(1)} s`);
    });
  }
});

t.test('a client that reads slowly holds up its endpoint, and not the memory of Tidegate', async (t) => {
  let offered = 0;
  const upstream = await Upstream.start(t, 'v1', (_req, res) => {
    const write = res.write.bind(res);
    res.write = ((piece: Buffer) => {
      offered += piece.length;
      return write(piece);
    }) as typeof res.write;
    pour(res, GIB);
  });
  const tidegate = await behind(t, upstream.address);
  const growth = await growthDuring(tidegate.pid, async () => {
    const socket = connect(tidegate.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n');
    await once(socket, 'readable');
    // The client reads nothing more: all buffers on the way fill up, and then nothing moves.
    let before = -1;
    let still = 0;
    await until('the endpoint is held up', () => {
      still = offered === before ? still + 1 : 0;
      before = offered;
      return still > 30;
    });
    socket.destroy();
  });
  t.ok(offered < GIB / 4, `the endpoint has sent ${(offered / 2 ** 20).toFixed(0)} of 1024 MiB`);
  t.ok(growth < GROWTH_MAX / 2, `grew by ${(growth / 2 ** 20).toFixed(1)} MiB`);
});

t.test('server-sent events arrive one by one, each before the next one is sent', async (t) => {
  let send: (text: string) => void = () => {};
  const upstream = await Upstream.start(t, 'v1', (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.flushHeaders();
    send = (text) => void res.write(text);
  });
  const tidegate = await behind(t, upstream.address);
  const client = new RawClient(tidegate.port, 'GET /events HTTP/1.1\r\nHost: shop.test\r\n\r\n');
  await client.until('\r\n\r\n');
  t.match(client.received, /content-type: text\/event-stream/i, 'the head comes before the first event');
  for (let number = 0; number < 20; number++) {
    send(`data: event ${number}\n\n`);
    await client.until(`data: event ${number}\n\n`);
    t.notOk(client.received.includes(`event ${number + 1}`));
  }
  client.socket.destroy();
});

t.test('a client that leaves is gone for the endpoint at once, whatever was going on', async (t) => {
  let arrived: (value: unknown) => void = () => {};
  let gone: Promise<unknown> = Promise.resolve();
  const upstream = await Upstream.start(t, 'v1', (req, res) => {
    gone = new Promise((resolve) => req.socket.once('close', resolve));
    if (req.url === '/body') res.write('the beginning');
    arrived(null);
  });
  const tidegate = await behind(t, upstream.address);
  const cases = {
    'before the head of the answer': 'GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n',
    'in the middle of the answer': 'GET /body HTTP/1.1\r\nHost: shop.test\r\n\r\n',
    'in the middle of an upload': 'POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1000\r\n\r\nthe beginning',
  };
  for (const [title, bytes] of Object.entries(cases)) {
    const waiting = new Promise((resolve) => {
      arrived = resolve;
    });
    const client = new RawClient(tidegate.port, bytes);
    await waiting;
    if (bytes.includes('/body')) await client.until('the beginning');
    const leftMs = performance.now();
    client.socket.destroy();
    await gone;
    const ms = performance.now() - leftMs;
    t.ok(ms < 2000, `${title}: after ${ms.toFixed(1)} ms`);
  }
  const metrics = await until('all are counted', async () => {
    const now = await tidegate.admin.metrics();
    return now.sum('tidegate_requests_in_flight') === 0 && now;
  });
  t.equal(
    metrics.sum('tidegate_upstream_attempts_total', { outcome: 'client-gone' }),
    3,
    'none speaks against the version',
  );
});

t.test('an answer that was cut upstream never looks whole downstream', async (t) => {
  let cut: () => void = () => {};
  const upstream = await RawUpstream.start(t, (socket, head) => {
    const [, framing, how] = head.split(' ')[1]!.split('/');
    const fields = { length: 'Content-Length: 100\r\n', chunked: 'Transfer-Encoding: chunked\r\n', close: '' }[
      framing!
    ];
    socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n${framing === 'chunked' ? '5\r\nbegin\r\n' : 'begin'}`);
    cut = () => (how === 'reset' ? socket.resetAndDestroy() : socket.destroy());
  });
  const tidegate = await behind(t, upstream.address);
  const cases = [
    { path: '/length/fin', version: '1.1' },
    { path: '/length/reset', version: '1.1' },
    { path: '/length/fin', version: '1.0' },
    { path: '/chunked/fin', version: '1.1' },
    { path: '/chunked/reset', version: '1.1' },
    { path: '/chunked/fin', version: '1.0' },
    { path: '/chunked/reset', version: '1.0' },
    { path: '/close/reset', version: '1.1' },
    { path: '/close/reset', version: '1.0' },
    // A FIN is the proper end of a body without length.
    { path: '/close/fin', version: '1.1', whole: true },
    { path: '/close/fin', version: '1.0', whole: true },
  ];
  for (const { path, version, whole = false } of cases) {
    const client = new RawClient(
      tidegate.port,
      `GET ${path} HTTP/${version}\r\nHost: shop.test\r\nConnection: close\r\n\r\n`,
    );
    await client.until('begin');
    cut();
    await client.closed;
    const { received, body, ending } = client;
    const title = `${path} to HTTP/${version}`;
    t.match(received, /^HTTP\/1\.1 200 /, `${title}: the answer has begun`);
    const isWhole = /\r\ntransfer-encoding: chunked\r\n/i.test(received)
      ? body.endsWith('0\r\n\r\n')
      : /\r\ncontent-length: /i.test(received)
        ? body.length === 100
        : ending === 'end';
    t.equal(isWhole, whole, `${title}: ${whole ? 'it is whole' : 'it does not look whole'} (ended by ${ending})`);
  }
  const metrics = await tidegate.admin.metrics();
  const resets = metrics.sum('tidegate_upstream_attempts_total', { outcome: 'reset' });
  t.equal(resets, cases.filter(({ whole }) => whole !== true).length, 'each cut counts as a reset');
});

t.test('an endpoint that dies before its answer is answered for with 502', async (t) => {
  const upstream = await RawUpstream.start(t, (socket) => socket.destroy());
  const tidegate = await behind(t, upstream.address);
  const client = new RawClient(tidegate.port, 'GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n');
  await client.closed;
  t.match(client.received, /^HTTP\/1\.1 502 /);
});
