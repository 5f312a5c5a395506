/**
 * Character classes of HTTP/1.1 as tables, and the few codes that the parsers name.
 *
 * The parsers walk a latin1 string by character code, so a class is one load from a 256-byte table. Regular expressions
 * were measured slower on whole heads, and a table cannot backtrack.
 *
 * Source: RFC 9110, section 5.6.2 (token) and 5.5 (field values); RFC 3986, section 2 (URI characters).
 */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

function classOf(characters: string, ...ranges: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  for (const [first, last] of ranges) table.fill(1, first, last + 1);
  return table;
}

const DIGITS = [0x30, 0x39] as const;
const UPPER_CASE = [0x41, 0x5a] as const;
const LOWER_CASE = [0x61, 0x7a] as const;

/** 1 for the characters of a token: field names, methods, list members. */
export const TOKEN = classOf("!#$%&'*+-.^_`|~", DIGITS, UPPER_CASE, LOWER_CASE);

/** 1 for what a field value or reason phrase may hold: HTAB, SP, visible ASCII and the bytes 0x80 to 0xFF. */
export const FIELD_VALUE = classOf('\t', [0x20, 0x7e], [0x80, 0xff]);

/** 1 for what a request target may hold: visible ASCII without `#`. */
export const TARGET = classOf('', [0x21, 0x22], [0x24, 0x7e]);

/**
 * 1 for what a host name may hold: unreserved characters and sub-delimiters. Percent escapes and commas are legal in a URI
 * but left out: one reader decodes or splits them and another does not.
 */
export const HOST_NAME = classOf("-._~!$&'()*+;=", DIGITS, UPPER_CASE, LOWER_CASE);

/** 1 for the characters that RFC 3986 calls unreserved: an escape of one of them means the same as the character. */
export const UNRESERVED = classOf('-._~', DIGITS, UPPER_CASE, LOWER_CASE);

/** The value of a hexadecimal digit by its code, 255 for anything else. */
export const HEX_VALUE = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX_VALUE[digit.charCodeAt(0)] = value;
  HEX_VALUE[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Whether `text` is a token: at least one character, and nothing but token characters. */
export function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (TOKEN[text.charCodeAt(at)] !== 1) return false;
  }
  return text !== '';
}

/**
 * Reads a plain decimal number from `text[from, to)`: digits only, no sign, no leading zeros, at most 2^53 - 1.
 * Gives -1 for anything else, the empty string included.
 */
export function decimalAt(text: string, from: number, to: number): number {
  const length = to - from;
  if (length < 1 || length > 16 || (length > 1 && text.charCodeAt(from) === 0x30)) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/** `text` without the spaces and tabs around it. `String.trim` would take 0xA0 away too, which other parsers keep. */
export function trimBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

/** Whether `code` is a space or a tab. */
export function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}
