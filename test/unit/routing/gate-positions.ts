/** Positions that follow from their epoch, so that a thread can tell a whole one from a torn one. */
import { positionOf } from '../../../src/routing/split.ts';

/** Pools of the gate under test. */
export const POOLS = 3;
/** In place of the answered epoch: the reading threads end. */
export const STOP = -1;

/** The weights at an epoch; those of neighbouring epochs differ in every pool. */
export function weightsAt(epoch: number): number[] {
  return [1 + (epoch % 97), 1 + (epoch % 89), 1 + (epoch % 83)];
}

/** The bounds that belong to them. */
export function boundsAt(epoch: number): Float64Array {
  return positionOf(weightsAt(epoch));
}
