/**
 * Harmless releases of a sticky service with a few broken accounts that hammer it: how often is the candidate blamed?
 *
 * Accounts are assigned by the product's own hashing, so one that has moved to the candidate stays there while the share
 * grows. A broken account fails on every version, and sends its failing request again and again.
 */

import { type EpochEvents, logEvidence } from '../../../src/judge/relative-risk.ts';
import { murmur3 } from '../../../src/routing/hash.ts';
import { poolSeedsOf, stickAt } from '../../../src/routing/stick.ts';
import { createUnitMemory, UnitLedger } from '../../../src/stats/unit-ledger.ts';
import type { Draws } from './draws.ts';

/** What counts as one bad event. */
export type Counting = 'request' | 'unit-once-per-epoch' | 'unit-once-per-rollout';

const SEEDS = poolSeedsOf('shop', ['blue', 'green']);

/** Whether one release with so many broken accounts is blamed, at a floor of three distinct units. */
export function stickyRelease(
  counting: Counting,
  steps: readonly number[],
  brokenAccounts: number,
  falseAlarm: number,
  draws: Draws,
): boolean {
  const needed = -Math.log(falseAlarm);
  const release = draws.seeded.u32();
  const ledger = new UnitLedger(createUnitMemory(1024));
  const epochs: EpochEvents[] = [];
  const blamed = new Set<number>();
  for (const [epoch, share] of steps.entries()) {
    const weights = Float64Array.of(1 - share, share);
    const candidate = [0];
    const active = [0];
    epochs.push({ share, candidate, active });
    // Each account fails some dozen times a step, in bursts that mix with those of the others.
    for (let left = brokenAccounts * 12; left > 0; left--) {
      const account = draws.seeded.below(brokenAccounts);
      const key = `${release}-${account}`;
      const spoken = counting === 'unit-once-per-epoch' ? `${key}@${epoch}` : key;
      if (counting !== 'request' && ledger.raise(murmur3(spoken, 1), murmur3(spoken, 2), 1) !== 0) continue;
      const isCandidate = stickAt(weights, 0, 2, SEEDS, key) === 1;
      (isCandidate ? candidate : active)[0]! += 1;
      if (isCandidate) blamed.add(account);
      if (blamed.size >= 3 && logEvidence(epochs, 1, 1) >= needed) return true;
    }
  }
  return false;
}
