import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { Service } from '../../../src/config/schema.ts';
import { SignalBooks } from '../../../src/control/signal-books.ts';
import { type Heard, SignalSources } from '../../../src/control/signal-sources.ts';
import { configOf } from '../proxy/snapshots.ts';

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** A server that answers one request after the other as the test says, and tells of each. */
class Scripted {
  readonly #waiting: { readonly req: IncomingMessage; readonly res: ServerResponse }[] = [];
  readonly #wanted: ((one: { readonly req: IncomingMessage; readonly res: ServerResponse }) => void)[] = [];
  address = '';

  static async start(t: Test): Promise<Scripted> {
    const scripted = new Scripted();
    const server = createServer((req, res) => {
      const wanted = scripted.#wanted.shift();
      if (wanted === undefined) scripted.#waiting.push({ req, res });
      else wanted({ req, res });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    scripted.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    return scripted;
  }

  /** Answers the next request. */
  async answer(how: string | Handler): Promise<IncomingMessage> {
    const next = this.#waiting.shift() ?? (await new Promise((resolve) => this.#wanted.push(resolve)));
    const { req, res } = next as { readonly req: IncomingMessage; readonly res: ServerResponse };
    if (typeof how === 'string') res.end(how);
    else how(req, res);
    return req;
  }
}

const fail: Handler = (_req, res) => res.writeHead(503).end();

interface Stage {
  readonly sources: SignalSources;
  readonly books: SignalBooks;
  service: Service | undefined;
  isCompared: boolean;
  /** How often it was asked whether both pools have traffic. */
  looks: number;
}

/** Sources of one signal with this definition, asked without a pause; pools blue and green have these endpoints. */
function stage(t: Test, definition: object, blue: string[], green: string[]): Stage {
  const config = configOf({
    listeners: [{ address: '127.0.0.1:0' }],
    services: {
      shop: {
        pools: { blue: { version: 'v1', endpoints: blue }, green: { version: 'v2', endpoints: green } },
        traffic: 'blue',
        rollout: { guard: { signals: { it: definition } } },
      },
    },
    routes: [{ service: 'shop' }],
  });
  const written = config.services.get('shop')!;
  const signal = written.rollout.guard.signals.it!;
  const signals = { it: { ...signal, intervalMs: 1 } };
  const service = { ...written, rollout: { ...written.rollout, guard: { ...written.rollout.guard, signals } } };
  const books = new SignalBooks();
  let nowMs = 0;
  const sources = new SignalSources(['it'], {
    sides: { active: 'blue', candidate: 'green' },
    service: () => set.service,
    isCompared: () => {
      set.looks += 1;
      return set.isCompared;
    },
    books,
    log: { error: (fields: unknown) => t.fail(String(fields)) },
    // Ten seconds pass with each look at the clock.
    nowMs: () => (nowMs += 10_000),
  });
  t.teardown(() => sources.stop());
  const set: Stage = { sources, books, service: service as Service, isCompared: true, looks: 0 };
  return set;
}

/** What is heard next. */
async function heard({ sources }: Stage): Promise<Omit<Heard, 'name'>> {
  while (!sources.hasNews) await new Promise((resolve) => setImmediate(resolve));
  const [one] = sources.take(5);
  if (one?.kind === 'reading') return { ...one.reading, kind: 'reading' };
  if (one?.kind === 'silence') return { kind: 'silence', reason: one.reason } as Omit<Heard, 'name'>;
  throw new Error('nothing was heard');
}

const NONE = ['127.0.0.1:9'];

t.test('a number is heard, dated when it is taken, and taken once', async (t) => {
  const source = await Scripted.start(t);
  const set = stage(t, { json: { url: `http://${source.address}/x`, pointer: '/n', atMost: 5 } }, NONE, [
    '127.0.0.1:8',
  ]);
  set.sources.start();
  await source.answer('{"n": 3}');
  t.same(await heard(set), { kind: 'reading', atMs: 5, candidate: 3, active: null });
  t.notOk(set.sources.hasNews);
  await source.answer('{"n": true}');
  t.match(await heard(set), { candidate: 1 });
});

t.test('only so many failures in a row are told, and then every one until there is a number', async (t) => {
  const source = await Scripted.start(t);
  const definition = { json: { url: `http://${source.address}/`, pointer: '/n', atMost: 5, failures: 3 } };
  const set = stage(t, definition, NONE, ['127.0.0.1:8']);
  set.sources.start();
  await source.answer(fail);
  await source.answer(fail);
  await source.answer('{"n": 1}');
  t.match(await heard(set), { kind: 'reading' }, 'the first two were not told');
  for (const _ of [1, 2, 3]) await source.answer(fail);
  t.match(await heard(set), { kind: 'silence', reason: 'status 503' });
  await source.answer(fail);
  t.match(await heard(set), { kind: 'silence' });
  await source.answer('{"n": 1}');
  t.match(await heard(set), { kind: 'reading' });
});

t.test('counters become rates, a restart of the endpoint included, and the first page says nothing', async (t) => {
  const [one, other] = [await Scripted.start(t), await Scripted.start(t)];
  const definition = { scrape: { metric: 'cpu', value: 'rate', atMost: 5 } };
  const set = stage(t, definition, NONE, [one.address, other.address]);
  set.sources.start();
  for (const [first, second] of [
    [1000, 50],
    [1100, 250],
    [0, 350],
  ]) {
    await Promise.all([one.answer(`cpu ${first}\n`), other.answer(`cpu ${second}\n`)]);
  }
  const rate = async (): Promise<number> => {
    const one = await heard(set);
    return 'candidate' in one ? Number(one.candidate) : Number.NaN;
  };
  t.ok((await rate()) > 0);
});

t.test('a pool of which one endpoint cannot be read has no number', async (t) => {
  const [one, other] = [await Scripted.start(t), await Scripted.start(t)];
  const definition = { scrape: { metric: 'mem', atMost: 5, failures: 1 } };
  const set = stage(t, definition, NONE, [one.address, other.address]);
  set.sources.start();
  await Promise.all([one.answer('mem 1\n'), other.answer('mem 3\n')]);
  t.match(await heard(set), { kind: 'reading', candidate: 2 });
  await Promise.all([one.answer('mem 1\n'), other.answer(fail)]);
  t.match(await heard(set), { kind: 'silence', reason: `${other.address}: status 503` });
  await Promise.all([one.answer('mem 1'), other.answer('mem 3\n')]);
  t.match(await heard(set), { reason: `${one.address}: line 1 of the page: the last line does not end` });
  const latin: Handler = (_req, res) => res.end(Buffer.from('mem{a="\u00e9"} 1\n', 'latin1'));
  await Promise.all([one.answer(latin), other.answer('mem 3\n')]);
  t.match(await heard(set), { reason: `${one.address}: the page is not UTF-8 text` });
});

t.test('a page without end is read up to its limit, and is none', async (t) => {
  const one = await Scripted.start(t);
  const set = stage(t, { scrape: { metric: 'mem', atMost: 5, failures: 1 } }, NONE, [one.address]);
  set.sources.start();
  await one.answer((_req, res) => {
    const line = Buffer.from('# so it goes on\n'.repeat(4096));
    const more = (): void => {
      while (!res.destroyed && res.write(line));
    };
    res.on('drain', more);
    more();
  });
  t.match(await heard(set), { kind: 'silence', reason: /the page is longer than 4194304 bytes/ });
});

t.test('a ratio is asked for on both sides, and only while both have traffic', async (t) => {
  const [blue, green] = [await Scripted.start(t), await Scripted.start(t)];
  const definition = {
    scrape: { metric: 'mem', atMostRatio: '1.5x', failures: 1, headers: { 'x-a': 'b' }, token: 'hush' },
  };
  const set = stage(t, definition, [blue.address], [green.address]);
  set.sources.start();
  const [asked] = await Promise.all([blue.answer('mem 2\n'), green.answer('mem 3\n')]);
  t.match(await heard(set), { kind: 'reading', candidate: 3, active: 2 });
  t.match(asked.headers, { 'x-a': 'b', authorization: 'Bearer hush', host: blue.address });
  await Promise.all([blue.answer('mem 0\n'), green.answer('mem 0\n')]);
  t.match(await heard(set), { kind: 'silence', reason: /number is 0/ });
  const last: Handler = (_req, res) => {
    set.isCompared = false;
    res.end('mem 2\n');
  };
  await Promise.all([blue.answer(last), green.answer('mem 3\n')]);
  await heard(set);
  const { looks } = set;
  while (set.looks < looks + 3) await new Promise((resolve) => setImmediate(resolve));
  t.match(set.books.figures(configWith(set.service!)), [{ reads: { ok: 2, failed: 1 } }], 'nobody was asked since');
});

t.test('what is counted of readings is published, for every signal of the config', async (t) => {
  const source = await Scripted.start(t);
  const definition = { json: { url: `http://${source.address}/`, pointer: '', atMost: 5, failures: 1 } };
  const set = stage(t, definition, NONE, ['127.0.0.1:8']);
  const config = configWith(set.service!);
  const none = {
    service: 'shop',
    signal: 'it',
    reads: { ok: 0, nothing: 0, failed: 0 },
    candidate: null,
    active: null,
  };
  t.same(set.books.figures(config), [none]);
  set.sources.start();
  await source.answer('7');
  await heard(set);
  t.match(set.books.figures(config), [{ reads: { ok: 1, failed: 0 }, candidate: 7 }]);
  await source.answer('"7"');
  await heard(set);
  t.match(set.books.figures(config), [{ reads: { ok: 1, failed: 1 }, candidate: null }]);
});

t.test('a signal that has left the file is told, and one that stops asks nobody', async (t) => {
  const source = await Scripted.start(t);
  const set = stage(t, { json: { url: `http://${source.address}/`, pointer: '', atMost: 5 } }, NONE, ['127.0.0.1:8']);
  set.service = undefined;
  set.sources.start();
  t.match(await heard(set), { kind: 'silence', reason: 'the signal has left the file' });
  set.sources.stop();
});

t.test('what is under way when the rollout ends is broken off, and nothing is heard of it', async (t) => {
  const source = await Scripted.start(t);
  const set = stage(t, { json: { url: `http://${source.address}/`, pointer: '', atMost: 5, failures: 1 } }, NONE, [
    '127.0.0.1:8',
  ]);
  set.sources.start();
  let closed: Promise<unknown> | undefined;
  await source.answer((_req, res) => {
    closed = once(res, 'close');
    set.sources.stop();
  });
  await closed;
  t.notOk(set.sources.hasNews);
});

function configWith(service: Service) {
  const config = configOf({
    listeners: [{ address: '127.0.0.1:0' }],
    services: { shop: { pools: { blue: { version: 'v1', endpoints: NONE } } } },
    routes: [{ service: 'shop' }],
  });
  return { ...config, services: new Map([['shop', service]]) };
}
