/**
 * Picks the first weight of a plan by what it may cost: `maxFailedRequests`.
 *
 * The largest share is taken at which a candidate that is worse, however much, most probably costs no more failed requests than
 * that before it is stopped, at the traffic of the last minutes. It may be below the plan's own first step or above it: a
 * service with little traffic gains hours. Steps below it are left out, but never one that waits for a person, verifies, or is
 * for a group; the pick then stays at or below that one.
 *
 * Without traffic nothing can be predicted and no request is expected to fail: the plan stands as it is. Where not even the
 * smallest share fits, the start is refused; to begin all the same would break the only promise that the number makes.
 *
 * Plans that leave no first weight open (`one-box`, whose share is that of its endpoints, and `all-at-once`, which somebody chooses
 * because there is no time) take no budget: written beside one it is refused, from the file it is left aside.
 */
import { type DetectionRule, type PresentTraffic, pickFirstShare, presentRate } from '../judge/detectability.ts';
import { percent } from '../rollout/course.ts';
import type { Plan, Step } from '../rollout/plan.ts';
import type { Refusal } from './operations.ts';
import { refuse } from './rollout-aim.ts';

/** Shares that may become the first weight, beside those of the plan. */
const LADDER = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5];
/** How many times as many bad events a candidate may have; dead first, which needs the least computing. */
export const TIMES_WORSE = [Number.POSITIVE_INFINITY, 50, 5, 2];

/** A plan that keeps a budget. */
export interface Budgeted {
  readonly plan: Plan;
  /** The share of the first step where the budget has picked it; null where there was no traffic to pick it by. */
  readonly picked: number | null;
}

/** Whether the first weight of such a plan is open. */
export function hasOpenWeight({ kind }: Plan): boolean {
  return kind !== 'one-box' && kind !== 'all-at-once';
}

/** The plan with its first weight picked, or the refusal where none fits. */
export function withinBudget(
  plan: Plan,
  failedMax: number,
  traffic: PresentTraffic,
  rule: DetectionRule,
): Budgeted | Refusal {
  if (presentRate(traffic) === null || !(traffic.seconds > 0)) return { plan, picked: null };
  // Steps for a group alone, or for an approval before anybody, come first and send nobody by chance.
  const lead = plan.steps.filter(({ share }) => share === 0);
  const steps = plan.steps.slice(lead.length);
  const most = steps.find(isParticular)?.share ?? 1;
  const shares = [...LADDER, ...steps.map(({ share }) => share)].filter((share) => share <= most);
  const { holdMs } = steps[0]!;
  const picked = pickFirstShare([...new Set(shares)], holdMs, failedMax, traffic, TIMES_WORSE, rule);
  if (picked === null) {
    const least = percent(Math.min(...shares));
    const message = `not even ${least} would keep within ${failedMax} failed requests at the present traffic`;
    return refuse('over-budget', message);
  }
  return { plan: { ...plan, steps: [...lead, ...beginningAt(steps, picked)] }, picked };
}

/** A step that must not be left out. */
function isParticular({ approve, verify, group, endpoints, flags }: Step): boolean {
  return approve || verify || group !== null || endpoints !== null || flags !== undefined;
}

const PLAIN = { approve: false, verify: false, group: null, endpoints: null } as const;

function beginningAt(steps: readonly Step[], share: number): Step[] {
  const rest = steps.filter((step) => step.share >= share || isParticular(step));
  const next = rest[0]!;
  if (next.share <= share) return rest;
  const { holdMs } = steps[0]!;
  return [{ share, holdMs, minRequests: next.minRequests, ...PLAIN }, ...rest];
}
