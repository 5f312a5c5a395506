/**
 * `npm run bench`: the races and the cutover scenario, and their results written down.
 *
 * Results are written after every part, so that a run that is broken off leaves what it has measured. A full run also
 * writes `docs/benchmarks.md`. See `options.ts` for how to narrow a run.
 */
import type { Contender } from './contenders.ts';
import type { CutoverResult } from './cutover/scenario.ts';
import { runCutovers } from './cutover.ts';
import { writePage, writeResults } from './document.ts';
import { chooseLoadGenerator } from './load.ts';
import { describeCircumstances } from './machine.ts';
import { type BenchOptions, readOptions, usage } from './options.ts';
import { choosePinning, describePinning } from './pinning.ts';
import { exitOnSignals } from './processes.ts';
import { findProgram } from './programs.ts';
import { type RaceResult, race } from './race.ts';
import { type BenchResults, resultsText } from './report.ts';
import type { Shape } from './shapes.ts';

function options(): BenchOptions {
  if (process.argv.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

function field({ contenders, narrowed }: BenchOptions, shape: Shape): readonly Contender[] {
  const present = contenders.filter((contender) => contender.version() !== null);
  return narrowed || shape.everybody ? present : present.filter((contender) => contender.everyShape);
}

async function bench(chosen: BenchOptions): Promise<void> {
  const log = (line: string) => console.log(line);
  const pinning = choosePinning();
  const load = chooseLoadGenerator();
  const absent = chosen.contenders.filter((contender) => contender.version() === null);
  const missing = absent.map((contender) => contender.name);
  if (load.name !== 'wrk') missing.push('wrk');
  const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
  const circumstances = describeCircumstances(command, load, describePinning(pinning), missing);
  const races: RaceResult[] = [];
  const cutovers: CutoverResult[] = [];
  const leftOut: string[] = [];
  const results: BenchResults = { circumstances, races, cutovers, leftOut };
  if (missing.length > 0) log(`Not installed here, and left out: ${missing.join(', ')}.`);

  for (const shape of chosen.shapes) {
    const { rounds, seconds } = chosen;
    const result = await race({ shape, contenders: field(chosen, shape), rounds, seconds, pinning, load, log });
    races.push(result);
    leftOut.push(...result.leftOut.map((name) => `${name} (${shape.name})`));
    writeResults(chosen.name, results);
  }
  if (chosen.cutover) {
    const names = chosen.contenders.map((contender) => contender.name);
    const outcome = await runCutovers(names, chosen.switches, pinning, log);
    cutovers.push(...outcome.results);
    leftOut.push(...outcome.leftOut);
    writeResults(chosen.name, results);
  }
  if (chosen.name === 'full') writePage(results);
  log(`\n${resultsText(results)}`);
}

exitOnSignals();
if (process.platform !== 'linux' || findProgram('timeout') === null) {
  console.error(
    'The bench reads CPU time from /proc and bounds its children by `timeout`: it needs Linux with coreutils.',
  );
  process.exit(2);
}
await bench(options());
