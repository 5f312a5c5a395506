/**
 * Flags whose users are simulated: keys that stick to their arm by the hash, some of them broken for good, and a share that moves.
 *
 * Arms, ledger and engine are those of the product; requests, failures and who asks are drawn.
 */

import { FLOOR } from '../../../src/control/rollout-settings.ts';
import { armOf, treatmentPart } from '../../../src/flags/arm.ts';
import type { Control } from '../../../src/flags/guard.ts';
import { TidegateBuckets } from '../../../src/flags/tidegate-buckets.ts';
import type { EpochEvents } from '../../../src/judge/relative-risk.ts';
import { logEvidence } from '../../../src/judge/relative-risk.ts';
import { type UnitHash, unitHash } from '../../../src/proxy/unit-hash.ts';
import { createUnitMemory, UnitLedger } from '../../../src/stats/unit-ledger.ts';
import { flagOf } from '../../unit/flags/flag-of.ts';
import type { Seeded } from '../../unit/routing/seeded.ts';

export interface GuardedTraffic {
  readonly control: Control;
  /** Shares of the flag in thousandths of a percent, one after the other, with as many requests at each. */
  readonly shares: readonly number[];
  /** The share that follows, from the present one and the logarithm of the evidence: somebody who looks at it. Else as listed. */
  readonly turn?: (share: number, logEvidence: number) => number;
  readonly requests: number;
  readonly users: number;
  /** The part of the users whose requests all fail, whatever the flag says. */
  readonly broken: number;
  /** The chance that a request of another user fails: without the treatment, and with it; one for each share in turn, or for all. */
  readonly untreated: number | readonly number[];
  readonly treated: number | readonly number[];
  readonly margin: number;
  readonly falseAlarm: number;
  /** Whether a key is heard once; else each of its failures counts. */
  readonly speaksOnce: boolean;
  /** How many users the ledger is made for; all of them unless given. */
  readonly places?: number;
}

/** What a kill has cost: failed requests of treated users, and requests of everybody. */
export interface Kill {
  readonly failed: number;
  readonly requests: number;
}

/** One flag of its own salt; what it took until it was killed, or null. */
export function simulateGuard(traffic: GuardedTraffic, rng: Seeded): Kill | null {
  const { control, shares, requests, users, broken, margin, falseAlarm, speaksOnce } = traffic;
  const buckets = new TidegateBuckets(flagOf({ name: `flag-${rng.u32()}` }));
  const rolls = new Int32Array(users).fill(-1);
  const rollOf = (user: number): number => {
    if (rolls[user] === -1) rolls[user] = buckets.roll(`user-${user}`);
    return rolls[user]!;
  };
  const ledger = new UnitLedger(createUnitMemory(traffic.places ?? users));
  const needed = -Math.log(falseAlarm);
  const epochs: { share: number; candidate: number[]; active: number[] }[] = [];
  const evidence = (): number => logEvidence(epochs satisfies EpochEvents[], 1, margin);
  let failed = 0;
  let blamed = 0;
  let share = shares[0]!;
  for (const [step, listed] of shares.entries()) {
    if (step > 0) share = traffic.turn?.(share, evidence()) ?? listed;
    const epoch = { share: treatmentPart(share, control), candidate: [0], active: [0] };
    const chances = { treatment: chanceAt(traffic.treated, step), control: chanceAt(traffic.untreated, step) };
    epochs.push(epoch);
    for (let count = 1; count <= requests; count += 1) {
      const user = rng.below(users);
      const arm = armOf(rollOf(user), share, control);
      if (arm === null) continue;
      const isBad = user < broken * users || rng.chance(chances[arm]);
      if (!isBad) continue;
      if (arm === 'treatment') failed += 1;
      const { low, high } = hashOf(user);
      if (speaksOnce && ledger.raise(low, high, 1) !== 0) continue;
      epoch[arm === 'treatment' ? 'candidate' : 'active'][0]! += 1;
      if (arm === 'control') continue;
      blamed += 1;
      if (blamed >= FLOOR && evidence() >= needed) return { failed, requests: step * requests + count };
    }
  }
  return null;
}

function chanceAt(chance: number | readonly number[], step: number): number {
  return typeof chance === 'number' ? chance : chance[step % chance.length]!;
}

const hashes: UnitHash[] = [];

function hashOf(user: number): UnitHash {
  const known = hashes[user] ?? unitHash(`user-${user}`);
  hashes[user] = known;
  return known;
}
