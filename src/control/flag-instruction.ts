/**
 * What becomes of a flag's rollout when somebody says something of the flag meanwhile: the last explicit instruction wins.
 *
 *     set, import, the file     superseded: the flag says and stands as it was told
 *     set of its words only     nothing: a description, or how it is rolled out, which is for the next start
 *     remove                    superseded: there is nothing left to move
 *     kill                      aborted: its share goes back to what it was, so that a restore treats no more than before
 *     kill by its guard         rolled back, with the guard's reason
 *     restore                   nothing: a kill has ended it already
 *     rollout                   nothing: that was itself
 */
import { isDeepStrictEqual } from 'node:util';
import { flagFingerprint } from '../config/fingerprint.ts';
import type { FlagReceipt } from './flag-operations.ts';

/** What the rollout is told. */
export type FlagTurn =
  | { readonly kind: 'none' }
  | { readonly kind: 'superseded'; readonly why: string }
  | { readonly kind: 'aborted'; readonly by: string }
  | { readonly kind: 'judged' };

/** A change; `from` and `to` where they are known. */
type Change = Pick<FlagReceipt, 'flag' | 'how' | 'by' | 'reason'> & Partial<Pick<FlagReceipt, 'from' | 'to'>>;

/** What a change of a flag means for its rollout. */
export function turnBy(change: Change): FlagTurn {
  const { flag, how, by, reason } = change;
  const who = reason === '' ? by : `${by} (${reason})`;
  switch (how) {
    case 'set':
      if (isOfWords(change)) return { kind: 'none' };
      return { kind: 'superseded', why: `${flag} was set by ${who}` };
    case 'import':
      return { kind: 'superseded', why: `${flag} was imported by ${who}` };
    case 'file':
      return { kind: 'superseded', why: `the file says something else of ${flag}` };
    case 'remove':
      return { kind: 'superseded', why: `${flag} was removed by ${who}` };
    case 'kill':
      return { kind: 'aborted', by: `a kill of ${who}` };
    case 'guard':
      return { kind: 'judged' };
    case 'restore':
    case 'rollout':
      return { kind: 'none' };
    default:
      return how satisfies never;
  }
}

/** Whether something was changed, and nothing that decides who gets what. */
function isOfWords({ from, to }: Change): boolean {
  if (!from || !to || isDeepStrictEqual(from.definition, to.definition)) return false;
  return flagFingerprint(from.definition) === flagFingerprint(to.definition);
}
