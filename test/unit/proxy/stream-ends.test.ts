import t from 'tap';
import { StreamEnds } from '../../../src/proxy/stream-ends.ts';

/** At which times of 0 to 1000 streams are ended, looked at every 10 ms. */
function endsOf(streams: number, fromMs = 0, untilMs = 1000): number[] {
  const ends = new StreamEnds(fromMs, untilMs);
  const at: number[] = [];
  for (let nowMs = 0; nowMs <= 1000; nowMs += 10) {
    const due = ends.due(streams - at.length, nowMs);
    for (let count = 0; count < due; count++) at.push(nowMs);
  }
  return at;
}

t.test('streams are ended evenly over the time there is, the last at the deadline', async (t) => {
  t.same(endsOf(4), [250, 500, 750, 1000]);
  t.same(endsOf(1), [1000]);
  t.same(endsOf(2, 500), [750, 1000]);
  t.same(endsOf(0), []);
});

t.test('more streams than looks are ended in even parts', async (t) => {
  const at = endsOf(1000);
  t.equal(at.length, 1000);
  for (let nowMs = 10; nowMs <= 1000; nowMs += 10) t.equal(at.filter((one) => one === nowMs).length, 10);
});

t.test('streams that come or go in the meantime change the pace of the rest', async (t) => {
  const ends = new StreamEnds(0, 1000);
  t.equal(ends.due(10, 100), 1);
  t.equal(ends.due(2, 500), 0, 'seven have ended by themselves: the next is due at 550');
  t.equal(ends.due(2, 550), 1);
  t.equal(ends.due(4, 700), 1, 'three have come');
  t.equal(ends.due(3, 1000), 3);
});

t.test('without any time all are due at once', async (t) => {
  t.equal(new StreamEnds(0, 0).due(5, 0), 5);
});
