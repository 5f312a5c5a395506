import t from 'tap';
import { keptAtHighest, type Tally, trialOf } from '../../../bench/overload/tally.ts';

const tally: Tally = {
  due: 200,
  good: 100,
  late: 20,
  refused: 60,
  broken: 10,
  unsent: 10,
  goodMs: Array.from({ length: 100 }, (_, at) => 100 - at),
};

t.test('a load is told by rates, shares and quantiles', async (t) => {
  t.same(trialOf(3, true, tally, 2000), {
    load: 3,
    shedding: true,
    offered: 100,
    goodput: 50,
    p50Ms: 51,
    p99Ms: 100,
    refusedShare: 0.3,
    lateShare: 0.1,
    brokenShare: 0.05,
    unsentShare: 0.05,
  });
  const nothing = trialOf(3, true, { due: 0, good: 0, late: 0, refused: 0, broken: 0, unsent: 0, goodMs: [] }, 2000);
  t.match(nothing, { goodput: 0, p50Ms: null, p99Ms: null, lateShare: 0 });
});

t.test('what is left at the highest load is compared with the best of the same setting', async (t) => {
  const at = (load: number, shedding: boolean, good: number) =>
    trialOf(load, shedding, { ...tally, good, goodMs: [] }, 1000);
  const trials = [at(1, true, 100), at(3, true, 85), at(1, false, 200), at(3, false, 10)];
  t.equal(keptAtHighest(trials, true), 0.85);
  t.equal(keptAtHighest(trials, false), 0.05);
  t.equal(keptAtHighest([], true), null);
});
