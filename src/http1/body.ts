/**
 * Where a body ends: readers that are pushed chunks and hand on what belongs to the body, without copying a byte.
 *
 * The chunked reader is a machine over single bytes wherever the grammar is, and hands on whole slices wherever data is,
 * so a body means the same however it was cut on its way. Chunk extensions are checked and dropped: nobody uses them, and
 * they have carried endless data past limits (CVE-2024-22019) and hidden line ends (CVE-2025-22871).
 * White space around them, which RFC 9112 lets a recipient tolerate, is refused, because parsers differ on it.
 *
 * Source: RFC 9112, section 7.1.
 */

import { CR, HEX_VALUE, HTAB, LF, SP, TOKEN } from './characters.ts';
import type { RefusalKind } from './fault.ts';
import { HEAD_TOO_LARGE, HEAD_UNFINISHED, HeadReader } from './head-reader.ts';
import { permittedTrailers, trailerFault } from './trailers.ts';

/** Takes the data of a body as it comes; the Buffer is a view of what was read and must not be changed. */
export interface BodySink {
  onBodyData(data: Buffer): void;
}

/** Reads a body of announced length. */
export class LengthReader {
  /** The bytes that have yet to come. */
  remaining = 0;

  get done(): boolean {
    return this.remaining === 0;
  }

  reset(length: number): void {
    this.remaining = length;
  }

  /** Hands on what belongs to the body and gives the offset after it. */
  read(chunk: Buffer, start: number, sink: BodySink): number {
    const end = Math.min(chunk.length, start + this.remaining);
    if (end === start) return start;
    this.remaining -= end - start;
    sink.onBodyData(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
    return end;
  }
}

/** The bytes that the extensions of one chunk may have, its first semicolon included. */
export const EXTENSION_BYTES_MAX = 256;
/** The bytes that the extensions of all chunks of a body may have. */
export const EXTENSIONS_BYTES_MAX = 16_384;
/** The bytes that a trailer section may have, unless the reader is told otherwise. */
export const TRAILER_BYTES_MAX = 16_384;

const SIZE_DIGITS_MAX = 16;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const SIZE = 0;
const EXTENSION_START = 1;
const EXTENSION_NAME = 2;
const EXTENSION_VALUE_START = 3;
const EXTENSION_VALUE = 4;
const EXTENSION_QUOTED = 5;
const EXTENSION_ESCAPE = 6;
const EXTENSION_END = 7;
const SIZE_LF = 8;
const DATA = 9;
const DATA_CR = 10;
const DATA_LF = 11;
const TRAILER_START = 12;
const TRAILER_LF = 13;
const TRAILER = 14;
const DONE = 15;
const FAULTY = 16;

/** Reads a chunked body with its trailer section. */
export class ChunkedReader {
  /** Why the body is refused, '' as long as it is not. Nothing is read after a fault. */
  fault: RefusalKind | '' = '';
  /** The trailer lines that may be passed on, each with its CRLF; '' if there are none. */
  trailers = '';
  #state = SIZE;
  #size = 0;
  #digits = 0;
  #remaining = 0;
  #extensionBytes = 0;
  #extensionsBytes = 0;
  #trailerReader: HeadReader | undefined;
  readonly #trailerBytesMax: number;

  constructor(trailerBytesMax = TRAILER_BYTES_MAX) {
    this.#trailerBytesMax = trailerBytesMax;
  }

  /** Whether the last chunk and the trailer section have been read. */
  get done(): boolean {
    return this.#state === DONE;
  }

  reset(): void {
    this.fault = '';
    this.trailers = '';
    this.#state = SIZE;
    this.#size = 0;
    this.#digits = 0;
    this.#remaining = 0;
    this.#extensionBytes = 0;
    this.#extensionsBytes = 0;
    this.#trailerReader = undefined;
  }

  /** Hands on the data of the body and gives the offset after what belongs to it, or where a fault was found. */
  read(chunk: Buffer, start: number, sink: BodySink): number {
    let at = start;
    while (at < chunk.length && this.#state < DONE) {
      if (this.#state === DATA) at = this.#readData(chunk, at, sink);
      else if (this.#state === TRAILER) at = this.#readTrailer(chunk, at);
      else if (this.#step(chunk[at]!)) at++;
    }
    return at;
  }

  #readData(chunk: Buffer, at: number, sink: BodySink): number {
    const end = Math.min(chunk.length, at + this.#remaining);
    this.#remaining -= end - at;
    if (this.#remaining === 0) this.#state = DATA_CR;
    sink.onBodyData(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    return end;
  }

  #readTrailer(chunk: Buffer, at: number): number {
    this.#trailerReader ??= new HeadReader(this.#trailerBytesMax);
    const end = this.#trailerReader.push(chunk, at);
    if (end === HEAD_UNFINISHED) return chunk.length;
    if (end < 0) {
      this.#fail(end === HEAD_TOO_LARGE ? 'trailer-too-large' : 'trailer-malformed');
      return at;
    }
    const section = this.#trailerReader.take();
    const fault = trailerFault(section);
    if (fault !== '') {
      this.#fail(fault);
      return at;
    }
    this.trailers = permittedTrailers(section);
    this.#state = DONE;
    return end;
  }

  // Takes one byte of the grammar. False when the byte was not consumed.
  #step(byte: number): boolean {
    switch (this.#state) {
      case SIZE:
        return this.#stepSize(byte);
      case SIZE_LF:
        if (byte !== LF) return this.#fail('chunk-size-malformed');
        this.#state = this.#size === 0 ? TRAILER_START : DATA;
        this.#remaining = this.#size;
        this.#size = 0;
        this.#digits = 0;
        this.#extensionBytes = 0;
        return true;
      case DATA_CR:
        if (byte !== CR) return this.#fail('chunk-end-malformed');
        this.#state = DATA_LF;
        return true;
      case DATA_LF:
        if (byte !== LF) return this.#fail('chunk-end-malformed');
        this.#state = SIZE;
        return true;
      case TRAILER_START:
        this.#state = byte === CR ? TRAILER_LF : TRAILER;
        return byte === CR;
      case TRAILER_LF:
        if (byte !== LF) return this.#fail('trailer-malformed');
        this.#state = DONE;
        return true;
      default:
        return this.#stepExtension(byte);
    }
  }

  #stepSize(byte: number): boolean {
    const value = HEX_VALUE[byte]!;
    if (value < 16) {
      if (++this.#digits > SIZE_DIGITS_MAX) return this.#fail('chunk-size-too-large');
      this.#size = this.#size * 16 + value;
      return this.#size > Number.MAX_SAFE_INTEGER ? this.#fail('chunk-size-too-large') : true;
    }
    if (this.#digits === 0) return this.#fail('chunk-size-malformed');
    if (byte === CR) this.#state = SIZE_LF;
    else if (byte === SEMICOLON) return this.#stepExtension(byte);
    else return this.#fail('chunk-size-malformed');
    return true;
  }

  #stepExtension(byte: number): boolean {
    const next = byte === CR ? endOfExtension(this.#state) : extensionState(this.#state, byte);
    if (next === FAULTY) return this.#fail('chunk-extension-malformed');
    this.#state = next;
    if (byte === CR) return true;
    this.#extensionBytes++;
    this.#extensionsBytes++;
    const isTooLong = this.#extensionBytes > EXTENSION_BYTES_MAX || this.#extensionsBytes > EXTENSIONS_BYTES_MAX;
    return isTooLong ? this.#fail('chunk-extension-too-long') : true;
  }

  #fail(kind: RefusalKind): false {
    this.fault = kind;
    this.#state = FAULTY;
    return false;
  }
}

function endOfExtension(state: number): number {
  return state === EXTENSION_NAME || state === EXTENSION_VALUE || state === EXTENSION_END ? SIZE_LF : FAULTY;
}

function extensionState(state: number, byte: number): number {
  switch (state) {
    case SIZE:
      return EXTENSION_START;
    case EXTENSION_START:
      return TOKEN[byte] === 1 ? EXTENSION_NAME : FAULTY;
    case EXTENSION_NAME:
      if (byte === EQUALS) return EXTENSION_VALUE_START;
      return TOKEN[byte] === 1 ? EXTENSION_NAME : afterExtension(byte);
    case EXTENSION_VALUE_START:
      if (byte === QUOTE) return EXTENSION_QUOTED;
      return TOKEN[byte] === 1 ? EXTENSION_VALUE : FAULTY;
    case EXTENSION_VALUE:
      return TOKEN[byte] === 1 ? EXTENSION_VALUE : afterExtension(byte);
    case EXTENSION_QUOTED:
      if (byte === QUOTE) return EXTENSION_END;
      if (byte === BACKSLASH) return EXTENSION_ESCAPE;
      return isQuotable(byte) ? EXTENSION_QUOTED : FAULTY;
    case EXTENSION_ESCAPE:
      return isQuotable(byte) ? EXTENSION_QUOTED : FAULTY;
    default:
      return afterExtension(byte);
  }
}

function afterExtension(byte: number): number {
  return byte === SEMICOLON ? EXTENSION_START : FAULTY;
}

function isQuotable(byte: number): boolean {
  return (byte >= SP && byte !== 0x7f) || byte === HTAB;
}

/** What ends the data of a chunk that is sent. */
export const CHUNK_END = '\r\n';
/** What ends a chunked body that is sent without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** What goes before the data of a chunk of `size` bytes; `size` must be above 0, or the body would end. */
export function chunkPrefix(size: number): string {
  return `${size.toString(16)}\r\n`;
}

/** What ends a chunked body that is sent with these trailer lines, each with its CRLF. */
export function lastChunkWithTrailers(trailers: string): string {
  return `0\r\n${trailers}\r\n`;
}
