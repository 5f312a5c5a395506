/**
 * Finds where a head ends in bytes that arrive in any pieces.
 *
 * Almost every head comes whole in one chunk: one search, one slice. Only what is left of that is kept: the bytes of an
 * unfinished head are copied into a buffer of the reader's own, so that a client who dribbles cannot pin a socket buffer
 * with each byte, and each byte is looked at once, however it comes. The walk over an unfinished head also sees what can
 * never become one: after a bare LF or a control character nobody waits for the empty line until the timeout.
 *
 * A whole head is not walked here; the parser checks each of its characters anyway.
 *
 * Source: RFC 9112, sections 2.1 and 2.2 (empty lines before a request line are skipped); CVE-2025-23167 (`\r\n\rX`).
 */

import { CR, HTAB, LF, SP } from './characters.ts';
import { REFUSALS, type Refusal } from './fault.ts';

/** `push` has taken in the whole chunk, and the head goes on. */
export const HEAD_UNFINISHED = -1;
/** The head is longer than its limit. */
export const HEAD_TOO_LARGE = -2;
/** The bytes can never become a head. */
export const HEAD_MALFORMED = -3;
/** The target of the request line is longer than its limit. */
export const TARGET_TOO_LONG = -4;

/** The refusal of a request for one of the codes below -1 that `push` gives. */
export function refusalOfHead(code: number): Refusal {
  switch (code) {
    case HEAD_TOO_LARGE:
      return REFUSALS['head-too-large'];
    case TARGET_TOO_LONG:
      return REFUSALS['target-too-long'];
    default:
      return REFUSALS['head-malformed'];
  }
}

/** How much of a chunk is looked at for a whole head; a longer head is walked. */
const AT_ONCE_BYTES = 4096;
const NOTHING: Buffer = Buffer.alloc(0);
const HELD_BYTES_MIN = 512;
const EMPTY_LINES_MAX = 2;

/** Reads one head after another: `push` until it gives an offset, `take`, then `push` for the next. */
export class HeadReader {
  readonly #bytesMax: number;
  readonly #targetBytesMax: number;
  readonly #emptyLinesMax: number;
  /** The bytes of an unfinished head are the first `#heldBytes` of it. */
  #held = NOTHING;
  #heldBytes = 0;
  #text = '';
  #emptyLines = 0;
  #afterCarriageReturn = false;
  /** How many characters of the closing CR LF CR LF the walk has just seen. */
  #matched = 0;
  /** Spaces of the first line that the walk has seen: the target stands between the first and the second. */
  #spaces = 0;
  #targetBytes = 0;

  /**
   * A head has at most `bytesMax` bytes with its empty line. With `targetBytesMax` it is a request: a target longer than
   * that is told apart, and up to two empty lines before the request line are skipped.
   */
  constructor(bytesMax: number, targetBytesMax = 0) {
    this.#bytesMax = bytesMax;
    this.#targetBytesMax = targetBytesMax === 0 ? Number.POSITIVE_INFINITY : targetBytesMax;
    this.#emptyLinesMax = targetBytesMax === 0 ? 0 : EMPTY_LINES_MAX;
  }

  /** Whether a byte of an unfinished head has been seen; skipped empty lines do not count. */
  get started(): boolean {
    return this.#heldBytes > 0;
  }

  /**
   * Takes in `chunk` from `start`. Gives the offset in it just after the head, or one of the codes above; after a code
   * other than `HEAD_UNFINISHED` the connection cannot be read any further.
   */
  push(chunk: Buffer, start: number): number {
    let from = start;
    if (this.#heldBytes === 0 && (this.#afterCarriageReturn || chunk[from] === CR)) {
      from = this.#skipEmptyLines(chunk, from);
      if (from < 0) return from;
    }
    if (from >= chunk.length) return HEAD_UNFINISHED;
    if (this.#heldBytes === 0) {
      // Decoding first and searching the text leaves JavaScript once, searching the bytes and then decoding twice.
      const text = chunk.toString('latin1', from, Math.min(chunk.length, from + AT_ONCE_BYTES, from + this.#bytesMax));
      const terminator = text.indexOf('\r\n\r\n');
      if (terminator >= 0) {
        this.#text = terminator + 4 === text.length ? text : text.slice(0, terminator + 4);
        return from + terminator + 4;
      }
    }
    const end = this.#walk(chunk, from);
    if (end < HEAD_UNFINISHED) return end;
    this.#hold(chunk, from, end === HEAD_UNFINISHED ? chunk.length : end);
    if (end === HEAD_UNFINISHED) return HEAD_UNFINISHED;
    this.#text = this.#held.toString('latin1', 0, this.#heldBytes);
    return end;
  }

  /** The head that `push` has found, with its empty line; the reader is then ready for the next. */
  take(): string {
    const text = this.#text;
    this.reset();
    return text;
  }

  /** Forgets whatever has been read. */
  reset(): void {
    this.#held = NOTHING;
    this.#heldBytes = 0;
    this.#text = '';
    this.#emptyLines = 0;
    this.#afterCarriageReturn = false;
    this.#matched = 0;
    this.#spaces = 0;
    this.#targetBytes = 0;
  }

  #skipEmptyLines(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length) {
      if (this.#afterCarriageReturn) {
        if (chunk[at] !== LF) return HEAD_MALFORMED;
        this.#afterCarriageReturn = false;
        this.#emptyLines++;
      } else if (chunk[at] === CR) {
        if (this.#emptyLines === this.#emptyLinesMax) return HEAD_MALFORMED;
        this.#afterCarriageReturn = true;
      } else {
        return at;
      }
      at++;
    }
    return at;
  }

  // Gives the offset after the head, or a code. A byte that is no part of the line grammar ends the walk.
  #walk(chunk: Buffer, from: number): number {
    const allowed = this.#bytesMax - this.#heldBytes;
    const to = Math.min(chunk.length, from + allowed);
    let matched = this.#matched;
    let inFirstLine = this.#spaces < 3;
    for (let at = from; at < to; at++) {
      const byte = chunk[at]!;
      if (byte === CR) {
        if ((matched & 1) === 1) return HEAD_MALFORMED;
        // A request line without version is all that HTTP/0.9 sends: no empty line would ever come.
        if (inFirstLine && this.#spaces < 2 && this.#emptyLinesMax > 0) return HEAD_MALFORMED;
        matched++;
        inFirstLine = false;
        this.#spaces = 3;
      } else if (byte === LF) {
        if ((matched & 1) === 0) return HEAD_MALFORMED;
        matched++;
        if (matched === 4) return at + 1;
      } else {
        if ((matched & 1) === 1 || (byte < SP && byte !== HTAB) || byte === 0x7f) return HEAD_MALFORMED;
        matched = 0;
        if (inFirstLine && this.#isTargetTooLong(byte)) return TARGET_TOO_LONG;
      }
    }
    this.#matched = matched;
    return chunk.length - from > allowed ? HEAD_TOO_LARGE : HEAD_UNFINISHED;
  }

  #isTargetTooLong(byte: number): boolean {
    if (byte === SP) {
      if (this.#spaces < 2) this.#spaces++;
      return false;
    }
    return this.#spaces === 1 && ++this.#targetBytes > this.#targetBytesMax;
  }

  #hold(chunk: Buffer, from: number, to: number): void {
    const bytes = this.#heldBytes + to - from;
    if (bytes > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#bytesMax, Math.max(HELD_BYTES_MIN, bytes * 2)));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes = bytes;
  }
}
