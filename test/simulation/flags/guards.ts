/**
 * Flags whose users are simulated: keys that stick to their arm by the hash, some of them broken for good, and a share that grows.
 *
 * Arms, ledger and engine are those of the product; requests, failures and who asks are drawn.
 */
import { armOf, treatmentPart } from '../../../src/flags/arm.ts';
import { TidegateBuckets } from '../../../src/flags/tidegate-buckets.ts';
import type { EpochEvents } from '../../../src/judge/relative-risk.ts';
import { logEvidence } from '../../../src/judge/relative-risk.ts';
import { unitHash } from '../../../src/proxy/unit-hash.ts';
import { createUnitMemory, UnitLedger } from '../../../src/stats/unit-ledger.ts';
import { flagOf } from '../../unit/flags/flag-of.ts';
import type { Seeded } from '../../unit/routing/seeded.ts';

export interface GuardedTraffic {
  /** Shares of the flag in thousandths of a percent, one after the other, with as many requests at each. */
  readonly shares: readonly number[];
  readonly requests: number;
  readonly users: number;
  /** The part of the users whose requests all fail, whatever the flag says. */
  readonly broken: number;
  /** The chance that a request of another user fails: without the treatment, and with it. */
  readonly untreated: number;
  readonly treated: number;
  readonly margin: number;
  readonly falseAlarm: number;
  /** Whether a key is heard once; else each of its failures counts. */
  readonly speaksOnce: boolean;
}

/** One flag of its own salt; after how many failed requests of treated users it was killed, or null. */
export function simulateGuard(traffic: GuardedTraffic, rng: Seeded): number | null {
  const { shares, requests, users, broken, untreated, treated, margin, falseAlarm, speaksOnce } = traffic;
  const buckets = new TidegateBuckets(flagOf({ name: `flag-${rng.u32()}` }));
  const ledger = new UnitLedger(createUnitMemory(users));
  const needed = -Math.log(falseAlarm);
  const epochs: { share: number; candidate: number[]; active: number[] }[] = [];
  let failed = 0;
  for (const share of shares) {
    const epoch = { share: treatmentPart(share), candidate: [0], active: [0] };
    epochs.push(epoch);
    for (let count = 0; count < requests; count += 1) {
      const user = rng.below(users);
      const arm = armOf(buckets.roll(`user-${user}`), share);
      if (arm === null) continue;
      const isBad = user < broken * users || rng.chance(arm === 'treatment' ? treated : untreated);
      if (!isBad) continue;
      if (arm === 'treatment') failed += 1;
      const { low, high } = unitHash(`user-${user}`);
      if (speaksOnce && ledger.raise(low, high, 1) !== 0) continue;
      epoch[arm === 'treatment' ? 'candidate' : 'active'][0]! += 1;
      if (arm === 'treatment' && logEvidence(epochs satisfies EpochEvents[], 1, margin) >= needed) return failed;
    }
  }
  return null;
}
