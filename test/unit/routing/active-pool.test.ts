import t from 'tap';
import { activePool } from '../../../src/routing/active-pool.ts';

t.test('at the first position the pool with the most weight is the active one, and of equals the first', async (t) => {
  t.equal(activePool({ blue: 10, green: 90 }, null), 'green');
  t.equal(activePool({ blue: 1, green: 1, red: 1 }, null), 'blue');
  t.equal(activePool({ blue: 0, green: 0.001 }, null), 'green');
});

t.test('a pool stays the active one through every step of a rollout, until it has no weight', async (t) => {
  let active = activePool({ stable: 100, canary: 0 }, null);
  for (const canary of [1, 50, 51, 99]) {
    active = activePool({ stable: 100 - canary, canary }, active);
    t.equal(active, 'stable', `at ${canary}%`);
  }
  t.equal(activePool({ stable: 100, canary: 0 }, active), 'stable', 'after a way back, too');
  t.equal(activePool({ stable: 0, canary: 100 }, active), 'canary');
});

t.test(
  'an active pool that has left the config is followed by another; without any weight there is none',
  async (t) => {
    t.equal(activePool({ green: 3, red: 7 }, 'blue'), 'red');
    t.equal(activePool({ blue: 0, green: 0 }, 'blue'), null);
    t.equal(activePool({}, null), null);
  },
);
