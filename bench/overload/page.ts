/**
 * The page of the overload bench: offered load against what was answered in time, with shedding and without, and whether the
 * target is met. The words are here, the numbers come from the trials.
 */
import type { Circumstances } from '../machine.ts';
import { keptAtHighest, type Trial } from './tally.ts';

/** The part of the best goodput that must be left at three times the capacity. */
export const targetShare = 0.8;

/** What was run. */
export interface OverloadRun {
  readonly circumstances: Circumstances;
  /** Requests per second that a closed loop of a few clients got answered. */
  readonly capacity: number;
  readonly routes: number;
  readonly connections: number;
  readonly deadlineMs: number;
  readonly measureMs: number;
  readonly lagMs: number;
  /** What the machine had to do in the minute before the run, as a load average. */
  readonly otherLoad: number;
  readonly trials: readonly Trial[];
}

/** The whole page. */
export function overloadPage(run: OverloadRun): string {
  const { circumstances: at, trials } = run;
  return `# Overload: what is answered in time

- Date: ${at.date}
- Command: \`${at.command}\`
- Machine: ${at.cpu}, ${at.cores} cores, ${at.kernel}; Node ${at.node}
- ${at.pinning}
- Load average of the minute before: ${run.otherLoad.toFixed(1)}. Above a few tenths, others have had a part of the cores, and the loads below are
  multiples of a capacity that has changed meanwhile.

One data thread. Requests begin at a fixed rate, and each is timed from the moment at which it was due. Goodput is what was
answered with 200 within ${run.deadlineMs} ms. ${run.connections.toLocaleString('en')} connections are open from the start and stay open; a request for which none is
free is not sent.

The proxy has ${run.routes.toLocaleString('en')} routes by regular expression ahead of the one that matches, which makes the forwarding of a request dear
beside everything else: two cores cannot offer a proxy three times what it can do with plain small requests. A closed loop
of 64 clients got ${Math.round(run.capacity).toLocaleString('en')} requests/s, and loads are multiples of that. Each was measured for ${run.measureMs / 1000} s, with and without
shedding in turn (\`overload: { lag: ${run.lagMs}ms }\` and \`overload: off\`).

Refusing is not free. Where it costs the part r of forwarding, the most that can be left at L times the capacity is
(1 − L·r) / (1 − r), whatever decides; \`--routes 1000\` shows a proxy for which r is twice as large.

${verdict(trials, true)}

${verdict(trials, false)}

${table(trials)}
`;
}

function verdict(trials: readonly Trial[], shedding: boolean): string {
  const kept = keptAtHighest(trials, shedding);
  const highest = Math.max(...trials.map((trial) => trial.load));
  const what = `${shedding ? 'With' : 'Without'} shedding, ${highest} times the capacity leaves`;
  if (kept === null) return `${what} nothing: no load had any goodput.`;
  const share = `${what} ${percent(kept)} of the best goodput.`;
  if (!shedding) return share;
  return `${kept >= targetShare ? 'Met' : 'Missed'}: at least ${percent(targetShare)}. ${share}`;
}

function table(trials: readonly Trial[]): string {
  const rows = trials.map(
    (trial) =>
      `| ${trial.load}x | ${Math.round(trial.offered)} | ${trial.shedding ? 'on' : 'off'} | **${Math.round(trial.goodput)}** | ${ms(trial.p50Ms)} | ${ms(trial.p99Ms)} | ${percent(trial.refusedShare)} | ${percent(trial.lateShare)} | ${percent(trial.brokenShare)} | ${percent(trial.unsentShare)} |`,
  );
  const head =
    '| load | offered/s | shedding | goodput/s | p50 ms | p99 ms | refused | late | broken | not sent |\n| --: | --: | --- | --: | --: | --: | --: | --: | --: | --: |';
  return [head, ...rows].join('\n');
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function ms(value: number | null): string {
  return value === null ? '-' : value.toFixed(0);
}
