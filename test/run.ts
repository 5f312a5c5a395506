/**
 * Runs the test files, each in a process of its own, and ends with one plain line, `N passed, N failed`.
 *
 * A test file is a program that says TAP when Node runs it, and is started as just that. tap's own runner loads three hooks
 * into each process (another way of stripping types, mocks, coverage), which costs more than most of the files take. What a
 * runner owes is little: every assertion is counted by the file's own summary, and a file that ends without one (a crash, a
 * kill, a hang) is a failure and never "0 failed". What Node has compiled is kept in `.cache/`, where `bin/tidegate.js`
 * keeps it too.
 *
 * Wire tests come first, because they load most of the program and end in order: whatever starts after them finds it
 * compiled. Then come those with real processes, which take longest and mostly wait, so there are more at a time than cores.
 * The end is made of many short ones, so that no core idles beside a long one. Arguments name test files; without them,
 * all run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** After this, tap ends a file by itself and says what it was waiting for. */
const FILE_S_MAX = 180;
/** A file that cannot even do that is killed. */
const STUCK_MS = (FILE_S_MAX + 20) * 1000;
/** Of a file that fails, the last lines are shown, without those of what went well. */
const LINES_SHOWN = 200;
const PASSED = /^\s*ok \d/;
/** One more than cores: with two more, what takes traffic by the clock is judged late too often. */
const AT_ONCE = availableParallelism() + 1;
const ORDER = ['test/wire/', 'test/scenario/', 'test/fuzz/', 'test/simulation/', 'test/unit/'];

interface Account {
  readonly passed: number;
  readonly failed: number;
}

const environment = {
  ...process.env,
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../.cache', import.meta.url)),
  TAP_TIMEOUT: String(FILE_S_MAX),
};

const running = new Set<ChildProcess>();

/** Runs one file; says how it went, and in case of a failure what it said last. */
async function run(file: string): Promise<Account> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [file], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const stuck = setTimeout(() => {
    child.kill('SIGKILL');
    // What it has started may still hold the other ends.
    for (const output of [child.stdout, child.stderr]) output.destroy();
  }, STUCK_MS);
  const closed = once(child, 'close');
  const said: string[] = [];
  let summary: Account | null = null;
  const listen = (output: ChildProcess['stdout']): void => {
    createInterface({ input: output! }).on('line', (line) => {
      summary = summaryIn(line) ?? summary;
      if (!PASSED.test(line)) said.push(line);
      if (said.length > 2 * LINES_SHOWN) said.splice(0, LINES_SHOWN);
    });
  };
  listen(child.stdout);
  listen(child.stderr);
  const [code, signal] = await closed;
  clearTimeout(stuck);
  running.delete(child);
  const { passed, failed } = summary ?? { passed: 0, failed: 0 };
  const isGood = summary !== null && code === 0 && failed === 0;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (isGood) {
    console.log(`ok ${file} (${passed} in ${seconds} s)`);
  } else {
    const ending = summary === null ? `without a summary (${signal ?? code})` : `with ${code ?? signal}`;
    console.log(`${said.slice(-LINES_SHOWN).join('\n')}\nnot ok ${file} (ended ${ending} after ${seconds} s)`);
  }
  return { passed, failed: isGood ? 0 : Math.max(failed, 1) };
}

/** The summary of a whole file, if the line is one: those of tests inside it are indented. */
function summaryIn(line: string): Account | null {
  const found = /^# \{ total: \d+(?:, pass: (\d+))?(?:, fail: (\d+))?/.exec(line);
  return found === null ? null : { passed: Number(found[1] ?? 0), failed: Number(found[2] ?? 0) };
}

function rank(file: string): number {
  return ORDER.findIndex((folder) => file.startsWith(folder));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal);
    process.kill(process.pid, signal);
  });
}

const named = process.argv.slice(2);
const all = named.length > 0 ? named : globSync('test/**/*.test.ts').sort();
const waiting = all.sort((one, other) => rank(one) - rank(other)).values();
const accounts: Account[] = [];
const lanes = Array.from({ length: AT_ONCE }, async () => {
  for (const file of waiting) accounts.push(await run(file));
});
await Promise.all(lanes);
const sum = (of: (account: Account) => number): number => accounts.reduce((total, account) => total + of(account), 0);
const failed = sum((account) => account.failed);
console.log(`${sum((account) => account.passed)} passed, ${failed} failed`);
process.exitCode = failed === 0 && accounts.length > 0 ? 0 : 1;
