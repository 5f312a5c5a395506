import t from 'tap';
import { poolSeedsOf, stickAt } from '../../../src/routing/stick.ts';
import { runSeed, Seeded, sigmas } from './seeded.ts';

/** A service with these pools; answers which pool a key belongs to under given weights, or null for none. */
function serviceOf(
  service: string,
  pools: readonly string[],
): (weights: readonly number[], key: string) => string | null {
  const seeds = poolSeedsOf(service, pools);
  return (weights, key) => {
    const index = stickAt(Float64Array.from(weights), 0, weights.length, seeds, key);
    return index === -1 ? null : pools[index]!;
  };
}

const rng = new Seeded(runSeed);
const hex = (digits: number) => rng.u32().toString(16).padStart(8, '0').slice(0, digits);
const keyKinds: Readonly<Record<string, (index: number) => string>> = {
  'sequential numbers': (index) => String(index),
  'padded numbers': (index) => `user-${String(index).padStart(9, '0')}`,
  uuids: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(8)}${hex(4)}`,
  'e-mail addresses': (index) =>
    `${rng.pick(['ann', 'bob', 'eve', 'jürgen'])}.${index}@${rng.pick(['a.com', 'b.org'])}`,
};
const USERS = 100_000;

for (const [kind, keyAt] of Object.entries(keyKinds)) {
  t.test(`${kind} are spread by weight within four sigma (seed ${runSeed})`, async (t) => {
    const keys = Array.from({ length: USERS }, (_, index) => keyAt(index));
    const assign = serviceOf('shop', ['blue', 'green']);
    for (const percent of [0.1, 1, 5, 25, 50]) {
      const hits = keys.filter((key) => assign([100 - percent, percent], key) === 'green').length;
      t.ok(sigmas(hits, USERS, percent / 100) < 4, `${percent}%: ${hits} of ${USERS}`);
    }
    const three = serviceOf('shop', ['a', 'b', 'c']);
    for (const [index, pool] of ['a', 'b', 'c'].entries()) {
      const hits = keys.filter((key) => three([1, 2, 7], key) === pool).length;
      t.ok(sigmas(hits, USERS, [0.1, 0.2, 0.7][index]!) < 4, `three pools, ${pool}: ${hits} of ${USERS}`);
    }
  });
}

t.test('the candidates of two services are given to different users', async (t) => {
  const shop = serviceOf('shop', ['blue', 'green']);
  const cart = serviceOf('cart', ['blue', 'green']);
  let both = 0;
  for (let index = 0; index < USERS; index += 1) {
    const inShop = shop([75, 25], `u${index}`) === 'green';
    if (inShop && cart([60, 40], `u${index}`) === 'green') both += 1;
  }
  t.ok(sigmas(both, USERS, 0.25 * 0.4) < 4, `${both} of ${USERS} users are early in both`);
});

t.test('10,000 users through 1, 5, 25, 50, 100 and 0 percent: nobody moves against the tide', async (t) => {
  const assign = serviceOf('shop', ['blue', 'green']);
  const users = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
  let before = users.map((user) => assign([100, 0], user));
  for (const percent of [1, 5, 25, 50, 100]) {
    const after = users.map((user) => assign([100 - percent, percent], user));
    const back = users.filter((_, index) => before[index] === 'green' && after[index] === 'blue').length;
    const moved = users.filter((_, index) => before[index] === 'blue' && after[index] === 'green').length;
    t.equal(back, 0, `at ${percent}% nobody went back, ${moved} went over`);
    t.ok(moved > 0, `at ${percent}% somebody went over`);
    before = after;
  }
  t.ok(before.every((pool) => pool === 'green'));
  t.ok(
    users.every((user) => assign([100, 0], user) === 'blue'),
    'a rollback moves everyone at once',
  );
});

t.test(
  `with any number of pools, users move only towards the pool that gains and away from the one that loses (seed ${runSeed})`,
  async (t) => {
    const weightOf = (random: Seeded) => (random.chance(0.15) ? 0 : 10 ** (random.below(60) / 10 - 3));
    for (const count of [2, 5]) {
      const pools = Array.from({ length: count }, (_, index) => `pool-${index}`);
      const assign = serviceOf('shop', pools);
      let moves = 0;
      for (let ramp = 0; ramp < 60; ramp += 1) {
        const weights = pools.map(() => weightOf(rng));
        const changed = rng.below(count);
        const other = weights.with(changed, weightOf(rng));
        const gains = other[changed]! > weights[changed]!;
        for (let user = 0; user < 300; user += 1) {
          const from = assign(weights, `u${ramp}-${user}`);
          const to = assign(other, `u${ramp}-${user}`);
          if (from === to) continue;
          moves += 1;
          if ((gains ? to : from) !== pools[changed]) {
            t.fail(JSON.stringify({ weights, other, from, to }));
            return;
          }
        }
      }
      t.ok(moves > 100, `${count} pools: ${moves} moves, all with the tide`);
    }
  },
);

t.test(`multiplying all weights changes nobody (seed ${runSeed})`, async (t) => {
  const assign = serviceOf('shop', ['a', 'b', 'c', 'd', 'e']);
  for (let index = 0; index < 20_000; index += 1) {
    const weights = Array.from({ length: 5 }, () => rng.below(100));
    const factor = rng.pick([2, 0.01, 1000, 1 / 3]);
    const scaled = weights.map((weight) => weight * factor);
    if (assign(weights, `u${index}`) !== assign(scaled, `u${index}`)) {
      t.fail(JSON.stringify({ weights, factor, index }));
      return;
    }
  }
  t.pass('20,000 users');
});

t.test('the order in which pools are listed changes nobody', async (t) => {
  const forward = serviceOf('shop', ['a', 'b', 'c', 'd']);
  const backward = serviceOf('shop', ['d', 'c', 'b', 'a']);
  const differs = Array.from({ length: 20_000 }, (_, index) => `u${index}`).filter(
    (key) => forward([1, 2, 3, 4], key) !== backward([4, 3, 2, 1], key),
  );
  t.same(differs, []);
});

t.test('a pool without weight gets nobody, and no weight at all is no pool', async (t) => {
  const assign = serviceOf('shop', ['blue', 'green', 'red']);
  t.ok(Array.from({ length: 5000 }, (_, index) => assign([1, 0, 1], `u${index}`)).every((pool) => pool !== 'green'));
  t.equal(assign([0, 0, 0], 'u'), null);
  t.equal(assign([], 'u'), null);
  t.equal(assign([0, 1e-9, 0], 'u'), 'green', 'however little it is, the only weight takes all');
});

t.test('weights in the middle of a longer array are read from their offset only', async (t) => {
  const seeds = poolSeedsOf('shop', ['blue', 'green']);
  const memory = new Float64Array([1e9, 1, 1, 1e9]);
  const alone = new Float64Array([1, 1]);
  for (let index = 0; index < 1000; index += 1) {
    t.equal(stickAt(memory, 1, 2, seeds, `u${index}`), stickAt(alone, 0, 2, seeds, `u${index}`));
  }
});

t.test('these users belong to these pools, in this and every later release', async (t) => {
  const assign = serviceOf('shop', ['blue', 'green', 'red']);
  const keys = ['', 'ann', 'bob', '42', '192.0.2.1', 'jürgen@example.com', '\u{1F30A}'];
  const expected = ['red', 'blue', 'blue', 'blue', 'green', 'green', 'green'];
  t.same(
    keys.map((key) => assign([3, 2, 1], key)),
    expected,
  );
});
