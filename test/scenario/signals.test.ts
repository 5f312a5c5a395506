/** What a release is judged by beside errors and latency, with real endpoints, real pages of metrics and sources that fail. */
import type { ServerResponse } from 'node:http';
import t from 'tap';
import type { Retrial } from '../../src/control/operations.ts';
import { Load } from './stage/load.ts';
import { Neighbour, SignalShop, verdictOn } from './stage/signal-shop.ts';

const BODY = 'Content-Length: 0\r\n\r\n';

function post(path: string) {
  return { bytes: `POST ${path} HTTP/1.1\r\nHost: shop.test\r\n${BODY}` };
}

function json(value: unknown) {
  return (_req: unknown, res: ServerResponse): void => {
    res.end(JSON.stringify(value));
  };
}

const memory = (bytes: number): string =>
  `# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ${bytes}\n`;

t.test('a candidate whose checkouts fail with status 200 is taken back by what its answers say', async (t) => {
  const shop = await SignalShop.open(t, [
    'checkout:',
    '  requests:',
    '    match: { method: POST, path: { exact: /checkout } }',
    '    bad: { headers: { x-outcome: failed } }',
  ]);
  shop.green.outcome = () => 'failed';
  // What the signal is not about fails on blue: it must not count.
  shop.blue.outcome = ({ url }) => (url === '/checkout' ? 'done' : 'failed');
  const make = (number: number) => post(number % 2 === 0 ? '/checkout' : '/search');
  const load = new Load({ port: shop.tidegate.port, clients: 4, keepAlive: true, restMs: 5, make });
  await shop.start();
  const view = await shop.ended();
  await load.stop();
  t.equal(view.phase, 'rolled-back');
  t.equal(view.verdict?.decidedBy, 'checkout');
  t.match(view.reason, /^worse: (\d+) of \1 on green were bad, 0 of \d+ on blue; risk .* evidence /);
  t.match(verdictOn(view, 'errors'), { opinion: 'waiting', numbers: { counts: { candidate: { bad: 0 } } } });
  t.same(load.failures, [], 'no user saw a status that says so');
});

t.test('a candidate that takes three times the memory is taken back by its own page', async (t) => {
  const signals = [
    'memory: { scrape: { metric: process_resident_memory_bytes, atMostRatio: 1.5x, interval: 1s, failures: 2 } }',
  ];
  const shop = await SignalShop.open(t, signals);
  shop.blue.page = memory(1e8);
  shop.green.page = memory(3e8);
  await shop.start();
  const view = await shop.ended();
  t.equal(view.phase, 'rolled-back');
  t.equal(view.reason, 'worse: 3.0x, wanted is at most 1.5x, 2 of 2 bad readings in a row');
  const metrics = await shop.admin.metrics();
  t.equal(metrics.sum('tidegate_signal_reads_total', { service: 'shop', signal: 'memory', result: 'ok' }), 2);
  t.equal(metrics.sum('tidegate_signal_value', { signal: 'memory', side: 'candidate' }), 3e8);
  t.equal(metrics.sum('tidegate_signal_value', { signal: 'memory', side: 'active' }), 1e8);
});

t.test(
  'a condition on what Prometheus knows takes a release back, and asks with its names and its token',
  async (t) => {
    const result = [{ metric: {}, value: [1, '0.25'] }];
    const source = await Neighbour.start(t, json({ status: 'success', data: { resultType: 'vector', result } }));
    const query = `'sum(rate(failed{pool="{pool}",version="{version}",from="{active}"}[1m]))'`;
    const shop = await SignalShop.open(t, [
      'failing:',
      `  prometheus: { url: ${source.url}/prom/, query: ${query}, token: hush, atMost: 0.1, interval: 1s, failures: 1 }`,
    ]);
    await shop.start();
    const view = await shop.ended();
    t.equal(view.reason, 'worse: 0.25, wanted is at most 0.1, 1 of 1 bad readings in a row');
    const [{ url, authorization }] = source.asked as [(typeof source.asked)[number]];
    t.match(url, /^\/prom\/api\/v1\/query\?query=/);
    const asked = new URL(url, source.url).searchParams.get('query');
    t.equal(asked, 'sum(rate(failed{pool="green",version="v2",from="blue"}[1m]))');
    t.equal(authorization, 'Bearer hush');
    t.notMatch(JSON.stringify(await shop.admin.config()), 'hush');
  },
);

/** Every way in which a source can be of no use, and what is said of it. */
const BROKEN: readonly {
  readonly title: string;
  readonly answer: Neighbour['answer'];
  readonly said: RegExp;
}[] = [
  { title: 'hangs', answer: null, said: /no answer within 2s/ },
  { title: 'dies', answer: (_req, res) => res.destroy(), said: /closed before the answer was whole/ },
  { title: 'fails', answer: (_req, res) => res.writeHead(500).end('{"rate":0}'), said: /status 500/ },
  { title: 'says something else', answer: json({ other: 0 }), said: /\/rate is missing/ },
  { title: 'says a text', answer: json({ rate: '0' }), said: /\/rate is no number: "\\"0\\""/ },
  { title: 'is no JSON', answer: (_req, res) => res.end('<html>0</html>'), said: /not JSON/ },
  {
    title: 'is cut short',
    answer: (_req, res) =>
      res.writeHead(200, { 'content-length': 99 }).write('{"rate":0}') && setImmediate(() => res.destroy()),
    said: /whole/,
  },
];

function external(url: string, policy: string, rest = ''): string[] {
  const json = `url: '${url}/orders?pool={pool}', pointer: /rate, atMost: 5, interval: 2s, timeout: 2s, failures: 1`;
  return [`orders: { json: { ${json}, noData: ${policy} }${rest} }`];
}

t.test('a source that is broken is unknown, and takes the release back where the policy says so', async (t) => {
  const source = await Neighbour.start(t);
  const shop = await SignalShop.open(t, external(source.url, 'rollback'));
  for (const { title, answer, said } of BROKEN) {
    await t.test(`a source that ${title}`, async (t) => {
      const before = source.asked.length;
      source.answer = answer;
      await shop.start();
      const view = await shop.ended();
      t.equal(view.phase, 'rolled-back');
      t.match(view.reason, /^worse by policy: unknown: .*; wanted is at most 5$/);
      t.match(view.reason, said);
      t.equal(source.asked[before]!.url, '/orders?pool=green');
    });
  }
});

t.test('an unknown signal halts the ramp where the policy says so, until it is heard again', async (t) => {
  const source = await Neighbour.start(t, json({ rate: 1 }));
  const shop = await SignalShop.open(t, external(source.url, 'halt'));
  await shop.start();
  await shop.when('the source was heard', (view) => verdictOn(view, 'orders')?.opinion === 'healthy');
  await source.upstream.stop();
  const halted = await shop.when('it is halted', ({ isHalted }) => isHalted);
  t.match(verdictOn(halted, 'orders'), { opinion: 'unknown', value: 1 });
  t.match(halted.reason, /halt by policy: unknown: connect ECONNREFUSED/);
  t.match(halted, { phase: 'holding', endedAt: null });
});

t.test('an unknown signal waits where the policy says so, and never lets a step pass as healthy', async (t) => {
  const source = await Neighbour.start(t, json({}));
  const shop = await SignalShop.open(t, external(source.url, 'wait'), {
    hold: '3s',
    // Few requests show that errors are well, so that nothing but the signal is in the way when the hold is over.
    guard: ['errors: { rate: 20% }'],
  });
  const load = new Load({ port: shop.tidegate.port, clients: 4, keepAlive: true });
  await shop.start();
  const view = await shop.when('it is paused', ({ phase }) => phase === 'paused');
  await load.stop();
  t.match(view, { pausedBy: 'inconclusive', share: 0.5 });
  t.match(view.reason, /inconclusive by policy: unknown: \/rate is missing/);
});

t.test('a dry run is judged and shown, and changes nothing', async (t) => {
  const source = await Neighbour.start(t, json({ rate: 100 }));
  const shop = await SignalShop.open(t, [
    ...external(source.url, 'rollback', ', dryRun: true'),
    'search: { requests: { match: { path: /search }, good: { headers: { x-outcome: found } } }, dryRun: true }',
  ]);
  shop.blue.outcome = () => 'found';
  const make = () => ({ bytes: 'GET /search HTTP/1.1\r\nHost: shop.test\r\n\r\n' });
  const load = new Load({ port: shop.tidegate.port, clients: 4, keepAlive: true, restMs: 5, make });
  await shop.start();
  const view = await shop.when('both are worse', (now) =>
    ['orders', 'search'].every((name) => verdictOn(now, name)?.opinion === 'worse'),
  );
  await load.stop();
  t.match(view, { phase: 'holding', endedAt: null });
  t.notMatch(view.verdict?.kind, /worse/);
  t.match(verdictOn(view, 'orders'), { acts: false, value: 100 });
});

t.test('a past rollout with signals is judged again to the last digit', async (t) => {
  const source = await Neighbour.start(t, json({ rate: 9 }));
  const shop = await SignalShop.open(t, [
    `orders: { json: { url: '${source.url}', pointer: /rate, atMost: 5, interval: 1s, failures: 3 } }`,
    'all: { requests: { bad: { status: [5xx, 404] } } }',
  ]);
  const load = new Load({ port: shop.tidegate.port, clients: 2, keepAlive: true, restMs: 5 });
  await shop.start();
  const view = await shop.ended();
  await load.stop();
  const again = await shop.admin.call<Retrial>('GET', `/api/rollouts/${view.id}/judgement`);
  const looks = again.body.decisions.flatMap(({ entry }) => (entry.kind === 'look' ? [entry] : []));
  t.ok(looks.length >= 3);
  t.strictSame(
    again.body.verdicts.map(({ verdict }) => verdict.kind),
    looks.map(({ verdict }) => verdict),
  );
  t.strictSame(again.body.verdicts.at(-1)!.verdict, view.verdict);
  t.equal(view.verdict?.decidedBy, 'orders');
});

t.test('a signal that leaves the file while it is judged by is unknown', async (t) => {
  const shop = await SignalShop.open(t, ['all: { requests: { bad: { status: [404] } } }']);
  await shop.start();
  await shop.when('it is judged', (view) => verdictOn(view, 'all')?.opinion === 'waiting');
  await shop.tidegate.edit((text) => text.replace(/ {8,}signals:\n.*\n/, ''));
  const view = await shop.when('it is unknown', (now) => verdictOn(now, 'all')?.opinion === 'unknown');
  t.match(verdictOn(view, 'all')?.sentence, /^unknown: the signal has left the file/);
});
