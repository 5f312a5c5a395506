/**
 * Field values that are lists: of members between commas, and of cookies.
 *
 * Several fields of one name mean the same as one field with their values joined (RFC 9110, section 5.3), so a list is
 * kept as one string and taken apart where somebody needs its members. Empty members are ignored (section 5.6.1.2).
 */

import { isToken, trimBlanks } from './characters.ts';

/** `value` after the values `before` of the same field; '' stands for none. */
export function joined(before: string, value: string): string {
  return before === '' ? value : `${before}, ${value}`;
}

/** Whether a member of `list` is the lower-case `word`, whatever its case. */
export function listHas(list: string, word: string): boolean {
  return list
    .toLowerCase()
    .split(',')
    .some((member) => trimBlanks(member) === word);
}

/** Whether `list` has only tokens and no empty member. */
export function isTokenList(list: string): boolean {
  return list.split(',').every((member) => isToken(trimBlanks(member)));
}

/**
 * The lower-case protocols that an Upgrade value offers, without h2c, joined by ', '. A list with anything in it that is
 * no protocol offers nothing: the request is then served as HTTP/1.1.
 */
export function protocolsOf(list: string): string {
  const protocols: string[] = [];
  for (const member of list.toLowerCase().split(',')) {
    const protocol = trimBlanks(member);
    if (protocol === '' || protocol === 'h2c') continue;
    const slash = protocol.indexOf('/');
    const name = slash < 0 ? protocol : protocol.slice(0, slash);
    if (!isToken(name) || (slash >= 0 && !isToken(protocol.slice(slash + 1)))) return '';
    protocols.push(protocol);
  }
  return protocols.join(', ');
}

/** The value of the first cookie in a Cookie value whose name is exactly `name`, as sent; undefined if there is none. */
export function cookieIn(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && trimBlanks(pair.slice(0, equals)) === name) return trimBlanks(pair.slice(equals + 1));
  }
  return undefined;
}
