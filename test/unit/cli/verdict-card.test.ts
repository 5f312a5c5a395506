/**
 * The card of a verdict, from the judge's own verdicts.
 */
import t from 'tap';
import { verdictCard } from '../../../src/cli/demo/verdict-card.ts';
import type { EpochCounts } from '../../../src/judge/evidence.ts';
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import type { JudgeSettings } from '../../../src/judge/signals.ts';

const SETTINGS: JudgeSettings = {
  active: 'blue',
  candidate: 'green',
  falseAlarm: 0.01,
  falseHealth: 0.05,
  floor: 3,
  signals: [
    {
      kind: 'compared',
      name: 'errors',
      acts: true,
      onUnknown: 'halt',
      verb: 'failed',
      boundariesUs: null,
      margin: 1.5,
      weight: 1,
      proof: { margin: 3, rate: 0.01, thresholds: 1 },
      ceiling: null,
    },
  ],
};

/** The card of a look at a candidate with a tenth of the traffic. */
function card(
  [candidateBad, activeBad]: readonly [number, number],
  requests: number,
  unicode = true,
): readonly string[] {
  const sides = {
    candidate: { requests: requests / 10, events: [candidateBad] },
    active: { requests: (requests * 9) / 10, events: [activeBad] },
  };
  const epochs: readonly EpochCounts[] = [{ epoch: 1, share: 0.1, ...sides }];
  const signals = [{ kind: 'counts', name: 'errors', epochs } as const];
  const look = { atMs: 2_440, sinceEpoch: 1, isHoldOver: false, signals };
  return verdictCard(judge(openJudgement(SETTINGS), look, SETTINGS).verdict, look.atMs, SETTINGS, unicode);
}

t.test('a card of a bad release says who decided, the sentence clause by clause, and both rates', async (t) => {
  const [head, first, ...rest] = card([12, 5], 4_120);
  t.equal(head, '    worse, by errors (after 2.4 s)');
  t.equal(first, '      errors  worse: 12 of 412 on green failed, 5 of 3,708 on blue');
  t.match(rest[0], /^ {14}risk 22x \(\d\.\dx to \d+x\)$/);
  t.match(rest[1], /^ {14}evidence [\d,]+, needs 100$/);
  t.equal(rest[2], `              green 2.91%, blue 0.13%  ${'█'.repeat(20)} of the evidence needed`);
});

t.test(
  'a bar shows how far the evidence has come, by its logarithm, and nothing when it speaks for the candidate',
  async (t) => {
    const half = card([2, 0], 400);
    t.match(half.at(-1), /^ {14}green 5%, blue 0% {2}█{9,13}[▏▎▍▌▋▊▉]? +of the evidence needed$/);
    t.match(card([2, 0], 400, false).at(-1), /^ {14}green 5%, blue 0% {2}#{9,13}\.+ of the evidence needed$/);
    t.equal(card([0, 9], 4_000).at(-1), '              green 0%, blue 0.25%');
  },
);

t.test('a side that has had no request has no rate', async (t) => {
  t.equal(card([0, 0], 0).at(-1), '              green -, blue -');
});
