/**
 * `npm run conformance`: raw cases put to Tidegate and to the proxies that are installed, as a grid.
 *
 * All proxies are asked at the same time, each in front of an upstream of its own; the cases of one follow one another. A
 * run of everything writes `docs/conformance.md`; a narrowed one only prints. The exit code is 1 when Tidegate itself
 * differs from the table, and 2 when nothing could be measured.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Chapter } from './conformance/case.ts';
import { chapters } from './conformance/cases/all.ts';
import { conformancePage, gridTables, totalsOf, totalsTable } from './conformance/page.ts';
import { proxyNames, proxyTitles, runColumn, versionOf } from './conformance/proxies.ts';
import { exitOnSignals, Nursery } from './processes.ts';
import { findProgram } from './programs.ts';
import { Workspace } from './workspace.ts';

/** The chapters with those cases only whose name or row has this text; rows and chapters without any are left out. */
function narrowed(text: string): Chapter[] {
  return chapters.flatMap(({ title, rows }) => {
    const kept = rows.flatMap(({ row, cases }) => {
      const fitting = cases.filter(({ name }) => `${row} ${name}`.includes(text));
      return fitting.length === 0 ? [] : [{ row, cases: fitting }];
    });
    return kept.length === 0 ? [] : [{ title, rows: kept }];
  });
}

async function conformance(only: readonly string[], text: string): Promise<number> {
  const begunMs = performance.now();
  const asked = text === '' ? chapters : narrowed(text);
  const cases = asked.flatMap(({ rows }) => rows.flatMap((row) => row.cases));
  const present = only.filter((name) => versionOf(name) !== null);
  const missing = only.filter((name) => !present.includes(name)).map((name) => proxyTitles[name]!);
  using nursery = new Nursery({ pinned: false, reason: 'nothing is timed here' });
  using workspace = new Workspace();
  console.log(`${cases.length} cases for ${present.map((name) => proxyTitles[name]).join(', ')}`);
  const columns = await Promise.all(present.map((name) => runColumn(name, cases, nursery, workspace)));
  const seconds = Math.round((performance.now() - begunMs) / 1000);
  console.log(`\n${gridTables(asked, columns)}\n\n${totalsTable(columns)}\n\n${seconds} s`);
  if (text === '' && only.length === proxyNames.length) {
    const page = conformancePage(chapters, columns, {
      date: new Date().toISOString(),
      command: 'npm run conformance',
      machine: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${type()} ${release()}`,
      node: process.version,
      seconds,
      missing,
    });
    writeFileSync(join(import.meta.dirname, '..', 'docs', 'conformance.md'), page);
  }
  const own = columns.find(({ name }) => name === 'tidegate');
  return own === undefined || totalsOf(own).asSaid === cases.length ? 0 : 1;
}

exitOnSignals();
const { values } = parseArgs({ options: { only: { type: 'string' }, case: { type: 'string', default: '' } } });
const only = values.only?.split(',') ?? [...proxyNames];
const stranger = only.find((name) => !(proxyNames as readonly string[]).includes(name));
if (stranger !== undefined || findProgram('timeout') === null) {
  console.error(
    stranger === undefined
      ? 'The proxies are bounded by `timeout` of coreutils, which is not here.'
      : `There is no proxy ${stranger} in the grid; there are ${proxyNames.join(', ')}.`,
  );
  process.exit(2);
}
process.exitCode = await conformance(only, values.case);
