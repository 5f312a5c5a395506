/**
 * What a flag needs of others, put together: each of them once.
 *
 * A flag that must have two variants at once is never so, and whoever needs that is off for everybody; it is treated as what cannot be
 * carried over, because nobody means it.
 */

/** A prerequisite as it is written. */
export interface WrittenRequirement {
  readonly flag: string;
  readonly variant: string;
}

const REQUIRED_MAX = 10;

/** The prerequisites without repetition; undefined when they contradict each other, or are more than a flag may have. */
export function togetherOf(requires: readonly WrittenRequirement[]): readonly WrittenRequirement[] | undefined {
  const needed = new Map<string, string>();
  for (const { flag, variant } of requires) {
    if ((needed.get(flag) ?? variant) !== variant) return undefined;
    needed.set(flag, variant);
  }
  return needed.size > REQUIRED_MAX ? undefined : [...needed].map(([flag, variant]) => ({ flag, variant }));
}
