import t from 'tap';
import { refused } from '../../../bench/conformance/case.ts';
import { chapters } from '../../../bench/conformance/cases/all.ts';
import { cellOf, conformancePage, inCell, totalsOf } from '../../../bench/conformance/page.ts';

const verdicts = [
  { kind: 'as-said', words: '' },
  { kind: 'differs', words: '200, forwarded: X-A: b | c' },
  { kind: 'refused-otherwise', words: '501' },
] as const;
const page = conformancePage(
  [
    {
      title: 'One',
      rows: [{ row: 'a row', cases: ['x', 'y'].map((name) => ({ name, sends: '', expected: refused(400) })) }],
    },
    { title: 'Two', rows: [{ row: 'another', cases: [{ name: 'z\x01', sends: '', expected: refused(400) }] }] },
  ],
  [{ name: 'nginx', version: '1.2.3', verdicts }],
  { date: 'today', command: 'npm run x', machine: 'a machine', node: 'v0', seconds: 3, missing: ['Caddy'] },
);

t.test('each case stands beside its own verdict, across chapters', async (t) => {
  t.ok(page.includes('| x | as the table says |\n'));
  t.ok(page.includes('| y | **differs:** 200, forwarded: X-A: b \\| c |\n'));
  t.ok(page.includes('| z\\\\x01 | refused otherwise: 501 |\n'));
});

t.test('the page says when, with what and on what it was made, what is missing, and the totals', async (t) => {
  for (const words of ['Date: today', '`npm run x` (3 s)', 'nginx 1.2.3', 'a machine', 'left out: Caddy']) {
    t.ok(page.includes(words), words);
  }
  t.ok(page.includes('| nginx 1.2.3 | 1 of 3 | 1 | 1 |'));
  t.strictSame(totalsOf({ verdicts }), { asSaid: 1, refusedOtherwise: 1, differs: 1 });
});

t.test('nothing in a cell can end it or change how it looks', async (t) => {
  t.equal(inCell('a|b\r\n*<\xff'), 'a\\|b\\\\x0d\\\\x0a\\*\\<\\\\xff');
  t.equal(inCell('GET  /f '), 'GET\\\\x20 /f\\\\x20', 'spaces that would not show');
  t.equal(cellOf({ kind: 'as-said', words: '' }), 'as the table says');
});

t.test('no two cases of a row have the same name, and every case sends something', async (t) => {
  const rows = chapters.flatMap((chapter) => chapter.rows);
  t.ok(rows.flatMap(({ cases }) => cases).length > 130);
  for (const { row, cases } of rows) {
    t.equal(new Set(cases.map(({ name }) => name)).size, cases.length, row);
    t.ok(cases.length > 0 && cases.every(({ sends }) => sends !== ''), row);
  }
});
