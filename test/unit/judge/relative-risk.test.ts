import t from 'tap';
import {
  type EpochEvents,
  HARMFUL,
  logEvidence,
  logEvidenceByThreshold,
  logMeanExp,
  theta,
} from '../../../src/judge/relative-risk.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

/** One threshold: candidate and active bad events at a share. */
function epoch(share: number, candidate: number, active: number): EpochEvents {
  return { share, candidate: [candidate], active: [active] };
}

const REFERENCE: readonly {
  readonly events: string;
  readonly epochs: readonly EpochEvents[];
  readonly margin: number;
  readonly evidence: string;
}[] = [
  { events: '3 candidate at 10%', epochs: [epoch(0.1, 3, 0)], margin: 1, evidence: '144.295' },
  { events: '3 candidate at 5%', epochs: [epoch(0.05, 3, 0)], margin: 1, evidence: '569.442' },
  { events: '3 candidate at 50%', epochs: [epoch(0.5, 3, 0)], margin: 1, evidence: '4.24182' },
  { events: '5 candidate and 5 active at 10%', epochs: [epoch(0.1, 5, 5)], margin: 1, evidence: '51.4932' },
  { events: '1 candidate and 9 active at 10%', epochs: [epoch(0.1, 1, 9)], margin: 1, evidence: '0.417827' },
  {
    events: '2 candidate at 5%, then 3 at 25%',
    epochs: [epoch(0.05, 2, 0), epoch(0.25, 3, 0)],
    margin: 1,
    evidence: '2181.5',
  },
  {
    events: '2 and 1 at 5%, then 3 and 2 at 25%, margin 1.5',
    epochs: [epoch(0.05, 2, 1), epoch(0.25, 3, 2)],
    margin: 1.5,
    evidence: '9.90267',
  },
];

for (const { events, epochs, margin, evidence } of REFERENCE) {
  t.test(`${events}: evidence ${evidence}`, async (t) => {
    const digits = evidence.replace(/^0\./, '').replace('.', '').length;
    t.equal(Number(Math.exp(logEvidence(epochs, 1, margin)).toPrecision(digits)), Number(evidence));
  });
}

/** The theory as it is written down, event by event. */
function evidenceByEvent(events: readonly { share: number; isCandidate: boolean }[], margin: number): number {
  const logs = HARMFUL.map((multiple) =>
    events.reduce((log, { share, isCandidate }) => {
      const forbidden = theta(share, margin);
      const harmful = theta(share, multiple * margin);
      return log + Math.log(isCandidate ? harmful / forbidden : (1 - harmful) / (1 - forbidden));
    }, 0),
  );
  return Math.exp(logMeanExp(logs));
}

t.test(`counts say what the events say one by one, in any order (seed ${runSeed})`, async (t) => {
  const seeded = new Seeded(runSeed);
  for (let round = 0; round < 200; round++) {
    const margin = seeded.pick([1, 1.2, 1.5, 3]);
    const shares = [0.01, 0.05, 0.25, 0.5].slice(0, 1 + seeded.below(4));
    const events = Array.from({ length: 1 + seeded.below(40) }, () => ({
      share: seeded.pick(shares),
      isCandidate: seeded.chance(0.3),
    }));
    const epochs = shares.map((share) => {
      const own = events.filter((event) => event.share === share);
      const candidate = own.filter((event) => event.isCandidate).length;
      return epoch(share, candidate, own.length - candidate);
    });
    const byCounts = Math.exp(logEvidence(epochs, 1, margin));
    const shuffled = [...events].sort(() => seeded.u32() - 2 ** 31);
    for (const order of [events, shuffled]) {
      const apart = Math.abs(evidenceByEvent(order, margin) / byCounts - 1);
      if (apart > 1e-9) t.fail(`${JSON.stringify({ order, margin })}: ${apart}`);
    }
  }
});

t.test('counts of threads and routers add up: two parts of an epoch are the epoch', async (t) => {
  const parts = [epoch(0.1, 2, 3), epoch(0.1, 3, 2)];
  t.ok(Math.abs(logEvidence(parts, 1, 1.5) - logEvidence([epoch(0.1, 5, 5)], 1, 1.5)) < 1e-12);
});

function choose(n: number, k: number): number {
  let product = 1;
  for (let index = 1; index <= k; index++) product = (product * (n - k + index)) / index;
  return product;
}

/** The expectation of the evidence after so many bad events, by enumeration, when the true ratio is `ratio`. */
function expectation(events: number, share: number, margin: number, ratio: number): number {
  const chance = theta(share, ratio);
  let sum = 0;
  for (let candidate = 0; candidate <= events; candidate++) {
    const probability = choose(events, candidate) * chance ** candidate * (1 - chance) ** (events - candidate);
    sum += probability * Math.exp(logEvidence([epoch(share, candidate, events - candidate)], 1, margin));
  }
  return sum;
}

t.test(
  'the evidence is a martingale at the margin and falls below it: its expectation is 1, and less than 1',
  async (t) => {
    for (const share of [0.01, 0.1, 0.5, 0.9]) {
      for (const margin of [1, 1.5, 4]) {
        for (let events = 0; events <= 12; events++) {
          const exact = expectation(events, share, margin, margin);
          t.ok(Math.abs(exact - 1) < 1e-9, `${events} events at ${share}, margin ${margin}: ${exact}`);
          if (events > 0) t.ok(expectation(events, share, margin, margin * 0.7) < 1);
        }
      }
    }
  },
);

t.test('each further event keeps the expectation, whatever came before it and however the share moves', async (t) => {
  const before = [epoch(0.05, 2, 7)];
  for (const share of [0.02, 0.25, 0.99]) {
    const chance = theta(share, 1.5);
    const next = (candidate: number, active: number): number =>
      Math.exp(logEvidence([...before, epoch(share, candidate, active)], 1, 1.5));
    const expected = chance * next(1, 0) + (1 - chance) * next(0, 1);
    t.ok(Math.abs(expected / next(0, 0) - 1) < 1e-12);
  }
});

t.test('a position that sends everything to one side says nothing, whatever happened in it', async (t) => {
  for (const share of [0, 1, Number.NaN, -1, 2]) {
    t.equal(logEvidence([epoch(share, 1000, 1000)], 1, 1), 0);
    t.ok(Number.isNaN(theta(share, 2)));
    t.equal(logEvidence([epoch(0.1, 3, 0), epoch(share, 50, 1)], 1, 1), logEvidence([epoch(0.1, 3, 0)], 1, 1));
  }
});

t.test('no bad event at all is evidence of 1', async (t) => {
  t.equal(logEvidence([], 1, 1), 0);
  t.equal(logEvidence([epoch(0.1, 0, 0)], 1, 2), 0);
});

t.test('counts of any size and shares of any smallness give a finite logarithm', async (t) => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const share of [Number.MIN_VALUE, 1e-12, 0.5, 1 - 2 ** -53]) {
    for (const [candidate, active] of [
      [most, 0],
      [0, most],
      [most, most],
      [1, 0],
    ] as const) {
      t.ok(Number.isFinite(logEvidence([epoch(share, candidate, active)], 1, 1)), `${share} ${candidate} ${active}`);
    }
  }
  t.equal(logMeanExp([1e308, 1e308]), 1e308);
  t.equal(logMeanExp([-1e308, -1e308]), -1e308);
});

t.test('the evidence over several thresholds is the mean of the evidence at each', async (t) => {
  const epochs: EpochEvents[] = [
    { share: 0.1, candidate: [9, 4, 1], active: [70, 20, 0] },
    { share: 0.25, candidate: [5, 5, 2], active: [20, 9, 1] },
  ];
  const each = logEvidenceByThreshold(epochs, 3, 1.2);
  for (const threshold of [0, 1, 2]) {
    const alone = epochs.map(({ share, candidate, active }) => epoch(share, candidate[threshold]!, active[threshold]!));
    t.ok(Math.abs(each[threshold]! - logEvidence(alone, 1, 1.2)) < 1e-12);
  }
  const mean = each.reduce((sum, log) => sum + Math.exp(log), 0) / 3;
  t.ok(Math.abs(Math.exp(logEvidence(epochs, 3, 1.2)) / mean - 1) < 1e-12);
});
