/**
 * Random numbers that a run can be repeated with: xorshift32, each user of them with a stream of its own, so that one that
 * draws more does not shift the others.
 */

/** A stream of random numbers. */
export interface Random {
  /** From 0 to below 1. */
  readonly next: () => number;
  /** A whole number from 0 to below `n`. */
  readonly below: (n: number) => number;
  /** True with this probability. */
  readonly chance: (share: number) => boolean;
}

/** The stream of one user (`name`) under a seed. */
export function randomOf(seed: number, name: string): Random {
  let state = seed | 1;
  for (const character of name) state = (Math.imul(state ^ character.codePointAt(0)!, 0x01000193) >>> 0) | 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let warm = 0; warm < 8; warm++) next();
  return { next, below: (n) => Math.floor(next() * n), chance: (share) => next() < share };
}
