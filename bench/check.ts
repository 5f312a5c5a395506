/**
 * `npm run bench:check`: has Tidegate become dearer? It races against the blind relay alone, in under three minutes.
 *
 * The relay is the yardstick because it needs nothing installed and drifts with Node and the machine exactly as
 * Tidegate does. The check fails with code 1 when the ratio is more than 15% above the recorded one in
 * `results/baseline.json`; `--record` measures in the same way and writes that file. Code 2 means that nothing could
 * be compared. The margin is wide because the same code differs by several percent between runs on a busy machine.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Baseline, compare } from './baseline.ts';
import { contenderNamed } from './contenders.ts';
import { resultPath } from './document.ts';
import { chooseLoadGenerator } from './load.ts';
import { describeCircumstances } from './machine.ts';
import { choosePinning, describePinning } from './pinning.ts';
import { exitOnSignals } from './processes.ts';
import { race } from './race.ts';
import { standings } from './report.ts';
import { shapes, targetShape } from './shapes.ts';

const rounds = 11;
const seconds = 4;

exitOnSignals();
const { values } = parseArgs({ options: { record: { type: 'boolean', default: false } } });
const path = resultPath('baseline', 'json');
if (!values.record && !existsSync(path)) {
  console.error(
    'There is no recorded ratio to compare with; `npm run bench:check -- --record` measures and records one.',
  );
  process.exit(2);
}

const pinning = choosePinning();
const load = chooseLoadGenerator();
const shape = shapes.find((each) => each.name === targetShape)!;
const contenders = [contenderNamed('blind-relay'), contenderNamed('tidegate')];
const result = await race({ shape, contenders, rounds, seconds, pinning, load, log: (line) => console.log(line) });
const ratio = standings(result).find((row) => row.name === 'tidegate')?.timesRelay ?? null;
if (ratio === null) {
  console.error('Tidegate or the blind relay could not be measured.');
  process.exit(2);
}
if (values.record) {
  const circumstances = describeCircumstances('npm run bench:check -- --record', load, describePinning(pinning), []);
  const baseline: Baseline = { ratio, circumstances };
  writeFileSync(path, `${JSON.stringify(baseline, null, 2)}\n`);
  console.log(`Recorded: Tidegate uses ${ratio.toFixed(3)}x the blind relay's CPU per request.`);
} else {
  const { passed, sentence } = compare(ratio, JSON.parse(readFileSync(path, 'utf8')) as Baseline);
  console.log(sentence);
  process.exitCode = passed ? 0 : 1;
}
