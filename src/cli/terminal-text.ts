/**
 * Text for a terminal: made harmless, measured, cut and padded by the columns it takes.
 *
 * Texts of the admin API end up in somebody's terminal, and a check's detail or a change's reason may come from a
 * stranger. Control characters (which move the cursor or set the clipboard) and invisible format characters (which
 * reorder what is read) are removed, not escaped: there is nothing in them for people. Width follows the wide ranges of
 * Unicode's East Asian Width; exact emoji sequences are not worth a table here.
 */

import type { CliIo } from './io.ts';

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const BREAK = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
const ZERO_WIDTH = /\p{M}/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** Nothing for a terminal line is longer; what is, is cut before anything else is done with it. */
const TEXT_LENGTH_MAX = 4096;

/** One line without control and format characters; line breaks and tabs become spaces. */
export function plain(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX).replace(BREAK, ' ').replace(CONTROL, '');
}

/** The columns that a plain text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of text) columns += widthOf(char);
  return columns;
}

/** The text in at most `columns` columns; what was cut off is shown by `mark`, a text of one column. */
export function cut(text: string, columns: number, mark: string): string {
  if (columnsOf(text) <= columns) return text;
  if (columns < 1) return '';
  let kept = '';
  let room = columns - 1;
  for (const char of text) {
    room -= widthOf(char);
    if (room < 0) break;
    kept += char;
  }
  return kept + mark;
}

/** The text in exactly `columns` columns, at the left or at the right. */
export function fit(text: string, columns: number, side: 'left' | 'right', mark: string): string {
  const short = cut(text, columns, mark);
  const gap = ' '.repeat(columns - columnsOf(short));
  return side === 'left' ? short + gap : gap + short;
}

/** The text in lines of at most `columns` columns, broken at spaces where there are any; at least one line. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || columnsOf(longer) <= columns) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line].map((one) => cut(one, columns, '~'));
}

/** ASCII only: the few signs that our own texts use become their plain forms, everything else a question mark. */
export function ascii(text: string): string {
  return text
    .replaceAll('→', '->')
    .replaceAll('…', '~')
    .replace(/[^\n\x20-\x7e\x1b]/gu, '?');
}

/** One line as it can be shown, with its line break. */
export function shown(text: string, io: Pick<CliIo, 'screen'>): string {
  return `${io.screen().unicode ? text : ascii(text)}\n`;
}

/** An ISO time as `2025-01-31 12:00:00Z`; anything else stays as it is. */
export function when(iso: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(iso);
  return match === null ? plain(iso) : `${match[1]} ${match[2]}Z`;
}

/** Who moved traffic and how, as `flip by cli:ann`; a reload of the file is both. */
export function movedBy(reason: string, by: string): string {
  return reason === by ? plain(reason) : `${plain(reason)} by ${plain(by)}`;
}

function widthOf(char: string): number {
  // Most characters are ASCII: no need to ask Unicode about them.
  if (char < '\u0300') return 1;
  if (ZERO_WIDTH.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}
