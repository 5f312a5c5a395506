/**
 * The same bad release again and again, on one shop and under visitors at a steady rate: how many requests it fails before
 * it is gone.
 *
 * Each run is a rollout of its own with evidence of its own. Failed requests are counted by the endpoint of the candidate,
 * those too that were under way when the gate had moved.
 */
import type { RolloutView } from '../../../src/control/operations.ts';
import { ENDLESS, RolloutShop } from './rollout-shop.ts';
import type { Cleaning } from './tidegate.ts';
import { Visitors } from './visitors.ts';

export interface TrialPlan {
  readonly runs: number;
  /** The chance that a request fails, on the active side and on the candidate's. */
  readonly active: number;
  readonly candidate: number;
  readonly perSecond: number;
  readonly random: () => number;
  /** The candidate's share; 10% unless given. */
  readonly share?: number;
}

export interface TrialRun {
  readonly phase: RolloutView['phase'];
  readonly reason: string;
  /** Requests that the candidate has failed. */
  readonly failed: number;
  /** Requests of both sides from the start of the rollout to its end. */
  readonly requests: number;
}

export interface Trials {
  readonly runs: readonly TrialRun[];
  /** Requests without a whole answer. */
  readonly lost: number;
}

/** Carries them out, one after the other. */
export async function badReleases(cleaning: Cleaning, plan: TrialPlan): Promise<Trials> {
  const { share = 0.1, perSecond, random } = plan;
  const rollout = [`steps: [${share * 100}%, 100%]`, ...ENDLESS];
  const shop = await RolloutShop.open(cleaning, { random, rollout });
  shop.blue.failing = plan.active;
  shop.green.failing = plan.candidate;
  const visitors = new Visitors(shop.port, perSecond);
  const runs: TrialRun[] = [];
  for (let run = 0; run < plan.runs; run++) {
    const before = { failed: shop.green.failed, requests: shop.blue.answered + shop.green.answered };
    await shop.start();
    const { phase, reason } = await shop.ended(120_000);
    const requests = shop.blue.answered + shop.green.answered - before.requests;
    runs.push({ phase, reason, failed: shop.green.failed - before.failed, requests });
  }
  await visitors.stop();
  return { runs, lost: visitors.lost };
}

/** The middle one, the upper of two. */
export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** The smallest of these numbers that no more than a part of `1 - q` of them exceeds. */
export function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length))] ?? Number.NaN;
}
