import t from 'tap';
import {
  countsSince,
  EPOCHS_MAX,
  type EpochCounts,
  type Evidence,
  eventsOf,
  noEvidence,
  recordEpoch,
  shareOf,
  totalsOf,
} from '../../../src/judge/evidence.ts';
import { logEvidence } from '../../../src/judge/relative-risk.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

function counts(epoch: number, share: number, candidate: [number, number], active: [number, number]): EpochCounts {
  const side = ([requests, bad]: [number, number]) => ({ requests, events: [bad] });
  return { epoch, share, candidate: side(candidate), active: side(active) };
}

function recorded(evidence: Evidence, ...all: EpochCounts[]): Evidence {
  return all.reduce((now, one) => {
    const result = recordEpoch(now, one);
    if (result.kind === 'refused') throw new Error(result.reason);
    return result.evidence;
  }, evidence);
}

const FIRST = counts(7, 0.05, [100, 2], [1900, 3]);

t.test('totals of an epoch replace what was known of it; a look that comes twice adds nothing', async (t) => {
  const once = recorded(noEvidence(1), FIRST);
  t.same(recorded(once, FIRST), once);
  const grown = counts(7, 0.05, [120, 3], [2100, 3]);
  t.same(recorded(once, grown).epochs, [grown]);
});

t.test('epochs stand in ascending order however they come, so sums have the same digits', async (t) => {
  const second = counts(9, 0.25, [500, 3], [1500, 1]);
  const third = counts(12, 0.5, [50, 1], [50, 1]);
  const inOrder = recorded(noEvidence(1), FIRST, second, third);
  t.same(recorded(noEvidence(1), third, FIRST, second), inOrder);
  t.same(totalsOf(inOrder, 0), { candidate: { requests: 650, events: [6] }, active: { requests: 3450, events: [5] } });
  t.same(totalsOf(inOrder, 9).candidate, { requests: 550, events: [4] });
  t.same(eventsOf(inOrder, 12), [{ share: 0.5, candidate: [1], active: [1] }]);
});

const REFUSED: readonly { readonly title: string; readonly counts: EpochCounts; readonly reason: RegExp }[] = [
  { title: 'a count that is not a number', counts: counts(8, 0.1, [Number.NaN, 0], [1, 0]), reason: /not a count/ },
  { title: 'a negative count', counts: counts(8, 0.1, [1, -1], [1, 0]), reason: /-1 is not a count/ },
  { title: 'a fraction', counts: counts(8, 0.1, [1, 0.5], [1, 0]), reason: /not a count/ },
  { title: 'a count beyond 2^53', counts: counts(8, 0.1, [1, 0], [2 ** 60, 0]), reason: /not a count/ },
  { title: 'an infinite count', counts: counts(8, 0.1, [1, 0], [1, Number.POSITIVE_INFINITY]), reason: /not a count/ },
  { title: 'a share above 1', counts: counts(8, 1.1, [1, 0], [1, 0]), reason: /share of 1.1/ },
  { title: 'a share that is no number', counts: counts(8, Number.NaN, [1, 0], [1, 0]), reason: /share of NaN/ },
  { title: 'an epoch that is none', counts: counts(-1, 0.1, [1, 0], [1, 0]), reason: /not an epoch/ },
  { title: 'fewer requests than before', counts: counts(7, 0.05, [99, 2], [1900, 3]), reason: /shrunk/ },
  { title: 'fewer bad events than before', counts: counts(7, 0.05, [100, 2], [1900, 2]), reason: /shrunk/ },
  { title: 'another share than before', counts: counts(7, 0.06, [100, 2], [1900, 3]), reason: /had the share 0.05/ },
  {
    title: 'counts for other thresholds',
    counts: { ...FIRST, active: { requests: 1, events: [0, 0] } },
    reason: /2 counts for 1/,
  },
];

for (const { title, counts: refused, reason } of REFUSED) {
  t.test(`${title} is refused with the reason`, async (t) => {
    const result = recordEpoch(recorded(noEvidence(1), FIRST), refused);
    t.match(result, { kind: 'refused', reason });
  });
}

t.test('the number of gate positions is bounded', async (t) => {
  let evidence = noEvidence(1);
  for (let epoch = 1; epoch <= EPOCHS_MAX; epoch++) evidence = recorded(evidence, counts(epoch, 0.1, [1, 0], [9, 0]));
  t.match(recordEpoch(evidence, counts(EPOCHS_MAX + 1, 0.1, [1, 0], [9, 0])), { kind: 'refused' });
  t.match(recordEpoch(evidence, counts(EPOCHS_MAX, 0.1, [2, 0], [9, 0])), { kind: 'recorded' });
});

t.test(`evidence that was written down and read back gives the same digits (seed ${runSeed})`, async (t) => {
  const seeded = new Seeded(runSeed);
  for (let round = 0; round < 100; round++) {
    let evidence = noEvidence(1);
    for (let epoch = 1; epoch <= 1 + seeded.below(6); epoch++) {
      const share = seeded.u32() / 2 ** 32;
      evidence = recorded(evidence, counts(epoch, share, [900, seeded.below(90)], [900, seeded.below(90)]));
    }
    const readBack: Evidence = JSON.parse(JSON.stringify(evidence));
    if (logEvidence(eventsOf(readBack, 0), 1, 1.5) !== logEvidence(eventsOf(evidence, 0), 1, 1.5)) t.fail(`${round}`);
  }
});

t.test('the share is between the two pools alone, and 0 when neither has weight', async (t) => {
  t.equal(shareOf(5, 95), 0.05);
  t.equal(shareOf(1, 3), 0.25);
  t.equal(shareOf(7, 0), 1);
  t.equal(shareOf(0, 0), 0);
});

t.test('what came before the end of the warm-up can be left out', async (t) => {
  const later = counts(7, 0.05, [150, 2], [2000, 5]);
  t.same(countsSince(later, FIRST), counts(7, 0.05, [50, 0], [100, 2]));
});
