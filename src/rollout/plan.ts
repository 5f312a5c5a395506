/**
 * A plan: along which steps the candidate takes over from the active pool, and what happens at their ends.
 *
 * There is one mechanism. Blue/green is a plan with one step, a canary one with several, and one-box one whose first step
 * uses a single endpoint; a rollout does not know which of them it runs. What the kinds differ in is decided here, once,
 * when the plan is made, so that the state machine has no word for any of them.
 *
 * Rejected: a list of instructions (`setWeight`, `pause`, `analyse`) as Argo Rollouts has it. It can say things that mean
 * nothing (two pauses in a row, an analysis of no traffic), and a state in the middle of it cannot be shown as a bar.
 */
import type { Group } from '../routing/group.ts';

/** The names under which plans are known; `linear` is a canary with equal steps. */
export const PLAN_KINDS = ['canary', 'blue-green', 'linear', 'one-box', 'all-at-once'] as const;
export type PlanKind = (typeof PLAN_KINDS)[number];

/** One step of a plan. */
export interface Step {
  /** The candidate's part of what it and the active pool have together, from 0 to 1; 0 beside a group or an approval. */
  readonly share: number;
  /** How long it lasts at least. */
  readonly holdMs: number;
  /** How many requests the candidate must have had in it. */
  readonly minRequests: number;
  /** A person must approve before the next step. */
  readonly approve: boolean;
  /** The candidate is verified again before the step takes effect. */
  readonly verify: boolean;
  /** Users who reach the candidate beside the share; null for none. */
  readonly group: Group | null;
  /** How many of the candidate's endpoints are used; null for all. */
  readonly endpoints: number | null;
  /** The shares of flags that are set once the step is taken, 0 to 1 by name; none unless given. */
  readonly flags?: Readonly<Record<string, number>>;
}

/** What is done when a step or the bake is over and the judge cannot tell. */
export type Inconclusive = 'pause' | 'promote' | 'rollback';

/** Everything that a rollout has to know beforehand. */
export interface Plan {
  readonly kind: PlanKind;
  /** At least one; shares grow, and the last one is 1. */
  readonly steps: readonly Step[];
  /** How long the candidate is watched after the last step. */
  readonly bakeMs: number;
  /** What stays on the active pool during the bake, from 0 to 1, so that there is something to compare with. */
  readonly holdBack: number;
  /** Verification before any user, and after the last step. */
  readonly verifyBefore: boolean;
  readonly verifyAfter: boolean;
  readonly inconclusive: Inconclusive;
  /** Over how long traffic goes back; 0 for one move. */
  readonly rollbackOverMs: number;
  /** How a running rollout answers a freeze. */
  readonly onFreeze: 'pause' | 'continue';
}

/** What a step has when the plan says nothing of it. */
export type StepDefaults = Omit<Step, 'share' | 'group' | 'endpoints' | 'flags'>;

const CANARY_SHARES = [0.01, 0.05, 0.25, 0.5, 1];

/**
 * The steps of a kind of plan for which none are written. `increment` is the share by which a linear plan grows, over 0 to
 * 1; `endpoints` how many the candidate has. The last step is always 1.
 */
export function stepsOf(
  kind: PlanKind,
  defaults: StepDefaults,
  { increment, endpoints }: { readonly increment: number; readonly endpoints: number },
): Step[] {
  const step = (share: number): Step => ({ ...defaults, share, group: null, endpoints: null });
  switch (kind) {
    case 'canary':
      return CANARY_SHARES.map(step);
    case 'linear':
      return linearShares(increment).map(step);
    case 'one-box':
      // One endpoint of N takes a Nth: the load that it will have when the whole pool serves.
      if (endpoints < 2) return [step(1)];
      return [{ ...step(1 / endpoints), endpoints: 1 }, step(1)];
    case 'blue-green':
    case 'all-at-once':
      return [step(1)];
    default:
      return kind satisfies never;
  }
}

function linearShares(increment: number): number[] {
  if (!(increment > 0 && increment <= 1)) throw new RangeError('a linear plan grows by a share over 0 and up to 1');
  const shares = [];
  // By multiplication: adding 0.1 ten times does not make 1.
  for (let count = 1; count * increment < 1 - 1e-9; count += 1) shares.push(count * increment);
  return [...shares, 1];
}

/** What is wrong with a plan, in words; empty when nothing is. */
export function planProblems(plan: Plan): string[] {
  const problems: string[] = [];
  const { steps } = plan;
  if (steps.length === 0) problems.push('a plan needs at least one step');
  steps.forEach((step, index) => {
    const before = index === 0 ? 0 : steps[index - 1]!.share;
    if (!(step.share >= 0 && step.share <= 1)) problems.push(`step ${index + 1} is not a share from 0% to 100%`);
    else if (step.share === 0 && step.group === null && !step.approve) {
      problems.push(`step ${index + 1} sends nobody to the candidate and waits for nobody`);
    } else if (step.share < before) problems.push(`step ${index + 1} is smaller than the one before it`);
  });
  const last = steps[steps.length - 1];
  if (last !== undefined && last.share !== 1) problems.push('the last step must be 100%');
  if (last?.approve === true) problems.push('nothing follows the last step: ask for approval at the step before it');
  if (!(plan.holdBack >= 0 && plan.holdBack < 1)) problems.push('what is held back must be from 0% to below 100%');
  return problems;
}

/** The candidate's share of what it and the active pool have among these weights; 0 where they have nothing. */
export function shareIn(
  weights: Readonly<Record<string, number>>,
  { active, candidate }: { readonly active: string; readonly candidate: string },
): number {
  const [own, other] = [weights[candidate] ?? 0, weights[active] ?? 0];
  return own > 0 ? own / (own + other) : 0;
}

/** The weights of a service's pools when the candidate has `share` of what it and the active pool have together. */
export function weightsAt(
  before: Readonly<Record<string, number>>,
  { active, candidate }: { readonly active: string; readonly candidate: string },
  share: number,
): Record<string, number> {
  const both = (before[active] ?? 0) + (before[candidate] ?? 0);
  if (!(both > 0)) throw new RangeError('a rollout moves the traffic that its two pools have, and they have none');
  // What is left is computed from the rest and not from the candidate's part, so that 0 and 1 are exact.
  return { ...before, [active]: both * (1 - share), [candidate]: both * share };
}
