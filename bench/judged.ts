/**
 * `npm run bench:judged`: what being judged costs a request, in CPU time of the whole process for a small GET.
 *
 * The same config three times, in interleaved rounds: a route that is not judged, one that is while nothing happens, and one
 * whose service has a rollout at 10%, with errors and latency judged ten times a second. Writes `bench/results/judged.md`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Contender, type Launch, type Placement, tidegateProgram, writeConfig } from './contenders.ts';
import { resultPath } from './document.ts';
import { chooseLoadGenerator } from './load.ts';
import { describeCircumstances } from './machine.ts';
import { whole } from './options.ts';
import { choosePinning, describePinning } from './pinning.ts';
import { exitOnSignals } from './processes.ts';
import { type RaceResult, race } from './race.ts';
import { shapes, targetShape } from './shapes.ts';
import { median, ratioByRound } from './statistics.ts';

const HOST = join(import.meta.dirname, 'judged', 'host.ts');

function lane(name: string, title: string, isJudged: boolean, hasRollout: boolean): Contender {
  return {
    name,
    title,
    everyShape: false,
    version: () => process.version,
    launch(placement: Placement): Launch {
      const config = writeConfig('tidegate-judged.yaml', placement, 'blue', { JUDGE: String(isJudged) });
      const admin = `http://127.0.0.1:${placement.admin}`;
      const command = process.execPath;
      if (!hasRollout) {
        return { command, args: [tidegateProgram, 'run', '--config', config], readiness: { url: `${admin}/readyz` } };
      }
      const args = [HOST, config, String(placement.listen), String(placement.admin)];
      return { command, args, readiness: { url: `${admin}/api/services/shop/rollout` } };
    },
  };
}

const LANES = [
  lane('unjudged', 'not judged (`judge: false` of the route)', false, false),
  lane('judged', 'judged, and no rollout runs', true, false),
  lane('rollout', 'judged, in a rollout at 10%', true, true),
];

function tableOf({ tracks }: RaceResult): string {
  const cpuOf = (name: string): (number | null)[] =>
    tracks.find((track) => track.name === name)?.samples.map((sample) => sample?.cpuUsPerRequest ?? null) ?? [];
  const rows = tracks.map(({ name, title }) => {
    const cpu = cpuOf(name);
    const middle = median(cpu.filter((value) => value !== null));
    const ratio = ratioByRound(cpu, cpuOf('unjudged'));
    return `| ${title} | ${middle?.toFixed(2) ?? '–'} | ${ratio?.toFixed(3) ?? '–'} |`;
  });
  return ['| a small GET | CPU µs | times the first |', '| --- | --: | --: |', ...rows].join('\n');
}

exitOnSignals();
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, seconds: { type: 'string', default: '3' } },
});
const rounds = whole('rounds', values.rounds, 1, 50);
const seconds = whole('seconds', values.seconds, 1, 60);
const pinning = choosePinning();
const load = chooseLoadGenerator();
const shape = shapes.find(({ name }) => name === targetShape)!;
const result = await race({
  shape,
  contenders: LANES,
  rounds,
  seconds,
  pinning,
  load,
  log: (line) => console.log(line),
});
const command = `npm run bench:judged -- --rounds ${rounds} --seconds ${seconds}`;
const at = describeCircumstances(command, load, describePinning(pinning), []);
const page = `# What being judged costs

- Date: ${at.date}
- Command: \`${at.command}\`
- Machine: ${at.cpu}, ${at.cores} cores, ${at.kernel}; Node ${at.node}
- Load: ${at.load}. ${at.pinning}

Medians over ${rounds} rounds of ${seconds} s, one data thread, ${shape.title.toLowerCase()}. CPU time is that of all threads of the process, the judge's
ten looks a second included.

${tableOf(result)}
`;
writeFileSync(resultPath('judged', 'md'), page);
console.log(`\n${page}`);
