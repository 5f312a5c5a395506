import t from 'tap';
import { ceilingView, checkCeiling } from '../../../src/judge/guards.ts';
import { type Mark, recentOf, type Tallies, WINDOW_MS, withMark } from '../../../src/judge/recent.ts';

const CEILING = { minRequests: 50, share: 0.2 };

function tallies(candidate: [number, number], active: [number, number]): Tallies {
  return {
    candidate: { requests: candidate[0], bad: candidate[1] },
    active: { requests: active[0], bad: active[1] },
  };
}

const FINDINGS = [
  { title: 'no traffic', counts: tallies([0, 0], [0, 0]), finding: 'under' },
  { title: 'too few requests of the candidate', counts: tallies([49, 49], [900, 0]), finding: 'under' },
  { title: 'just under a fifth', counts: tallies([100, 19], [900, 0]), finding: 'under' },
  { title: 'a fifth on the candidate alone', counts: tallies([50, 10], [900, 9]), finding: 'candidate-over' },
  { title: 'both at 30%', counts: tallies([100, 30], [900, 270]), finding: 'both-over' },
  {
    title: 'an outage about the ceiling that chance put on the candidate first',
    counts: tallies([50, 11], [900, 171]),
    finding: 'both-over',
  },
  { title: 'the active side alone', counts: tallies([100, 1], [900, 400]), finding: 'under' },
  { title: 'an active side that gets nothing any more', counts: tallies([100, 30], [0, 0]), finding: 'candidate-over' },
  {
    title: 'an outage that the candidate has counted first',
    counts: tallies([50, 15], [47, 14]),
    finding: 'both-over',
  },
  { title: 'an active side of few requests, all good', counts: tallies([100, 30], [9, 0]), finding: 'candidate-over' },
] as const;

for (const { title, counts, finding } of FINDINGS) {
  t.test(`ceiling: ${title}: ${finding}`, async (t) => t.equal(checkCeiling(counts, CEILING), finding));
}

t.test('the ceiling looks at the last minute, and at the whole step while that has too little', async (t) => {
  const step = tallies([80, 40], [900, 0]);
  t.equal(ceilingView(tallies([49, 1], [500, 0]), step, CEILING), step);
  const recent = tallies([50, 1], [500, 0]);
  t.equal(ceilingView(recent, step, CEILING), recent);
});

t.test('the window is what happened in about the last minute, however long it has been good before', async (t) => {
  let marks: readonly Mark[] = [];
  let marksMost = 0;
  let totals = tallies([0, 0], [0, 0]);
  for (let atMs = 0; atMs <= 3_600_000; atMs += 1000) {
    const isOutage = atMs > 3_540_000;
    totals = tallies(
      [totals.candidate.requests + 10, totals.candidate.bad + (isOutage ? 5 : 0)],
      [totals.active.requests + 90, totals.active.bad],
    );
    marks = withMark(marks, totals, atMs);
    marksMost = Math.max(marksMost, marks.length);
  }
  t.ok(marksMost <= 14, `${marksMost} marks are kept at most`);
  const recent = recentOf(marks, totals);
  t.ok(recent.candidate.requests >= 590 && recent.candidate.requests <= 660, `${recent.candidate.requests}`);
  t.equal(recent.candidate.bad, 300);
});

t.test('a clock that goes back starts the window again', async (t) => {
  const before = withMark([], tallies([10, 0], [90, 0]), 10 * WINDOW_MS);
  const after = withMark(before, tallies([20, 0], [180, 0]), WINDOW_MS);
  t.same(after, [{ atMs: WINDOW_MS, ...tallies([20, 0], [180, 0]) }]);
  t.same(recentOf([], tallies([20, 5], [1, 0])), tallies([0, 0], [0, 0]));
});
