import t from 'tap';
import { BUCKETS, bucketOf } from '../../../src/stats/histogram.ts';
import {
  CODES,
  codeOf,
  createSeriesMemory,
  OUTCOMES,
  POSITION_SLOTS,
  type PositionAccount,
  RETRY_RESULTS,
  SeriesReader,
  SeriesWriter,
  settleDeadThread,
} from '../../../src/stats/series.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

const THREADS = 3;
const STATUSES = [0, 101, 200, 204, 301, 304, 404, 429, 500, 503, 599];

/** What a series must say, kept in the plainest way beside it. */
interface Expected {
  readonly codes: number[];
  readonly outcomes: number[];
  readonly durations: number[];
  readonly firstBytes: number[];
  readonly positions: { started: number; ended: number; cut: number; bad: number }[];
  started: number;
  retries: number[];
  bytesIn: number;
  bytesOut: number;
  durationSumUs: number;
  firstByteSumUs: number;
  tunnels: number;
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

function nothing(): Expected {
  return {
    codes: zeros(CODES.length),
    outcomes: zeros(OUTCOMES.length),
    durations: zeros(BUCKETS),
    firstBytes: zeros(BUCKETS),
    positions: Array.from({ length: POSITION_SLOTS }, () => ({ started: 0, ended: 0, cut: 0, bad: 0 })),
    started: 0,
    retries: RETRY_RESULTS.map(() => 0),
    bytesIn: 0,
    bytesOut: 0,
    durationSumUs: 0,
    firstByteSumUs: 0,
    tunnels: 0,
  };
}

/** Lets `threads` threads do `count` random things, to a series and to its expectation. */
function work(random: Seeded, memory: SharedArrayBuffer, count: number) {
  const writers = Array.from({ length: THREADS }, (_, thread) => new SeriesWriter(memory, thread));
  const open = writers.map(() => [] as number[]);
  const tunnels = zeros(THREADS);
  const expected = nothing();
  for (let step = 0; step < count; step++) {
    const thread = random.below(THREADS);
    const writer = writers[thread]!;
    const slot = random.below(POSITION_SLOTS);
    switch (random.below(6)) {
      case 0:
      case 1:
        writer.start(slot);
        open[thread]!.push(slot);
        expected.started++;
        expected.positions[slot]!.started++;
        break;
      case 2: {
        const [ended] = open[thread]!.splice(random.below(open[thread]!.length), 1);
        if (ended === undefined) break;
        const status = random.pick(STATUSES);
        const us = random.chance(0.1) ? 2 ** 31 : random.below(5_000_000);
        const cut = random.chance(0.1);
        const bytes = random.below(10_000);
        writer.finish(ended, status, us, bytes, bytes * 2, cut);
        expected.codes[status === 0 ? 5 : Math.floor(status / 100) - 1]!++;
        expected.durations[bucketOf(us)]!++;
        expected.durationSumUs += us;
        expected.bytesIn += bytes;
        expected.bytesOut += bytes * 2;
        expected.positions[ended]!.ended++;
        if (cut) expected.positions[ended]!.cut++;
        break;
      }
      case 3: {
        const outcome = random.below(OUTCOMES.length);
        const bad = random.chance(0.5);
        writer.attempt(slot, outcome, bad);
        expected.outcomes[outcome]!++;
        if (bad) expected.positions[slot]!.bad++;
        break;
      }
      case 4: {
        const us = random.chance(0.1) ? 0 : random.below(1_000_000);
        writer.firstByte(us);
        const result = random.below(RETRY_RESULTS.length);
        writer.retried(result);
        expected.firstBytes[bucketOf(us)]!++;
        expected.firstByteSumUs += us;
        expected.retries[result]!++;
        break;
      }
      default:
        if (tunnels[thread]! > 0 && random.chance(0.4)) {
          writer.tunnelClosed();
          tunnels[thread]!--;
        } else {
          writer.tunnelOpened();
          tunnels[thread]!++;
        }
    }
  }
  expected.tunnels = tunnels.reduce((sum, one) => sum + one, 0);
  return { expected, open, tunnels };
}

/** All that a reader says, in the form of the expectation. */
function told(memory: SharedArrayBuffer): Expected {
  const reader = new SeriesReader(memory);
  return {
    codes: [...reader.codes()],
    outcomes: [...reader.outcomes()],
    durations: [...reader.durations()],
    firstBytes: [...reader.firstBytes()],
    positions: Array.from({ length: POSITION_SLOTS }, (_, slot) => ({ ...reader.position(slot) })),
    started: reader.started(),
    retries: [...reader.retries()],
    bytesIn: reader.bytesIn(),
    bytesOut: reader.bytesOut(),
    durationSumUs: reader.durationSumUs(),
    firstByteSumUs: reader.firstByteSumUs(),
    tunnels: reader.tunnelsOpen(),
  };
}

t.test('every class of status has its code, and no status is aborted', async (t) => {
  const names = [100, 199, 200, 299, 300, 404, 499, 500, 599, 0].map((status) => CODES[codeOf(status)]);
  t.same(names, ['1xx', '1xx', '2xx', '2xx', '3xx', '4xx', '4xx', '5xx', '5xx', 'aborted']);
});

t.test('a new series is all zero', async (t) => {
  t.strictSame(told(createSeriesMemory(THREADS)), nothing());
  t.equal(new SeriesReader(createSeriesMemory(THREADS)).inFlight(), 0);
});

t.test(`whatever threads record is found again, each thing once and in its place (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed);
  for (let round = 0; round < 20; round++) {
    const memory = createSeriesMemory(THREADS);
    const { expected, open } = work(random, memory, 2_000);
    t.strictSame(told(memory), expected);
    const reader = new SeriesReader(memory);
    t.equal(reader.inFlight(), open.flat().length);
    t.equal(reader.started(), reader.ended() + reader.inFlight());
  }
});

t.test(`a dead thread's exchanges are lost exactly once, and no other thread's (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed + 1);
  for (let round = 0; round < 20; round++) {
    const memory = createSeriesMemory(THREADS);
    const { expected, open, tunnels } = work(random, memory, 2_000);
    const dead = random.below(THREADS);
    const lost = open[dead]!;
    for (const slot of lost) {
      expected.positions[slot]!.ended++;
      expected.positions[slot]!.cut++;
    }
    expected.codes[codeOf(0)]! += lost.length;
    expected.tunnels -= tunnels[dead]!;
    t.equal(settleDeadThread(memory, dead), lost.length);
    t.strictSame(told(memory), expected);
    t.equal(new SeriesReader(memory).inFlight(), open.flat().length - lost.length);
    t.equal(settleDeadThread(memory, dead), 0, 'settling twice loses nothing twice');
    t.strictSame(told(memory), expected);
  }
});

t.test('when all threads are dead and settled, nothing is in flight at any position', async (t) => {
  const random = new Seeded(runSeed + 2);
  const memory = createSeriesMemory(THREADS);
  work(random, memory, 5_000);
  for (let thread = 0; thread < THREADS; thread++) settleDeadThread(memory, thread);
  const reader = new SeriesReader(memory);
  const unbalanced = Array.from({ length: POSITION_SLOTS }, (_, slot) => reader.position(slot)).filter(
    (account: PositionAccount) => account.started !== account.ended,
  );
  t.same(unbalanced, []);
  t.same([reader.inFlight(), reader.tunnelsOpen()], [0, 0]);
});

t.test("a replaced thread goes on in its predecessor's row", async (t) => {
  const memory = createSeriesMemory(2);
  new SeriesWriter(memory, 1).start(5);
  settleDeadThread(memory, 1);
  const replacement = new SeriesWriter(memory, 1);
  replacement.start(5);
  t.equal(new SeriesReader(memory).inFlight(), 1);
  replacement.finish(5, 200, 10, 0, 0, false);
  t.strictSame({ ...new SeriesReader(memory).position(5) }, { started: 2, ended: 2, cut: 1, bad: 0 });
  t.equal(new SeriesReader(memory).inFlight(), 0);
});
