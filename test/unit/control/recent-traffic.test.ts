/** What versions have had lately: the window, its edges, and whose rate of failures is the normal one. */
import t from 'tap';
import { RecentTraffic } from '../../../src/control/recent-traffic.ts';
import { createEvidenceMemory, EvidenceWriter } from '../../../src/stats/evidence-cells.ts';

const THREADS = 2;

/** A version whose requests a test makes itself, on both threads and over many gate positions. */
function version() {
  const memory = createEvidenceMemory(THREADS);
  const writers = Array.from({ length: THREADS }, (_, thread) => new EvidenceWriter(memory, thread));
  return {
    memory,
    serve: (requests: number, bad: number) => {
      for (let index = 0; index < requests; index += 1) {
        const writer = writers[index % THREADS]!;
        writer.judged(index % 64);
        writer.above(index % 64, 0, 24);
        if (index < bad) writer.bad(index % 64);
      }
    },
  };
}

t.test('requests of both pools count, with the rate of failures of the active one', async (t) => {
  const [blue, green] = [version(), version()];
  const recent = new RecentTraffic();
  recent.pass(0, () => [blue.memory, green.memory]);
  blue.serve(900, 9);
  green.serve(100, 80);
  recent.pass(20_000, () => [blue.memory, green.memory]);
  t.same(recent.of(blue.memory, green.memory), { requests: 1_000, bad: 10, seconds: 20 });
});

t.test('the window is ten minutes, and what was before it is forgotten', async (t) => {
  const [blue, green] = [version(), version()];
  const recent = new RecentTraffic();
  recent.pass(0, () => [blue.memory, green.memory]);
  blue.serve(1_000, 1_000);
  for (let ms = 0; ms < 1_200_000; ms += 100) {
    recent.pass(100, () => [blue.memory, green.memory]);
    if (ms % 10_000 === 0) blue.serve(10, 0);
  }
  const { requests, bad, seconds } = recent.of(blue.memory, green.memory);
  t.equal(bad, 0);
  t.ok(seconds >= 590 && seconds <= 600, `${seconds} s`);
  t.ok(Math.abs(requests / seconds - 1) < 0.02, `${requests} requests`);
});

t.test('a version that is not known, or just now, has had nothing; one that has left is forgotten', async (t) => {
  const [blue, green] = [version(), version()];
  const recent = new RecentTraffic();
  const nothing = { requests: 0, bad: 0, seconds: 0 };
  t.same(recent.of(blue.memory, green.memory), nothing);
  recent.pass(0, () => [blue.memory]);
  blue.serve(100, 0);
  recent.pass(900, () => [blue.memory]);
  t.same(recent.of(blue.memory, green.memory), nothing, 'less than a second says nothing');
  recent.pass(10_000, () => [blue.memory]);
  t.equal(recent.of(blue.memory, green.memory).requests, 100);
  recent.pass(10_000, () => [green.memory]);
  t.same(recent.of(blue.memory, green.memory), nothing);
});
