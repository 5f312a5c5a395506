/** What is foretold of a flag's rollout: two arms of one flag, the traffic of its own routes, and why nothing is. */
import t from 'tap';
import { readGuard } from '../../../src/control/flag-guard-settings.ts';
import type { GuardWord } from '../../../src/control/flag-judgement.ts';
import { FlagRecent } from '../../../src/control/flag-recent.ts';
import type { RolloutForecast } from '../../../src/control/operations.ts';
import { armsAt } from '../../../src/flags/arm.ts';
import { FlagSeriesWriter } from '../../../src/stats/flag-series.ts';
import { FlagRolloutStage, guardWord, PLANNED } from './flag-rollout-stage.ts';
import { done } from './flag-stage.ts';
import { GuardStage } from './guard-stage.ts';

/** 100 requests a second, of which one in a thousand fails. */
const BUSY = { requests: 60_000, bad: 60, seconds: 600 };

function foretold(flag: string, guard: GuardWord | null, traffic = BUSY): RolloutForecast {
  const stage = new FlagRolloutStage([flag]);
  stage.guard = guard;
  stage.traffic = traffic;
  return done(stage.releases.forecast('checkout', { again: false }));
}

t.test('each step says what the guard finds of treatments that are worse, and the plan what they cost', (t) => {
  const forecast = foretold(PLANNED, guardWord('waiting'));
  t.match(forecast, { service: 'flag checkout', traffic: BUSY, unjudged: null, obstacle: null });
  t.same(
    forecast.steps.map(({ share, by }) => [share, by]),
    [
      [0.05, 'comparison'],
      [0.5, 'comparison'],
      [1, 'ceiling'],
    ],
  );
  const [small, half] = forecast.steps.map(({ candidates }) => candidates.at(-1)!);
  t.equal(small!.times, null);
  t.ok(small!.withinHold > 0.95 && small!.failedMost < 40, `it fails all: ${small!.failedMost} at most`);
  t.equal(small!.requests, half!.requests, 'both arms are equal up to 50%, so it takes as many requests of both');
  t.ok(Math.abs(small!.seconds! / half!.seconds! - 10) < 1e-9, 'and ten times as long where a tenth is in the arms');
  t.match(forecast.costs.at(-1), { times: null, isStopped: true });
  t.end();
});

t.test('in the arms are twice the share, and everybody from a half on, or where all others are the control', (t) => {
  const shares = [0, 5_000, 50_000, 80_000, 100_000];
  t.same(
    shares.map((share) => armsAt({}, share)),
    [0, 0.1, 1, 1, 1],
  );
  const guard = readGuard({ control: 'others' });
  t.same(
    shares.map((share) => armsAt({ guard }, share)),
    [0, 1, 1, 1, 1],
  );
  t.end();
});

t.test('an arm for comparison among the variants is compared at 100% too', (t) => {
  const variants =
    'checkout: { strategy: variants, value: 1, variants: { a: {}, b: {} }, offVariant: a, rollout: { steps: [100%] } }';
  t.match(foretold(variants, guardWord('waiting')).steps, [{ share: 1, by: 'comparison' }]);
  t.end();
});

t.test('nothing is foretold where nobody judges, with the reason', (t) => {
  for (const [guard, unjudged] of [
    [null, 'without a guard, nothing is judged'],
    [guardWord('waiting', { dryRun: true }), 'its guard is a dry run'],
  ] as const) {
    const forecast = foretold(PLANNED, guard);
    t.match(forecast, { unjudged, traffic: null, costs: [], leastMs: 2_100_000 });
    t.same(
      forecast.steps.map(({ by, candidates }) => [by, candidates]),
      [0, 1, 2].map(() => ['nothing', []]),
    );
  }
  const quiet = foretold(PLANNED, guardWord('waiting', { rests: 'nobody is treated' }), {
    requests: 0,
    bad: 0,
    seconds: 600,
  });
  t.match(quiet, { unjudged: null, traffic: { requests: 0 }, costs: [] }, 'nor without traffic');
  t.end();
});

t.test('the traffic of a flag is that of its routes, with the failures of those without the treatment', (t) => {
  const stage = new GuardStage('checkout: { strategy: percentage, value: 0, guard: {} }', 'plain: { strategy: all }');
  const recent = new FlagRecent(() => stage.snapshot);
  recent.tick(0);
  const [blue, green] = stage.snapshot.services[0]!.pools;
  const writer = (variants: readonly SharedArrayBuffer[], at: number) => new FlagSeriesWriter(variants[at]!, 0);
  const { off } = stage.snapshot.flags[0]!;
  for (let count = 0; count < 100; count += 1) {
    writer(blue!.flags[0]!, off).judged(count === 0);
    writer(green!.flags[0]!, off).judged(false);
    writer(blue!.flags[0]!, 1 - off).judged(true);
  }
  recent.tick(10_000);
  t.same(recent.of('checkout'), { requests: 300, bad: 1.5, seconds: 10 });
  t.same(recent.of('plain'), { requests: 0, bad: 0, seconds: 0 }, 'one without a guard is not watched');
  t.same(recent.of('none'), { requests: 0, bad: 0, seconds: 0 });
  t.same(new FlagRecent(() => null).of('checkout'), { requests: 0, bad: 0, seconds: 0 });
  t.end();
});
