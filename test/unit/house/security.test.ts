/** SECURITY.md promises a test for each danger: the files that it names are there, and hold tests. */
import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import t from 'tap';

const text = readFileSync('SECURITY.md', 'utf8');
const table = text.slice(text.indexOf('## What is defended'), text.indexOf('## What to set'));
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| danger') && !line.startsWith('| ---'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The files that a cell names; one without a folder is in that of the one before it. */
function filesIn(cell: string): { readonly named: string; readonly files: readonly string[] }[] {
  let folder = '';
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => {
    const named = name!.includes('/') ? name! : posix.join(folder, name!);
    folder = named.endsWith('/') ? named : posix.dirname(named);
    return { named, files: globSync(named.endsWith('/') ? `${named}**/*.test.ts` : named) };
  });
}

t.test('every danger has a defence and a test that is there', async (t) => {
  t.ok(rows.length > 15, 'the rows are found');
  for (const [, danger = '', defence = '', tests = ''] of rows) {
    t.not(defence, '', danger);
    const named = filesIn(tests);
    t.ok(named.length > 0, `${danger}: a test is named`);
    for (const { named: name, files } of named) {
      t.ok(files.length > 0, `${danger}: ${name} is there`);
      for (const file of files) t.match(readFileSync(file, 'utf8'), /\bt\.test\(|\btest[A-Z]\w+\(t/, `${file} tests`);
    }
    for (const [, link] of `${defence} ${tests}`.matchAll(/\]\(([^)#]+)/g)) {
      t.ok(globSync(link!).length > 0, `${danger}: ${link} is there`);
    }
  }
});
