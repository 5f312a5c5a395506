/**
 * Runs the test files under tap and ends with one plain line, `N passed, N failed`.
 *
 * tap's own summary is made for people who watch; a machine that waits wants one line and an exit code. Every assertion
 * of tap's stream is counted, and a stream that ends early (a crash, a killed runner) counts as a failure, never as
 * "0 failed". Arguments name test files; without them, all run.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const files = process.argv.slice(2);
const args = ['--reporter=tap', '--jobs=2', '--timeout=180', ...(files.length > 0 ? files : ['test/**/*.test.ts'])];
const tap = spawn('node_modules/.bin/tap', args, { stdio: ['ignore', 'pipe', 'inherit'] });

let passed = 0;
let failed = 0;
let summarised = false;
const recent: string[] = [];

for await (const line of createInterface({ input: tap.stdout })) {
  const summary = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?/.exec(line);
  if (summary !== null) {
    passed = Number(summary[1] ?? 0);
    failed = Number(summary[2] ?? 0);
    summarised = true;
  }
  if (/^\s*not ok/.test(line) || process.env.TIDEGATE_TEST_VERBOSE === '1') console.log(line);
  else if (/^ok /.test(line)) console.log(line);
  recent.push(line);
  if (/^not ok/.test(line)) console.log(recent.splice(0).slice(-80).join('\n'));
  if (recent.length > 400) recent.splice(0, 200);
}

const code = await new Promise<number | null>((resolve) => {
  if (tap.exitCode !== null) resolve(tap.exitCode);
  else tap.once('close', (status) => resolve(status));
});
if (!summarised) console.log('tap ended without a summary');
if ((code !== 0 || !summarised) && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
