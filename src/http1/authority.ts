/**
 * The check of `uri-host [ ":" port ]`: what a Host field or the authority of an absolute-form target may be.
 *
 * The host decides which service a request reaches, so what two parsers might read differently is refused: user
 * information, percent escapes, commas, an address in brackets that is not IPv6, a port that is none. An empty port
 * (`host:`) is in the grammar and means the default one.
 *
 * Source: RFC 9110, section 7.2; RFC 3986, section 3.2.
 */

import { COLON, decimalAt, HEX_VALUE, HOST_NAME } from './characters.ts';

const BRACKET_OPEN = 0x5b;
const PORT_MAX = 65_535;

/**
 * The lower-case host of `authority` without its port; an IPv6 address keeps its brackets. '' when the authority is
 * empty or malformed: no authority that has a port may have an empty host.
 */
export function hostOf(authority: string): string {
  const hostEnd = authority.charCodeAt(0) === BRACKET_OPEN ? addressEnd(authority) : nameEnd(authority);
  if (hostEnd <= 0 || !isPortOrNothing(authority, hostEnd)) return '';
  return (hostEnd === authority.length ? authority : authority.slice(0, hostEnd)).toLowerCase();
}

function nameEnd(authority: string): number {
  let at = 0;
  while (at < authority.length && HOST_NAME[authority.charCodeAt(at)] === 1) at++;
  return at;
}

function addressEnd(authority: string): number {
  const close = authority.indexOf(']');
  return close > 0 && isIpv6(authority.slice(1, close)) ? close + 1 : -1;
}

function isPortOrNothing(authority: string, at: number): boolean {
  if (at === authority.length) return true;
  if (authority.charCodeAt(at) !== COLON) return false;
  if (at + 1 === authority.length) return true;
  const port = decimalAt(authority, at + 1, authority.length);
  return port >= 0 && port <= PORT_MAX;
}

/** Whether `text` is an IPv6 address without zone: eight groups, `::` at most once, an IPv4 tail allowed. */
export function isIpv6(text: string): boolean {
  const gap = text.indexOf('::');
  if (gap < 0) return groupsOf(text) === 8;
  const head = text.slice(0, gap);
  const tail = text.slice(gap + 2);
  const headGroups = head === '' ? 0 : head.includes('.') ? -1 : groupsOf(head);
  const tailGroups = tail === '' ? 0 : groupsOf(tail);
  return headGroups >= 0 && tailGroups >= 0 && headGroups + tailGroups <= 7;
}

function groupsOf(text: string): number {
  const groups = text.split(':', 9);
  let count = 0;
  for (const [index, group] of groups.entries()) {
    if (index === groups.length - 1 && group.includes('.')) {
      if (!isIpv4(group)) return -1;
      count += 2;
    } else {
      if (!isGroup(group)) return -1;
      count += 1;
    }
  }
  return count;
}

function isGroup(text: string): boolean {
  if (text.length < 1 || text.length > 4) return false;
  for (let at = 0; at < text.length; at++) {
    if (HEX_VALUE[text.charCodeAt(at)]! > 15) return false;
  }
  return true;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.', 5);
  return parts.length === 4 && parts.every((part) => decimalAt(part, 0, part.length) >= 0 && Number(part) <= 255);
}
