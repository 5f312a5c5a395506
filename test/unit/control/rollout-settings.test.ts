/** From the config and a start's own words to a plan and to what is judged. */
import t from 'tap';
import { judgeSettingsFor, planFor } from '../../../src/control/rollout-settings.ts';
import { chooseScale } from '../../../src/judge/latency.ts';
import type { Plan } from '../../../src/rollout/plan.ts';
import { BUCKETS } from '../../../src/stats/histogram.ts';
import { serviceWith } from './run-stage.ts';

const POOLS = { active: 'blue', candidate: 'green' };

function plan(lines: readonly string[] = [], overrides: Parameters<typeof planFor>[2] = {}): Plan {
  const made = planFor(serviceWith(lines), 'green', overrides);
  if (!('kind' in made)) throw new Error(made.join('; '));
  return made;
}

t.test('a service that says nothing has the canary of a careful team', async (t) => {
  const { steps, ...rest } = plan();
  t.same(
    steps.map(({ share, holdMs }) => [share, holdMs]),
    [0.01, 0.05, 0.25, 0.5, 1].map((share) => [share, 600_000]),
  );
  t.match(rest, {
    kind: 'canary',
    bakeMs: 900_000,
    holdBack: 0,
    verifyBefore: true,
    verifyAfter: true,
    inconclusive: 'pause',
    rollbackOverMs: 0,
  });
});

t.test('each kind of plan has its steps: by the increment, by the endpoints, or one', async (t) => {
  const shares = (lines: readonly string[]): number[] => plan(lines).steps.map(({ share }) => share);
  t.same(shares(['plan: blue-green']), [1]);
  t.same(shares(['plan: all-at-once']), [1]);
  t.same(shares(['plan: linear', 'increment: 40%']), [0.4, 0.8, 1]);
  t.same(shares(['plan: one-box']), [0.5, 1], 'one of two endpoints');
  t.match(plan(['plan: all-at-once']), { verifyBefore: false, verifyAfter: false });
});

t.test('written steps keep what they say and take the rest from the rollout', async (t) => {
  const { steps } = plan([
    'hold: 3m',
    'minRequests: 50',
    'steps: [0.1%, { weight: 5%, hold: 1m, approve: true }, { weight: 50%, minRequests: 9, verify: true }, 100%]',
  ]);
  t.match(steps, [
    { share: 0.001, holdMs: 180_000, minRequests: 50, approve: false },
    { share: 0.05, holdMs: 60_000, minRequests: 50, approve: true },
    { share: 0.5, holdMs: 180_000, minRequests: 9, verify: true },
    { share: 1 },
  ]);
});

t.test('what a start says goes before what the file says', async (t) => {
  const lines = ['steps: [{ weight: 5%, approve: true, hold: 1m }, 100%]', 'verify: { after: false }'];
  t.match(plan(lines, { steps: [0.2, 1], holdMs: 5, bakeMs: 7 }), {
    steps: [{ share: 0.2, holdMs: 5, approve: false }, { share: 1 }],
    bakeMs: 7,
    verifyBefore: true,
    verifyAfter: false,
  });
  t.match(plan(lines, { holdMs: 5 }).steps[0], { share: 0.05, holdMs: 5, approve: true });
  t.equal(plan(lines, { plan: 'blue-green' }).steps.length, 1, 'another kind has steps of its own');
  t.match(plan(lines, { verify: false }), { verifyBefore: false, verifyAfter: false });
});

t.test('a plan that means nothing is refused with its problems', async (t) => {
  t.match(planFor(serviceWith(), 'green', { steps: [0.5, 0.2, 1] }), [/step 2 is smaller/]);
  t.match(planFor(serviceWith(), 'green', { steps: [0.5] }), [/last step must be 100%/]);
  t.match(planFor(serviceWith(), 'green', { steps: [0, 1] }), [/sends nobody/]);
});

t.test('errors are judged always, latency when blue has been seen and it is not off', async (t) => {
  const histogram = new Array<number>(BUCKETS).fill(0);
  histogram[300] = 10;
  const scale = chooseScale(histogram);
  const names = (lines: readonly string[], known: typeof scale): string[] =>
    judgeSettingsFor(serviceWith(lines), POOLS, known).signals.map(({ name }) => name);
  t.same(names([], scale), ['errors', 'latency']);
  t.same(names([], null), ['errors']);
  t.same(names(['guard: { latency: off }'], scale), ['errors']);
  const lines = [
    'guard: { falseAlarm: 2%, missed: 3%, errors: { margin: 2x, proof: 4x, rate: 0.5%, ceiling: 10%, ceilingRequests: 7 }, latency: { margin: 1.1x } }',
  ];
  t.match(judgeSettingsFor(serviceWith(lines), POOLS, scale), {
    ...POOLS,
    falseAlarm: 0.02,
    falseHealth: 0.03,
    floor: 3,
    signals: [
      { margin: 2, proof: { margin: 4, rate: 0.005 }, ceiling: { minRequests: 7, share: 0.1 } },
      { margin: 1.1, ceiling: null, boundariesUs: scale!.boundariesUs },
    ],
  });
});
