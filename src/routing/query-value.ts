/**
 * Reads one parameter out of a raw query without building a map of all of them.
 *
 * The reading is that of `application/x-www-form-urlencoded` (WHATWG URL standard, section 5.1): `+` is a space, a
 * percent sign without two hex digits stays as it is, ill-formed UTF-8 becomes U+FFFD. It is what most services behind
 * us do, so a route and the service agree on what `?a=%41` says. `decodeURIComponent` was rejected because it throws on
 * what a client may send, thousands of times in one target.
 */
import { hexDigit } from './hex-digit.ts';

/** The decoded value of the first parameter called `name`; empty when it has no `=`, `undefined` when it is not there. */
export function queryValue(query: string, name: string): string | undefined {
  let start = 0;
  while (start < query.length) {
    const ampersand = query.indexOf('&', start);
    const end = ampersand === -1 ? query.length : ampersand;
    if (end > start) {
      const equals = query.indexOf('=', start);
      const nameEnd = equals === -1 || equals > end ? end : equals;
      if (isName(query, start, nameEnd, name))
        return nameEnd === end ? '' : decodeParameter(query.slice(nameEnd + 1, end));
    }
    start = end + 1;
  }
  return undefined;
}

function isName(query: string, start: number, end: number, name: string): boolean {
  const length = end - start;
  if (length === name.length && query.startsWith(name, start) && !isEncoded(name)) return true;
  // An encoded character is never shorter than itself, and most parameters are ruled out by that alone.
  if (length < name.length) return false;
  const raw = query.slice(start, end);
  return isEncoded(raw) && decodeParameter(raw) === name;
}

function isEncoded(text: string): boolean {
  return text.includes('%') || text.includes('+');
}

/** Decodes a name or value of a query; never fails. */
export function decodeParameter(raw: string): string {
  if (!isEncoded(raw)) return raw;
  const bytes = Buffer.from(raw, 'utf8');
  let length = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]!;
    if (byte === 0x25 && i + 2 < bytes.length) {
      const high = hexDigit(bytes[i + 1]!);
      const low = hexDigit(bytes[i + 2]!);
      if (high >= 0 && low >= 0) {
        bytes[length++] = high * 16 + low;
        i += 2;
        continue;
      }
    }
    bytes[length++] = byte === 0x2b ? 0x20 : byte;
  }
  return bytes.toString('utf8', 0, length);
}
