/**
 * What one signal thinks of a release, and how several opinions become one verdict.
 *
 * Opinions are an ordered list and the worst of those that act decides; there are no votes and no score, because a good
 * latency does not make up for errors. Not knowing is an opinion of its own and is never health: what it comes to is the
 * signal's policy.
 */

/** What to do while a signal's source is silent or broken: wait for it, stop the ramp, or turn back. */
export type UnknownPolicy = 'wait' | 'halt' | 'rollback';

/**
 * Opinions from best to worst. `quiet` has nothing to object and was not asked for a proof; `halt` stops the ramp and blames
 * nobody.
 */
export const OPINIONS = ['quiet', 'healthy', 'waiting', 'inconclusive', 'unknown', 'halt', 'worse'] as const;
export type Opinion = (typeof OPINIONS)[number];

/** What the judge says. Not knowing has become one of these by policy. */
export type VerdictKind = 'healthy' | 'waiting' | 'inconclusive' | 'halt' | 'worse';

/** What an opinion comes to, by the signal's policy; a quiet signal has none. */
export function actOn(opinion: Opinion, policy: UnknownPolicy, isHoldOver: boolean): VerdictKind | null {
  switch (opinion) {
    case 'quiet':
      return null;
    case 'unknown':
      switch (policy) {
        case 'wait':
          return isHoldOver ? 'inconclusive' : 'waiting';
        case 'halt':
          return 'halt';
        case 'rollback':
          return 'worse';
        default:
          return policy satisfies never;
      }
    case 'healthy':
    case 'waiting':
    case 'inconclusive':
    case 'halt':
    case 'worse':
      return opinion;
    default:
      return opinion satisfies never;
  }
}

/** Negative when `one` is the better opinion. */
export function compareOpinions(one: Opinion, other: Opinion): number {
  return OPINIONS.indexOf(one) - OPINIONS.indexOf(other);
}
