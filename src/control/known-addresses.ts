/**
 * What is known of a name, and how an answer changes it: pure, so that every kind of answer is a line in a table.
 *
 * The last good answer is kept. A family that nobody answered for keeps its addresses; a name that is suddenly said not to
 * exist keeps all of them, because a resolver that has lost its zone is far more common than a service that is meant to
 * vanish while it is still in the config. An address goes only when an answer has others in its place.
 *
 * The order of an answer means nothing (servers rotate it), so addresses are sorted: the same set is the same text.
 */
import { formatAddress, parseAddress } from '../routing/address.ts';
import type { FamilyAnswer, NameAnswer } from './name-resolver.ts';

/** The most endpoints that one name can stand for; a longer answer is cut after sorting. */
export const ADDRESSES_MAX = 64;

export interface KnownAddresses {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

export const NOTHING_KNOWN: KnownAddresses = Object.freeze({ v4: [], v6: [] });

/** What an answer came to: other addresses, the same, none at all, or no answer to rely on. */
export type LookResult = 'changed' | 'same' | 'none' | 'failed';

export interface Learned {
  readonly known: KnownAddresses;
  readonly result: LookResult;
  /** How long the answer holds, or null if it does not say or is none. */
  readonly ttlMs: number | null;
  /** Why there was no answer or only half of one, else ''. */
  readonly why: string;
}

/** What is known after an answer. */
export function learn(before: KnownAddresses, { v4, v6 }: NameAnswer): Learned {
  const why = [v4, v6].flatMap((one) => (one.kind === 'failed' ? [one.why] : []))[0] ?? '';
  if (v4.kind !== 'addresses' && v6.kind !== 'addresses') {
    const none = v4.kind === 'none' ? v4.why : v6.kind === 'none' ? v6.why : '';
    return { known: before, result: why === '' ? 'none' : 'failed', ttlMs: null, why: why || none };
  }
  const known = { v4: familyAfter(before.v4, v4), v6: familyAfter(before.v6, v6) };
  const ttls = [v4, v6].flatMap((one) => (one.kind === 'addresses' && one.ttlMs !== null ? [one.ttlMs] : []));
  const isSame = listOf(known).join(' ') === listOf(before).join(' ');
  return { known, result: isSame ? 'same' : 'changed', ttlMs: ttls.length === 0 ? null : Math.min(...ttls), why };
}

/** All addresses, at most `ADDRESSES_MAX`. */
export function listOf({ v4, v6 }: KnownAddresses): readonly string[] {
  return [...v4, ...v6].slice(0, ADDRESSES_MAX);
}

function familyAfter(before: readonly string[], answer: FamilyAnswer): readonly string[] {
  switch (answer.kind) {
    case 'addresses':
      return inOneSpelling(answer.addresses);
    case 'none':
      return [];
    case 'failed':
      return before;
    default:
      return answer satisfies never;
  }
}

function inOneSpelling(addresses: readonly string[]): readonly string[] {
  const spelled = addresses.flatMap((text) => {
    const address = text.includes('%') ? undefined : parseAddress(text);
    return address === undefined ? [] : [formatAddress(address)];
  });
  return [...new Set(spelled)].sort();
}
