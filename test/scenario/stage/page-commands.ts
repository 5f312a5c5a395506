/**
 * The commands of a page of the docs: found, run in their order, and held against what the page says came of them.
 *
 * A block without a language that begins with `$ ` is a session: each line with `$ ` is a command, and what follows it is its output. What
 * differs from run to run (times, who, counts of a sample) is made the same on both sides before they are compared.
 */
import { execFile } from 'node:child_process';

const SESSION = /^```\n(\$ [\s\S]*?)^```$/gm;
const COMMAND_MS_MAX = 60_000;

/** Runs one command line in bash; its output has both streams, as on a screen. */
export function inBash(line: string, cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((done) => {
    const args = ['-u', 'NODE_OPTIONS', 'bash', '-c', `{ ${line}\n} 2>&1`];
    execFile('env', args, { cwd, env: { ...env }, timeout: COMMAND_MS_MAX }, (_, out) => done(out));
  });
}

/** The words of a command line as bash would split it, where it has no more than words and quotes. */
export function wordsOf(line: string): string[] {
  const found = line.matchAll(/(?:[^\s'"]+|'[^']*'|"[^"]*")+/g);
  return [...found].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, one?: string, two?: string) => one ?? two ?? ''),
  );
}

/** The page with the output of each of its commands as it is now. */
export async function withOutputs(page: string, run: (line: string) => Promise<string>): Promise<string> {
  let [text, from] = ['', 0];
  for (const match of page.matchAll(SESSION)) {
    const lines = match[1]!.split('\n').filter((line) => line.startsWith('$ '));
    let session = '';
    for (const line of lines)
      session += `${line}\n${(await run(line.slice(2))).replace(/\n*$/, '\n').replace(/^\n$/, '')}`;
    text += `${page.slice(from, match.index)}\`\`\`\n${session}\`\`\``;
    from = match.index + match[0].length;
  }
  return text + page.slice(from);
}

/** Without what no two runs have in common. */
export function steady(page: string): string {
  return (
    page
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\dZ)?/g, 'TIME')
      .replaceAll(/in [\d.]+ m?s\b/g, 'in N ms')
      .replaceAll(/cli:[\w-]+/g, 'cli:WHO')
      // What is cut where the screen ends, and what runs down.
      .replaceAll(/by cli:WHO, 20.*$/gm, 'by cli:WHO, TIME')
      .replaceAll(/, [\d minhs]+ left of ([\d minhs]+\b).*/g, ', TIME left of $1')
      .replaceAll(/as of [0-9a-f]{16}/g, 'as of REVISION')
      // What a judge has seen by now.
      .replaceAll(/waiting: .*\n(?: {12}.*\n)*/g, 'waiting: VERDICT\n')
      .replaceAll(/^( +(?:errors|latency) +waiting).*\n(?: {10}.*\n)+/gm, '$1 EVIDENCE\n')
      .replaceAll(/(treatment|control) \d+ of \d+(?: \([\d.]+%\))?/g, '$1 N of N')
      // The columns of a table are as wide as the name of whoever runs it.
      .replaceAll(/(\S) {2,}/g, '$1  ')
      .replaceAll(/^ {2}(?:about )?[\d,]+ of [\d,]+ keys? seen/gm, '  N of N keys seen')
      .replaceAll(/on for [\d,]+ of them now, for (?:about )?[\d,]+ then/g, 'on for N of them now, for N then')
  );
}
