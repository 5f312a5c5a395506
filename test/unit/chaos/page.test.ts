import t from 'tap';
import type { Account } from '../../chaos/account.ts';
import { type Kept, reliabilityPage } from '../../chaos/page.ts';
import { scenarios } from '../../chaos/scenarios/all.ts';

const tally = { sent: 1500, answered: 1490, refused: 4, lost: 0, cut: 6, wrong: 0 };
const none = { sent: 0, answered: 0, refused: 0, lost: 0, cut: 0, wrong: 0 };
const account: Account = {
  gets: tally,
  posts: none,
  retried: 12,
  twice: 0,
  held: 0,
  perSecond: 2000,
  p99Ms: 12.34,
  reasons: {},
  measures: { kills: 3, bytesPerConnection: 9000 },
  notes: ['There were fewer.'],
};

function keptOf(more: Partial<Kept>): Kept {
  return {
    scenario: 'kill-under-gets',
    subject: 'tidegate',
    account,
    broken: [],
    date: '2026-01-02T03:04:05.000Z',
    seed: 7,
    version: '0.1.0',
    machine: 'a machine',
    node: 'v26.0.0',
    ...more,
  };
}

t.test('a scenario has a line for each proxy, Tidegate first, and says when, where and with which seed', async (t) => {
  const rival = keptOf({ subject: 'nginx', version: '1.22.1', account: { ...account, retried: null } });
  const page = reliabilityPage([rival, keptOf({})]);
  t.match(
    page,
    /\| \*\*Tidegate\*\* \| 0\.1\.0 \| 1,500 \| 1,490 \| 12 \| 4 \| 6 \| 0 \| 0 \| 0 \| 12\.3 \|\n\| nginx \| 1\.22\.1 \|.* – \|/,
  );
  t.match(page, 'Load: 2,000 GETs/s.');
  t.match(page, '2026-01-02, seed 7; a machine; Node v26.0.0.');
  t.match(page, 'kills 3, bytes per connection 9,000');
  t.match(page, 'There were fewer.');
});

t.test('a broken promise is at the top, in bold', async (t) => {
  const page = reliabilityPage([keptOf({ broken: ['no GET is lost'] })]);
  t.match(page, /\*\*Broken in the runs below:\*\*\n\n- kill-under-gets: no GET is lost/);
  t.notMatch(page, 'All promises were kept');
});

t.test('what was not run is not on the page', async (t) => {
  const page = reliabilityPage([keptOf({})]);
  t.match(page, `(1 of ${scenarios.length} scenarios)`);
  t.equal(page.match(/^Fault: /gm)?.length, 1);
});

t.test('scenarios have names of their own, and promises', async (t) => {
  t.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  for (const { name, vows } of scenarios) t.ok(vows.length > 5, name);
});
