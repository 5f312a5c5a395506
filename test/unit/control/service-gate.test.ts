import t from 'tap';
import { ServiceGate } from '../../../src/control/service-gate.ts';
import { GateReader } from '../../../src/routing/gate.ts';
import { groupNumber } from '../../../src/routing/group.ts';
import { createSeriesMemory, POSITION_SLOTS, SeriesReader, SeriesWriter } from '../../../src/stats/series.ts';
import { receiptOf } from './samples.ts';

const OPEN_MAX = 256;
const POOLS = ['blue', 'green'];
const SINCE = { at: '2026-01-01T00:00:00.000Z', by: 'test', reason: 'start', note: '' } as const;

/** A gate whose only series is written by the test. */
function start() {
  const memory = createSeriesMemory(1);
  const reader = new SeriesReader(memory);
  const gate = new ServiceGate('shop', () => [reader], SINCE);
  gate.adopt(gate.memoryFor(POOLS), POOLS);
  let epoch = 0;
  const move = (weights: Readonly<Record<string, number>> = { blue: 1 }): number => {
    epoch += 1;
    return gate.move(weights, epoch).earlierSlot;
  };
  /** The slot in force, as a data thread sees it. */
  const slot = (): number => new GateReader(gate.memory, gate.pools.length).slot();
  return { gate, writer: new SeriesWriter(memory, 0), move, slot };
}

const finish = (writer: SeriesWriter, slot: number, cut = false) => writer.finish(slot, 200, 1000, 0, 0, cut);

t.test('a move stands in memory with its epoch and the weights of all pools', async (t) => {
  const { gate, move, slot } = start();
  move({ blue: 3 });
  t.strictSame(gate.weights, { blue: 3, green: 0 });
  const reader = new GateReader(gate.memory, 2);
  t.equal(reader.epochAt(slot()), 1);
  const at = reader.weightsAt(slot());
  t.strictSame([...reader.cells.slice(at, at + 2)], [3, 0]);
  t.strictSame(gate.move({ green: 1 }, 2), { earlierSlot: slot() - 1, from: { blue: 3, green: 0 } });
});

t.test('a slot is used again when nothing of it is in flight, and never before', async (t) => {
  const { writer, move, slot } = start();
  move();
  const busy = slot();
  writer.start(busy);
  const seen: number[] = [];
  for (let count = 0; count < 3 * POSITION_SLOTS; count++) {
    const earlier = slot();
    t.equal(move(), earlier);
    t.not(slot(), earlier, 'a position never takes the slot that it leaves');
    seen.push(slot());
  }
  t.notOk(seen.includes(busy), 'the slot with a request in flight is passed over');
  t.equal(new Set(seen).size, POSITION_SLOTS - 1, 'all others are used');
  finish(writer, busy);
  const again: number[] = [];
  for (let count = 0; count < POSITION_SLOTS; count++) {
    move();
    again.push(slot());
  }
  t.ok(again.includes(busy), 'and it is used again once the request has ended');
});

t.test('when all slots are busy, the one that was taken longest ago is shared', async (t) => {
  const { gate, writer, move, slot } = start();
  const taken: number[] = [];
  for (let count = 0; count < POSITION_SLOTS; count++) {
    move();
    taken.push(slot());
    writer.start(slot());
  }
  t.equal(new Set(taken).size, POSITION_SLOTS);
  for (const oldest of taken.slice(0, 3)) {
    const earlier = slot();
    move();
    t.equal(slot(), oldest);
    t.equal(gate.accountOf(earlier).inFlight, 1);
    t.equal(gate.accountOf(oldest).inFlight, 1, 'the account goes on with what the slot had');
  }
  writer.start(slot());
  t.equal(gate.accountOf(slot()).inFlight, 2, 'the accounts of both positions run together');
});

t.test('the account of the earlier position is what it routed and what of it was cut', async (t) => {
  const { gate, writer, move, slot } = start();
  move();
  const first = slot();
  for (let count = 0; count < 3; count++) writer.start(first);
  finish(writer, first);
  t.equal(move({ green: 1 }), first);
  writer.start(slot());
  t.strictSame(gate.accountOf(first), { inFlight: 2, cut: 0, drained: 0 });
  finish(writer, first, true);
  t.strictSame(gate.accountOf(first), { inFlight: 1, cut: 1, drained: 0 });
});

t.test('a followed receipt is current until its position has drained, and then final once', async (t) => {
  const { gate, writer, move, slot } = start();
  move();
  for (let count = 0; count < 2; count++) writer.start(slot());
  const earlier = move({ green: 1 });
  gate.follow({ receipt: receiptOf(2), slot: earlier, before: gate.accountOf(earlier) });
  t.equal(gate.hasOpenReceipts, true);
  t.strictSame(gate.settleReceipts('later'), []);
  finish(writer, earlier, true);
  t.strictSame(gate.openReceipt(2), { ...receiptOf(2), lost: 1 });
  t.equal(gate.openReceipt(3), null);
  finish(writer, earlier);
  t.strictSame(gate.settleReceipts('later'), [{ ...receiptOf(2), drained: 'later', lost: 1 }]);
  t.strictSame(gate.settleReceipts('later'), []);
  t.strictSame([gate.hasOpenReceipts, gate.openReceipt(2)], [false, null]);
});

t.test('what a slot lost for an earlier position is not counted for the next one in it', async (t) => {
  const { gate, writer, move, slot } = start();
  move();
  const shared = slot();
  writer.start(shared);
  finish(writer, shared, true);
  while (move() >= 0 && slot() !== shared);
  writer.start(shared);
  const earlier = move();
  gate.follow({ receipt: receiptOf(9), slot: earlier, before: gate.accountOf(earlier) });
  t.match(gate.openReceipt(9), { lost: 0 });
});

t.test('receipts are followed up to a limit, beyond which the oldest is let go', async (t) => {
  const { gate, writer, move, slot } = start();
  move();
  writer.start(slot());
  const earlier = move();
  for (let epoch = 1; epoch <= OPEN_MAX + 1; epoch++) {
    gate.follow({ receipt: receiptOf(epoch), slot: earlier, before: { cut: 0, drained: 0 } });
  }
  t.equal(gate.openReceipt(1), null);
  t.match(gate.openReceipt(2), { epoch: 2 });
  finish(writer, earlier);
  t.equal(gate.settleReceipts('later').length, OPEN_MAX);
});

t.test('the same pools keep their memory; others, or the same in another order, get new memory', async (t) => {
  const { gate, move } = start();
  t.not(gate.memoryFor(POOLS), gate.memory, 'a gate that was never moved has none to keep');
  move();
  t.equal(gate.memoryFor(POOLS), gate.memory);
  for (const pools of [['green', 'blue'], ['blue'], ['blue', 'green', 'red']])
    t.not(gate.memoryFor(pools), gate.memory);
});

t.test('a position is written into the memory of other pools as far as they are still there', async (t) => {
  const { gate, move, slot } = start();
  move({ blue: 1, green: 3 });
  const pools = ['red', 'green'];
  gate.adopt(gate.memoryFor(pools), pools);
  gate.restate();
  t.strictSame([gate.epoch, gate.weights], [1, { red: 0, green: 3 }]);
  const reader = new GateReader(gate.memory, 2);
  const at = reader.weightsAt(slot());
  t.strictSame([...reader.cells.slice(at, at + 2)], [0, 3]);
});

t.test(
  'data threads are told which pool is the active one, in the memory of other pools and after a restart',
  async (t) => {
    const { gate, move } = start();
    const told = (pools: number): number => {
      const reader = new GateReader(gate.memory, pools);
      return reader.activeAt(reader.slot());
    };
    move({ blue: 90, green: 10 });
    t.equal(told(2), 0);
    move({ blue: 10, green: 90 });
    t.equal(told(2), 0, 'the candidate has more weight now, and is still the candidate');
    const pools = ['red', 'green', 'blue'];
    gate.adopt(gate.memoryFor(pools), pools);
    gate.restate();
    t.equal(told(3), 2);

    const { gate: next } = start();
    const { at, by, reason, note } = SINCE;
    const weights = { blue: 10, green: 90 };
    next.restore({
      service: 'shop',
      epoch: 41,
      weights,
      terms: null,
      previous: null,
      active: 'blue',
      fingerprint: 'f',
      at,
      by,
      reason,
      note,
    });
    next.restate();
    const reader = new GateReader(next.memory, 2);
    t.equal(reader.activeAt(reader.slot()), 0);
  },
);

t.test('a restored position stands in a slot that nothing of an earlier life is in flight in', async (t) => {
  const { gate, writer, slot } = start();
  for (const busy of [0, 1, 2]) writer.start(busy);
  const { at, by, reason, note } = { ...SINCE, note: 'before' };
  const previous = { blue: 0, green: 1 };
  const record = {
    service: 'shop',
    epoch: 41,
    weights: { blue: 1 },
    terms: null,
    previous,
    active: null,
    fingerprint: 'f',
  };
  gate.restore({ ...record, at, by, reason, note });
  gate.restate();
  t.equal(slot(), 3);
  t.strictSame([gate.epoch, gate.weights, gate.previous], [41, { blue: 1, green: 0 }, previous]);
  t.strictSame(gate.since, { at, by, reason, note });
});

t.test('a position says of one pool who is let in and how much of it is used, until the next move', async (t) => {
  const { gate } = start();
  const team = { source: 'header', name: 'x-team', value: null } as const;
  gate.move({ blue: 100 }, 2, { pool: 'green', group: team, endpoints: 1 });
  const told = () => {
    const reader = new GateReader(gate.memory, gate.pools.length);
    const slot = reader.slot();
    return [
      reader.groupAt(slot),
      reader.groupPoolAt(slot),
      gate.pools.map((_, pool) => reader.endpointsAt(slot, pool)),
    ];
  };
  t.strictSame(told(), [groupNumber(team), 1, [0, 1]]);
  t.strictSame(
    ['blue', 'green'].map((pool) => gate.endpointsInUse(pool)),
    [Number.POSITIVE_INFINITY, 1],
  );

  const pools = ['red', 'green', 'blue'];
  gate.adopt(gate.memoryFor(pools), pools);
  gate.restate();
  t.strictSame(told(), [groupNumber(team), 1, [0, 1, 0]], 'a snapshot with other pools changes nothing about it');
  gate.adopt(gate.memoryFor(['blue']), ['blue']);
  gate.restate();
  t.strictSame([told(), gate.terms], [[0, -1, [0]], null], 'what is said of a pool that has gone is gone too');

  gate.adopt(gate.memoryFor(pools), pools);
  gate.move({ blue: 100 }, 3, { pool: 'green', group: null, endpoints: 2 });
  t.strictSame(told(), [0, -1, [0, 2, 0]]);
  t.equal(gate.endpointsInUse('green'), 0, 'nobody is sent there');
  gate.move({ blue: 90, green: 10 }, 4);
  t.strictSame(told(), [0, -1, [0, 0, 0]]);
  t.equal(gate.endpointsInUse('green'), Number.POSITIVE_INFINITY);
});
