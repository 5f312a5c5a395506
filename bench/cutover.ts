/**
 * `node bench/cutover.ts [--switches N] [--only NAMES]`: the cutover scenario alone, printed as a table.
 *
 * `run.ts` runs the same scenario as part of the whole and writes it down; this is for looking while working.
 */
import { parseArgs } from 'node:util';
import { type CutoverResult, runCutover } from './cutover/scenario.ts';
import { switches } from './cutover/switches.ts';
import { whole } from './options.ts';
import { choosePinning, type Pinning } from './pinning.ts';
import { exitOnSignals } from './processes.ts';
import { cutoverTable } from './report.ts';

/** Runs the scenario for each way to switch whose contender is in `names` and runs here; what fails is logged and named. */
export async function runCutovers(
  names: readonly string[],
  count: number,
  pinning: Pinning,
  log: (line: string) => void,
): Promise<{ readonly results: readonly CutoverResult[]; readonly leftOut: readonly string[] }> {
  const results: CutoverResult[] = [];
  const leftOut: string[] = [];
  for (const way of switches) {
    if (!names.includes(way.contender.name) || way.contender.version() === null) continue;
    try {
      const result = await runCutover(way, count, pinning);
      results.push(result);
      log(`cutover ${way.name}: ${result.requests} requests, ${result.switches.map(describe).join('; ')}`);
    } catch (error) {
      leftOut.push(way.name);
      log(`cutover ${way.name} is left out: ${(error as Error).message}`);
    }
  }
  return { results, leftOut };
}

function describe({ commandMs, late, lost }: CutoverResult['switches'][number]): string {
  return `${commandMs.toFixed(1)} ms, ${late} late, ${lost} lost`;
}

if (import.meta.main) {
  exitOnSignals();
  const { values } = parseArgs({ options: { switches: { type: 'string', default: '6' }, only: { type: 'string' } } });
  const names = values.only?.split(',') ?? switches.map((way) => way.contender.name);
  const count = whole('switches', values.switches, 1, 50);
  const { results } = await runCutovers(names, count, choosePinning(), (line) => console.log(line));
  console.log(`\n${cutoverTable(results)}`);
}
