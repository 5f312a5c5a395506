/**
 * What becomes of a flag's rollout when somebody says something of the flag meanwhile: the last explicit instruction wins.
 *
 *     set, import, the file     superseded: the flag says and stands as it was told
 *     remove                    superseded: there is nothing left to move
 *     kill                      aborted: its share goes back to what it was, so that a restore treats no more than before
 *     kill by its guard         rolled back, with the guard's reason
 *     restore                   nothing: a kill has ended it already
 *     rollout                   nothing: that was itself
 */
import type { FlagReceipt } from './flag-operations.ts';

/** What the rollout is told. */
export type FlagTurn =
  | { readonly kind: 'none' }
  | { readonly kind: 'superseded'; readonly why: string }
  | { readonly kind: 'aborted'; readonly by: string }
  | { readonly kind: 'judged' };

/** What a change of a flag means for its rollout. */
export function turnBy({ flag, how, by, reason }: Pick<FlagReceipt, 'flag' | 'how' | 'by' | 'reason'>): FlagTurn {
  const who = reason === '' ? by : `${by} (${reason})`;
  switch (how) {
    case 'set':
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
