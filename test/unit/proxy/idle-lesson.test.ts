import t from 'tap';
import { IdleLesson } from '../../../src/proxy/idle-lesson.ts';

/** What is believed after closings at these ages, ten seconds apart. */
function learnt(ages: readonly number[], apartMs = 10_000): number {
  const lesson = new IdleLesson();
  ages.forEach((ageMs, at) => {
    lesson.closed(ageMs, 1000 + at * apartMs);
  });
  return lesson.limitMs(1000 + ages.length * apartMs);
}

t.test('three closings at one age are believed, and a tenth is left as margin', async (t) => {
  t.equal(learnt([5000, 5010]), Number.POSITIVE_INFINITY);
  t.equal(learnt([5000, 5010, 5050]), 4500);
});

t.test('the smallest of the ages counts', async (t) => {
  t.equal(learnt([5050, 5000, 5100]), 4500);
});

t.test('a short age has a margin of at least 100 ms', async (t) => {
  t.equal(learnt([600, 610, 620]), 500);
});

t.test('closings at any age teach nothing', async (t) => {
  t.equal(learnt([900, 5000, 2000, 7000, 3000, 9000]), Number.POSITIVE_INFINITY);
});

t.test('a restart, which closes many at once, teaches nothing', async (t) => {
  t.equal(learnt(new Array(50).fill(2000), 1), Number.POSITIVE_INFINITY);
});

t.test('ages that say nothing are left out', async (t) => {
  t.equal(learnt([3, 3, 3, 3]), Number.POSITIVE_INFINITY);
});

t.test('what was learnt is forgotten after ten minutes, and can be learnt again', async (t) => {
  const lesson = new IdleLesson();
  for (const at of [0, 10_000, 20_000]) lesson.closed(5000, at);
  t.equal(lesson.limitMs(20_000 + 600_000), 4500);
  t.equal(lesson.limitMs(20_001 + 600_000), Number.POSITIVE_INFINITY);
  for (const at of [700_000, 710_000, 720_000]) lesson.closed(3000, at);
  t.equal(lesson.limitMs(720_000), 2700);
});
