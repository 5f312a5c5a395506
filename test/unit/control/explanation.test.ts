/** A rollout told from its decision log: what is told, what is compared, and how much of it. */
import t from 'tap';
import { type Account, explain, MOMENTS_MAX } from '../../../src/control/explanation.ts';
import type { Decision, DecisionEntry } from '../../../src/control/rollout-record.ts';
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import { replay } from '../../../src/judge/replay.ts';
import type { Verdict } from '../../../src/judge/verdict.ts';
import { rollout } from '../cli/rollout-samples.ts';
import { counts, errorsLook, SETTINGS } from '../judge/stage.ts';

const PAGE = 3;
const AT = '2026-01-31T12:00:00.000Z';
const looks = [0, 1, 2, 9].map((bad, index) =>
  errorsLook([counts(1, 0.1, [100 * (index + 1), bad], [900 * (index + 1), 0])], { atMs: 1_000 * (index + 1) }),
);
const verdicts = replay(looks, SETTINGS).verdicts.map(({ verdict }) => verdict);

function log(entries: readonly DecisionEntry[]): Decision[] {
  return entries.map((entry, index) => ({ rollout: 12, sequence: index + 1, at: AT, entry }));
}

/** A log as a rollout leaves it. */
const ENTRIES: readonly DecisionEntry[] = [
  { kind: 'told', what: 'started', text: 'blue to green' },
  { kind: 'verification', verification: { ok: true, results: [], text: 'verified: 0 checks passed' } },
  ...looks.map((look, index) => ({ kind: 'look', look, verdict: verdicts[index]!.kind }) as const),
  { kind: 'told', what: 'rolling-back', text: verdicts.at(-1)!.sentence },
];

function account(entries: readonly DecisionEntry[], recorded: Verdict | null, changes: Partial<Account> = {}): Account {
  const decisions = log(entries);
  return {
    rollout: rollout({ verdict: recorded === null ? null : JSON.parse(JSON.stringify(recorded)) }),
    settings: SETTINGS,
    isOwn: true,
    page: (after) => decisions.filter(({ sequence }) => sequence > after).slice(0, PAGE),
    pause: async () => {},
    ...changes,
  };
}

t.test(
  'changes of the verdict and decisions are told in order, and a decision with the verdict it rests on',
  async (t) => {
    const told = await explain(account(ENTRIES, verdicts.at(-1)!));
    t.same(
      told.moments.map((moment) => (moment.kind === 'told' ? moment.what : moment.kind)),
      ['started', 'verification', 'verdict', 'verdict', 'rolling-back'],
    );
    const [, , first, second, last] = told.moments;
    t.match(first, { atMs: 1_000, verdict: { kind: 'waiting' } });
    t.match(second, { atMs: 4_000, verdict: { kind: 'worse' } });
    t.match(last, { text: verdicts.at(-1)!.sentence, verdict: { kind: 'worse' } });
    t.same([told.looks, told.turnedBackAtMs, told.momentsLeftOut], [4, 4_000, 0]);
    t.same(told.agreement, { differing: 0, looks: [], isLastSame: true });
  },
);

t.test('a verdict that was recorded otherwise is named with its look', async (t) => {
  const forged = ENTRIES.map((entry) => (entry.kind === 'look' ? { ...entry, verdict: 'healthy' as const } : entry));
  const { agreement } = await explain(account(forged, verdicts.at(-1)!));
  t.equal(agreement!.differing, 4);
  t.same(agreement!.looks[0], { atMs: 1_000, recorded: 'healthy', replayed: 'waiting' });
});

t.test('one digit in the last recorded verdict is enough to differ', async (t) => {
  const last = verdicts.at(-1)!;
  const [errors] = last.signals;
  if (errors?.kind !== 'compared') throw new Error('errors are compared');
  const numbers = { ...errors.numbers, logEvidence: errors.numbers.logEvidence + Number.EPSILON * 8 };
  t.not(numbers.logEvidence, errors.numbers.logEvidence);
  const { agreement } = await explain(account(ENTRIES, { ...last, signals: [{ ...errors, numbers }] }));
  t.same([agreement!.differing, agreement!.isLastSame], [0, false]);
});

t.test('under other settings nothing is compared, and the candidate may be left alone', async (t) => {
  const settings = { ...SETTINGS, falseAlarm: 1e-12 };
  const told = await explain(account(ENTRIES, verdicts.at(-1)!, { settings, isOwn: false }));
  t.same([told.agreement, told.turnedBackAtMs, told.settings.falseAlarm], [null, null, 1e-12]);
  t.equal(told.lastVerdict!.kind, 'waiting');
});

t.test('a rollout without any look is told too', async (t) => {
  const told = await explain(account([{ kind: 'told', what: 'started', text: 'x' }], null));
  t.same([told.looks, told.lastVerdict, told.agreement!.isLastSame], [0, null, true]);
  t.match(told.moments, [{ atMs: null, verdict: null }]);
});

t.test('others get their turn after each page, and moments are kept up to a limit', async (t) => {
  let pauses = 0;
  const many = Array.from({ length: MOMENTS_MAX + 5 }, () => ({ kind: 'told', what: 'step', text: 'x' }) as const);
  const pause = async () => {
    pauses += 1;
  };
  const told = await explain(account(many, null, { pause }));
  t.equal(pauses, Math.ceil(many.length / PAGE));
  t.same([told.moments.length, told.momentsLeftOut], [MOMENTS_MAX, 5]);
});

t.test('the verdict of a decision is the very one that the judge came to', async (t) => {
  let state = openJudgement(SETTINGS);
  for (const look of looks) state = judge(state, look, SETTINGS).state;
  const told = await explain(account(ENTRIES, verdicts.at(-1)!));
  t.same(told.lastVerdict, judge(state, looks.at(-1)!, SETTINGS).verdict);
});

t.test('where the judge began anew, so does the explanation, and it says why', async (t) => {
  const fresh = errorsLook([counts(1, 0.1, [50, 0], [450, 0])], { atMs: 5_000 });
  const { verdict } = judge(openJudgement(SETTINGS), fresh, SETTINGS);
  const entries: readonly DecisionEntry[] = [
    ...ENTRIES.slice(0, -1),
    { kind: 'anew', why: 'a flag is to blame' },
    { kind: 'look', look: fresh, verdict: verdict.kind },
  ];
  const told = await explain(account(entries, verdict));
  t.match(told.moments.at(-2), { kind: 'told', what: 'anew', text: 'a flag is to blame', verdict: { kind: 'worse' } });
  t.match(told.moments.at(-1), { kind: 'verdict', verdict: { kind: 'waiting' } });
  t.same(told.agreement, { differing: 0, looks: [], isLastSame: true });
});
