/** `maxFailedRequests`: what may stand there, and beside which plan. */
import t from 'tap';
import { parseConfig } from '../../../src/config/parse.ts';

function problemsOf(rollout: string): readonly string[] {
  const text = `listeners: [{ address: 127.0.0.1:0 }]
services:
  shop:
    pools: { blue: { version: v1, endpoints: [127.0.0.1:1001] } }
    traffic: blue
    rollout: ${rollout}
routes: [{ service: shop }]
`;
  const { problems } = parseConfig(text, { file: 'shop.yaml', env: {} });
  return problems.map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);
}

t.test(
  'a budget of failed requests is a whole number from one, beside a plan whose first weight is open',
  async (t) => {
    for (const plan of ['canary', 'linear', 'blue-green']) {
      t.same(problemsOf(`{ plan: ${plan}, maxFailedRequests: 20 }`), []);
    }
    t.match(problemsOf('{ maxFailedRequests: 0 }'), [/^6:35 services\.shop\.rollout\.maxFailedRequests /]);
    t.match(problemsOf('{ maxFailedRequests: 1.5 }'), [/maxFailedRequests /]);
  },
);

t.test('beside a plan that leaves no weight to pick it is refused with its place', async (t) => {
  for (const plan of ['one-box', 'all-at-once']) {
    t.match(problemsOf(`{ plan: ${plan}, maxFailedRequests: 20 }`), [
      new RegExp(`^6:\\d+ services\\.shop\\.rollout\\.maxFailedRequests has no weight to pick in a ${plan} plan`),
    ]);
  }
});
