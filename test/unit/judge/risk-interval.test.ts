import t from 'tap';
import { type EpochEvents, logEvidence } from '../../../src/judge/relative-risk.ts';
import { riskInterval } from '../../../src/judge/risk-interval.ts';

const NEEDED = Math.log(100);

function epoch(share: number, candidate: number, active: number): EpochEvents {
  return { share, candidate: [candidate], active: [active] };
}

t.test('five failures on each side at a share of 10% are a risk of 9', async (t) => {
  const { estimate } = riskInterval([epoch(0.1, 5, 5)], 0, NEEDED);
  t.ok(Math.abs(estimate! - 9) < 1e-4);
});

t.test(
  'the lower end is the largest margin that the evidence rejects, and the upper the smallest from above',
  async (t) => {
    const epochs = [epoch(0.05, 4, 3), epoch(0.25, 9, 6)];
    const { lower, upper } = riskInterval(epochs, 0, NEEDED);
    t.ok(logEvidence(epochs, 1, lower * 0.999) >= NEEDED);
    t.ok(logEvidence(epochs, 1, lower * 1.001) < NEEDED);
    const exchanged = [epoch(0.95, 3, 4), epoch(0.75, 6, 9)];
    t.ok(logEvidence(exchanged, 1, 1 / (upper! * 1.001)) >= NEEDED);
    t.ok(logEvidence(exchanged, 1, 1 / (upper! * 0.999)) < NEEDED);
  },
);

t.test('the range passes the margin exactly when the evidence at that margin is enough', async (t) => {
  for (const margin of [1, 1.5, 3]) {
    for (let candidate = 0; candidate <= 12; candidate++) {
      const epochs = [epoch(0.1, candidate, 4)];
      const isBlamed = logEvidence(epochs, 1, margin) >= NEEDED;
      t.equal(riskInterval(epochs, 0, NEEDED).lower > margin, isBlamed, `${candidate} against 4 at margin ${margin}`);
    }
  }
});

t.test('what cannot be known is not given a number', async (t) => {
  t.same(riskInterval([], 0, NEEDED), { estimate: null, lower: 0, upper: null });
  t.same(riskInterval([epoch(1, 9, 0)], 0, NEEDED), { estimate: null, lower: 0, upper: null });
  const onlyCandidate = riskInterval([epoch(0.1, 3, 0)], 0, NEEDED);
  t.match(onlyCandidate, { estimate: null, upper: null });
  t.ok(onlyCandidate.lower > 1, 'the lower end needs no failure of the active side');
  const onlyActive = riskInterval([epoch(0.1, 0, 90)], 0, NEEDED);
  t.match(onlyActive, { estimate: 0, lower: 0 });
  t.ok(onlyActive.upper! < 1);
});

t.test('the estimate does not mix hours: a ramp during an outage of both sides is a risk of 1', async (t) => {
  const calm = epoch(0.1, 1, 9);
  const outage = epoch(0.5, 500, 500);
  const { estimate } = riskInterval([calm, outage], 0, NEEDED);
  t.ok(Math.abs(estimate! - 1) < 1e-4);
});
