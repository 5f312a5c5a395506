import t from 'tap';
import { RetryBudget } from '../../../src/routing/retry-budget.ts';

/** Spends as often as it is allowed to, up to 1,000 times. */
function spendAll(budget: RetryBudget, share: number, nowMs: number): number {
  let spent = 0;
  while (spent < 1000 && budget.allows(share, nowMs)) {
    budget.spend(nowMs);
    spent += 1;
  }
  return spent;
}

t.test('a fifth of the requests of the window may be sent again, and not one more', async (t) => {
  const budget = new RetryBudget();
  for (let request = 0; request < 1000; request += 1) budget.request(5000 + request);
  t.equal(spendAll(budget, 0.2, 6000), 200);
});

t.test('a service with little traffic has a floor of ten in ten seconds', async (t) => {
  const budget = new RetryBudget();
  budget.request(5000);
  t.equal(spendAll(budget, 0.2, 5000), 10);
  t.equal(spendAll(budget, 0.2, 14_999), 0);
  t.equal(spendAll(budget, 0.2, 15_000), 10, 'which comes back when the window has passed');
});

t.test('requests and retries are forgotten slice by slice', async (t) => {
  const budget = new RetryBudget();
  for (let second = 0; second < 10; second += 1) {
    for (let request = 0; request < 100; request += 1) budget.request(20_000 + second * 1000);
  }
  t.equal(spendAll(budget, 0.1, 29_000), 100);
  t.equal(spendAll(budget, 0.1, 33_000), 0, 'four slices of requests are gone, no retry is');
  t.equal(spendAll(budget, 0.1, 39_000), 10, 'all are gone');
});

t.test('a budget of nothing allows nothing', async (t) => {
  const budget = new RetryBudget();
  for (let request = 0; request < 1000; request += 1) budget.request(5000);
  t.equal(spendAll(budget, 0, 5000), 0);
});

t.test('a long silence empties the window whatever its length', async (t) => {
  for (const silenceMs of [10_000, 19_000, 1e9]) {
    const budget = new RetryBudget();
    for (let request = 0; request < 1000; request += 1) budget.request(5000);
    t.equal(spendAll(budget, 0.5, 5000), 500);
    t.equal(spendAll(budget, 0.5, 5000 + silenceMs), 10, `${silenceMs} ms`);
  }
});
