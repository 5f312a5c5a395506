import t from 'tap';
import { parseAutocannon, parseWrk } from '../../../bench/load-output.ts';

const clean = `Running 4s test @ http://127.0.0.1:40001/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.27ms    1.11ms  33.21ms   96.40%
    Req/Sec    53.30k     4.37k   60.11k    82.50%
  Latency Distribution
     50%    1.13ms
     75%    1.37ms
     90%    1.68ms
     99%  870.00us
  212345 requests in 4.00s, 29.16MB read
Requests/sec:  53086.25
Transfer/sec:      7.29MB
`;

t.test("wrk's totals and percentiles are read, in microseconds whatever unit it chose", async (t) => {
  t.same(parseWrk(clean), {
    requests: 212_345,
    seconds: 4,
    failed: 0,
    latencyP50Us: 1_130,
    latencyP99Us: 870,
  });
});

t.test('a load that wrk reports in minutes is not taken for seconds', async (t) => {
  t.equal(parseWrk(clean.replace('in 4.00s,', 'in 1.50m,')).seconds, 90);
});

t.test('socket errors and refused requests both count as failed', async (t) => {
  const errors = '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\n';
  t.equal(parseWrk(clean.replace('Requests/sec', `${errors}Requests/sec`)).failed, 54_321);
});

t.test('output without a total is an error that shows what wrk had to say', async (t) => {
  t.throws(() => parseWrk('unable to connect to 127.0.0.1:1 Connection refused'), /Connection refused/);
});

t.test('output without a latency distribution gives null and not zero', async (t) => {
  const { latencyP50Us, latencyP99Us } = parseWrk('  10 requests in 1.00s, 1.00KB read\n');
  t.equal(latencyP50Us, null);
  t.equal(latencyP99Us, null);
});

t.test("autocannon's JSON gives the same form as wrk, and text around it is passed over", async (t) => {
  const report = {
    duration: 4.02,
    errors: 1,
    timeouts: 2,
    non2xx: 30,
    requests: { total: 40_000, average: 9_950 },
    latency: { p50: 6, p99: 21.5 },
  };
  const expected = { requests: 40_000, seconds: 4.02, failed: 33, latencyP50Us: 6_000, latencyP99Us: 21_500 };
  t.same(parseAutocannon(`Running 4s test\n${JSON.stringify(report)}\n`), expected);
  t.throws(() => parseAutocannon('connect ECONNREFUSED'), /ECONNREFUSED/);
});
