import t from 'tap';
import { judge, openJudgement } from '../../../src/judge/judgement.ts';
import type { JudgeState, Look } from '../../../src/judge/look.ts';
import { riskInterval } from '../../../src/judge/risk-interval.ts';
import type { JudgeSettings } from '../../../src/judge/signals.ts';
import type { Verdict } from '../../../src/judge/verdict.ts';
import { CPU, counts, ERRORS, errorsLook, lookAt, SETTINGS } from './stage.ts';

function after(looks: readonly Look[], settings: JudgeSettings = SETTINGS): { state: JudgeState; verdict: Verdict } {
  let state = openJudgement(settings);
  let verdict: Verdict | null = null;
  for (const look of looks) ({ state, verdict } = judge(state, look, settings));
  return { state, verdict: verdict! };
}

const SENTENCES: readonly { readonly title: string; readonly look: Look; readonly sentence: string }[] = [
  {
    title: 'a candidate that fails much more often is worse',
    look: errorsLook([counts(1, 0.1, [412, 9], [3708, 5])]),
    sentence:
      'worse: 9 of 412 on green failed, 5 of 3,708 on blue; risk 16x (2.5x to 156x); evidence 43,503, needs 100',
  },
  {
    title: 'the example of the documentation says what it says there',
    look: errorsLook([counts(1, 0.1, [412, 6], [3708, 5])]),
    sentence: 'worse: 6 of 412 on green failed, 5 of 3,708 on blue; risk 11x (1.2x to 111x); evidence 244, needs 100',
  },
  {
    title: 'evidence that is not enough waits',
    look: errorsLook([counts(1, 0.1, [412, 5], [3708, 5])]),
    sentence:
      'waiting: 5 of 412 on green failed, 5 of 3,708 on blue; evidence 51, needs 100; about 110,000 more requests at this rate to call it healthy',
  },
  {
    title: 'two failures are enough evidence but too few to blame',
    look: errorsLook([counts(1, 0.01, [40, 2], [3960, 0])]),
    sentence:
      'waiting: 2 of 40 on green failed, 0 of 3,960 on blue; evidence 192, needs 100, and at least 3 bad ones to blame anybody; about 3,600,000 more requests at this rate to call it healthy',
  },
  {
    title: 'no traffic waits, even when the hold is over',
    look: errorsLook([counts(1, 0.1, [0, 0], [3708, 5])], { isHoldOver: true }),
    sentence: 'waiting: no request has come to green yet',
  },
  {
    title: 'two requests in all are inconclusive when the hold is over, and say what is missing',
    look: errorsLook([counts(1, 0.1, [1, 0], [1, 0])], { isHoldOver: true }),
    sentence:
      'inconclusive: 0 of 1 on green failed, 0 of 1 on blue; evidence 1.0, needs 100; about 9,900 more requests at this rate to call it healthy',
  },
  {
    title: 'a thousand requests without a failure are healthy when one in a hundred would be fine',
    look: errorsLook([counts(1, 0.1, [1000, 0], [9000, 3])]),
    sentence: 'healthy: 0 of 1,000 on green failed, 3 of 9,000 on blue; so at most 0.99% would (95% sure)',
  },
  {
    title: 'as many failures as the gate sent requests are healthy once there are enough of them',
    look: errorsLook([counts(1, 0.5, [9000, 22], [9000, 24])]),
    sentence: 'healthy: 22 of 9,000 on green failed, 24 of 9,000 on blue; less than 2.0x as many (95% sure)',
  },
  {
    title: 'an outage of both halts and blames nobody',
    look: errorsLook([counts(1, 0.1, [400, 120], [3600, 1080])]),
    sentence:
      'halt: 30% of the last 400 on green failed, 30% of 3,600 on blue; both are in trouble, so green is not blamed',
  },
  {
    title: 'over the ceiling without anybody to compare with, the candidate is worse',
    look: errorsLook([counts(1, 1, [80, 20], [0, 0])]),
    sentence: 'worse: 25% of the last 80 on green failed, 0% of 0 on blue; the ceiling is 20%',
  },
];

for (const { title, look, sentence } of SENTENCES) {
  t.test(title, async (t) => {
    const { verdict } = after([look]);
    t.equal(verdict.sentence, sentence);
    t.equal(verdict.kind, sentence.split(':')[0]);
    t.equal(verdict.decidedBy, 'errors');
  });
}

t.test('the numbers of a verdict are the numbers of its sentence', async (t) => {
  const { verdict } = after([errorsLook([counts(1, 0.1, [412, 5], [3708, 5])])]);
  const [signal] = verdict.signals;
  t.ok(signal?.kind === 'compared');
  if (signal?.kind !== 'compared') return;
  const { numbers } = signal;
  t.same(numbers.counts, { candidate: { requests: 412, bad: 5 }, active: { requests: 3708, bad: 5 } });
  t.equal(Number(numbers.evidence.toPrecision(6)), 51.4932);
  t.equal(Number(numbers.evidenceNeeded.toPrecision(12)), 100);
  t.equal(Number(numbers.p.toPrecision(4)), Number((1 / 51.4932).toPrecision(4)));
  t.equal(numbers.risk.estimate?.toFixed(3), '9.000');
});

t.test('p remembers the most evidence there ever was; the verdict is about now', async (t) => {
  const high = errorsLook([counts(1, 0.1, [412, 5], [3708, 5])]);
  const low = errorsLook([counts(1, 0.1, [900, 5], [8000, 30])]);
  const { numbers } = after([high, low]).verdict.signals[0] as Extract<
    Verdict['signals'][number],
    { kind: 'compared' }
  >;
  t.ok(numbers.logEvidence < 0);
  t.equal(Number((1 / numbers.p).toPrecision(6)), 51.4932);
});

t.test('evidence beyond what a number can hold stays a number', async (t) => {
  const { verdict, state } = after([errorsLook([counts(1, 0.01, [1e6, 1e6], [1e6, 0])])]);
  t.equal(verdict.kind, 'worse');
  t.notMatch(JSON.stringify({ verdict, state }), /null,"(logEvidence|evidence|p)"|NaN|Infinity/);
  t.same(JSON.parse(JSON.stringify(verdict)), verdict, 'plain data survives being written down');
});

t.test('signals that act share the error budget by weight; a dry run is judged under all of it', async (t) => {
  const signals = [ERRORS, { ...ERRORS, name: 'checkout', weight: 3 }, { ...ERRORS, name: 'trial', acts: false }];
  const { verdict } = after([errorsLook([])], { ...SETTINGS, signals });
  const needed = verdict.signals.map(
    (signal) => signal.kind === 'compared' && Math.round(signal.numbers.evidenceNeeded),
  );
  t.same(needed, [400, 133, 100]);
});

t.test('a dry-run signal is judged and shown and does not act', async (t) => {
  const settings = {
    ...SETTINGS,
    signals: [
      { ...ERRORS, acts: false },
      { ...ERRORS, name: 'checkout' },
    ],
  };
  const bad = counts(1, 0.1, [400, 40], [3600, 5]);
  const good = counts(1, 0.1, [1000, 0], [9000, 0]);
  const { verdict } = after(
    [
      lookAt([
        { kind: 'counts', name: 'errors', epochs: [bad] },
        { kind: 'counts', name: 'checkout', epochs: [good] },
      ]),
    ],
    settings,
  );
  t.match(verdict, { kind: 'healthy', decidedBy: 'checkout' });
  t.match(verdict.signals[0], { opinion: 'worse', acts: false, sentence: /^worse: 40 of 400 on green failed/ });
});

const POLICIES = [
  { onUnknown: 'wait', isHoldOver: false, kind: 'waiting' },
  { onUnknown: 'wait', isHoldOver: true, kind: 'inconclusive' },
  { onUnknown: 'halt', isHoldOver: false, kind: 'halt' },
  { onUnknown: 'rollback', isHoldOver: false, kind: 'worse' },
] as const;

for (const { onUnknown, isHoldOver, kind } of POLICIES) {
  t.test(`an unknown signal is never healthy: ${onUnknown}, hold ${isHoldOver ? 'over' : 'on'}: ${kind}`, async (t) => {
    const settings = { ...SETTINGS, signals: [ERRORS, { ...CPU, onUnknown }] };
    const healthy = counts(1, 0.1, [1000, 0], [9000, 0]);
    const asked = { kind: 'reading', name: 'cpu', reading: { atMs: 1, candidate: null, active: null } } as const;
    const { verdict } = after([errorsLook([healthy]), lookAt([asked], { isHoldOver })], settings);
    t.match(verdict, { kind, decidedBy: 'cpu', sentence: `${kind} by policy: unknown: the source gives no number` });
    t.match(verdict.signals[0], { opinion: 'healthy' });
    const { verdict: before } = after([errorsLook([healthy], { isHoldOver })], settings);
    t.match(
      before,
      { kind: 'waiting', decidedBy: 'cpu', sentence: 'waiting: no number yet' },
      'nobody has asked it yet',
    );
    const silence = { kind: 'silence', name: 'cpu', reason: 'the server is gone' } as const;
    const { verdict: broken } = after([errorsLook([healthy]), lookAt([silence], { isHoldOver })], settings);
    t.match(broken, { kind, sentence: `${kind} by policy: unknown: the server is gone; wanted is at most` });
  });
}

t.test(
  'counts that cannot be are not believed: the signal is unknown until counts can be believed again',
  async (t) => {
    const good = counts(1, 0.1, [1000, 0], [9000, 0]);
    const shrunk = counts(1, 0.1, [900, 0], [9000, 0]);
    const broken = after([errorsLook([good]), errorsLook([shrunk])]);
    t.match(broken.verdict, {
      kind: 'waiting',
      sentence: /unknown: counts of epoch 1 have shrunk; last known: 0 of 1,000/,
    });
    t.equal(judge(broken.state, errorsLook([good]), SETTINGS).verdict.kind, 'healthy');
    const silent = after([
      errorsLook([good]),
      lookAt([{ kind: 'silence', name: 'errors', reason: 'the board is gone' }]),
    ]);
    t.match(silent.verdict, { kind: 'waiting', sentence: /unknown: the board is gone/ });
    t.equal(
      judge(silent.state, lookAt([]), SETTINGS).verdict.kind,
      'waiting',
      'silence lasts until something is heard',
    );
  },
);

t.test('the worst opinion decides, whatever the order of the signals', async (t) => {
  const worse = { ...ERRORS, name: 'worse' };
  const healthy = { ...ERRORS, name: 'healthy' };
  for (const signals of [
    [worse, healthy],
    [healthy, worse],
  ]) {
    const look = lookAt([
      { kind: 'counts', name: 'worse', epochs: [counts(1, 0.1, [400, 40], [3600, 5])] },
      { kind: 'counts', name: 'healthy', epochs: [counts(1, 0.1, [1000, 0], [9000, 0])] },
    ]);
    t.match(after([look], { ...SETTINGS, signals }).verdict, { kind: 'worse', decidedBy: 'worse' });
  }
});

t.test('a signal that is not asked for a proof can object and cannot call anything healthy', async (t) => {
  const settings = { ...SETTINGS, signals: [{ ...ERRORS, proof: null }] };
  const good = [counts(1, 0.1, [1000, 0], [9000, 0])];
  t.match(after([errorsLook(good)], settings).verdict, { kind: 'waiting', decidedBy: null });
  t.match(after([errorsLook(good, { isHoldOver: true })], settings).verdict, { kind: 'inconclusive' });
  t.match(after([errorsLook([counts(1, 0.1, [400, 40], [3600, 5])])], settings).verdict, { kind: 'worse' });
});

t.test('evidence is of the whole rollout; proof is of the step', async (t) => {
  const first = counts(1, 0.05, [2000, 0], [38_000, 0]);
  const second = counts(2, 0.25, [100, 0], [300, 0]);
  t.match(after([errorsLook([first])]).verdict, { kind: 'healthy' });
  t.match(after([errorsLook([first, second], { sinceEpoch: 2 })]).verdict, { kind: 'waiting' });
  const even = [counts(1, 0.5, [9000, 22], [9000, 24]), counts(2, 0.5, [900, 2], [900, 2])];
  t.match(after([errorsLook(even)]).verdict, { kind: 'healthy' });
  t.match(after([errorsLook(even, { sinceEpoch: 2 })]).verdict, { kind: 'waiting' });
  const bad = counts(1, 0.05, [2000, 9], [38_000, 3]);
  t.match(
    after([errorsLook([bad, second], { sinceEpoch: 2 })]).verdict,
    { kind: 'worse' },
    'late news of an earlier step',
  );
});

t.test('at 100% nothing is compared: only the ceiling and a bounded rate can decide', async (t) => {
  const all = (bad: number) => [counts(3, 1, [900, bad], [0, 0])];
  t.match(after([errorsLook(all(90), { isHoldOver: true })]).verdict, { kind: 'inconclusive' });
  t.match(after([errorsLook(all(200))]).verdict, { kind: 'worse' });
  t.match(after([errorsLook([counts(3, 1, [1000, 0], [0, 0])])]).verdict, { kind: 'healthy' });
});

t.test('an outage that is over no longer halts', async (t) => {
  let green = [0, 0] as [number, number];
  let blue = [0, 0] as [number, number];
  let state = openJudgement(SETTINGS);
  const kinds = new Set<string>();
  for (let second = 0; second < 300; second++) {
    const isOutage = second >= 60 && second < 120;
    green = [green[0] + 10, green[1] + (isOutage ? 3 : 0)];
    blue = [blue[0] + 90, blue[1] + (isOutage ? 27 : 0)];
    const judged = judge(state, errorsLook([counts(1, 0.1, green, blue)], { atMs: second * 1000 }), SETTINGS);
    state = judged.state;
    kinds.add(judged.verdict.kind);
    if (second === 100) t.equal(judged.verdict.kind, 'halt');
    if (second > 200) t.not(judged.verdict.kind, 'halt');
  }
  t.notOk(kinds.has('worse'), 'nobody is blamed');
});

t.test('latency says from which boundary on the candidate is slower', async (t) => {
  const boundariesUs = [100_000, 200_000, 420_000];
  const latency = {
    ...ERRORS,
    name: 'latency',
    boundariesUs,
    ceiling: null,
    proof: { margin: 2, rate: null, thresholds: 1 },
  };
  const epochs = [
    {
      epoch: 1,
      share: 0.1,
      candidate: { requests: 4120, events: [400, 80, 40] },
      active: { requests: 37_080, events: [3600, 360, 2] },
    },
  ];
  const { verdict } = after([lookAt([{ kind: 'counts', name: 'latency', epochs }])], {
    ...SETTINGS,
    signals: [latency],
  });
  const signal = verdict.signals[0]!;
  const expected = riskInterval(
    epochs.map(({ share, candidate, active }) => ({ share, candidate: candidate.events, active: active.events })),
    2,
    Math.log(100) + Math.log(3),
  );
  t.same(signal.kind === 'compared' && signal.numbers.risk, expected, 'the range pays for the choice of the boundary');
  t.match(verdict.sentence, /^worse: 40 of 4,120 on green took 420 ms or longer, 2 of 37,080 on blue; risk 180x \(/);
});

t.test('settings that mean nothing are refused', async (t) => {
  for (const changes of [
    { falseAlarm: 0 },
    { falseAlarm: Number.NaN },
    { falseHealth: 1 },
    { floor: -1 },
    { signals: [ERRORS, ERRORS] },
    { signals: [{ ...ERRORS, margin: 0.5 }] },
    { signals: [{ ...ERRORS, weight: 0 }] },
    { signals: [{ ...ERRORS, proof: { margin: 1, rate: null, thresholds: 1 } }] },
    { signals: [{ ...ERRORS, proof: { margin: 2, rate: 0, thresholds: 1 } }] },
  ]) {
    t.throws(() => openJudgement({ ...SETTINGS, ...changes }), RangeError, JSON.stringify(changes));
  }
});

t.test('a signal that settings bring in the middle of a rollout starts from nothing', async (t) => {
  const { state } = after([errorsLook([counts(1, 0.1, [1000, 0], [9000, 0])])]);
  const settings = { ...SETTINGS, signals: [ERRORS, { ...ERRORS, name: 'checkout' }] };
  const { verdict } = judge(state, lookAt([]), settings);
  t.match(verdict.signals[1], { opinion: 'waiting', sentence: 'waiting: no request has come to green yet' });
});
