/** A process that the system has suspended for a while must not take its own absence for the silence of others. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { exchange } from './stage/exchange.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { sayVersion, Upstream } from './stage/upstream.ts';

const RESPONSE_MS = 400;
const CLIENTS = 20;

t.test('answers that came in time while Tidegate was suspended are not taken for late ones', async (t) => {
  const held: (() => void)[] = [];
  const blue = await Upstream.start(t, 'v1', (req, res, upstream) => {
    held.push(() => sayVersion(req, res, upstream));
  });
  const tidegate = await startTidegate(
    t,
    shopConfig({
      pools: blueAndGreen(blue.address, '127.0.0.1:9'),
      traffic: 'blue',
      service: [`timeouts: { response: ${RESPONSE_MS}ms }`],
    }),
  );
  const owed = Array.from({ length: CLIENTS }, () => exchange(tidegate.port, '/'));
  await until('all have reached the endpoint', () => held.length === CLIENTS);
  const atMs = performance.now();
  tidegate.signal('SIGSTOP');
  await until('it is suspended', () => /^State:\s+T/m.test(readFileSync(`/proc/${tidegate.pid}/status`, 'utf8')));
  for (const answer of held) answer();
  await until('their time is over', () => performance.now() > atMs + 2 * RESPONSE_MS);
  tidegate.signal('SIGCONT');
  const statuses = (await Promise.all(owed)).map(({ status }) => status);
  t.same([...new Set(statuses)], [200], statuses.join(' '));
});
