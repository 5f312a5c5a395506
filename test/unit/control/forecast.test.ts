/** What is foretold of a plan, and the first weight that a budget of failed requests picks. */
import t from 'tap';
import { forecastOf } from '../../../src/control/forecast.ts';
import { budgetedAim } from '../../../src/control/outlook.ts';
import { aimOf } from '../../../src/control/rollout-aim.ts';
import { judgeSettingsFor } from '../../../src/control/rollout-settings.ts';
import { aim, BUSY, NOTHING, ORDER, outlook, shop } from './outlook-stage.ts';

const SETTINGS = judgeSettingsFor(shop(), { active: 'blue', candidate: 'green' }, null);
const shares = ({ plan }: { readonly plan: { readonly steps: readonly { readonly share: number }[] } }) =>
  plan.steps.map(({ share }) => share);

t.test('each step says what it finds of candidates that are worse, and by what', async (t) => {
  const forecast = forecastOf('shop', outlook(shop('{ steps: [5%, 50%, 100%], hold: 10m, bake: 15m }'), BUSY));
  t.same(
    forecast.steps.map(({ share, holdMs, by }) => [share, holdMs, by]),
    [
      [0.05, 600_000, 'comparison'],
      [0.5, 600_000, 'comparison'],
      [1, 900_000, 'ceiling'],
    ],
  );
  for (const { candidates } of forecast.steps)
    t.same(
      candidates.map(({ times }) => times),
      [2, 5, 50, null],
    );
  const [twice, five, fifty, dead] = forecast.steps[0]!.candidates;
  t.equal(twice!.rate, 0.002);
  t.ok(twice!.withinHold < 0.5, 'a version twice as bad is not found at 5% in ten minutes');
  t.ok(five!.withinHold > 0.9 && fifty!.withinHold > 0.95 && dead!.withinHold > 0.95);
  t.ok(fifty!.requests! < five!.requests! && dead!.requests! < fifty!.requests!);
  t.ok(dead!.failed! >= 3 && dead!.failedMost >= dead!.failed!);
  t.equal(forecast.leastMs, 2_100_000);
});

t.test('at 100% only who is over the ceiling is found, and of the others all that fail are counted', async (t) => {
  const [step] = forecastOf('shop', outlook(shop('{ plan: blue-green, bake: 15m }'), BUSY)).steps;
  t.equal(step!.by, 'ceiling');
  const [twice, , , dead] = step!.candidates;
  t.same([twice!.requests, twice!.withinHold], [null, 0]);
  t.ok(twice!.failedMost >= 1_800, 'two in a thousand of 900,000');
  t.same([dead!.requests, dead!.failed, dead!.withinHold], [50, 50, 1]);
});

t.test('what is held back leaves something to compare with in the bake', async (t) => {
  const forecast = forecastOf('shop', outlook(shop('{ plan: blue-green, holdBack: 1% }'), BUSY));
  t.same(
    forecast.steps.map(({ share, by }) => [share, by]),
    [[0.99, 'comparison']],
  );
});

t.test('the cost of the plan ends with the step by which a candidate is surely stopped', async (t) => {
  const forecast = forecastOf('shop', outlook(shop('{ steps: [5%, 50%, 100%] }'), BUSY));
  const dead = forecast.costs.at(-1)!;
  t.same(dead, { times: null, failedMost: forecast.steps[0]!.candidates[3]!.failedMost, isStopped: true });
  const twice = forecast.costs[0]!;
  const sum = forecast.steps.reduce((total, { candidates }) => total + candidates[0]!.failedMost, 0);
  t.same(twice, { times: 2, failedMost: sum, isStopped: false });
});

t.test('without traffic nothing is foretold, and a step that sends nobody finds nothing', async (t) => {
  const quiet = forecastOf('shop', outlook(shop(), NOTHING));
  t.same(quiet.costs, []);
  t.ok(quiet.steps.every(({ candidates }) => candidates.length === 0));
  const group = shop('{ steps: [{ weight: 0%, match: { header: x-internal } }, 5%, 100%] }');
  t.equal(forecastOf('shop', outlook(group, BUSY)).steps[0]!.by, 'nothing');
});

t.test('what stands in the way of a start is told', async (t) => {
  const refused = { kind: 'refuse', code: 'frozen', message: 'it is Friday' } as const;
  t.same(forecastOf('shop', outlook(shop(), BUSY, {}, refused)).obstacle, { kind: 'refuse', message: 'it is Friday' });
  t.equal(forecastOf('shop', outlook(shop(), BUSY, {}, { kind: 'queue' })).obstacle!.kind, 'queue');
  t.equal(forecastOf('shop', outlook(shop(), BUSY)).obstacle, null);
});

t.test(
  'a budget picks the largest first weight that keeps it, below or above the first step of the plan',
  async (t) => {
    const service = shop('{ steps: [1%, 5%, 25%, 100%] }');
    const tight = outlook(service, BUSY, { maxFailedRequests: 10 });
    t.ok(tight.budget!.picked! < 0.01, `${tight.budget!.picked}`);
    t.same(shares(tight.aim), [tight.budget!.picked, 0.01, 0.05, 0.25, 1]);
    const quiet = { requests: 600, bad: 0, seconds: 600 };
    const ample = outlook(service, quiet, { maxFailedRequests: 12 });
    t.ok(ample.budget!.picked! > 0.01, `${ample.budget!.picked}`);
    t.ok(shares(ample.aim).every((share) => share >= ample.budget!.picked!));
    const first = forecastOf('shop', tight).steps[0]!;
    t.ok(
      first.candidates.every(({ failedMost }) => failedMost <= 10),
      'and the forecast agrees',
    );
  },
);

t.test('a budget never leaves out a step that waits for a person, verifies, or is for a group', async (t) => {
  const quiet = { requests: 60, bad: 0, seconds: 600 };
  const approve = shop('{ steps: [1%, { weight: 2%, approve: true }, 25%, 100%] }');
  t.same(shares(outlook(approve, quiet, { maxFailedRequests: 1_000 }).aim), [0.02, 0.25, 1]);
  const group = shop('{ steps: [{ weight: 0%, match: { header: x-internal } }, 1%, 100%] }');
  const { plan } = outlook(group, quiet, { maxFailedRequests: 1_000 }).aim;
  t.equal(plan.steps[0]!.group?.name, 'x-internal');
  t.equal(plan.steps[0]!.share, 0);
});

t.test('the budget of the file holds where a start says nothing, and without traffic the plan stands', async (t) => {
  const service = shop('{ steps: [1%, 100%], maxFailedRequests: 10 }');
  t.equal(outlook(service, BUSY).budget!.failedMax, 10);
  t.equal(outlook(service, BUSY, { maxFailedRequests: 20 }).budget!.failedMax, 20);
  const { aim: still, budget } = outlook(service, NOTHING);
  t.same([shares(still), budget], [[0.01, 1], { failedMax: 10, picked: null }]);
  t.equal(outlook(shop(), BUSY).budget, null);
});

t.test('a budget that no weight keeps refuses the start', async (t) => {
  const torrent = { requests: 60_000_000, bad: 60_000, seconds: 600 };
  const order = { ...ORDER, maxFailedRequests: 1 };
  const answer = budgetedAim(shop(), aim(shop()), order, torrent, SETTINGS);
  t.match(answer, {
    refused: true,
    code: 'over-budget',
    message: 'not even 0.01% would keep within 1 failed requests',
  });
});

t.test(
  'a plan without an open first weight takes no budget: refused where it is asked for, left aside from the file',
  async (t) => {
    const service = shop('{ maxFailedRequests: 10 }');
    for (const plan of ['one-box', 'all-at-once'] as const) {
      t.equal(outlook(service, BUSY, { plan }).budget, null);
      const order = { ...ORDER, plan, maxFailedRequests: 10 };
      t.match(budgetedAim(service, aim(service, { plan }), order, BUSY, SETTINGS), { code: 'bad-plan' });
    }
  },
);

t.test('an order that has no aim is refused with what it would take', async (t) => {
  const three = shop('{}', '\n      red: { version: v3, endpoints: [127.0.0.1:1004] }');
  t.match(aimOf(three, 'blue', ORDER), {
    code: 'ambiguous-target',
    message: 'say which pool to roll out to: green, red',
  });
  t.match(aimOf(shop(), 'blue', { ...ORDER, to: 'mauve' }), { code: 'unknown-pool' });
  t.match(aimOf(shop(), 'blue', { ...ORDER, to: 'blue' }), { code: 'already-active' });
  t.match(aimOf(shop(), null, { ...ORDER, to: 'blue' }), { code: 'no-active-pool' });
  t.match(aimOf(shop(), 'blue', { ...ORDER, version: 'v9' }), { code: 'version-mismatch' });
  t.match(aimOf(shop(), 'blue', { ...ORDER, steps: [0.5, 0.1, 1] }), { code: 'bad-plan' });
  t.match(aimOf(shop(), 'blue', ORDER), { active: 'blue', candidate: 'green', version: 'v2' });
});
