/**
 * A group of users who reach a pool whatever its share: those whose request has a certain header field or cookie.
 *
 * The snapshot holds every group that a service's steps name; which of them is on is a number in the gate's slot. The number
 * is made from what the group says, and not from its place in a list: a reload may reorder the list while the gate stands
 * still, and a restart must find the group that the state file remembers. 52 bits, so that no two groups of a service meet.
 *
 * Whoever sends such a header puts themselves into the group. That is what the groups are for (colleagues, testers), and
 * why their requests are never judged: they were not assigned by chance.
 */
import { murmur3 } from './hash.ts';

/** The users whose request has this header or cookie. */
export interface Group {
  readonly source: 'header' | 'cookie';
  /** A header in lower case. */
  readonly name: string;
  /** The exact value; null for any. */
  readonly value: string | null;
}

/** What a group is told by. */
export interface GroupView {
  field(name: string): string | undefined;
  cookie(name: string): string | undefined;
}

const SEED = 0x6772_6f75;

/** The number of a group in a gate: a whole number from 1 to 2^52, the same whenever it says the same. */
export function groupNumber({ source, name, value }: Group): number {
  const text = JSON.stringify([source, name, value]);
  return 1 + murmur3(text, SEED) * 2 ** 20 + (murmur3(text, ~SEED >>> 0) >>> 12);
}

/** Whether the request is of a member. */
export function isMember({ source, name, value }: Group, request: GroupView): boolean {
  const found = source === 'header' ? request.field(name) : request.cookie(name);
  return found !== undefined && (value === null || found === value);
}

/** A group as people write it: `header x-team: red`. */
export function groupText({ source, name, value }: Group): string {
  return value === null ? `${source} ${name}` : `${source} ${name}: ${value}`;
}
