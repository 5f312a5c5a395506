/**
 * `npm run bench:overload`: what is answered in time when more comes than a data thread can do, with shedding and without.
 * Takes about a minute, on the loopback interface only, and writes `bench/results/overload.md`.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { resultPath } from './document.ts';
import { describeCircumstances } from './machine.ts';
import { whole } from './options.ts';
import { type OverloadRun, overloadPage } from './overload/page.ts';
import { type OverloadPlan, runOverload } from './overload/scenario.ts';
import { choosePinning, describePinning } from './pinning.ts';
import { exitOnSignals } from './processes.ts';

exitOnSignals();
const { values } = parseArgs({
  options: {
    lag: { type: 'string', default: '200' },
    routes: { type: 'string', default: '3000' },
    name: { type: 'string', default: 'overload' },
  },
});
if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(values.name)) throw new Error('--name must be short and of a-z, 0-9 and -');
const plan: OverloadPlan = {
  loads: [0.5, 1, 1.5, 2, 3],
  routes: whole('routes', values.routes, 1, 10_000),
  deadlineMs: 1_000,
  measureMs: 3_000,
  lagMs: whole('lag', values.lag, 20, 60_000),
};
const [otherLoad = 0] = loadavg();
const pinning = choosePinning();
const command = ['npm run bench:overload', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])];
const load = { name: 'bench/overload/generator.ts', version: '' };
const { capacity, connections, trials } = await runOverload(plan, pinning, (line) => console.log(line));
const circumstances = describeCircumstances(command.join(' '), load, describePinning(pinning), []);
const run: OverloadRun = { ...plan, otherLoad, circumstances, capacity, connections, trials };
writeFileSync(resultPath(values.name, 'json'), `${JSON.stringify(run, null, 2)}\n`);
writeFileSync(resultPath(values.name, 'md'), overloadPage(run));
console.log(`\n${overloadPage(run)}`);
