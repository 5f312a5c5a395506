/**
 * Which branches of the engine the corpus and the generated cases reach: what nothing reaches is attacked by nobody.
 *
 * V8 counts block by block (`NODE_V8_COVERAGE`) in a process of its own, because counting slows everything down. Types are
 * stripped by putting spaces in their place, so an offset in the running code is one in the file.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutHook } from '../scenario/stage/own-environment.ts';
import type { Account, Finding, Run } from './fuzzer.ts';

const WORKLOAD = fileURLToPath(new URL('coverage-workload.ts', import.meta.url));
const ENGINE = '/src/http1/';
const CASES = 3000;

/** What no bytes can reach, by file and code: the callers of these never ask. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  // A body of length 0 is complete before it is read.
  'src/http1/body.ts: return start;',
  // The lines of a head that was accepted end with an empty one.
  'src/http1/field-lines.ts: return found;',
]);

/** What of one file was reached. */
export interface FileCoverage {
  readonly file: string;
  /** The blocks that V8 counts: functions, branches, what follows a return. */
  readonly blocks: number;
  readonly reached: number;
  readonly unreached: readonly Unreached[];
}

/** A stretch of code that nothing reached. */
export interface Unreached {
  readonly line: number;
  readonly code: string;
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** Plays the corpus and so many generated cases and gives what was reached, file by file. */
export async function measureCoverage(seed: number, cases: number): Promise<FileCoverage[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-coverage-'));
  try {
    const [command, args] = withoutHook(process.execPath, [WORKLOAD, String(seed), String(cases)]);
    const child = spawn(command, args, {
      // Code from the compile cache is counted less exactly.
      env: { ...process.env, NODE_V8_COVERAGE: folder, NODE_DISABLE_COMPILE_CACHE: '1' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`the workload ended with ${code}`);
    const [report] = readdirSync(folder);
    const { result } = JSON.parse(readFileSync(join(folder, report!), 'utf8')) as { result: readonly ScriptCoverage[] };
    return result.filter(({ url }) => url.includes(ENGINE)).map(coverageOf);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function coverageOf({ url, functions }: ScriptCoverage): FileCoverage {
  const path = fileURLToPath(url);
  const text = readFileSync(path, 'utf8');
  const ranges = functions.flatMap((counted) => counted.ranges);
  // The inner range says more than the outer one.
  const outerFirst = [...ranges].sort((one, other) => length(other) - length(one));
  const counts = new Float64Array(text.length);
  for (const { startOffset, endOffset, count } of outerFirst) counts.fill(count, startOffset, endOffset);
  return {
    file: path.slice(path.indexOf(ENGINE) + 1),
    blocks: ranges.length,
    reached: ranges.filter(({ count }) => count > 0).length,
    unreached: unreached(text, counts),
  };
}

function length({ startOffset, endOffset }: Range): number {
  return endOffset - startOffset;
}

function unreached(text: string, counts: Float64Array): Unreached[] {
  const found: Unreached[] = [];
  for (let at = 0; at < text.length; at++) {
    if (counts[at]! > 0) continue;
    const from = at;
    while (at < text.length && counts[at] === 0) at++;
    const code = text.slice(from, at);
    // What follows a return in every path is only the brace that ends the block.
    if (!/[\w;]/.test(code)) continue;
    const line = text.slice(0, from + code.search(/\S/)).split('\n').length;
    found.push({ line, code: code.trim().replace(/\s+/g, ' ').slice(0, 90) });
  }
  return found;
}

/** Measures once, however long the run may be; what is unreached and could be reached is a finding. */
export async function fuzzCoverage({ random }: Run): Promise<Account> {
  const files = await measureCoverage(random.u32(), CASES);
  const counts = { blocks: 0, reached: 0 };
  const findings: Finding[] = [];
  for (const { file, blocks, reached, unreached } of files) {
    counts.blocks += blocks;
    counts.reached += reached;
    for (const { line, code } of unreached) {
      if (UNREACHABLE.has(`${file}: ${code}`)) continue;
      findings.push({
        what: `nothing reaches ${file}:${line}: ${code}`,
        reproduction: 'wanted: an entry for the corpus',
      });
    }
  }
  if (files.length === 0) findings.push({ what: 'nothing was measured', reproduction: '' });
  return { cases: CASES, counts, findings };
}
