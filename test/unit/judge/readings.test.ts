import t from 'tap';
import { actOn, compareOpinions, OPINIONS } from '../../../src/judge/opinion.ts';
import {
  NO_READING,
  opinionOfReadings,
  type Reading,
  type ReadingRule,
  type ReadingState,
  withReading,
} from '../../../src/judge/readings.ts';

const RULE: ReadingRule = { fine: 'at-most', limit: 80, isRatio: false, failures: 3, staleMs: 10_000 };

/** Readings of the candidate, a second apart; the opinion a second after the last. */
function opinion(values: readonly (number | null)[], rule = RULE, nowMs = (values.length + 1) * 1000): string {
  const state = values.reduce<ReadingState>(
    (now, candidate, index) => withReading(now, { atMs: (index + 1) * 1000, candidate, active: null }, rule),
    NO_READING,
  );
  return opinionOfReadings(state, rule, nowMs);
}

const OPINIONS_OF: readonly { readonly title: string; readonly values: (number | null)[]; readonly opinion: string }[] =
  [
    { title: 'nothing was asked yet', values: [], opinion: 'waiting' },
    { title: 'asked, and no number', values: [null], opinion: 'unknown' },
    { title: 'a number within the limit', values: [80], opinion: 'healthy' },
    { title: 'one beyond it', values: [10, 81], opinion: 'waiting' },
    { title: 'three in a row beyond it', values: [81, 99, 81], opinion: 'worse' },
    { title: 'three beyond it with a good one between', values: [81, 99, 20, 81], opinion: 'waiting' },
    { title: 'no number any more', values: [10, null], opinion: 'unknown' },
    { title: 'a silence between bad ones, which is no recovery', values: [81, 81, null, 81], opinion: 'worse' },
    { title: 'something that is no number', values: [Number.NaN], opinion: 'unknown' },
    { title: 'an infinite number', values: [Number.POSITIVE_INFINITY], opinion: 'unknown' },
  ];

for (const { title, values, opinion: expected } of OPINIONS_OF) {
  t.test(`${title}: ${expected}`, async (t) => t.equal(opinion(values), expected));
}

t.test('a number that is too old is none', async (t) => {
  t.equal(opinion([10], RULE, 11_000), 'healthy');
  t.equal(opinion([10], RULE, 11_001), 'unknown');
});

t.test('at least as well as at most', async (t) => {
  const rule: ReadingRule = { ...RULE, fine: 'at-least', failures: 1 };
  t.equal(opinion([80], rule), 'healthy');
  t.equal(opinion([79], rule), 'worse');
});

t.test('a ratio needs both numbers, and an active side that is not 0', async (t) => {
  const rule: ReadingRule = { ...RULE, limit: 1.5, isRatio: true, failures: 1 };
  const after = (reading: Omit<Reading, 'atMs'>) =>
    opinionOfReadings(withReading(NO_READING, { atMs: 1, ...reading }, rule), rule, 1);
  t.equal(after({ candidate: 15, active: 10 }), 'healthy');
  t.equal(after({ candidate: 16, active: 10 }), 'worse');
  t.equal(after({ candidate: 16, active: null }), 'unknown');
  t.equal(after({ candidate: null, active: 10 }), 'unknown');
  t.equal(after({ candidate: 16, active: 0 }), 'unknown');
});

t.test('the same reading twice is one', async (t) => {
  const reading = { atMs: 5, candidate: 99, active: null };
  const once = withReading(NO_READING, reading, RULE);
  t.same(withReading(once, reading, RULE), once);
});

t.test('opinions are in order, from nothing to object to the worst', async (t) => {
  for (let index = 1; index < OPINIONS.length; index++) {
    t.ok(compareOpinions(OPINIONS[index - 1]!, OPINIONS[index]!) < 0);
  }
});

t.test('no policy makes unknown healthy', async (t) => {
  for (const policy of ['wait', 'halt', 'rollback'] as const) {
    for (const isHoldOver of [false, true]) t.not(actOn('unknown', policy, isHoldOver), 'healthy');
  }
});
