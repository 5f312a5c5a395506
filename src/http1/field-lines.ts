/**
 * The field lines of a head or trailer section, as offsets into its text.
 *
 * One scan checks every character of every line and notes where names and values begin and end; nothing is copied. The
 * arrays of offsets belong to the scanner and are used again for the next head, which is safe because a head is read to
 * its end without giving way. An object for each field, or a Map of them, costs more than all the checking does.
 *
 * What is passed on is cut out of the text in runs of neighbouring lines, so order, case and spacing stay as sent.
 *
 * Source: RFC 9112, section 5; RFC 9110, section 5.5.
 */

import { isBlank, TOKEN, trimBlanks } from './characters.ts';
import type { RefusalKind } from './fault.ts';
import { fieldIdAt, sameNameAt } from './field-names.ts';

// Constants of this module are folded into the scan; imported ones are loaded for every character (a fifth of its time).
const HTAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const COLON = 0x3a;
const DEL = 0x7f;

/** The lines that the last `scan` found, by index from 0 to `count`. */
export class FieldLines {
  count = 0;
  /** The offset just after the last line: where the empty line begins. */
  end = 0;
  start: Int32Array;
  colon: Int32Array;
  valueFrom: Int32Array;
  valueTo: Int32Array;
  /** The number of a known field, as in `FIELD`, 0 for others. */
  id: Uint8Array;
  /** 1 for the lines that are not passed on; all 0 after a scan. */
  dropped: Uint8Array;

  constructor(linesMax: number) {
    this.start = new Int32Array(linesMax);
    this.colon = new Int32Array(linesMax);
    this.valueFrom = new Int32Array(linesMax);
    this.valueTo = new Int32Array(linesMax);
    this.id = new Uint8Array(linesMax);
    this.dropped = new Uint8Array(linesMax);
  }

  /**
   * Reads the lines of `text` from `from` up to the empty line that must end it. Gives '' or why the text is refused; more
   * than `fieldsMax` lines are refused, never cut off.
   */
  scan(text: string, from: number, fieldsMax: number): RefusalKind | '' {
    if (fieldsMax > this.start.length) this.#grow(fieldsMax);
    const token = TOKEN;
    let count = 0;
    let at = from;
    this.count = 0;
    for (;;) {
      const lineEnd = text.indexOf('\r', at);
      if (lineEnd === at) {
        if (text.charCodeAt(at + 1) !== LF || at + 2 !== text.length) return 'bare-carriage-return';
        this.end = at;
        this.count = count;
        return '';
      }
      if (lineEnd < 0) return text.indexOf('\n', at) < 0 ? 'head-malformed' : 'bare-line-feed';
      if (count === fieldsMax) return 'fields-too-many';
      let colon = at;
      while (token[text.charCodeAt(colon)] === 1) colon++;
      if (text.charCodeAt(colon) !== COLON || colon === at) return nameFault(text, at, colon, count === 0);
      // Comparisons in a bounded loop take half the time of a table here, and values are most of a head.
      for (let index = colon + 1; index < lineEnd; index++) {
        const code = text.charCodeAt(index);
        if ((code < SP && code !== HTAB) || code === DEL) return code === LF ? 'bare-line-feed' : 'field-value-control';
      }
      if (text.charCodeAt(lineEnd + 1) !== LF) return 'bare-carriage-return';
      let valueFrom = colon + 1;
      let valueTo = lineEnd;
      while (valueFrom < valueTo && isBlank(text.charCodeAt(valueFrom))) valueFrom++;
      while (valueTo > valueFrom && isBlank(text.charCodeAt(valueTo - 1))) valueTo--;
      this.start[count] = at;
      this.colon[count] = colon;
      this.valueFrom[count] = valueFrom;
      this.valueTo[count] = valueTo;
      this.id[count] = fieldIdAt(text, at, colon);
      this.dropped[count] = 0;
      at = lineEnd + 2;
      count++;
    }
  }

  /** Marks every line with the lower-case `name` as not passed on. */
  drop(text: string, name: string): void {
    for (let line = 0; line < this.count; line++) {
      const from = this.start[line]!;
      if (this.colon[line]! - from === name.length && sameNameAt(text, from, name)) this.dropped[line] = 1;
    }
  }

  /** All lines that are not dropped, each with its CRLF, cut out in runs. */
  kept(text: string): string {
    let kept = '';
    let runFrom = -1;
    for (let line = 0; line < this.count; line++) {
      if (this.dropped[line] === 0) {
        if (runFrom < 0) runFrom = this.start[line]!;
      } else if (runFrom >= 0) {
        kept += text.slice(runFrom, this.start[line]!);
        runFrom = -1;
      }
    }
    return runFrom < 0 ? kept : kept + text.slice(runFrom, this.end);
  }

  #grow(linesMax: number): void {
    this.start = new Int32Array(linesMax);
    this.colon = new Int32Array(linesMax);
    this.valueFrom = new Int32Array(linesMax);
    this.valueTo = new Int32Array(linesMax);
    this.id = new Uint8Array(linesMax);
    this.dropped = new Uint8Array(linesMax);
  }
}

function nameFault(text: string, nameFrom: number, at: number, isFirst: boolean): RefusalKind {
  const code = text.charCodeAt(at);
  if (isBlank(code) && at === nameFrom) return isFirst ? 'space-before-field' : 'obs-fold';
  if (isBlank(code)) {
    const lineEnd = text.indexOf('\n', at);
    const colon = text.indexOf(':', at);
    return colon >= 0 && (lineEnd < 0 || colon < lineEnd) ? 'space-before-colon' : 'field-without-colon';
  }
  if (code === LF) return 'bare-line-feed';
  if (code === CR) return text.charCodeAt(at + 1) === LF ? 'field-without-colon' : 'bare-carriage-return';
  return 'field-name-malformed';
}

/**
 * The value of the field `name` (any case) in the checked lines that begin at `from` in `text`; several are joined by
 * `, `, or `; ` for Cookie. Undefined when there is none.
 */
export function findField(text: string, from: number, name: string): string | undefined {
  const wanted = name.toLowerCase();
  const separator = wanted === 'cookie' ? '; ' : ', ';
  let found: string | undefined;
  let lineFrom = from;
  while (lineFrom < text.length) {
    const lineTo = text.indexOf('\r', lineFrom);
    if (lineTo <= lineFrom) return found;
    const colon = lineFrom + wanted.length;
    if (text.charCodeAt(colon) === COLON && sameNameAt(text, lineFrom, wanted)) {
      const value = trimBlanks(text.slice(colon + 1, lineTo));
      found = found === undefined ? value : found + separator + value;
    }
    lineFrom = lineTo + 2;
  }
  return found;
}

/**
 * The lines of `lines` (each `Name: value` with CRLF) without those whose lower-case name is in `names`. An underscore is
 * taken for a hyphen too: to a CGI or WSGI application `X_User` and `X-User` are one variable, and a field that is withheld
 * from it must not come in by the other name.
 */
export function linesWithout(lines: string, names: ReadonlySet<string>): string {
  let kept = '';
  let runFrom = 0;
  let lineFrom = 0;
  while (lineFrom < lines.length) {
    const lineTo = lines.indexOf('\n', lineFrom) + 1;
    const name = lines.slice(lineFrom, lines.indexOf(':', lineFrom)).toLowerCase();
    if (names.has(name) || (name.includes('_') && names.has(name.replaceAll('_', '-')))) {
      kept += lines.slice(runFrom, lineFrom);
      runFrom = lineTo;
    }
    lineFrom = lineTo;
  }
  return runFrom === 0 ? lines : kept + lines.slice(runFrom);
}

/** The lines of `lines` (each `Name: value` with CRLF) whose lower-case name is in `names`, in their order. */
export function linesNamed(lines: string, names: ReadonlySet<string>): string {
  let kept = '';
  let lineFrom = 0;
  while (lineFrom < lines.length) {
    const lineTo = lines.indexOf('\n', lineFrom) + 1;
    if (names.has(lines.slice(lineFrom, lines.indexOf(':', lineFrom)).toLowerCase())) {
      kept += lines.slice(lineFrom, lineTo);
    }
    lineFrom = lineTo;
  }
  return kept;
}
