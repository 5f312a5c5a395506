import t from 'tap';
import { FAULTS, verdictOf } from '../../../src/proxy/fault.ts';

t.test('a whole answer speaks for its endpoint, unless it is a failure of the server', async (t) => {
  for (const status of [101, 200, 302, 404, 499]) t.equal(verdictOf(null, status), 'good', `${status}`);
  for (const status of [500, 502, 503, 599]) t.equal(verdictOf(null, status), 'bad', `${status}`);
});

t.test('only faults of the endpoint itself speak against it', async (t) => {
  const against = Object.entries(FAULTS)
    .filter(([, fault]) => verdictOf(fault, 200) === 'bad')
    .map(([name]) => name);
  t.same(against, [
    'connectFailed',
    'connectTimeout',
    'responseTimeout',
    'upstreamReset',
    'tryTimeout',
    'unwantedStatus',
    'upstreamProtocol',
    'upstreamCut',
    'upstreamBadBody',
    'upstreamIdle',
  ]);
  for (const fault of Object.values(FAULTS)) t.not(verdictOf(fault, 200), 'good', `${fault.kind} is no success`);
});
