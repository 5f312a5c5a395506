/**
 * What a start of a flag's rollout would do, before anything is done: from which share, along which plan.
 *
 * A flag rolls out by the machine of services, with two sides in place of two pools: `treatment` are the keys that its own share
 * is on for, `control` all others, and their weights are their thousandths of a percent. So the gate of the plan is the dial of
 * the flag, and a step of 5% puts 5% of the keys into the treatment.
 *
 * The share of a flag never falls on the way: whoever has the treatment keeps it until it is taken back from all. So steps that
 * the flag has passed already are left out. A start and its forecast both begin here.
 */
import type { WrittenFlagRollout } from '../config/flag-rollout-schema.ts';
import { parseDuration, parsePercent } from '../config/units.ts';
import { SHARE_ALL } from '../flags/dial.ts';
import { type Plan, planProblems, type Step, stepsOf } from '../rollout/plan.ts';
import type { FlagEntry } from './flag-book.ts';
import type { Refusal, Weights } from './operations.ts';
import { refuse } from './rollout-aim.ts';

/** The names of the two sides of a flag. */
export const SIDES = { active: 'control', candidate: 'treatment' } as const;

/** What a start of a flag's rollout says; what is left out is as its definition has it. */
export interface FlagStartOrder {
  /** Shares of the steps, 0 to 1. */
  readonly steps?: readonly number[];
  readonly holdMs?: number;
  readonly bakeMs?: number;
  /** Also when the flag was rolled back the last time and says the same. */
  readonly again: boolean;
}

/** What would be done. */
export interface FlagAim {
  /** The revision that the flag's answers have. */
  readonly version: string;
  readonly plan: Plan;
  /** Where it begins. */
  readonly before: Weights;
}

/** The weights of the two sides at a share of the dial, in thousandths of a percent. */
export function weightsOfShare(share: number): Weights {
  return { [SIDES.active]: SHARE_ALL - share, [SIDES.candidate]: share };
}

/** The share that these weights give the treatment, in thousandths of a percent. */
export function shareOfWeights(weights: Weights): number {
  return Math.round(weights[SIDES.candidate] ?? 0);
}

/** The aim of an order for a flag of whose rollout this is said, or why there is none. */
export function aimOfFlag(
  { name, spec, share, killed, problem }: FlagEntry,
  written: WrittenFlagRollout,
  order: FlagStartOrder,
): FlagAim | Refusal {
  if (killed) return refuse('flag-killed', `${name} is killed, and off for everybody: restore it first`);
  if (problem !== null) return refuse('no-share', `${name} is off, because what it needs is not there: ${problem}`);
  const { strategy, ramp } = spec;
  if (!('share' in strategy)) {
    const message = `${name} has no share that could be moved: its strategy is ${strategy.kind}, and not percentage or variants`;
    return refuse('no-share', message);
  }
  if (ramp !== null) return refuse('no-share', `${name} has a ramp, which moves its share: take that away first`);
  const plan = planOfFlag(written, order);
  const problems = [...planProblems(plan), ...(plan.steps.every(isExact) ? [] : ['shares have steps of 0.001%'])];
  if (problems.length > 0) return refuse('bad-plan', problems.join('; '));
  if (share === SHARE_ALL) return refuse('already-active', `${name} is on for all keys already`);
  const steps = plan.steps.filter((step) => isAhead(step, share));
  // Nor is anything held back of what it is on for already.
  const holdBack = Math.min(plan.holdBack, 1 - share / SHARE_ALL);
  return { version: spec.revision, plan: { ...plan, steps, holdBack }, before: weightsOfShare(share) };
}

function isExact({ share }: Step): boolean {
  return Math.abs(share * SHARE_ALL - Math.round(share * SHARE_ALL)) < 1e-6;
}

/** Whether a step is still to be taken at this share of the dial; one that waits for an approval may leave it where it is. */
function isAhead({ share, approve }: Step, present: number): boolean {
  const thousandths = Math.round(share * SHARE_ALL);
  return thousandths > present || (approve && thousandths === present);
}

function planOfFlag(written: WrittenFlagRollout, order: FlagStartOrder): Plan {
  const holdMs = order.holdMs ?? msOf(written.hold ?? '10m');
  const defaults = { holdMs, minRequests: written.minRequests ?? 0, approve: false, verify: false };
  const steps: readonly Step[] =
    order.steps?.map((share) => ({ ...defaults, share, group: null, endpoints: null })) ??
    written.steps?.map((step) => {
      const given = typeof step === 'string' ? { weight: step } : step;
      const { weight, hold, approve = false, minRequests = defaults.minRequests } = given;
      const ownMs = order.holdMs ?? (hold === undefined ? holdMs : msOf(hold));
      return { ...defaults, share: partOf(weight), holdMs: ownMs, minRequests, approve, group: null, endpoints: null };
    }) ??
    stepsOf('canary', defaults, { increment: 1, endpoints: 1 });
  return {
    kind: 'canary',
    steps,
    bakeMs: order.bakeMs ?? msOf(written.bake ?? '15m'),
    holdBack: partOf(written.holdBack ?? '0%'),
    verifyBefore: false,
    verifyAfter: false,
    inconclusive: written.inconclusive ?? 'pause',
    rollbackOverMs: 0,
    onFreeze: written.onFreeze ?? 'pause',
  };
}

function partOf(percent: string): number {
  return parsePercent(percent)! / 100;
}

function msOf(duration: string): number {
  return parseDuration(duration)!;
}
