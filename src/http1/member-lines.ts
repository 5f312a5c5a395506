/**
 * Fields that are lists of members, changed member by member on their way: Cookie, Vary and baggage.
 *
 * All other lines stay as they were sent, and so do the members that are not touched. Where a field stood in several lines, what is
 * written anew is one.
 *
 * Source: RFC 6265, section 5.4 (one Cookie field); RFC 9110, section 12.5.5 (Vary); W3C Baggage, section 3.3 (limits).
 */
import { trimBlanks } from './characters.ts';
import { findField, linesWithout } from './field-lines.ts';

const COOKIE: ReadonlySet<string> = new Set(['cookie']);
const VARY: ReadonlySet<string> = new Set(['vary']);
const BAGGAGE: ReadonlySet<string> = new Set(['baggage']);
const BAGGAGE_BYTES_MAX = 8192;
const BAGGAGE_MEMBERS_MAX = 64;

/** The lines with one more cookie, behind those that there are; those of the same name give way. A null value only takes them away. */
export function withCookie(lines: string, name: string, value: string | null): string {
  const before = findField(lines, 0, 'cookie');
  const pairs = (before ?? '')
    .split(';')
    .map(trimBlanks)
    .filter((pair) => pair !== '' && trimBlanks(pair.split('=', 1)[0]!) !== name);
  if (value !== null) pairs.push(`${name}=${value}`);
  const kept = before === undefined ? lines : linesWithout(lines, COOKIE);
  return pairs.length === 0 ? kept : `${kept}Cookie: ${pairs.join('; ')}\r\n`;
}

/**
 * The lines of a response with `instead` in place of the member `from` of Vary; all of `instead` are added where `always` holds or
 * the member is there, else the lines stay as they are. `*` among them stands for everything.
 */
export function withVary(lines: string, from: string, instead: readonly string[], always: boolean): string {
  const before = findField(lines, 0, 'vary') ?? '';
  const members = before
    .split(',')
    .map(trimBlanks)
    .filter((member) => member !== '');
  const others = members.filter((member) => member.toLowerCase() !== from);
  if (others.length === members.length && !always) return lines;
  const known = new Set(others.map((member) => member.toLowerCase()));
  const all = [...others, ...instead.filter((member) => !known.has(member.toLowerCase()))];
  const kept = before === '' ? lines : linesWithout(lines, VARY);
  if (all.includes('*')) return `${kept}Vary: *\r\n`;
  return all.length === 0 ? kept : `${kept}Vary: ${all.join(', ')}\r\n`;
}

/**
 * The lines of a request with these members in `baggage`, and without what came there of names that begin with `prefix`. What
 * goes beyond the limits of the field is left out, ours first.
 */
export function withBaggage(lines: string, prefix: string, members: readonly string[]): string {
  const before = findField(lines, 0, 'baggage') ?? '';
  const received = before
    .split(',')
    .map(trimBlanks)
    .filter((member) => member !== '');
  const all = received.filter((member) => !member.startsWith(prefix));
  if (members.length === 0 && all.length === received.length) return lines;
  let bytes = all.join(',').length;
  for (const member of members) {
    bytes += member.length + 1;
    if (all.length < BAGGAGE_MEMBERS_MAX && bytes <= BAGGAGE_BYTES_MAX) all.push(member);
  }
  const kept = before === '' ? lines : linesWithout(lines, BAGGAGE);
  return all.length === 0 ? kept : `${kept}baggage: ${all.join(',')}\r\n`;
}
