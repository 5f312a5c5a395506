/** Which exchanges signals of the business count: each user once, by the first attempt, and none that errors leave out. */
import t from 'tap';
import type { RolloutView } from '../../src/control/operations.ts';
import { exchange } from './stage/exchange.ts';
import { SignalShop, verdictOn } from './stage/signal-shop.ts';

const SIGNAL = [
  'search: { requests: { match: { path: /search }, bad: { headers: { x-outcome: failed } } }, dryRun: true }',
];

/** Errors would take the release back before there is enough to count. */
const guard = ['errors: { margin: 100x, ceilingRequests: 1000000 }'];

interface Counts {
  readonly requests: number;
  readonly bad: number;
}

function countsOf(view: RolloutView, name = 'search'): { readonly candidate: Counts; readonly active: Counts } {
  const verdict = verdictOn(view, name);
  if (verdict?.kind !== 'compared') return { candidate: { requests: 0, bad: 0 }, active: { requests: 0, bad: 0 } };
  return verdict.numbers.counts;
}

/** The rollout once so many requests were judged for errors. */
function judged(shop: SignalShop, requests: number): Promise<RolloutView> {
  return shop.when(`${requests} requests are judged`, (view) => {
    const { candidate, active } = countsOf(view, 'errors');
    return candidate.requests + active.requests >= requests;
  });
}

async function holding(shop: SignalShop): Promise<void> {
  await shop.start();
  await shop.when('it holds', ({ phase }) => phase === 'holding');
}

t.test('a user that sticks speaks once about a signal, however often it fails', async (t) => {
  const shop = await SignalShop.open(t, SIGNAL, { guard, service: ['sticky: { header: x-user }'] });
  shop.blue.outcome = () => 'failed';
  shop.green.outcome = () => 'failed';
  await holding(shop);
  for (let round = 0; round < 20; round += 1) {
    for (let user = 0; user < 4; user += 1) {
      await exchange(shop.tidegate.port, '/search', { headers: { 'x-user': `user ${user}` } });
    }
  }
  const { candidate, active } = countsOf(await judged(shop, 80));
  t.equal(candidate.requests + active.requests, 80);
  t.equal(candidate.bad + active.bad, 4);
});

t.test(
  'a first attempt that failed counts against its version, also when the active pool saved the user',
  async (t) => {
    const shop = await SignalShop.open(t, SIGNAL, {
      guard,
      service: ['retries: { attempts: 1, statuses: [503], budget: 100% }'],
    });
    shop.blue.outcome = () => 'found';
    shop.green.outcome = () => 'failed';
    shop.green.status = 503;
    await holding(shop);
    for (let round = 0; round < 60; round += 1) {
      const answer = await exchange(shop.tidegate.port, '/search');
      if (answer.status !== 200) t.fail(`status ${answer.status}`);
    }
    const view = await judged(shop, 60);
    const { candidate, active } = countsOf(view);
    t.ok(candidate.bad > 0);
    t.equal(candidate.bad, candidate.requests, 'each of them failed');
    t.equal(active.bad, 0, 'whoever saved one says nothing more');
    t.equal(candidate.requests + active.requests, 60);
  },
);

t.test('an attempt without an answer is bad, whatever the outcome is told by', async (t) => {
  const shop = await SignalShop.open(t, SIGNAL, { guard, service: ['retries: { attempts: 0, fallback: false }'] });
  await holding(shop);
  await shop.green.upstream.stop();
  for (let round = 0; round < 40; round += 1) await exchange(shop.tidegate.port, '/search');
  const { candidate, active } = countsOf(await judged(shop, 40));
  t.ok(candidate.requests > 0);
  t.equal(candidate.bad, candidate.requests);
  t.equal(active.bad, 0);
});

t.test('what errors leave out, signals leave out: previews and routes that are not judged', async (t) => {
  const shop = await SignalShop.open(t, SIGNAL, {
    service: ['preview: { header: x-pool, token: hush }'],
    routes: ['{ name: bots, path: /search/bots, service: shop, judge: false }'],
  });
  shop.green.outcome = () => 'failed';
  await holding(shop);
  for (let round = 0; round < 10; round += 1) {
    await exchange(shop.tidegate.port, '/search', { headers: { 'x-pool': 'green; token=hush' } });
    await exchange(shop.tidegate.port, '/search/bots');
    await exchange(shop.tidegate.port, '/other');
    // The path is read as routing reads it.
    await exchange(shop.tidegate.port, '/%73earch');
  }
  const { candidate, active } = countsOf(await judged(shop, 20));
  t.equal(candidate.requests + active.requests, 10);
  t.equal(candidate.bad, candidate.requests);
});
