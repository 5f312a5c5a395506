/**
 * The config file under load: what is bad changes nothing and is reported, what is good takes effect and keeps what it
 * does not concern.
 */
import { readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { garbageOf } from './stage/garbage.ts';
import { Load } from './stage/load.ts';
import type { Metrics } from './stage/metrics.ts';
import { seededRandom } from './stage/seeded.ts';
import { blueAndGreen, shopConfig } from './stage/shop.ts';
import { type LogLine, startTidegate } from './stage/tidegate.ts';
import { until } from './stage/until.ts';
import { Upstream } from './stage/upstream.ts';
import { Watermarks } from './stage/watermarks.ts';

const GARBAGE = 200;
/** From save to effect on a busy machine; the promise is a tenth of a second, and what was measured is printed. */
const EFFECT_MS_MAX = 2000;

const rejected = (line: LogLine): boolean => line.msg?.startsWith('config not applied') === true;
const applied = (line: LogLine): boolean => line.msg?.startsWith('config applied') === true;

t.test(
  '200 garbage or half-written configs under load have no effect, and each is reported with a position',
  async (t) => {
    const random = seededRandom();
    t.comment(`seed ${random.seed}`);
    const blue = await Upstream.start(t, 'v1');
    const green = await Upstream.start(t, 'v2');
    const good = shopConfig({ pools: blueAndGreen(blue.address, green.address), traffic: 'blue' });
    const tidegate = await startTidegate(t, good);
    const marks = new Watermarks();
    const scrape = async (): Promise<Metrics> => marks.see(await tidegate.admin.metrics());
    const { generation, text, loadedAt } = await tidegate.admin.config();
    const { epoch } = await tidegate.admin.service();
    const load = new Load({ port: tidegate.port, clients: 4, keepAlive: true, restMs: 5 });
    const unreported: string[] = [];

    for (let index = 0; index < GARBAGE; index++) {
      const { kind, bytes } = garbageOf(good, index, random);
      const from = tidegate.lines.length;
      // In place and truncated first, as many editors do it, or by a rename.
      if (index % 2 === 0) await writeFile(tidegate.file, bytes);
      else await tidegate.save(bytes);
      await tidegate.line(`${kind} (${index}) is rejected`, rejected, from);
      const { lastReload } = await tidegate.admin.config();
      const placed = lastReload.problems.every(
        ({ line, column, message }) => line >= 1 && column >= 1 && message !== '',
      );
      if (lastReload.result !== 'rejected' || lastReload.problems.length === 0 || !placed) {
        unreported.push(`${kind} (${index}): ${JSON.stringify(lastReload)}`);
      }
      if (index % 10 === 0) await scrape();
    }

    t.same(unreported, []);
    const metrics = await scrape();
    t.equal(metrics.sum('tidegate_config_reloads_total', { result: 'rejected' }), GARBAGE);
    t.equal(metrics.sum('tidegate_config_reloads_total', { result: 'applied' }), 0);
    t.equal(metrics.sum('tidegate_config_last_reload_success'), 0);
    const config = await tidegate.admin.config();
    t.same(
      [config.generation, config.text, config.loadedAt],
      [generation, text, loadedAt],
      'the config in force is the old one',
    );
    t.equal((await tidegate.admin.service()).epoch, epoch);
    t.equal(green.requests, 0, 'no request has gone elsewhere');
    t.equal((await tidegate.admin.events('reload')).length, GARBAGE, 'each is an event');

    const from = tidegate.lines.length;
    const before = green.requests;
    const savedAt = performance.now();
    await tidegate.save(good.replace('traffic: blue', 'traffic: green'));
    await until('a request reaches green', () => green.requests > before);
    const effectMs = performance.now() - savedAt;
    t.comment(`a good config took effect ${effectMs.toFixed(1)} ms after it was saved`);
    t.ok(effectMs < EFFECT_MS_MAX);
    await tidegate.line('it is applied', applied, from);
    const { lastReload } = await tidegate.admin.config();
    t.equal(lastReload.result, 'applied');
    t.same(lastReload.changes, ['shop: blue 100→0, green 0→100']);
    t.same(lastReload.problems, []);
    t.equal((await scrape()).sum('tidegate_config_last_reload_success'), 1);

    await load.stop();
    t.same(load.failures, []);
    t.ok(load.answered > GARBAGE, `${load.answered} requests were answered all the while`);
    t.same(marks.wrong, [], `nothing has gone backwards over ${marks.scrapes} scrapes`);
  },
);

t.test('the same text again, or only another comment, changes nothing', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const tidegate = await startTidegate(
    t,
    shopConfig({ pools: blueAndGreen(blue.address, '127.0.0.1:9'), traffic: 'blue' }),
  );
  const { generation } = await tidegate.admin.config();
  await tidegate.edit((text) => `# a comment\n${text}`);
  const view = await until('the file was read', async () => {
    const now = await tidegate.admin.config();
    return now.lastReload.result === 'unchanged' && now;
  });
  t.same(view.lastReload.changes, []);
  t.equal(view.generation, generation);
  const answer = await tidegate.admin.call<{ result: string }>('POST', '/api/config/reload', {});
  t.equal(answer.body.result, 'unchanged');
});

t.test(
  'a reload that adds an endpoint, a route and a pool keeps connections and counters, and says what it did',
  async (t) => {
    const blue = await Upstream.start(t, 'v1');
    const second = await Upstream.start(t, 'v1');
    const green = await Upstream.start(t, 'v2');
    const red = await Upstream.start(t, 'v3');
    const shop = { pools: blueAndGreen(blue.address, green.address), traffic: 'blue' };
    const tidegate = await startTidegate(t, shopConfig(shop));
    const marks = new Watermarks();
    const scrape = async (): Promise<Metrics> => marks.see(await tidegate.admin.metrics());
    const load = new Load({ port: tidegate.port, clients: 8, keepAlive: true });
    await load.answers(500);
    await scrape();
    const [dialled, accepted] = [load.dials, blue.connections];

    const steps = [
      {
        title: 'an endpoint',
        config: {
          ...shop,
          pools: { ...shop.pools, blue: { version: 'v1', endpoints: [blue.address, second.address] } },
        },
        changes: [`shop.blue: endpoint ${second.address} added`],
      },
      {
        title: 'a pool',
        config: { ...shop, pools: { ...shop.pools, red: { version: 'v3', endpoints: [red.address] } } },
        changes: [`shop.blue: endpoint ${second.address} removed`, 'shop: pool red added (version v3)'],
      },
      {
        title: 'a route and a version',
        config: {
          ...shop,
          pools: { ...shop.pools, green: { version: 'v2.1', endpoints: [green.address] } },
          routes: ['{ name: api, path: /api, service: shop }'],
        },
        changes: ['shop.green: version v2→v2.1', 'shop: pool red removed', 'route 1 added (api: /api/* → shop)'],
      },
      {
        title: 'the start again, with other traffic',
        config: { ...shop, traffic: '{ blue: 3, green: 1 }' },
        changes: ['shop: blue 100→3, green 0→1', 'shop.green: version v2.1→v2', 'route 1 removed (api: /api/* → shop)'],
      },
    ];
    for (const { title, config, changes } of steps) {
      const from = tidegate.lines.length;
      const savedAt = performance.now();
      await tidegate.save(shopConfig(config));
      await tidegate.line(`${title} is applied`, applied, from);
      t.comment(`${title}: ${(performance.now() - savedAt).toFixed(1)} ms from the save to the log line`);
      const { lastReload } = await tidegate.admin.config();
      t.same(lastReload.changes, changes, title);
      await load.answers(500);
      await scrape();
      if (title === 'an endpoint') t.ok(second.requests > 0, 'the new endpoint takes part');
      if (title === 'a pool') {
        const at = second.requests;
        await load.answers(100);
        t.equal(second.requests, at, 'the endpoint that has left gets nothing more');
      }
    }
    t.ok(green.requests > 0, 'the last one has moved traffic');
    t.equal(load.dials, dialled, 'no client had to connect again');
    t.equal(blue.connections, accepted, 'nor was any connection to the endpoint that stayed opened anew');
    await load.stop();
    t.same(load.failures, []);
    const metrics = await until('all are counted', async () => {
      const now = await scrape();
      return now.sum('tidegate_requests_in_flight') === 0 && now;
    });
    t.equal(metrics.sum('tidegate_requests_total', { version: 'v1' }), blue.requests + second.requests);
    // v2.1 has left the config and is out of sight, but v2 goes on counting where it stopped.
    t.equal(metrics.sum('tidegate_requests_total', { version: 'v2' }), green.requests);
    t.same(marks.wrong, []);
  },
);

t.test('a port that somebody else has makes the whole reload fail, and nothing of it takes effect', async (t) => {
  const blue = await Upstream.start(t, 'v1');
  const shop = { pools: blueAndGreen(blue.address, '127.0.0.1:9'), traffic: 'blue' };
  const tidegate = await startTidegate(t, shopConfig(shop));
  const { generation } = await tidegate.admin.config();
  const text = await readFile(tidegate.file, 'utf8');
  await tidegate.save(
    text
      .replace('listeners:\n', `listeners:\n  - { name: taken, address: ${blue.address} }\n`)
      .replace('traffic: blue', 'traffic: green'),
  );
  await tidegate.line('it is rejected', rejected);
  const config = await tidegate.admin.config();
  t.equal(config.generation, generation);
  t.match(config.lastReload.problems[0]?.message, blue.address);
  t.same((await tidegate.admin.service()).traffic, { blue: 100, green: 0 });
});
