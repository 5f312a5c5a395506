/** What is counted of flags has a limit, in the file and for a change at run time. */
import t from 'tap';
import type { FlagDefinition } from '../../../src/config/flag-schema.ts';
import { FLAG_SERIES_MAX, flagSeriesCount } from '../../../src/config/flag-series-limit.ts';
import { misfit } from '../../../src/control/flag-drafts.ts';
import { accept, complaints } from './texts.ts';

const variants = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`v${at}`, {}]));
const wide: FlagDefinition = { strategy: 'variants', variants, offVariant: 'v0' };
const names = Array.from({ length: 50 }, (_, at) => `flag-${at}`);

/** A config with these pools, whose flags are all on one route, and which names them on another once more. */
function configWith(pools: number, definition: FlagDefinition): string {
  const all = Array.from({ length: pools }, (_, at) => [
    `pool-${at}`,
    { version: `v${at}`, endpoints: [`127.0.0.1:${3000 + at}`] },
  ]);
  return JSON.stringify({
    listeners: [{ address: '127.0.0.1:8080' }],
    services: { shop: { pools: Object.fromEntries(all), traffic: 'pool-0' } },
    routes: [
      { service: 'shop', flags: names },
      { path: '/again', service: 'shop', flags: names },
    ],
    flags: Object.fromEntries(names.map((name) => [name, definition])),
  });
}

t.test('as many series as the limit says are allowed, and each is counted once', (t) => {
  const config = accept(configWith(4, wide));
  t.equal(flagSeriesCount(config.flags, config), FLAG_SERIES_MAX);
  t.equal(flagSeriesCount(new Map([['flag-0', { strategy: 'all' }]]), config), 8, 'off and on in four pools');
  t.end();
});

t.test('more are a mistake of the file', (t) => {
  t.match(complaints(configWith(5, wide)), [/flags: have 12500 series of statistics.*at most 10000/]);
  t.end();
});

t.test('and a change that makes more of them is refused', (t) => {
  const config = accept(configWith(5, { strategy: 'all' }));
  const one = new Map([...config.flags, ['flag-0', wide] as const]);
  t.equal(misfit(['flag-0'], one, config.flags, config), null);
  const all = new Map(names.map((name) => [name, wide]));
  t.match(misfit(names, all, config.flags, config), { refused: true, code: 'too-many-flags', message: /12500 series/ });
  t.end();
});
