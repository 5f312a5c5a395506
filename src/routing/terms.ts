/**
 * What a gate position says of one pool beside its weight: who reaches it whatever the weight, and how much of it is used.
 *
 * It belongs to the position and not to the snapshot, because a step of a rollout is one move of the gate: weight, group and
 * endpoints take effect in the same store, and a move back ends all three. A position without terms uses every pool as it
 * is, so that whoever moves a gate by hand need not know of them.
 */
import type { Group } from './group.ts';

export interface Terms {
  readonly pool: string;
  /** Users who reach the pool whatever its weight; null for none. */
  readonly group: Group | null;
  /** How many of its endpoints are used, the first ones that have weight; null for all. */
  readonly endpoints: number | null;
}

/** The number of the endpoints before which those in use end, when `most` of them with weight are used; all for 0. */
export function endOfUse(weights: readonly number[], most: number): number {
  if (most === 0) return weights.length;
  let used = 0;
  const last = weights.findIndex((weight) => weight > 0 && ++used === most);
  return last < 0 ? weights.length : last + 1;
}
