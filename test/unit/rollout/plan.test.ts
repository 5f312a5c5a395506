import t from 'tap';
import { PLAN_KINDS, planProblems, stepsOf, weightsAt } from '../../../src/rollout/plan.ts';
import { planOf, step, stepDefaults } from './course-of.ts';

const four = { increment: 0.25, endpoints: 4 };

t.test('each kind of plan has the steps of its name', async (t) => {
  const shares = (kind: (typeof PLAN_KINDS)[number]) => stepsOf(kind, stepDefaults, four).map(({ share }) => share);
  t.same(shares('canary'), [0.01, 0.05, 0.25, 0.5, 1]);
  t.same(shares('linear'), [0.25, 0.5, 0.75, 1]);
  t.same(shares('blue-green'), [1]);
  t.same(shares('all-at-once'), [1]);
  t.same(shares('one-box'), [0.25, 1]);
  for (const kind of PLAN_KINDS) t.same(planProblems(planOf({ steps: stepsOf(kind, stepDefaults, four) })), [], kind);
});

t.test('a linear plan reaches 100% exactly, whatever the increment', async (t) => {
  for (const increment of [0.1, 0.2, 0.3, 1 / 3, 0.07, 1]) {
    const shares = stepsOf('linear', stepDefaults, { increment, endpoints: 1 }).map(({ share }) => share);
    t.equal(shares.at(-1), 1);
    t.equal(shares.length, Math.ceil(1 / increment - 1e-9));
    t.same(
      shares,
      [...new Set(shares)].sort((a, b) => a - b),
    );
  }
  for (const increment of [0, -0.1, 1.1, Number.NaN]) {
    t.throws(() => stepsOf('linear', stepDefaults, { increment, endpoints: 1 }), RangeError);
  }
});

t.test('one box is one endpoint with the load that it will have later; a pool of one has no such step', async (t) => {
  t.match(stepsOf('one-box', stepDefaults, four)[0], { share: 0.25, endpoints: 1 });
  t.match(stepsOf('one-box', stepDefaults, four)[1], { share: 1, endpoints: null });
  t.same(
    stepsOf('one-box', stepDefaults, { increment: 0.1, endpoints: 1 }).map(({ share }) => share),
    [1],
  );
});

t.test('what is wrong with a plan is said in words, all of it', async (t) => {
  const wrong: readonly (readonly [Parameters<typeof planOf>[0], RegExp])[] = [
    [{ steps: [] }, /at least one step/],
    [{ steps: [step(0.5)] }, /last step must be 100%/],
    [{ steps: [step(0.5), step(0.2), step(1)] }, /step 2 is smaller than the one before it/],
    [{ steps: [step(0), step(1)] }, /step 1 sends nobody/],
    [{ steps: [step(-0.1), step(1)] }, /step 1 is not a share/],
    [{ steps: [step(Number.NaN), step(1)] }, /step 1 is not a share/],
    [{ steps: [step(1, { approve: true })] }, /nothing follows the last step/],
    [{ holdBack: 1 }, /held back/],
  ];
  for (const [rest, words] of wrong) t.match(planProblems(planOf(rest)).join('; '), words);
  t.equal(planProblems(planOf({ steps: [step(0.5), step(0.2)], holdBack: 2 })).length, 3);
});

t.test('the traffic of the two pools is shared between them; the other pools keep theirs', async (t) => {
  const pools = { active: 'blue', candidate: 'green' };
  t.same(weightsAt({ blue: 100, green: 0 }, pools, 0.25), { blue: 75, green: 25 });
  t.same(weightsAt({ blue: 60, green: 0, old: 40 }, pools, 0.5), { blue: 30, green: 30, old: 40 });
  t.same(weightsAt({ blue: 3, green: 0 }, pools, 1), { blue: 0, green: 3 });
  t.same(weightsAt({ blue: 0.1, green: 0.2 }, pools, 0), { blue: 0.1 + 0.2, green: 0 });
  t.throws(() => weightsAt({ old: 1 }, pools, 0.5), RangeError);
});
