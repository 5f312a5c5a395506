import t from 'tap';
import {
  createEndpointMemory,
  EndpointCells,
  EndpointHead,
  readEndpoint,
  settleDeadEndpointLine,
  type Verdict,
} from '../../../src/stats/endpoint-cells.ts';

/** An endpoint with as many threads; `end` records what one of them has seen, in this order. */
function endpoint(threads: number) {
  const memory = createEndpointMemory(threads);
  const cells = Array.from({ length: threads }, (_, thread) => new EndpointCells(memory, thread));
  const end = (thread: number, ...verdicts: readonly Verdict[]): void => {
    for (const verdict of verdicts) {
      cells[thread]!.attemptStarted();
      cells[thread]!.attemptEnded(verdict);
    }
  };
  return { memory, cells, end, head: new EndpointHead(memory) };
}

t.test('the news are what has happened since they were asked for last, over all threads', async (t) => {
  const { end, head } = endpoint(3);
  t.same(head.news(), { good: 0, bad: 0, run: 0 });
  end(0, 'good', 'bad', 'bad');
  end(2, 'bad', 'good', 'neither');
  t.same(head.news(), { good: 2, bad: 3, run: 2 });
  t.same(head.news(), { good: 0, bad: 0, run: 2 }, 'a run stands until a success ends it');
  end(0, 'neither');
  t.equal(head.news().run, 2, 'what says nothing ends no run');
  end(0, 'good');
  t.same(head.news(), { good: 1, bad: 0, run: 0 });
});

t.test('a run is that of one thread, the longest one', async (t) => {
  const { end, head } = endpoint(2);
  end(0, 'bad', 'bad');
  end(1, 'bad', 'bad', 'bad');
  t.equal(head.news().run, 3);
});

t.test('failures that were forgotten belong to no run, though no success has come since', async (t) => {
  const { end, head } = endpoint(2);
  end(0, 'bad', 'bad', 'bad');
  head.forget();
  t.equal(head.news().run, 0);
  end(0, 'bad');
  end(1, 'bad', 'bad');
  t.equal(head.news().run, 2);
});

t.test('what happened before the head was made is no news', async (t) => {
  const { end, memory } = endpoint(1);
  end(0, 'bad', 'bad');
  t.same(new EndpointHead(memory).news(), { good: 0, bad: 0, run: 0 });
});

t.test('every thread sees what the head says', async (t) => {
  const { cells, head, memory } = endpoint(2);
  t.equal(cells[1]!.weightPart, 1, 'a new endpoint stands in with all of its weight');
  head.set(true, 0.55, 'probing');
  for (const one of cells) t.match(one, { admitting: true, weightPart: 0.55 });
  head.ejected('success-ratio');
  head.ejected('probe');
  head.ejected('probe');
  t.match(readEndpoint(memory), { admitting: true, standing: 'probing', weightPart: 0.55, ejections: [0, 1, 2] });
});

t.test('a probe that a dead thread had taken goes to another one', async (t) => {
  const { cells, head, memory } = endpoint(2);
  head.offerProbe(0, 1000);
  t.not(cells[0]!.takeProbe(), 0);
  t.equal(cells[1]!.takeProbe(), 0);
  settleDeadEndpointLine(memory, 0);
  const taken = cells[1]!.takeProbe();
  t.not(taken, 0);
  cells[1]!.endProbe(taken, 'bad');
  t.equal(head.probeAnswer(), 'bad');
});

t.test('old failures of a thread that gets few requests are no run, once others have succeeded', async (t) => {
  const { end, head } = endpoint(2);
  end(0, 'bad', 'bad', 'bad', 'bad');
  t.equal(head.news().run, 4);
  for (let look = 0; look < 3; look += 1) {
    end(1, 'good', 'good');
    t.equal(head.news().run, 0);
  }
  end(0, 'bad');
  t.equal(head.news().run, 1, 'a run begins anew');
  end(0, 'bad');
  end(1, 'good');
  t.equal(head.news().run, 1, 'a failure and a success between two looks have no order');
});

t.test('a probe that does not end is given up for another, and its late end says nothing', async (t) => {
  const { cells, head } = endpoint(1);
  head.offerProbe(0, 1000);
  const first = cells[0]!.takeProbe();
  for (const nowMs of [5000, 5999]) head.offerProbe(nowMs, 1000);
  t.equal(cells[0]!.takeProbe(), 0, 'it has its time, from when it is seen to be taken');
  head.offerProbe(6000, 1000);
  const second = cells[0]!.takeProbe();
  t.not(second, 0);
  cells[0]!.endProbe(first, 'bad');
  t.equal(head.probeAnswer(), 'none');
  head.offerProbe(6001, 1000);
  t.equal(cells[0]!.takeProbe(), 0, 'the second has a time of its own');
  cells[0]!.endProbe(second, 'good');
  t.equal(head.probeAnswer(), 'good');
});
