import t from 'tap';
import type { CutoverResult } from '../../../bench/cutover/scenario.ts';
import { benchmarksPage } from '../../../bench/document.ts';
import type { RaceResult, Track } from '../../../bench/race.ts';
import {
  type BenchResults,
  cutoverTable,
  raceTable,
  resultsText,
  standings,
  targetVerdicts,
} from '../../../bench/report.ts';

function track(name: string, ...cpu: readonly (number | null)[]): Track {
  const samples = cpu.map((cpuUsPerRequest) =>
    cpuUsPerRequest === null
      ? null
      : { cpuUsPerRequest, requestsPerSecond: 50_000, failed: 1, latencyP50Us: 1_500, latencyP99Us: null },
  );
  return { name, title: name, version: '1.2.3', samples };
}

function race(...tracks: readonly Track[]): RaceResult {
  return { shape: 'small-get', title: 'Small GET', rounds: 3, seconds: 4, tracks, leftOut: [] };
}

function cutover(name: string, late: number, lost: number): CutoverResult {
  const one = { to: 'green', commandMs: 1.25, late, lateForMs: late, lost } as const;
  const switches = [one, { ...one, to: 'blue', commandMs: 7, late: 0, lateForMs: 0, lost: 0 } as const];
  return { name, title: name, version: '1.2.3', connections: 32, requests: 98_765, lostBefore: 0, switches };
}

function results(races: readonly RaceResult[], cutovers: readonly CutoverResult[] = []): BenchResults {
  const circumstances = {
    date: '2030-01-02T03:04:05.000Z',
    command: 'npm run bench',
    cpu: 'Test Processor',
    cores: 2,
    kernel: 'Linux 6.0',
    node: 'v26.0.0',
    load: 'wrk 4.1.0',
    pinning: 'Nothing is pinned to a core: there is one core only.',
    missing: ['caddy'],
  };
  return { circumstances, races, cutovers, leftOut: [] };
}

const fast = race(track('nginx', 20, 40, 20), track('tidegate', 28, 56, 28), track('blind-relay', 22, 44, 22));

t.test('standings go from the cheapest to the dearest, with ratios to nginx and to the floor', async (t) => {
  const rows = standings(fast);
  t.same(
    rows.map((row) => row.name),
    ['nginx', 'blind-relay', 'tidegate'],
  );
  t.equal(rows[2]?.timesNginx, 1.4);
  t.equal(rows[2]?.timesRelay, 28 / 22);
  t.equal(rows[2]?.failed, 3);
});

t.test('a contender without one good round stands last, with dashes and without figures', async (t) => {
  const table = raceTable(race(track('broken', null, null), track('nginx', 20, 20)));
  t.equal(table.split('\n').at(-1), '| broken | 1.2.3 | – | – | – | – | – | – | 0 |');
});

t.test('without nginx the ratio to it is a dash and the target is not measured', async (t) => {
  const alone = race(track('tidegate', 28), track('blind-relay', 22));
  t.match(raceTable(alone), /\| tidegate \| 1\.2\.3 \| 28\.0 \| – \| 1\.27 \| 50,000 \| 1\.50 \| – \| 1 \|/);
  t.match(targetVerdicts(results([alone]))[0], /^Not measured/);
});

t.test('the target is met up to 1.5 times nginx and missed above', async (t) => {
  const verdict = (cpu: number) => targetVerdicts(results([race(track('nginx', 20), track('tidegate', cpu))]))[0];
  t.match(verdict(30), /^Met: .*1\.50x\.$/);
  t.match(verdict(30.2), /^Missed: .*1\.51x\.$/);
});

t.test('the target is judged on its own shape of load and on no other', async (t) => {
  t.match(targetVerdicts(results([{ ...fast, shape: 'large-response' }]))[0], /^Not measured/);
});

t.test('one late or one lost request misses the target of the cutover', async (t) => {
  const verdicts = (api: CutoverResult) => targetVerdicts(results([], [api]));
  t.match(verdicts(cutover('tidegate-api', 0, 0))[1], /^Met: .*0 late, 0 lost of 98,765 in 2 switches/);
  t.match(verdicts(cutover('tidegate-api', 1, 0))[1], /^Missed/);
  t.match(verdicts(cutover('tidegate-api', 0, 1))[1], /^Missed/);
  t.match(verdicts({ ...cutover('tidegate-api', 0, 0), lostBefore: 1 })[1], /^Missed/);
  t.match(verdicts({ ...cutover('tidegate-api', 0, 0), switches: [] })[1], /^Not measured/);
  t.match(verdicts(cutover('tidegate-api', 0, 0))[2], /^Not measured/);
});

t.test('the table of cutovers shows the range over the switches', async (t) => {
  const row = cutoverTable([cutover('caddy-reload', 3, 0)])
    .split('\n')
    .at(-1);
  t.equal(row, '| caddy-reload | 1.2.3 | 2 | 1.3 to 7.0 | 0 to 3 | 0.0 to 3.0 | 0 | 98,765 |');
  const early = cutoverTable([{ ...cutover('caddy-reload', 3, 0), lostBefore: 4 }]);
  t.match(early, /caddy-reload: 4 lost before the first switch\.$/);
});

t.test('the text of a run names its date, command, machine, what is missing and what failed', async (t) => {
  const text = resultsText({ ...results([fast]), leftOut: ['haproxy (small-get)'] });
  const names = [
    '2030-01-02',
    '`npm run bench`',
    'Test Processor',
    'wrk 4.1.0',
    'caddy',
    'haproxy (small-get)',
    'pinned',
  ];
  for (const name of names) t.ok(text.includes(name), name);
});

t.test('the page can be written from any results, also from empty ones', async (t) => {
  t.match(benchmarksPage(results([fast], [cutover('tidegate-cli', 0, 0)])), /\| tidegate \|/);
  t.notMatch(benchmarksPage(results([])), /undefined|NaN|null/);
});
