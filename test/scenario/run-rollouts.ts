/**
 * `npm run rollouts -- [--runs 50]`: bad releases on real processes and traffic, many of each kind, and what they cost.
 * Writes the table into `docs/rollout-trials.md` with `--write`; `--only N` carries out the Nth kind alone, from 0, and leaves the
 * rows of the others as they are. Ends with 1 when a bad release was not turned back.
 *
 * What bounds the cost is two things. The evidence needs a number of failures, whatever the rate. Then everything that fails
 * until the gate has moved comes on top: a few milliseconds of failures, and what was under way. How many those are is for the
 * rate to say, so it is part of each row.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { badReleases, median, quantile, type TrialPlan, type Trials } from './stage/rollout-trials.ts';
import { seededRandom } from './stage/seeded.ts';

const PAGE = fileURLToPath(new URL('../../docs/rollout-trials.md', import.meta.url));

type Case = Pick<TrialPlan, 'active' | 'candidate' | 'perSecond' | 'share'>;

const CASES: readonly Case[] = [
  { active: 0.001, candidate: 0.05, perSecond: 400 },
  { active: 0.001, candidate: 0.5, perSecond: 50 },
  { active: 0.001, candidate: 0.5, perSecond: 100 },
  { active: 0.001, candidate: 0.5, perSecond: 400 },
];

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '50' },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const runs = Number(values.runs);
const random = seededRandom();
console.log(`seed ${random.seed}`);
const rows: string[] = [];
for (const one of CASES.filter((_, index) => values.only === undefined || Number(values.only) === index)) {
  const trials = await trialsOf({ ...one, runs, random: random.next });
  const bad = trials.runs.filter(({ phase }) => phase !== 'rolled-back');
  for (const { phase, reason } of bad) console.log(`not turned back: ${phase}: ${reason}`);
  if (bad.length > 0) process.exitCode = 1;
  rows.push(rowOf(one, trials));
  console.log(rows.at(-1));
}
if (values.write) await writeFile(PAGE, pageOf(withRows(await readFile(PAGE, 'utf8'), rows)));

/** Carries them out with processes of their own that are gone afterwards. */
async function trialsOf(plan: TrialPlan): Promise<Trials> {
  const cleaners: (() => unknown)[] = [];
  try {
    return await badReleases({ teardown: (clean) => void cleaners.push(clean) }, plan);
  } finally {
    for (const clean of cleaners.reverse()) await clean();
  }
}

/** The rows of the page, in the order of CASES, with these in place of those of the same kind. */
function withRows(page: string, fresh: readonly string[]): string[] {
  const kindOf = (row: string): string => row.split(' | ', 2).join(' | ');
  const all = [...fresh, ...page.split('\n').filter((line) => line.startsWith('| 0'))];
  return CASES.map(headOf).flatMap((head) => all.find((row) => kindOf(row) === head) ?? []);
}

/** What a row begins with: which kind it is about. */
function headOf({ active, candidate, perSecond }: Case): string {
  return `| ${percent(active)} → ${percent(candidate)} | ${perSecond}`;
}

function rowOf(one: Case, { runs: all, lost }: Trials): string {
  const failed = all.map((run) => run.failed);
  const requests = all.map((run) => run.requests);
  const within = all.filter((run) => run.failed <= 5).length / all.length;
  const backs = all.filter(({ phase }) => phase === 'rolled-back').length;
  const cells = [
    headOf(one),
    `${backs} of ${all.length}`,
    median(failed),
    quantile(failed, 0.95),
    percent(within),
    Math.max(...failed),
    median(requests),
    lost,
  ];
  return `${cells.join(' | ')} |`;
}

function percent(part: number): string {
  return `${Number((part * 100).toPrecision(3))}%`;
}

function pageOf(lines: readonly string[]): string {
  return `# What a bad release costs

Written by \`npm run rollouts -- --runs ${runs} --write\`: real processes on one computer, a candidate with 10% of the traffic, the
judge as it is configured when nothing is said. Failed requests are counted by the endpoints of the candidate, those included
that were under way when the gate had moved.

| failures, active → candidate | requests/s | turned back | failed, median | 95% of runs | at most 5 | most | requests of both, median | lost |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}

The evidence needs four failures that come together, or a few more when the active side fails too. What fails until the gate has
moved comes on top. The judge looks as soon as a failure of the candidate has been counted and does not wait for its next tick, so
that is a few milliseconds of failures, and what was under way just then.
`;
}
