/**
 * The text of the grid: one line for each case, one column for each proxy, with what is needed to judge and to repeat it.
 */
import type { Chapter } from './case.ts';
import type { Verdict } from './judgement.ts';
import { type Column, proxyTitles } from './proxies.ts';

/** What a grid was made on. */
export interface Circumstances {
  /** UTC, ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly machine: string;
  readonly node: string;
  readonly seconds: number;
  /** Titles of proxies that are not installed here. */
  readonly missing: readonly string[];
}

/** How often each verdict was given in a column. */
export interface Totals {
  readonly asSaid: number;
  readonly refusedOtherwise: number;
  readonly differs: number;
}

/** Counts the verdicts of a column. */
export function totalsOf({ verdicts }: Pick<Column, 'verdicts'>): Totals {
  const count = (kind: Verdict['kind']) => verdicts.filter((verdict) => verdict.kind === kind).length;
  return { asSaid: count('as-said'), refusedOtherwise: count('refused-otherwise'), differs: count('differs') };
}

/** The words of one cell. */
export function cellOf({ kind, words }: Verdict): string {
  switch (kind) {
    case 'as-said':
      return 'as the table says';
    case 'refused-otherwise':
      return `refused otherwise: ${words}`;
    case 'differs':
      return `**differs:** ${words}`;
  }
}

/** A text as it may stand in a cell of a Markdown table: bytes that would not show are written as escapes. */
export function inCell(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/^ | $| (?= )/g, '\\x20')
    .replace(/[\\|*_<]/g, '\\$&');
}

/** The table of the totals. */
export function totalsTable(columns: readonly Column[]): string {
  const rows = columns.map((column) => {
    const { asSaid, refusedOtherwise, differs } = totalsOf(column);
    const title = `${proxyTitles[column.name]} ${column.version}`;
    return `| ${title} | ${asSaid} of ${column.verdicts.length} | ${refusedOtherwise} | ${differs} |`;
  });
  const head = '| proxy | as the table says | refused otherwise | differs |\n| --- | --- | --- | --- |';
  return `${head}\n${rows.join('\n')}`;
}

function chapterTable({ title, rows }: Chapter, from: number, columns: readonly Column[]): string {
  const lines: string[] = [
    `| case | ${columns.map(({ name }) => proxyTitles[name]).join(' | ')} |`,
    `| --- | ${columns.map(() => '---').join(' | ')} |`,
  ];
  let at = from;
  for (const { row, cases } of rows) {
    lines.push(`| **${row.replaceAll('|', '\\|')}** | ${columns.map(() => '').join(' | ')} |`);
    for (const { name } of cases) {
      const cells = columns.map(({ verdicts }) => marked(verdicts[at]!));
      lines.push(`| ${inCell(name)} | ${cells.join(' | ')} |`);
      at++;
    }
  }
  return `## ${title}\n\n${lines.join('\n')}`;
}

function marked(verdict: Verdict): string {
  return cellOf({ ...verdict, words: inCell(verdict.words) });
}

/** All chapters as tables. */
export function gridTables(chapters: readonly Chapter[], columns: readonly Column[]): string {
  let at = 0;
  const tables = chapters.map((chapter) => {
    const table = chapterTable(chapter, at, columns);
    at += chapter.rows.reduce((sum, { cases }) => sum + cases.length, 0);
    return table;
  });
  return tables.join('\n\n');
}

/** The whole page. */
export function conformancePage(chapters: readonly Chapter[], columns: readonly Column[], made: Circumstances): string {
  const versions = columns.map(({ name, version }) => `${proxyTitles[name]} ${version}`).join(', ');
  const missing = made.missing.length === 0 ? '' : `- Not installed there, and left out: ${made.missing.join(', ')}\n`;
  return `# Conformance

This page is written by \`npm run conformance\`; nothing in it is typed by hand.

- Date: ${made.date}
- Command: \`${made.command}\` (${made.seconds} s)
- Versions: ${versions}; Node ${made.node}
- Machine: ${made.machine}
${missing}
## What is measured

Each case is sent as raw bytes to each proxy, which stands in front of an upstream on a raw socket that keeps every byte it
is sent and answers what the case says, byte for byte. The verdict is computed from what both ends have seen: the status
and the bytes that the client got, whether its connection was closed, which requests the upstream saw with which framing
and body, and whether a response that was cut could be taken for a whole one. The same code judges every proxy, Tidegate
included, with a strict reader of its own that none of the proxies shares.

The yardstick is the table of what Tidegate promises: anything that two parsers could read in two ways is refused and never
forwarded. It is stricter than RFC 9110 and RFC 9112, which often allow a proxy to repair a message, and in some lines it is a
choice among several that are right. So **a difference is not always a vulnerability**: it says that this proxy does something
else with these bytes, and the cell says what. A proxy that forwards a message after making it unambiguous is counted as
different too, since whether it is read as the sender meant it then depends on what stood in front of the proxy. The middle column of
the totals counts what was refused otherwise: no upstream saw a whole request, only the answer is another one (a different
status, none in the time given, a connection that stays open).

The proxies run with plain configurations (\`bench/rivals/\`): one worker, HTTP/1.1 with kept connections to the upstream, one
route, no access log, no option that makes a parser stricter or looser. nginx passes on the \`Host\` of the client as it came
and, like HAProxy, appends to \`X-Forwarded-For\`. Some lines can be changed by configuration in nginx, HAProxy and Caddy; what
is shown is what these configurations do, in the versions named above, which are those that were installed and may not be the newest.
Rows of the table that need other settings, long waits or
Tidegate's own name (body limits, response timeouts, trusted peers, several routes, forwarding loops) are not in the grid; they are tested
in \`test/wire/\`.

## Totals

${totalsTable(columns)}

${gridTables(chapters, columns)}

## Repeat it

\`\`\`
npm run conformance                          # all cases, all proxies that are installed; writes this page
npm run conformance -- --only tidegate,nginx # some of the proxies; prints only
npm run conformance -- --case 'chunk'        # the cases whose name or row has this text; prints only
\`\`\`

It ends with code 1 when Tidegate itself differs in any line.
`;
}
