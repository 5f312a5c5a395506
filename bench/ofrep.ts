/**
 * `npm run bench:ofrep`: ten thousand questions about flags a second beside proxied requests. Takes about 80 seconds, on the
 * loopback interface only, and writes `bench/results/ofrep.md`.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { resultPath } from './document.ts';
import { describeCircumstances } from './machine.ts';
import { type OfrepRun, ofrepPage } from './ofrep/page.ts';
import { type OfrepPlan, runOfrep } from './ofrep/scenario.ts';
import { whole } from './options.ts';
import { exitOnSignals } from './processes.ts';

exitOnSignals();
const { values } = parseArgs({
  options: {
    questions: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    name: { type: 'string', default: 'ofrep' },
  },
});
if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(values.name)) throw new Error('--name must be short and of a-z, 0-9 and -');
const plan: OfrepPlan = {
  rounds: whole('rounds', values.rounds, 1, 10),
  settleMs: 1_500,
  measureMs: 4_000,
  proxied: 1_000,
  questions: whole('questions', values.questions, 1, 50_000),
  flags: 50,
  streams: 500,
  kills: 5,
};
const [otherLoad = 0] = loadavg();
const pinning = { pinned: false, reason: 'main thread and data thread need a core each' } as const;
const command = ['npm run bench:ofrep', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])];
const load = { name: 'bench/overload/generator.ts', version: '' };
const figures = await runOfrep(plan, pinning, (line) => console.log(line));
const circumstances = describeCircumstances(command.join(' '), load, pinning.reason, []);
const run: OfrepRun = { ...plan, ...figures, otherLoad, circumstances };
writeFileSync(resultPath(values.name, 'md'), ofrepPage(run));
console.log(`\n${ofrepPage(run)}`);
