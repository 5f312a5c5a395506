/**
 * What was promised is what arrives: shares of traffic, and the counts of /metrics against those of both ends.
 */
import t from 'tap';
import { isCoincidence } from './stage/coincidence.ts';
import { Load } from './stage/load.ts';
import { shopConfig } from './stage/shop.ts';
import { startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { Upstream } from './stage/upstream.ts';

const REQUESTS = 20_000;

const POSITIONS = [
  { title: '90/10', weights: { blue: 90, green: 10, red: 0 } },
  { title: '99.9/0.1', weights: { blue: 99.9, green: 0.1, red: 0 } },
  { title: '1/1/1', weights: { blue: 1, green: 1, red: 1 } },
] as const;

t.test('20,000 requests over two data threads', async (t) => {
  const upstreams = {
    blue: await Upstream.start(t, 'v1'),
    green: await Upstream.start(t, 'v2'),
    red: await Upstream.start(t, 'v3'),
  };
  const pools = Object.fromEntries(
    Object.entries(upstreams).map(([name, { version, address }]) => [name, { version, endpoints: [address] }]),
  );
  const tidegate = await startTidegate(t, shopConfig({ pools, traffic: 'blue' }));

  t.equal(tidegate.lines.find((line) => line.msg === 'Tidegate is running')?.threads, 2);

  for (const { title, weights } of POSITIONS) {
    await t.test(
      `at ${title} each pool gets its share as far as chance goes, and every count agrees with every other`,
      async (t) => {
        await tidegate.admin.traffic(weights);
        const before = await tidegate.admin.metrics();
        const requestsBefore = {
          blue: upstreams.blue.requests,
          green: upstreams.green.requests,
          red: upstreams.red.requests,
        };

        const load = new Load({ port: tidegate.port, clients: 32, keepAlive: true, requests: REQUESTS });
        await load.finished;
        t.equal(load.answered, REQUESTS, 'every request is answered with 200');
        t.same(load.failures, []);

        const after = await until('the last exchange is counted', async () => {
          const now = await tidegate.admin.metrics();
          return now.sum('tidegate_requests_total') - before.sum('tidegate_requests_total') >= REQUESTS && now;
        });
        const gained = (labels: Record<string, string>): number =>
          after.sum('tidegate_requests_total', labels) - before.sum('tidegate_requests_total', labels);
        t.equal(gained({}), REQUESTS, 'the sum over all series is what the client has sent');
        t.equal(gained({ service: 'shop', code: '2xx' }), REQUESTS);

        const total = Object.values<number>(weights).reduce((sum, weight) => sum + weight, 0);
        for (const pool of ['blue', 'green', 'red'] as const) {
          const { version } = upstreams[pool];
          const counted = upstreams[pool].requests - requestsBefore[pool];
          t.equal(gained({ version }), counted, `${version}: the metric is what the upstream has counted`);
          t.equal(
            after.sum('tidegate_upstream_attempts_total', { version, outcome: 'ok' }) -
              before.sum('tidegate_upstream_attempts_total', { version, outcome: 'ok' }),
            counted,
          );
          t.equal(
            after.sum('tidegate_request_duration_seconds', { version, le: '+Inf' }) -
              before.sum('tidegate_request_duration_seconds', { version, le: '+Inf' }),
            counted,
            'the histogram has every one of them',
          );
          const share = weights[pool] / total;
          t.ok(isCoincidence(counted, REQUESTS, share), `${pool}: ${counted} of ${REQUESTS}`);
        }
        t.equal(after.sum('tidegate_requests_in_flight'), 0);
      },
    );
  }
});
