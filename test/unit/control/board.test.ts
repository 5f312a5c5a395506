import t from 'tap';
import { Board } from '../../../src/control/board.ts';
import { EndpointCells, readEndpoint } from '../../../src/stats/endpoint-cells.ts';
import { InFlightCells, readInFlight } from '../../../src/stats/in-flight-cells.ts';
import { ListenerWriter, readListener } from '../../../src/stats/listener-cells.ts';
import { SeriesReader, SeriesWriter } from '../../../src/stats/series.ts';

const RETIRED_MAX = 256;

function serve(memory: SharedArrayBuffer, count = 1): void {
  const writer = new SeriesWriter(memory, 0);
  for (let served = 0; served < count; served++) {
    writer.start(0);
    writer.finish(0, 200, 1000, 10, 20, false);
  }
}

t.test('an identity has one block, whoever asks and however often', async (t) => {
  const board = new Board(2);
  t.equal(board.series('shop', 'blue', 'v1'), board.series('shop', 'blue', 'v1'));
  t.equal(board.endpoint('shop', 'blue', 'a:1', true), board.endpoint('shop', 'blue', 'a:1', false));
  t.equal(board.listener('web'), board.listener('web'));
  const blocks = [
    board.series('shop', 'blue', 'v1'),
    board.series('shop', 'blue', 'v2'),
    board.series('shop', 'green', 'v1'),
    board.series('shop blue', '', 'v1'),
    board.endpoint('shop', 'blue', 'a:1', true),
    board.listener('web'),
    board.unrouted,
  ];
  t.equal(new Set(blocks).size, blocks.length);
});

t.test('a new endpoint admits as it is told; a known one stays as it is', async (t) => {
  const board = new Board(1);
  t.equal(readEndpoint(board.endpoint('shop', 'blue', 'a:1', false)).admitting, false);
  t.equal(readEndpoint(board.endpoint('shop', 'blue', 'a:1', true)).admitting, false);
  t.equal(readEndpoint(board.endpoint('shop', 'blue', 'a:2', true)).admitting, true);
});

t.test('a version that was retired and comes back goes on counting where it stopped', async (t) => {
  const board = new Board(1);
  const [old, other] = [board.series('shop', 'blue', 'v1'), board.series('shop', 'blue', 'v2')];
  serve(old, 3);
  board.keepOnly(new Set([other]));
  t.strictSame([board.findSeries('shop', 'blue', 'v1'), board.findSeries('shop', 'blue', 'v2')], [undefined, other]);
  t.notOk(
    board.publishedSeries().some(({ board: memory }) => memory === old),
    'it is out of sight',
  );
  const back = board.series('shop', 'blue', 'v1');
  t.equal(back, old);
  serve(back);
  t.equal(new SeriesReader(back).ended(), 4);
  const endpoint = board.endpoint('shop', 'blue', 'a:1', true);
  board.keepOnly(new Set([back]));
  t.equal(board.findEndpoint('shop', 'blue', 'a:1'), undefined);
  t.equal(board.endpoint('shop', 'blue', 'a:1', false), endpoint);
});

t.test('a retired series is published while something of it is in flight', async (t) => {
  const board = new Board(1);
  const old = board.series('shop', 'blue', 'v1');
  const writer = new SeriesWriter(old, 0);
  writer.start(0);
  board.keepOnly(new Set());
  t.ok(board.publishedSeries().some(({ board: memory }) => memory === old));
  writer.finish(0, 200, 1000, 0, 0, false);
  t.notOk(board.publishedSeries().some(({ board: memory }) => memory === old));
  t.equal(board.seriesOf('shop').length, 1, 'it is still a part of the account of its service');
});

t.test('requests that were routed nowhere are never retired', async (t) => {
  const board = new Board(1);
  serve(board.unrouted);
  board.keepOnly(new Set());
  t.strictSame(
    board.publishedSeries().map(({ service, pool, version }) => [service, pool, version]),
    [['', '', '']],
  );
});

t.test('what is retired is forgotten beyond a limit, the oldest first, and nothing that is busy', async (t) => {
  const board = new Board(1);
  const names = Array.from({ length: RETIRED_MAX + 10 }, (_, at) => `v${at}`);
  const memories = names.map((version) => board.series('shop', 'blue', version));
  new SeriesWriter(memories[0]!, 0).start(0);
  const endpoints = names.map((name) => board.endpoint('shop', 'blue', name, true));
  new EndpointCells(endpoints[0]!, 0).setConnections(1, 0, 0);
  const listeners = names.map((name) => board.listener(name));
  new ListenerWriter(listeners[0]!, 0).active(1);
  board.keepOnly(new Set());
  t.equal(board.seriesOf('shop').length, RETIRED_MAX);
  for (const [at, isKept] of [
    [0, true],
    [1, false],
    [10, false],
    [11, true],
  ] as const) {
    t.equal(board.series('shop', 'blue', names[at]!) === memories[at], isKept, `series ${at}`);
    t.equal(board.endpoint('shop', 'blue', names[at]!, true) === endpoints[at], isKept, `endpoint ${at}`);
    t.equal(board.listener(names[at]!) === listeners[at], isKept, `listener ${at}`);
  }
});

t.test('published series are sorted by service', async (t) => {
  const board = new Board(1);
  for (const service of ['shop', 'cart', 'zoo']) board.series(service, 'blue', 'v1');
  t.strictSame(
    board.publishedSeries().map(({ service }) => service),
    ['', 'cart', 'shop', 'zoo'],
  );
});

t.test('the books of a dead thread are closed, also those of what is retired', async (t) => {
  const board = new Board(2);
  const series = [board.series('shop', 'blue', 'v1'), board.series('shop', 'blue', 'v2')];
  for (const memory of series) for (const thread of [0, 1]) new SeriesWriter(memory, thread).start(0);
  const endpoint = board.endpoint('shop', 'blue', 'a:1', true);
  const listener = board.listener('web');
  for (const thread of [0, 1]) {
    new EndpointCells(endpoint, thread).setConnections(2, 1, 0);
    const writer = new ListenerWriter(listener, thread);
    writer.opened();
    writer.active(1);
  }
  board.keepOnly(new Set([series[1]!]));
  t.equal(board.settle(0), 2);
  for (const memory of series) t.equal(new SeriesReader(memory).inFlight(), 1, 'those of the other thread go on');
  t.match(readEndpoint(endpoint), { connections: 2, idle: 1 });
  t.match(readListener(listener), { accepted: 2, active: 1, idle: 0 });
});

t.test('what is in flight in a pool is kept over its versions, and a dead thread holds nothing of it', async (t) => {
  const board = new Board(2);
  const memory = board.inFlight('shop', 'blue');
  const [dead, alive] = [new InFlightCells(memory, 0), new InFlightCells(memory, 1)];
  t.same([dead.enter(2), alive.enter(2)], [true, true]);
  board.keepOnly(new Set());
  t.equal(board.inFlight('shop', 'blue'), memory, 'a pool that comes back goes on counting');
  board.keepOnly(new Set());
  board.settle(0);
  t.equal(readInFlight(memory).inFlight, 1);
  t.same([alive.enter(2), alive.enter(2)], [true, false]);
});
