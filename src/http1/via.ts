/**
 * The Via field: which hops a message has passed.
 *
 * A request that has been here twice goes in a circle and is refused. Once is allowed, because two instances of Tidegate,
 * one behind the other, share the pseudonym.
 *
 * Source: RFC 9110, section 7.6.3.
 */

import { trimBlanks } from './characters.ts';

/** The name under which Tidegate stands in Via and Server fields. */
export const PSEUDONYM = 'tidegate';

/** How often `via` says that a message has been here. */
export function timesThroughHere(via: string): number {
  let times = 0;
  for (const hop of via.toLowerCase().split(',')) {
    const receivedBy = trimBlanks(hop).split(/[ \t]+/, 2)[1];
    if (receivedBy === PSEUDONYM || receivedBy?.startsWith(`${PSEUDONYM}:`)) times++;
  }
  return times;
}

/** `via` (may be '') with this hop appended, for a message that was received as HTTP/1.`minor`. */
export function viaWithThisHop(via: string, minor: 0 | 1): string {
  return via === '' ? `1.${minor} ${PSEUDONYM}` : `${via}, 1.${minor} ${PSEUDONYM}`;
}
