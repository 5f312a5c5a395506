import t from 'tap';
import {
  BOUNDARIES_MAX,
  createEvidenceMemory,
  EvidenceWriter,
  readEvidence,
  takeNews,
  watchEvidence,
} from '../../../src/stats/evidence-cells.ts';
import { POSITION_SLOTS } from '../../../src/stats/series.ts';

t.test('threads count in rows of their own, and a reader sees their sum for one position', async (t) => {
  const memory = createEvidenceMemory(3);
  const writers = [0, 1, 2].map((thread) => new EvidenceWriter(memory, thread));
  for (const [thread, writer] of writers.entries()) {
    for (let times = 0; times <= thread; times++) writer.judged(5);
    writer.bad(5);
    writer.above(5, 0, thread + 1);
    writer.judged(6);
  }
  const { judged, bad, above } = readEvidence(memory, 5);
  t.equal(judged, 6);
  t.equal(bad, 3);
  t.same(above.slice(0, 4), [3, 2, 1, 0]);
  t.equal(above.length, BOUNDARIES_MAX);
  t.match(readEvidence(memory, 6), { judged: 3, bad: 0 });
});

t.test('the first and the last cell of neighbouring positions do not touch', async (t) => {
  const memory = createEvidenceMemory(2);
  const [first, second] = [new EvidenceWriter(memory, 0), new EvidenceWriter(memory, 1)];
  first.above(POSITION_SLOTS - 1, BOUNDARIES_MAX - 1, BOUNDARIES_MAX);
  second.judged(0);
  t.equal(readEvidence(memory, POSITION_SLOTS - 1).above.at(-1), 1);
  t.match(readEvidence(memory, 0), { judged: 1, bad: 0 });
  t.equal(readEvidence(memory, 1).judged, 0);
});

t.test('a level that was raised counts only the boundaries that are new', async (t) => {
  const memory = createEvidenceMemory(1);
  const writer = new EvidenceWriter(memory, 0);
  writer.above(0, 0, 2);
  writer.above(0, 2, 3);
  writer.above(0, 3, 3);
  t.same(readEvidence(memory, 0).above.slice(0, 4), [1, 1, 1, 0]);
});

t.test(
  'the first bad event of a watched version is news, until the news are taken; of another it never is',
  async (t) => {
    const memory = createEvidenceMemory(2);
    const [one, other] = [new EvidenceWriter(memory, 0), new EvidenceWriter(memory, 1)];
    t.equal(one.isNews(), false, 'nobody watches');
    watchEvidence(memory, true);
    t.equal(takeNews(memory), false);
    t.equal(one.isNews(), true);
    t.same([one.isNews(), other.isNews()], [false, false], 'somebody was told');
    t.same([takeNews(memory), takeNews(memory)], [true, false]);
    t.equal(other.isNews(), true);
    watchEvidence(memory, false);
    t.equal(one.isNews(), false);
    t.match(readEvidence(memory, 0), { judged: 0, bad: 0 }, 'and none of it is a count');
  },
);
