/**
 * Writes what the simulations find into docs/judge.md, between its two markers; the text around them stays as it is.
 *
 * Run by `npm run judge:simulate`. `--seed N` chooses another seed. The seed is on the page, so every figure can be made
 * again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { riskInterval } from '../../../src/judge/risk-interval.ts';
import { runSeed } from '../../unit/routing/seeded.ts';
import { DETECTION, SHARES, simulateDetection, simulateProof } from './detection.ts';
import { Draws } from './draws.ts';
import { harmlessRelease, WEATHERS } from './harmless.ts';
import { outageRelease } from './outage.ts';
import { simulateLatency } from './slow-tail.ts';
import { type Counting, stickyRelease } from './sticky.ts';

const PAGE = 'docs/judge.md';
const BEGIN = '<!-- simulated: begin -->';
const END = '<!-- simulated: end -->';

const RUNS = 10_001;
const RELEASES = 2000;
const STICKY_RELEASES = 500;
const OUTAGES = 300;
const RAMPS: readonly (readonly number[])[] = [
  [0.05],
  [0.01, 0.05, 0.25, 0.5],
  [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5],
];
const COUNTINGS: readonly Counting[] = ['request', 'unit-once-per-epoch', 'unit-once-per-rollout'];

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)}%`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = line(head.map((_, column) => (column === 0 ? '---' : '--:')));
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function detectionTable(draws: Draws): string {
  const rows = DETECTION.map((row) => [
    `${row.active * 100}% → ${row.candidate * 100}%`,
    ...SHARES.map((share) => {
      const { requests, failed } = simulateDetection(row, share, 0.01, RUNS, draws);
      return `${count(requests)} (${failed})`;
    }),
  ]);
  return table(['active → candidate error rate', ...SHARES.map((share) => `${share * 100}%`)], rows);
}

function latencyTable(draws: Draws): string {
  const shares = [0.05, 0.1, 0.25, 0.5];
  const found = shares.map((share) => count(simulateLatency(share, 0.01, 0.01, 501, draws)));
  return table(
    ['candidate', ...shares.map((share) => `${share * 100}%`)],
    [['1% of requests one second slower', ...found]],
  );
}

function proofTable(draws: Draws): string {
  const shares = [0.05, 0.1, 0.25, 0.5];
  const rows = [2, 3].map((margin) => [
    `less than ${margin} times as bad`,
    ...shares.map((share) => count(simulateProof(share, margin, 0.05, 2001, draws))),
  ]);
  return table(['to show', ...shares.map((share) => `${share * 100}%`)], rows);
}

function falseAlarmTable(draws: Draws): string {
  const rows = WEATHERS.map((weather) => {
    const blames = Array.from({ length: RELEASES }, () => harmlessRelease(weather, 1, 0.05, draws));
    const byJudge = blames.filter((blame) => blame.byJudge).length;
    const byTest = blames.filter((blame) => blame.byRepeatedTest).length;
    return [weather.title, percent(byJudge, RELEASES), percent(byTest, RELEASES)];
  });
  return table(['', 'the judge at 5%', 'a z-test of 5% at every look'], rows);
}

function stickyTable(draws: Draws): string {
  const rows = RAMPS.map((ramp) => [
    ramp.length === 1 ? 'one step' : `${ramp.length} steps`,
    ...COUNTINGS.map((counting) => {
      const releases = Array.from({ length: STICKY_RELEASES }, () => stickyRelease(counting, ramp, 12, 0.05, draws));
      return percent(releases.filter(Boolean).length, STICKY_RELEASES);
    }),
  ]);
  return table(['rollout', 'requests', 'units, once an epoch', 'units, once a rollout'], rows);
}

function outageTable(draws: Draws): string {
  const rows = [0.1, 0.5, 0.9].flatMap((share) =>
    [false, true].map((looksEarly) => {
      const outages = Array.from({ length: OUTAGES }, () => outageRelease(share, looksEarly, draws));
      const blamed = outages.filter(({ isBlamed }) => isBlamed).length;
      const halted = outages.filter(({ isHalted }) => isHalted).length;
      const looks = `ten times a second${looksEarly ? ', and after each bad event of the candidate' : ''}`;
      return [`${share * 100}%`, looks, percent(blamed, OUTAGES), percent(halted, OUTAGES)];
    }),
  );
  return table(['candidate', 'looked at', 'blamed', 'halted'], rows);
}

function exampleRange(): string {
  const { lower, upper } = riskInterval([{ share: 0.1, candidate: [6], active: [5] }], 0, Math.log(100));
  return `${lower.toFixed(1)} to ${upper?.toFixed(0)}`;
}

const { values } = parseArgs({ options: { seed: { type: 'string' } } });
const seed = Number(values.seed ?? runSeed) >>> 0;
const draws = new Draws(seed);
const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, Node ${process.version}`;

const part = `
Written by \`npm run judge:simulate\`; seed ${seed}, ${new Date().toISOString().slice(0, 10)}, on ${machine}. The machine has no
influence on the figures.

### How soon a worse version is found

Median requests of both sides over ${count(RUNS)} releases, in brackets the candidate's failed ones; by the candidate's share of the
traffic, at a false alarm of 1% with one signal, without a floor.

${detectionTable(draws)}

### How soon a slow tail is found

Median requests of both sides, at a false alarm of 1%. The service takes 50 ms in the middle, log-normal with a spread of 0.5.

${latencyTable(draws)}

### What it takes to show that a candidate is harmless

Median bad events of both sides for a candidate that is just as good, at an error of 5%.

${proofTable(draws)}

### How often a harmless version is blamed

${count(RELEASES)} releases each, over 1, 5, 25 and 50%, looked at after every bad event.

${falseAlarmTable(draws)}

### Sticky services with broken accounts

${STICKY_RELEASES} harmless releases each with 12 broken accounts that fail on every version, at a false alarm of 5% and a floor of
three; blamed when this is counted:

${stickyTable(draws)}

### Outages

${count(OUTAGES)} harmless releases each, whose two sides begin to fail together, half of them from their first request on: 15 to 45% of the
requests, for the rest of a minute with 40 a second. Under the whole judge, its ceiling included, at a false alarm of 1%.

${outageTable(draws)}

### A range

6 failed requests on a candidate with 10% of the traffic and 5 on the active side: risk 10.8x, ${exampleRange()} at a false alarm of
1%.
`;

const page = readFileSync(PAGE, 'utf8');
const begin = page.indexOf(BEGIN);
const end = page.indexOf(END);
if (begin === -1 || end < begin) throw new Error(`${PAGE} has no place for the simulation`);
writeFileSync(PAGE, `${page.slice(0, begin + BEGIN.length)}\n${part}\n${page.slice(end)}`);
