import t from 'tap';
import { Balancer, type EndpointSet } from '../../../src/routing/balance.ts';
import type { BalancePolicy } from '../../../src/routing/snapshot.ts';
import { runSeed, Seeded, sigmas } from './seeded.ts';

interface TestSet extends EndpointSet {
  readonly shut: Set<number>;
  readonly busy: number[];
  readonly names: readonly string[];
}

function setOf(weights: readonly number[]): TestSet {
  const shut = new Set<number>();
  const busy = weights.map(() => 0);
  return {
    count: weights.length,
    shut,
    busy,
    names: weights.map((_, index) => `127.0.0.1:${3000 + index}`),
    weightAt: (index) => weights[index]!,
    admitting: (index) => !shut.has(index),
    inFlight: (index) => busy[index]!,
  };
}

const balancerOf = (policy: BalancePolicy, set: TestSet) => new Balancer(policy, 'shop/blue', set.names);
const policies: readonly BalancePolicy[] = ['round-robin', 'least-request', 'random', 'hash'];
const zero = () => 0;

/** How often each endpoint was chosen. */
function tally(balancer: Balancer, set: TestSet, rng: Seeded, choices: number): number[] {
  const counts = Array.from({ length: set.count }, () => 0);
  for (let i = 0; i < choices; i += 1) counts[balancer.choose(set, rng.u32, `key-${rng.u32()}`)]! += 1;
  return counts;
}

for (const policy of policies) {
  t.test(
    `${policy}: endpoints get their weight's share, and the others keep their ratio when one is shut (seed ${runSeed})`,
    async (t) => {
      const weights = [1, 2, 3, 4];
      const set = setOf(weights);
      const balancer = balancerOf(policy, set);
      const rng = new Seeded(runSeed);
      const choices = 40_000;
      for (const shut of [-1, 0, 3]) {
        set.shut.clear();
        set.shut.add(shut);
        const total = weights.reduce((sum, weight, index) => sum + (index === shut ? 0 : weight), 0);
        const counts = tally(balancer, set, rng, choices);
        for (const [index, weight] of weights.entries()) {
          if (index === shut) t.equal(counts[index], 0, `endpoint ${index} is shut`);
          else if (policy === 'round-robin')
            t.ok(Math.abs(counts[index]! - (choices * weight) / total) < 4, `${counts}`);
          else t.ok(sigmas(counts[index]!, choices, weight / total) < 4, `${counts}`);
        }
      }
    },
  );

  t.test(`${policy}: with nobody to choose, the answer is -1`, async (t) => {
    const rng = new Seeded(runSeed);
    const empty = setOf([]);
    t.equal(balancerOf(policy, empty).choose(empty, rng.u32, 'k'), -1, 'an empty pool');
    const set = setOf([1, 1]);
    set.shut.add(0).add(1);
    t.equal(balancerOf(policy, set).choose(set, rng.u32, 'k'), -1, 'all shut');
    const weightless = setOf([0, 0]);
    t.equal(balancerOf(policy, weightless).choose(weightless, rng.u32, 'k'), -1, 'no weight');
    const one = setOf([0, 5]);
    t.equal(balancerOf(policy, one).choose(one, rng.u32, 'k'), 1);
    t.equal(balancerOf(policy, one).choose(one, rng.u32, 'k', 1), -1, 'the only one is excluded');
  });

  t.test(
    `${policy}: the excluded endpoint is never chosen, shut and weightless ones neither (seed ${runSeed})`,
    async (t) => {
      const rng = new Seeded(runSeed);
      for (let i = 0; i < 3000; i += 1) {
        const set = setOf(Array.from({ length: 1 + rng.below(6) }, () => rng.pick([0, 0.5, 1, 3])));
        for (let j = 0; j < set.count; j += 1) {
          if (rng.chance(0.3)) set.shut.add(j);
          set.busy[j] = rng.below(5);
        }
        const exclude = rng.below(set.count + 1) - 1;
        const able = set.busy.map((_, j) => j).filter((j) => j !== exclude && !set.shut.has(j) && set.weightAt(j) > 0);
        const chosen = balancerOf(policy, set).choose(set, rng.u32, `k${i}`, exclude);
        if (able.length === 0 ? chosen !== -1 : !able.includes(chosen)) {
          t.fail(JSON.stringify({ chosen, able, exclude }));
          return;
        }
      }
      t.pass('3,000 pools');
    },
  );
}

t.test('a set with other endpoints than the balancer was made for is refused', async (t) => {
  t.throws(() => balancerOf('random', setOf([1, 1])).choose(setOf([1]), zero, ''), RangeError);
});

t.test('round-robin: turns are as even as the weights allow', async (t) => {
  const set = setOf([5, 1, 1]);
  const balancer = balancerOf('round-robin', set);
  const turns = Array.from({ length: 14 }, () => balancer.choose(set, zero, ''));
  t.same(turns, [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0]);
});

t.test('round-robin: an endpoint that is shut when its turn comes is passed over', async (t) => {
  const set = setOf([1, 1, 1]);
  const balancer = balancerOf('round-robin', set);
  t.equal(balancer.choose(set, zero, ''), 0);
  set.shut.add(1);
  const turns = Array.from({ length: 6 }, () => balancer.choose(set, zero, ''));
  t.notOk(turns.includes(1), `${turns}`);
});

t.test('round-robin: threads begin at different endpoints', async (t) => {
  const set = setOf([1, 1, 1, 1]);
  const firsts = [0, 1, 2, 3].map((u32) => balancerOf('round-robin', set).choose(set, () => u32, ''));
  t.same(firsts.toSorted(), [0, 1, 2, 3]);
});

t.test(
  'least-request: of two endpoints the one with fewer in flight for its weight is taken, whatever is drawn',
  async (t) => {
    const rng = new Seeded(runSeed);
    const set = setOf([1, 2]);
    const balancer = balancerOf('least-request', set);
    for (const [busy, expected] of [
      [[1, 0], 1],
      [[0, 1], 0],
      [[2, 3], 1],
      [[1, 3], 0],
      [[5, 11], 0],
    ] as const) {
      set.busy.splice(0, 2, ...busy);
      for (let i = 0; i < 50; i += 1) t.equal(balancer.choose(set, rng.u32, ''), expected, `${busy}`);
    }
  },
);

t.test(
  `least-request: what a busy endpoint loses is shared by the others as their weights say (seed ${runSeed})`,
  async (t) => {
    const set = setOf([1, 1, 1]);
    for (const busy of [0, 1, 2]) {
      set.busy.fill(0);
      set.busy[busy] = 10;
      const counts = tally(balancerOf('least-request', set), set, new Seeded(runSeed), 20_000);
      for (const [index, count] of counts.entries()) {
        if (index === busy) t.equal(count, 0);
        else t.ok(sigmas(count, 20_000, 0.5) < 4, `${counts}`);
      }
    }
  },
);

t.test(`least-request: load stays level where random choice lets it pile up (seed ${runSeed})`, async (t) => {
  const spread = (policy: BalancePolicy) => {
    const rng = new Seeded(runSeed);
    const set = setOf(Array.from({ length: 10 }, () => 1));
    const balancer = balancerOf(policy, set);
    for (let i = 0; i < 1000; i += 1) set.busy[balancer.choose(set, rng.u32, '')]! += 1;
    return Math.max(...set.busy) - Math.min(...set.busy);
  };
  t.ok(spread('least-request') <= 4, `${spread('least-request')} apart after 1,000 requests that never end`);
  t.ok(spread('random') > 10, `${spread('random')} apart by random choice`);
});

t.test(
  'hash: a key keeps its endpoint; when one is lost, only its keys move, and they come back with it',
  async (t) => {
    const set = setOf([1, 1, 2, 1]);
    const balancer = balancerOf('hash', set);
    const keys = Array.from({ length: 5000 }, (_, index) => `user-${index}`);
    const assign = () => keys.map((key) => balancer.choose(set, zero, key));
    const before = assign();
    t.same(assign(), before, 'nothing is remembered');
    set.shut.add(2);
    const after = assign();
    t.same(
      after.filter((to, index) => to !== before[index] && before[index] !== 2),
      [],
      'no other key moved',
    );
    t.same([...new Set(after)].toSorted(), [0, 1, 3], 'the lost keys were taken by all others');
    set.shut.clear();
    t.same(assign(), before);
  },
);

t.test('hash: keys follow the name of the endpoint, not its place in the list', async (t) => {
  const set = setOf([1, 1, 1]);
  const forward = new Balancer('hash', 'shop/blue', ['a:1', 'b:1', 'c:1']);
  const backward = new Balancer('hash', 'shop/blue', ['c:1', 'b:1', 'a:1']);
  for (let i = 0; i < 1000; i += 1) {
    t.equal(forward.choose(set, zero, `u${i}`), 2 - backward.choose(set, zero, `u${i}`));
  }
});

t.test(`hash: requests without a key are spread instead of heaped on one endpoint (seed ${runSeed})`, async (t) => {
  const set = setOf([1, 1]);
  const balancer = balancerOf('hash', set);
  const rng = new Seeded(runSeed);
  const first = Array.from({ length: 2000 }, () => balancer.choose(set, rng.u32, '')).filter((index) => index === 0);
  t.ok(sigmas(first.length, 2000, 0.5) < 4, `${first.length} of 2,000`);
});
