/**
 * The path that routes are matched against.
 *
 * Escapes of unreserved characters are decoded, other escapes get upper-case digits, backslashes become slashes, runs of
 * slashes become one and dot segments are taken out, also where they are escaped. An escaped slash stays escaped: it is
 * part of a segment (RFC 3986, section 2.2). What is forwarded is not touched; the caller compares what the raw and the
 * normalised path match, and refuses when they differ. `new URL()` is not used: it takes `//host/path` for another host.
 *
 * Source: RFC 3986, sections 5.2.4 and 6.2.2; the merging of slashes is what upstreams do, not what the RFC says.
 */

import { HEX_VALUE, UNRESERVED } from './characters.ts';

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;

/** A path ready for matching, and whether it differs from what was sent. */
export interface NormalisedPath {
  readonly path: string;
  readonly changed: boolean;
}

/**
 * Normalises a path as sent, without query. Dots that lead above the root stay at the root. Null when a percent sign does
 * not begin an escape, when the escape is of NUL, and when the path neither begins with a slash nor is `*`.
 */
export function normalisePath(rawPath: string): NormalisedPath | null {
  if (isNormal(rawPath)) return { path: rawPath, changed: false };
  if (rawPath.charCodeAt(0) !== SLASH) return rawPath === '*' ? { path: rawPath, changed: false } : null;
  const decoded = decodeUnreserved(rawPath);
  if (decoded === null) return null;
  const path = withoutDotSegments(decoded.replaceAll('\\', '/'));
  return { path, changed: path !== rawPath };
}

// `/.` is enough to look closer, although `/.well-known` is normal.
function isNormal(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return false;
  let before = 0;
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === PERCENT || code === BACKSLASH) return false;
    if (before === SLASH && (code === SLASH || code === DOT)) return false;
    before = code;
  }
  return true;
}

function decodeUnreserved(path: string): string | null {
  let decoded = '';
  let runFrom = 0;
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 3)) {
    const high = HEX_VALUE[path.charCodeAt(at + 1)];
    const low = HEX_VALUE[path.charCodeAt(at + 2)];
    if (high === undefined || low === undefined || high > 15 || low > 15) return null;
    const code = high * 16 + low;
    if (code === 0) return null;
    const plain = UNRESERVED[code] === 1 ? String.fromCharCode(code) : path.slice(at, at + 3).toUpperCase();
    decoded += path.slice(runFrom, at) + plain;
    runFrom = at + 3;
  }
  return runFrom === 0 ? path : decoded + path.slice(runFrom);
}

function withoutDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  const last = segments[segments.length - 1]!;
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const isFolder = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${isFolder ? '/' : ''}`;
}
