import t from 'tap';
import {
  CLIENT_LIMITS,
  createListenerMemory,
  ListenerWriter,
  readClientLimits,
  readListener,
  settleDeadListenerRow,
} from '../../../src/stats/listener-cells.ts';

t.test('connections are active or idle, and what was accepted stays counted', async (t) => {
  const memory = createListenerMemory(2);
  const first = new ListenerWriter(memory, 0);
  const second = new ListenerWriter(memory, 1);
  t.strictSame(readListener(memory), {
    accepted: 0,
    active: 0,
    idle: 0,
    refused: 0,
    dropped: 0,
    clientLimited: 0,
    turnedAway: 0,
    gaveWay: 0,
  });
  for (let count = 0; count < 3; count++) first.opened();
  second.opened();
  first.active(1);
  second.active(1);
  second.refused();
  second.dropped();
  first.clientLimited();
  t.strictSame(readListener(memory), {
    accepted: 4,
    active: 2,
    idle: 2,
    refused: 1,
    dropped: 1,
    clientLimited: 1,
    turnedAway: 0,
    gaveWay: 0,
  });
  first.active(-1);
  first.closed();
  t.strictSame(readListener(memory), {
    accepted: 4,
    active: 1,
    idle: 2,
    refused: 1,
    dropped: 1,
    clientLimited: 1,
    turnedAway: 0,
    gaveWay: 0,
  });
});

t.test('limits that clients meet are counted by name, and nothing else is', async (t) => {
  const memory = createListenerMemory(2);
  const writers = [new ListenerWriter(memory, 0), new ListenerWriter(memory, 1)];
  for (const kind of [...CLIENT_LIMITS, 'body-too-large', 'client-gone', '__proto__']) writers[0]!.limited(kind);
  writers[1]!.limited('body-too-large');
  t.same(
    [...readClientLimits(memory)],
    CLIENT_LIMITS.map((limit) => (limit === 'body-too-large' ? 3 : 1)),
  );
  const totals = Object.values(readListener(memory));
  t.equal(totals.length, 8);
  t.ok(
    totals.every((total) => total === 0),
    'no other cell was written',
  );
});

t.test("a dead thread's connections are gone, and its counts stay", async (t) => {
  const memory = createListenerMemory(2);
  for (let thread = 0; thread < 2; thread++) {
    const writer = new ListenerWriter(memory, thread);
    writer.opened();
    writer.opened();
    writer.active(1);
    writer.refused();
  }
  settleDeadListenerRow(memory, 0);
  t.strictSame(readListener(memory), {
    accepted: 4,
    active: 1,
    idle: 1,
    refused: 2,
    dropped: 0,
    clientLimited: 0,
    turnedAway: 0,
    gaveWay: 0,
  });
});
