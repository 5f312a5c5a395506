import t from 'tap';
import {
  admittedAt,
  type EjectionRule,
  type EjectionState,
  eject,
  observe,
  reasonToEject,
  type Seen,
} from '../../../src/health/ejection.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

const RULE: EjectionRule = {
  consecutiveFailures: 5,
  successRatio: 0.5,
  minRequests: 20,
  windowMs: 10_000,
  baseMs: 30_000,
  maxMs: 300_000,
};

function seen(changes: Partial<Seen>): Seen {
  return { good: 0, bad: 0, run: 0, probe: 'none', isUsedAnyway: false, ...changes };
}

/** A state that has seen these, one after the other, a tenth of a second apart. */
function after(start: EjectionState, steps: readonly Partial<Seen>[], rule = RULE): EjectionState {
  return steps.reduce<EjectionState>((state, step, index) => observe(state, seen(step), rule, index * 100), start);
}

const FAILURES: readonly {
  readonly title: string;
  readonly steps: readonly Partial<Seen>[];
  readonly reason: string | null;
}[] = [
  { title: 'nothing at all', steps: [{}], reason: null },
  { title: 'four failures in a row', steps: [{ bad: 4, run: 4 }], reason: null },
  { title: 'five failures in a row on one thread', steps: [{ bad: 5, run: 5 }], reason: 'consecutive-failures' },
  { title: 'five failures on five threads', steps: [{ bad: 5, run: 1 }], reason: 'consecutive-failures' },
  {
    title: 'five failures on several threads, over several steps',
    steps: [{ bad: 2, run: 1 }, { run: 1 }, { bad: 3, run: 2 }],
    reason: 'consecutive-failures',
  },
  {
    title: 'failures on several threads with a success between',
    steps: [
      { bad: 4, run: 2 },
      { good: 1, run: 2 },
      { bad: 4, run: 3 },
    ],
    reason: null,
  },
  {
    title: 'a thread that only fails while another succeeds',
    steps: [
      { good: 3, bad: 3, run: 3 },
      { good: 3, bad: 2, run: 5 },
    ],
    reason: 'consecutive-failures',
  },
  { title: 'a run that is over', steps: [{ bad: 5, run: 5 }, { good: 1 }], reason: null },
  { title: 'nineteen requests of which few succeed', steps: [{ good: 1, bad: 18, run: 4 }], reason: null },
  { title: 'twenty requests of which nine succeed', steps: [{ good: 9, bad: 11, run: 1 }], reason: 'success-ratio' },
  { title: 'twenty requests of which ten succeed', steps: [{ good: 10, bad: 10, run: 1 }], reason: null },
];

for (const { title, steps, reason } of FAILURES) {
  t.test(`${title}: ${reason ?? 'no reason to eject'}`, async (t) => {
    const state = after(admittedAt(0), steps);
    t.equal(reasonToEject(state, RULE, steps.length * 100), reason);
  });
}

t.test('without a success ratio in the rule, the share of successes says nothing', async (t) => {
  const rule = { ...RULE, successRatio: null };
  t.equal(reasonToEject(after(admittedAt(0), [{ good: 1, bad: 999, run: 4 }], rule), rule, 100), null);
});

t.test('each ejection in a row lasts twice as long, up to the bound', async (t) => {
  let state = eject(admittedAt(0), 'success-ratio', RULE, 1000);
  const lasted: number[] = [];
  let nowMs = 1000;
  for (let round = 0; round < 6; round++) {
    t.equal(state.kind, 'shut');
    if (state.kind !== 'shut') return;
    const { untilMs } = state;
    lasted.push(untilMs - nowMs);
    t.equal(observe(state, seen({}), RULE, untilMs - 1), state, 'until then nothing changes');
    state = observe(state, seen({}), RULE, untilMs);
    t.equal(state.kind, 'probing');
    nowMs = untilMs + 10;
    t.equal(observe(state, seen({}), RULE, nowMs + 1_000_000), state, 'a probe may take its time');
    state = observe(state, seen({ probe: 'bad' }), RULE, nowMs);
  }
  t.same(lasted, [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
});

t.test('a good probe admits, and what was seen before is forgotten', async (t) => {
  const bad = after(admittedAt(0), [{ bad: 50, run: 50 }]);
  const probing = observe(eject(bad, 'consecutive-failures', RULE, 100), seen({}), RULE, 30_100);
  t.match(probing, { kind: 'probing', reason: 'consecutive-failures' });
  const admitted = observe(probing, seen({ probe: 'good', good: 1 }), RULE, 30_200);
  t.equal(admitted.kind, 'admitting');
  t.equal(reasonToEject(admitted, RULE, 30_200), null);
});

t.test('ordinary requests neither admit nor shut an endpoint that is probed, unless it is used anyway', async (t) => {
  const probing: EjectionState = { kind: 'probing', row: 1, reason: 'probe' };
  t.equal(observe(probing, seen({ good: 5 }), RULE, 1), probing, 'a late answer is no probe');
  t.equal(observe(probing, seen({ bad: 5, run: 5 }), RULE, 1), probing);
  t.equal(observe(probing, seen({ good: 1, isUsedAnyway: true }), RULE, 1).kind, 'admitting');
  t.match(observe(probing, seen({ bad: 1, isUsedAnyway: true }), RULE, 1), { kind: 'shut', row: 2 });
});

t.test('a row of ejections ends when the endpoint has served for as long as it was shut last', async (t) => {
  const soon = eject(admittedAt(0, 2), 'success-ratio', RULE, 59_999);
  t.match(soon, { row: 3, untilMs: 59_999 + 120_000 });
  const late = eject(admittedAt(0, 2), 'success-ratio', RULE, 60_000);
  t.match(late, { row: 1, untilMs: 60_000 + 30_000 });
});

t.test(`the window forgets exactly: compared with a list of all outcomes (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed);
  const rule = { ...RULE, consecutiveFailures: 1_000_000 };
  for (let round = 0; round < 50; round++) {
    const start = random.below(1_000_000);
    let state = admittedAt(start);
    let now = start;
    const all: { readonly slice: number; readonly good: number; readonly bad: number }[] = [];
    for (let step = 0; step < 100; step++) {
      now += random.chance(0.05) ? random.below(30_000) : random.below(400);
      const [good, bad] = [random.below(3), random.below(3)];
      all.push({ slice: Math.floor(now / 1000), good, bad });
      state = observe(state, seen({ good, bad }), rule, now);
      const recent = all.filter(({ slice }) => slice > Math.floor(now / 1000) - 10);
      const goods = recent.reduce((sum, one) => sum + one.good, 0);
      const count = recent.reduce((sum, one) => sum + one.good + one.bad, 0);
      const expected = count >= 20 && goods < count / 2 ? 'success-ratio' : null;
      if (reasonToEject(state, rule, now) !== expected) t.fail(`round ${round}, step ${step}: not ${expected}`);
    }
  }
  t.pass('all alike');
});
