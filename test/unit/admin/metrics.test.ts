import t, { type Test } from 'tap';
import { BOUND_LABELS, BOUNDS_US } from '../../../src/admin/latency-buckets.ts';
import { MetricsPage } from '../../../src/admin/metrics-page.ts';
import type { SeriesEntry } from '../../../src/control/operations.ts';
import { createEndpointMemory, EndpointCells, setAdmitting } from '../../../src/stats/endpoint-cells.ts';
import { BUCKETS, bucketOf, countAtMost, lowerBoundUs } from '../../../src/stats/histogram.ts';
import { createListenerMemory, ListenerWriter } from '../../../src/stats/listener-cells.ts';
import {
  CODES,
  createSeriesMemory,
  OUTCOMES,
  RETRY_RESULTS,
  SeriesReader,
  SeriesWriter,
} from '../../../src/stats/series.ts';
import { start } from './harness.ts';
import { keyOf, type ParsedMetric, parsePrometheus } from './prometheus-text.ts';
import { scrape, THREADS, value } from './scrape.ts';
import { EMPTY_METRICS, STATE } from './scripted-operations.ts';

/** Seeded random numbers from 0 to 1 (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A series on which both threads have worked. */
function busySeries(random: () => number, exchanges: number): SharedArrayBuffer {
  const board = createSeriesMemory(THREADS);
  const statuses = [0, 200, 204, 302, 404, 500, 503];
  for (let count = 0; count < exchanges; count++) {
    const writer = new SeriesWriter(board, count % THREADS);
    const durationUs = 2 ** (random() * 30);
    writer.start(0);
    writer.attempt(0, Math.floor(random() * OUTCOMES.length), false);
    writer.firstByte(durationUs / 2);
    if (random() < 0.1) writer.retried(Math.floor(random() * RETRY_RESULTS.length));
    if (random() < 0.05) writer.tunnelOpened();
    if (random() < 0.9) {
      const status = statuses[Math.floor(random() * statuses.length)]!;
      writer.finish(
        0,
        status,
        durationUs,
        Math.floor(random() * 1000),
        Math.floor(random() * 9000),
        false,
        random() < 0.1,
      );
    }
  }
  return board;
}

/** Compares everything that is published of a series with the board. */
function checkSeries(t: Pick<Test, 'same'>, page: Map<string, ParsedMetric>, entry: SeriesEntry): void {
  const { board, ...labels } = entry;
  const reader = new SeriesReader(board);
  const seen: unknown[] = [];
  const wanted: unknown[] = [];
  const compare = (name: string, more: Record<string, string>, expected: number | undefined): void => {
    seen.push([
      name,
      more,
      page.get(name.replace(/_(?:bucket|sum|count)$/, ''))?.samples.get(keyOf(name, { ...labels, ...more })),
    ]);
    wanted.push([name, more, expected]);
  };
  reader.codes().forEach((count, index) => {
    const code = CODES[index]!;
    compare('tidegate_requests_total', { code }, code === '1xx' && count === 0 ? undefined : count);
  });
  reader.outcomes().forEach((count, index) => {
    compare('tidegate_upstream_attempts_total', { outcome: OUTCOMES[index]! }, count);
  });
  for (const [name, counts, sumUs] of [
    ['tidegate_request_duration_seconds', reader.durations(), reader.durationSumUs()],
    ['tidegate_upstream_first_byte_seconds', reader.firstBytes(), reader.firstByteSumUs()],
  ] as const) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    BOUNDS_US.forEach((us, index) => {
      compare(`${name}_bucket`, { le: BOUND_LABELS[index]! }, countAtMost(counts, us));
    });
    compare(`${name}_bucket`, { le: '+Inf' }, total);
    compare(`${name}_count`, {}, total);
    compare(`${name}_sum`, {}, sumUs / 1e6);
  }
  compare('tidegate_request_bytes_total', {}, reader.bytesIn());
  compare('tidegate_response_bytes_total', {}, reader.bytesOut());
  compare('tidegate_tunnels_open', {}, reader.tunnelsOpen());
  compare('tidegate_drain_ended_total', {}, reader.drained());
  t.same(seen, wanted, `${entry.service} ${entry.pool}`);
}

t.test('bounds are lower bounds of buckets of the board, in seconds, ascending and about thirty', async (t) => {
  t.ok(BOUNDS_US.every((us) => lowerBoundUs(bucketOf(us)) === us));
  t.same(
    [...BOUNDS_US].sort((a, b) => a - b),
    BOUNDS_US,
  );
  t.equal(new Set(BOUNDS_US).size, BOUNDS_US.length);
  t.ok(BOUNDS_US.length >= 28 && BOUNDS_US.length <= 36, `${BOUNDS_US.length} bounds`);
  t.same([BOUND_LABELS[0], BOUND_LABELS.at(-1)], ['0.000064', '67.108864']);
});

t.test('a page of 100 services with 2 pools and 2 threads says exactly what the board says', async (t) => {
  const seed = Number(process.env.TIDEGATE_SEED ?? 20260101);
  t.comment(`seed ${seed}`);
  const random = randomFrom(seed);
  const series: SeriesEntry[] = [];
  for (let index = 0; index < 100; index++) {
    for (const pool of ['blue', 'green']) {
      series.push({ service: `service-${index}`, pool, version: `v${index}`, board: busySeries(random, 60) });
    }
  }
  const page = await scrape({ series });
  for (const entry of series) {
    checkSeries(t, page, entry);
    const { service, pool, board } = entry;
    const reader = new SeriesReader(board);
    for (const [at, result] of RETRY_RESULTS.entries()) {
      t.equal(value(page, 'tidegate_retries_total', { service, pool, result }), reader.retries()[at]);
    }
    t.equal(value(page, 'tidegate_requests_in_flight', { service, pool }), reader.inFlight());
  }
});

t.test('every metric of the design is there with its type, its labels and a help text', async (t) => {
  const endpoint = createEndpointMemory(THREADS);
  const page = await scrape({
    series: [{ service: 's', pool: 'p', version: 'v', board: createSeriesMemory(THREADS) }],
    endpoints: [{ service: 's', pool: 'p', endpoint: 'e:1', board: endpoint }],
    listeners: [{ name: 'l', board: createListenerMemory(THREADS) }],
    services: [{ name: 's', epoch: 3, pools: [{ name: 'p', version: 'v', share: 1, panic: false }] }],
    threads: [{ thread: 0, utilization: 0.5, lagMs: 2, accessLogDropped: 1, replayBytes: 0, replayRefused: 0 }],
  });
  const design = {
    requests_total: ['counter', { service: 's', pool: 'p', version: 'v', code: '2xx' }],
    upstream_attempts_total: ['counter', { service: 's', pool: 'p', version: 'v', outcome: 'ok' }],
    retries_total: ['counter', { service: 's', pool: 'p', result: 'saved' }],
    requests_in_flight: ['gauge', { service: 's', pool: 'p' }],
    traffic_share: ['gauge', { service: 's', pool: 'p', version: 'v' }],
    gate_epoch: ['gauge', { service: 's' }],
    gate_moves_total: ['counter', { service: 's', reason: 'flip' }],
    endpoint_up: ['gauge', { service: 's', pool: 'p', endpoint: 'e:1' }],
    config_reloads_total: ['counter', { result: 'rejected' }],
    config_generation: ['gauge', {}],
    config_last_reload_success: ['gauge', {}],
    connections: ['gauge', { listener: 'l', state: 'active' }],
    thread_utilization: ['gauge', { thread: '0' }],
  } as const;
  for (const [name, [type, labels]] of Object.entries(design)) {
    const metric = page.get(`tidegate_${name}`);
    t.equal(metric?.type, type, name);
    t.not(value(page, `tidegate_${name}`, labels), undefined, name);
  }
  for (const name of ['tidegate_request_duration_seconds', 'tidegate_upstream_first_byte_seconds']) {
    t.equal(page.get(name)?.type, 'histogram');
    const labels = { service: 's', pool: 'p', version: 'v' };
    t.equal(page.get(name)?.samples.get(keyOf(`${name}_count`, labels)), 0);
  }
  for (const [name, metric] of page) {
    t.match(name, /^(?:tidegate|process)_/);
    t.match(metric.help, /^[A-Z].+[^ ]$/, name);
    t.equal(metric.type === 'counter', name.endsWith('_total'), name);
  }
});

t.test('codes and outcomes are there from the start, 1xx only when there was one', async (t) => {
  const board = createSeriesMemory(1);
  const labels = { service: 's', pool: 'p', version: 'v' };
  const codes = async () => {
    const page = await scrape({ series: [{ ...labels, board }] });
    return CODES.filter((code) => value(page, 'tidegate_requests_total', { ...labels, code }) !== undefined);
  };
  t.same(await codes(), ['2xx', '3xx', '4xx', '5xx', 'aborted']);
  new SeriesWriter(board, 0).finish(0, 101, 5, 0, 0, false);
  t.same(await codes(), CODES);
});

t.test('gates, config, threads and the process are shown as they are', async (t) => {
  const page = await scrape({
    services: [
      {
        name: 'shop',
        epoch: 12,
        pools: [
          { name: 'blue', version: 'v1', share: 0.999, panic: false },
          { name: 'green', version: 'v2', share: 0.001, panic: false },
        ],
      },
    ],
    gateMoves: [
      { service: 'shop', reason: 'flip', count: 4 },
      { service: 'gone', reason: 'flip', count: 9 },
    ],
    reloads: { applied: 3, unchanged: 2, rejected: 1 },
    lastReloadSuccess: false,
    generation: 5,
    threads: [
      { thread: 0, utilization: 0.25, lagMs: 1.5, accessLogDropped: 7, replayBytes: 4096, replayRefused: 3 },
      { thread: 1, utilization: 0.75, lagMs: 0, accessLogDropped: 0, replayBytes: 0, replayRefused: 0 },
    ],
    logDropped: 3,
    threadReplacements: 2,
    names: [{ name: 'shop.internal', addresses: 3, looks: { changed: 2, same: 5, none: 1, failed: 4 } }],
    stateStoreErrors: 3,
    state: { ...STATE, writable: false, problem: 'full', unkept: 4, setAside: ['state.db.broken-1'] },
  });
  const expected = [
    ['traffic_share', { service: 'shop', pool: 'blue', version: 'v1' }, 0.999],
    ['traffic_share', { service: 'shop', pool: 'green', version: 'v2' }, 0.001],
    ['gate_epoch', { service: 'shop' }, 12],
    ['gate_moves_total', { service: 'shop', reason: 'flip' }, 4],
    ['gate_moves_total', { service: 'shop', reason: 'rollback' }, 0],
    ['gate_moves_total', { service: 'gone', reason: 'flip' }, undefined],
    ['config_reloads_total', { result: 'applied' }, 3],
    ['config_reloads_total', { result: 'unchanged' }, 2],
    ['config_reloads_total', { result: 'rejected' }, 1],
    ['config_last_reload_success', {}, 0],
    ['config_generation', {}, 5],
    ['thread_utilization', { thread: '0' }, 0.25],
    ['thread_utilization', { thread: '1' }, 0.75],
    ['thread_lag_seconds', { thread: '0' }, 0.0015],
    ['access_log_dropped_total', { thread: '0' }, 7],
    ['replay_bytes', { thread: '0' }, 4096],
    ['replay_refused_total', { thread: '0' }, 3],
    ['thread_replacements_total', {}, 2],
    ['state_store_errors_total', {}, 3],
    ['state_writable', {}, 0],
    ['state_unkept', {}, 4],
    ['state_set_aside_total', {}, 1],
    ['name_addresses', { name: 'shop.internal' }, 3],
    ['name_lookups_total', { name: 'shop.internal', result: 'changed' }, 2],
    ['name_lookups_total', { name: 'shop.internal', result: 'failed' }, 4],
    ['build_info', { version: '1.2.3', node: process.versions.node }, 1],
  ] as const;
  for (const [name, labels, number] of expected) {
    t.equal(value(page, `tidegate_${name}`, labels), number, `${name} ${JSON.stringify(labels)}`);
  }
  t.ok(value(page, 'process_resident_memory_bytes')! > 1e6);
  t.ok(value(page, 'process_cpu_seconds_total')! > 0);
  t.ok(value(page, 'process_start_time_seconds')! > 1.7e9);
});

t.test('endpoints and listeners are summed over threads', async (t) => {
  const endpoint = createEndpointMemory(THREADS);
  setAdmitting(endpoint, true);
  for (const thread of [0, 1]) {
    const cells = new EndpointCells(endpoint, thread);
    cells.setConnections(5, 2, 3);
    cells.dialled();
    cells.desync();
    cells.reuseRace();
    cells.queueOverflow();
  }
  const listener = createListenerMemory(THREADS);
  for (const thread of [0, 1]) {
    const writer = new ListenerWriter(listener, thread);
    for (let count = 0; count < 4; count++) writer.opened();
    writer.closed();
    writer.active(1);
    writer.refused();
  }
  const shut = createEndpointMemory(THREADS);
  const page = await scrape({
    endpoints: [
      { service: 's', pool: 'p', endpoint: 'a:1', board: endpoint },
      { service: 's', pool: 'p', endpoint: 'b:1', board: shut },
    ],
    listeners: [{ name: '0.0.0.0:80', board: listener }],
  });
  const labels = { service: 's', pool: 'p', endpoint: 'a:1' };
  t.equal(value(page, 'tidegate_endpoint_up', labels), 1);
  t.equal(value(page, 'tidegate_endpoint_up', { ...labels, endpoint: 'b:1' }), 0);
  t.equal(value(page, 'tidegate_upstream_connections', { ...labels, state: 'active' }), 6);
  t.equal(value(page, 'tidegate_upstream_connections', { ...labels, state: 'idle' }), 4);
  t.equal(value(page, 'tidegate_upstream_queued', labels), 6);
  for (const name of ['dials', 'queue_overflows', 'desyncs', 'reuse_races']) {
    t.equal(value(page, `tidegate_upstream_${name}_total`, labels), 2, name);
  }
  const on = { listener: '0.0.0.0:80' };
  t.equal(value(page, 'tidegate_connections', { ...on, state: 'active' }), 2);
  t.equal(value(page, 'tidegate_connections', { ...on, state: 'idle' }), 4);
  t.equal(value(page, 'tidegate_listener_accepted_total', on), 8);
  t.equal(value(page, 'tidegate_listener_refused_total', on), 2);
});

t.test(
  'blocks that are published under the same labels are added up, and a block named twice counts once',
  async (t) => {
    const random = randomFrom(7);
    const labels = { service: 's', pool: 'p', version: 'v' };
    const [one, two] = [busySeries(random, 50), busySeries(random, 50)];
    const page = await scrape({
      series: [
        { ...labels, board: one },
        { ...labels, board: two },
        { ...labels, board: one },
      ],
    });
    const both = [new SeriesReader(one), new SeriesReader(two)];
    const sum = (figure: (reader: SeriesReader) => number): number => figure(both[0]!) + figure(both[1]!);
    t.equal(
      value(page, 'tidegate_requests_total', { ...labels, code: '2xx' }),
      sum((reader) => reader.codes()[1]!),
    );
    t.equal(
      page
        .get('tidegate_request_duration_seconds')
        ?.samples.get(keyOf('tidegate_request_duration_seconds_count', labels)),
      sum((reader) => reader.ended()),
    );
    t.equal(
      value(page, 'tidegate_requests_in_flight', { service: 's', pool: 'p' }),
      sum((reader) => reader.inFlight()),
    );
  },
);

t.test('retries of a pool never go backwards when an earlier version of it leaves the board', async (t) => {
  const page = new MetricsPage('1.2.3');
  const series = (version: string, retries: number): SeriesEntry => {
    const board = createSeriesMemory(1);
    const writer = new SeriesWriter(board, 0);
    for (let count = 0; count < retries; count++) writer.retried(0);
    return { service: 's', pool: 'p', version, board };
  };
  const retries = async (...entries: SeriesEntry[]): Promise<number | undefined> =>
    value(await scrape({ series: entries }, page), 'tidegate_retries_total', {
      service: 's',
      pool: 'p',
      result: 'saved',
    });
  const [first, second] = [series('v1', 5), series('v2', 2)];
  t.equal(await retries(first), 5);
  t.equal(await retries(first, second), 7);
  t.equal(await retries(second), 7);
  new SeriesWriter(second.board, 0).retried(0);
  t.equal(await retries(second), 8);
  t.equal(await retries(), undefined);
  t.equal(await retries(second), 3, 'a pool that comes back begins anew');
});

t.test('a series that leaves the config leaves the page, and nothing else changes', async (t) => {
  const page = new MetricsPage('1.2.3');
  const random = randomFrom(9);
  const stays: SeriesEntry = { service: 'stays', pool: 'p', version: 'v', board: busySeries(random, 30) };
  const goes: SeriesEntry = { service: 'goes', pool: 'p', version: 'v', board: busySeries(random, 30) };
  checkSeries(t, await scrape({ series: [stays, goes] }, page), goes);
  const after = await scrape({ series: [stays] }, page);
  checkSeries(t, after, stays);
  for (const metric of after.values()) for (const key of metric.samples.keys()) t.notMatch(key, /goes/);
});

t.test('label values are escaped, and empty ones are kept', async (t) => {
  const service = 'a"b\\c\nd\\n{},=';
  const board = createSeriesMemory(1);
  new SeriesWriter(board, 0).finish(0, 404, 10, 0, 0, false);
  const page = await scrape({
    series: [
      { service, pool: 'p', version: 'v', board },
      { service: '', pool: '', version: '', board: createSeriesMemory(1) },
    ],
  });
  t.equal(value(page, 'tidegate_requests_total', { service, pool: 'p', version: 'v', code: '4xx' }), 1);
  t.equal(value(page, 'tidegate_requests_total', { service: '', pool: '', version: '', code: '4xx' }), 0);
});

t.test('gauges that are derived are never below zero', async (t) => {
  const board = createSeriesMemory(1);
  // The end of an exchange whose start the reader has not seen.
  new SeriesWriter(board, 0).finish(0, 200, 10, 0, 0, false);
  new SeriesWriter(board, 0).tunnelClosed();
  const listener = createListenerMemory(1);
  new ListenerWriter(listener, 0).active(1);
  const page = await scrape({
    series: [{ service: 's', pool: 'p', version: 'v', board }],
    listeners: [{ name: 'l', board: listener }],
  });
  t.equal(value(page, 'tidegate_requests_in_flight', { service: 's', pool: 'p' }), 0);
  t.equal(value(page, 'tidegate_tunnels_open', { service: 's', pool: 'p', version: 'v' }), 0);
  t.equal(value(page, 'tidegate_connections', { listener: 'l', state: 'idle' }), 0);
});

t.test('the longest and the shortest durations are counted', async (t) => {
  const board = createSeriesMemory(1);
  const writer = new SeriesWriter(board, 0);
  for (const us of [0, 63, 64, 67_108_863, 67_108_864, 2 ** 40]) writer.finish(0, 200, us, 0, 0, false);
  const labels = { service: 's', pool: 'p', version: 'v' };
  const page = await scrape({ series: [{ ...labels, board }] });
  const name = 'tidegate_request_duration_seconds';
  const bucket = (le: string) => page.get(name)?.samples.get(keyOf(`${name}_bucket`, { ...labels, le }));
  t.same([bucket('0.000064'), bucket('0.000128'), bucket('67.108864'), bucket('+Inf')], [2, 3, 4, 6]);
  t.equal(new SeriesReader(board).durations().length, BUCKETS);
});

t.test('the page is served as Prometheus expects it', async (t) => {
  const admin = await start(t);
  const board = busySeries(randomFrom(3), 20);
  const entry = { service: 'shop', pool: 'blue', version: 'v1', board };
  admin.operations.board = { ...EMPTY_METRICS, series: [entry] };
  const answer = await admin.ask({ path: '/metrics' });
  t.equal(answer.status, 200);
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  checkSeries(t, parsePrometheus(answer.text), entry);
});
