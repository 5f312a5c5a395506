import t from 'tap';
import { admittedAt, type EjectionState, type Seen } from '../../../src/health/ejection.ts';
import {
  type EjectionPolicy,
  ejectedMost,
  type Member,
  type PoolStep,
  stepPool,
} from '../../../src/health/ejection-pool.ts';
import { runSeed, Seeded } from '../routing/seeded.ts';

const POLICY: EjectionPolicy = {
  consecutiveFailures: 3,
  successRatio: null,
  minRequests: 20,
  windowMs: 10_000,
  baseMs: 1000,
  maxMs: 8000,
  maxShare: 0.5,
  panic: 0.5,
};

const QUIET: Seen = { good: 0, bad: 0, run: 0, probe: 'none', isUsedAnyway: false };

function member(run: number, changes: Partial<Member> = {}): Member {
  return { state: admittedAt(0), seen: { ...QUIET, bad: run, run }, healthy: true, counts: true, ...changes };
}

function shut(untilMs: number): EjectionState {
  return { kind: 'shut', row: 1, reason: 'success-ratio', untilMs };
}

function kinds({ states }: PoolStep): string[] {
  return states.map(({ kind }) => kind);
}

t.test('how many of a pool may be ejected at once', async (t) => {
  for (const [count, maxShare, most] of [
    [0, 0.5, 0],
    [1, 0.5, 0],
    [1, 1, 0],
    [2, 0.5, 1],
    [2, 0.1, 1],
    [3, 0.5, 1],
    [4, 0.5, 2],
    [10, 0.29, 2],
    [10, 1, 10],
    [10, 0, 0],
  ] as const) {
    t.equal(ejectedMost(count, maxShare), most, `${most} of ${count} with ${maxShare * 100}%`);
  }
});

t.test('the only endpoint of a pool is never ejected, whatever it does and whatever the policy says', async (t) => {
  const step = stepPool([member(1000)], { ...POLICY, maxShare: 1 }, 1);
  t.same(kinds(step), ['admitting']);
  t.equal(step.panic, false);
});

t.test('of two bad endpoints one is ejected, the one that fails for longer', async (t) => {
  const step = stepPool([member(5), member(9)], { ...POLICY, maxShare: 1 }, 1);
  t.same(kinds(step), ['admitting', 'shut']);
});

t.test(
  'the last endpoint that admits is not ejected: what health checks hold down does not count as one',
  async (t) => {
    const step = stepPool([member(0, { healthy: false }), member(9)], POLICY, 1);
    t.same(kinds(step), ['admitting', 'admitting']);
  },
);

t.test('endpoints without weight make no pool larger and are not ejected', async (t) => {
  const step = stepPool([member(9), member(9, { counts: false })], { ...POLICY, maxShare: 1 }, 1);
  t.same(kinds(step), ['admitting', 'admitting']);
});

t.test('when too much of a pool is shut, its ejected endpoints are used again, and no longer than that', async (t) => {
  const ejected = (healthy: boolean) => [
    member(0, { state: shut(5000) }),
    member(0, { healthy }),
    member(0, { healthy }),
    member(0),
  ];
  t.equal(stepPool(ejected(true), POLICY, 1).panic, false, 'three of four admit');
  t.equal(stepPool(ejected(false), POLICY, 1).panic, true, 'one of four admits');
  t.equal(stepPool(ejected(false), { ...POLICY, panic: 0.25 }, 1).panic, false, 'which is enough for a lower limit');
  t.equal(stepPool(ejected(false), { ...POLICY, panic: 0 }, 1).panic, false, 'and a limit of nothing is never reached');
});

t.test('a pool of which nothing is ejected is in no panic, however much of it health checks hold down', async (t) => {
  t.equal(stepPool([member(0, { healthy: false }), member(0, { healthy: false })], POLICY, 1).panic, false);
});

t.test('all of three are bad and all may be ejected: the last is not, and the others are used again', async (t) => {
  const step = stepPool([member(3), member(4), member(5)], { ...POLICY, maxShare: 1 }, 1);
  t.same(kinds(step), ['admitting', 'shut', 'shut']);
  t.equal(step.panic, true);
});

t.test('what a smaller pool leaves no room for is admitted, the one that has waited for longest first', async (t) => {
  const step = stepPool([member(0, { state: shut(5000) }), member(0, { state: shut(3000) })], POLICY, 1);
  t.same(kinds(step), ['shut', 'admitting']);
});

t.test('without a policy everything is admitted', async (t) => {
  const step = stepPool([member(9, { state: shut(5000) }), member(9)], null, 1);
  t.same(kinds(step), ['admitting', 'admitting']);
  t.equal(step.panic, false);
});

t.test(`never more than the limit is ejected, never the last that admits (seed ${runSeed})`, async (t) => {
  const random = new Seeded(runSeed);
  let ejections = 0;
  for (let round = 0; round < 200; round++) {
    const count = 1 + random.below(8);
    const policy = { ...POLICY, maxShare: random.pick([0, 0.1, 0.34, 0.5, 1]), panic: random.pick([0, 0.5, 1]) };
    const most = ejectedMost(count, policy.maxShare);
    let states: readonly EjectionState[] = Array.from({ length: count }, () => admittedAt(0));
    const runs = states.map(() => 0);
    let panic = false;
    for (let now = 0; now < 20_000; now += 100) {
      const members = states.map((state, index): Member => {
        const good = random.below(2);
        const bad = random.below(3);
        runs[index] = good > 0 ? 0 : runs[index]! + bad;
        const probe = state.kind === 'probing' ? random.pick(['none', 'good', 'bad'] as const) : 'none';
        const seen = { good, bad, run: runs[index]!, probe, isUsedAnyway: panic };
        return { state, seen, healthy: random.chance(0.9), counts: true };
      });
      const step = stepPool(members, policy, now);
      const shutNow = step.states.filter(({ kind }) => kind !== 'admitting').length;
      const fresh = step.states.filter((state, index) => state.kind === 'shut' && states[index]!.kind === 'admitting');
      const open = step.states.filter(({ kind }, index) => kind === 'admitting' && members[index]!.healthy).length;
      const wereOpen = states.filter(({ kind }, index) => kind === 'admitting' && members[index]!.healthy).length;
      if (shutNow > most) t.fail(`round ${round}: ${shutNow} of ${count} ejected, at most ${most} may be`);
      if (fresh.length > 0 && wereOpen > 0 && open === 0) t.fail(`round ${round}: the last that admits was ejected`);
      if (step.panic !== (shutNow > 0 && open < policy.panic * count)) t.fail(`round ${round}: panic ${step.panic}`);
      ejections += fresh.length;
      ({ states, panic } = step);
    }
  }
  t.ok(ejections > 1000, `${ejections} ejections`);
});
