/**
 * Somebody sets the clock while Tidegate works: only dates in what it says change. What lasts a time lasts that time, what
 * is in an order stays in it, and what is limited stays limited.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { exchange } from './stage/exchange.ts';
import { FickleUpstream } from './stage/fickle-upstream.ts';
import { shopConfig } from './stage/shop.ts';
import { configFile, Tidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { type Handler, sayVersion, Upstream } from './stage/upstream.ts';

const CALENDAR = fileURLToPath(new URL('./stage/shifted-calendar.ts', import.meta.url));
const HOUR_MS = 3_600_000;
const DRAIN_MS = 700;

/** Where the clock is set to, from what it shows. */
const JUMPS: readonly (readonly [name: string, to: (realMs: number) => number])[] = [
  ['an hour ahead', (realMs) => realMs + HOUR_MS],
  ['an hour back', (realMs) => realMs - HOUR_MS],
  ['to 2100', () => Date.UTC(2100, 0, 1)],
  ['to 1970', () => Date.UTC(1970, 0, 2)],
];

/** Never answers `/endless` to its end. */
const endless: Handler = (req, res, upstream) => {
  if (req.url !== '/endless') {
    sayVersion(req, res, upstream);
    return;
  }
  res.writeHead(200);
  res.write('begun');
};

t.test('a clock that is set moves dates and nothing else', async (t) => {
  const blue = await Upstream.start(t, 'v1', endless);
  const green = await Upstream.start(t, 'v2', endless);
  const sick = await FickleUpstream.start(t);
  const well = await FickleUpstream.start(t);
  const file = await configFile(
    t,
    shopConfig({
      pools: {
        blue: { version: 'v1', endpoints: [blue.address] },
        green: { version: 'v2', endpoints: [green.address] },
        red: { version: 'v3', endpoints: [sick.address, well.address] },
      },
      traffic: 'blue',
      service: [
        `drain: ${DRAIN_MS}ms`,
        'health: { path: /healthz, interval: 60ms, timeout: 1s }',
        'ejection: { consecutiveFailures: 2, base: 30m, max: 1h }',
        'preview: { header: x-pool, token: secret }',
      ],
      routes: ['{ name: limited, path: /limited, service: shop, rateLimit: { requests: 3, per: 1h } }'],
    }),
  );
  const calendar = join(file, '../calendar');
  const set = (aheadMs: number): void => {
    writeFileSync(`${calendar}.new`, String(aheadMs));
    renameSync(`${calendar}.new`, calendar);
  };
  set(0);
  const tidegate = await Tidegate.start(t, file, {
    nodeArgs: ['--import', CALENDAR],
    env: { TIDEGATE_TEST_CALENDAR: calendar },
  });
  const { admin, port } = tidegate;
  for (let count = 0; count < 3; count++) t.equal((await exchange(port, '/limited')).status, 200);
  t.equal((await exchange(port, '/limited')).status, 429);
  await sick.be('failing');
  await until('the sick endpoint is ejected', async () => {
    await exchange(port, '/', { headers: { 'x-pool': 'red; token=secret' } });
    return (await admin.pool('red')).endpoints[0]!.ejection !== null;
  });

  let lastEvent = 0;
  let lastEpoch = 0;
  for (const [name, to] of JUMPS) {
    const away = (await admin.service()).traffic.blue! > 0 ? 'green' : 'blue';
    const streaming = exchange(port, '/endless').then(
      () => 'whole',
      () => 'cut',
    );
    const [from, source] = away === 'green' ? (['blue', blue] as const) : (['green', green] as const);
    await until('it streams', async () => (await admin.pool(from)).inFlight === 1);
    const atMs = performance.now();
    const { epoch } = await admin.flip(away);
    const realMs = Date.now();
    const there = to(realMs);
    set(there - realMs);

    // The first answer by the new calendar shows that every thread has it.
    const date = await until('responses have the new date', async () => {
      const { headers } = await exchange(port, '/limited');
      const shown = Date.parse(headers.date ?? '');
      return Math.abs(shown - there) < HOUR_MS / 2 ? shown : null;
    });
    t.ok(date, `${name}: dates follow`);
    t.equal(await streaming, 'cut');
    const lastedMs = performance.now() - atMs;
    t.ok(lastedMs > DRAIN_MS * 0.9, `${name}: the drain lasts its time (${Math.round(lastedMs)} ms)`);
    const receipt = await until('the receipt is final', async () => {
      const found = await admin.receipt(epoch);
      return found.drained === null ? null : found;
    });
    t.match(receipt, { inFlight: 1, lost: 1, stored: true });
    t.ok(receipt.appliedMs >= 0 && receipt.appliedMs < 20_000, 'and its duration is one');

    const checks = source.checks;
    await until('health is checked as before', () => source.checks > checks + 3);
    const requests = (await admin.pool(away)).requests;
    await until('the figures of the last seconds go on', async () => {
      await exchange(port, '/');
      const { live } = await admin.pool(away);
      return live.requestsPerSecond > 0 && live.windowS < 60;
    });
    t.ok((await admin.pool(away)).requests > requests);
    t.equal((await exchange(port, '/limited')).status, 429, `${name}: a rate limit stays used up`);
    t.match(
      (await admin.pool('red')).endpoints[0],
      { ejection: { state: 'shut' } },
      `${name}: who is ejected stays so`,
    );

    const moves = await admin.events('traffic');
    const { id, at } = moves.at(-1)!;
    t.ok(id > lastEvent && receipt.epoch > lastEpoch, `${name}: numbers go on`);
    t.strictSame(
      moves.map((event) => event.id),
      moves.map((event) => event.id).sort((one, other) => one - other),
    );
    t.ok(at);
    lastEvent = id;
    lastEpoch = receipt.epoch;
  }
  await tidegate.kill();
  const again = await Tidegate.start(t, file);
  t.equal((await again.admin.service()).epoch, lastEpoch, 'the last position stands, whatever date it bears');
  const ids = (await again.admin.events('traffic')).map(({ id }) => id);
  t.equal(ids.at(-1), lastEvent);
});
