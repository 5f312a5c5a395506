import t from 'tap';
import {
  admits,
  type HealthState,
  type InitialHealth,
  initialState,
  judge,
} from '../../../src/health/health-judgement.ts';

/** The healths that a row of results (`+` good, `-` bad) leads through, by their first letters. */
function course(initial: InitialHealth, results: string, healthy: number, unhealthy: number): string {
  let state: HealthState = initialState(initial);
  let seen = state.health[0]!;
  for (const result of results) {
    state = judge(state, result === '+', { healthy, unhealthy });
    seen += state.health[0];
  }
  return seen;
}

const TABLE: readonly (readonly [
  promise: string,
  initial: InitialHealth,
  results: string,
  healthy: number,
  unhealthy: number,
  course: string,
])[] = [
  ['the first success proves an admitted endpoint', 'admitted', '+', 5, 3, 'au'],
  ['the first success admits a shut endpoint at once', 'shut', '+', 5, 3, 'du'],
  ['the first success admits at once even after failures', 'admitted', '---+', 5, 3, 'aaadu'],
  ['an unproven endpoint goes down at the threshold and not before', 'admitted', '---', 2, 3, 'aaad'],
  ['a success between failures starts the count again', 'admitted', '+--+--+---', 2, 3, 'auuuuuuuuud'],
  ['an endpoint that was up needs its successes in a row', 'admitted', '+---+-++', 2, 3, 'auuuddddu'],
  ['thresholds of one follow every result', 'admitted', '+-+-', 1, 1, 'audud'],
  ['a shut endpoint stays down while it fails', 'shut', '-----', 1, 1, 'dddddd'],
  ['the count of failures begins anew after a recovery', 'shut', '+--++--', 2, 2, 'duudduud'],
];

for (const [promise, initial, results, healthy, unhealthy, expected] of TABLE) {
  t.test(promise, async (t) => t.equal(course(initial, results, healthy, unhealthy), expected));
}

t.test('an endpoint is sent requests unless it is down', async (t) => {
  t.same([admits('admitted'), admits('up'), admits('down')], [true, true, false]);
});

t.test('a lowered threshold counts what was counted before', async (t) => {
  let state = judge(initialState('admitted'), true, { healthy: 2, unhealthy: 5 });
  state = judge(state, false, { healthy: 2, unhealthy: 5 });
  state = judge(state, false, { healthy: 2, unhealthy: 5 });
  t.equal(state.health, 'up');
  t.equal(judge(state, false, { healthy: 2, unhealthy: 2 }).health, 'down');
});
