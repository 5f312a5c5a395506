/**
 * Draws a text again and again at the same place of a terminal.
 *
 * Not the alternate screen: what was seen last stays when the program ends, and the scroll-back stays whole. A frame is
 * written as one text, each line cleared to its end and the rest below cleared once, so that nothing flickers. The
 * cursor can only go up to the top of the terminal, so a frame is never taller; and a terminal that has become narrower
 * has wrapped the lines of the last frame, which is counted before going up.
 */

import { stripVTControlCharacters } from 'node:util';
import type { Screen } from './io.ts';
import { columnsOf } from './terminal-text.ts';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** One place of a terminal; `frame` and `end` give what is to be written. */
export class LiveScreen {
  /** The columns of each line that stands there now, the one of the cursor left out. */
  #standing: readonly number[] = [];
  #isHidden = false;

  /** The text for the next frame, in place of the one before. */
  frame(text: string, screen: Pick<Screen, 'columns' | 'rows'>): string {
    const lines = text.replace(/\n$/, '').split('\n');
    // One row is left for the cursor, which stands below the frame.
    const room = Math.max(1, screen.rows - 1);
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `(${lines.length - room + 1} more lines)`];
    const rowsUp = this.#standing.reduce((rows, width) => rows + Math.max(1, Math.ceil(width / screen.columns)), 0);
    const up = Math.min(rowsUp, room);
    this.#standing = shown.map((line) => columnsOf(stripVTControlCharacters(line)));
    const start = (this.#isHidden ? '' : HIDE_CURSOR) + (up === 0 ? '' : `\x1b[${up}A\r`);
    this.#isHidden = true;
    return `${start}${shown.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`;
  }

  /** What leaves the terminal as it was found, below the last frame; empty when nothing was drawn. */
  end(): string {
    if (!this.#isHidden) return '';
    this.#isHidden = false;
    this.#standing = [];
    return SHOW_CURSOR;
  }
}
