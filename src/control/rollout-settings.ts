/**
 * From the `rollout:` of a service to what the state machine and the judge work with.
 *
 * The file's words (margins, ceilings, shares) become a plan and settings once, when a rollout begins. What a start may say
 * otherwise replaces the file's word here and nowhere else.
 */
import type { Service } from '../config/schema.ts';
import type { LatencyScale } from '../judge/latency.ts';
import type { ComparedSignal, JudgeSettings } from '../judge/signals.ts';
import { type Plan, planProblems, stepsOf } from '../rollout/plan.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { type Group, groupNumber, groupText } from '../routing/group.ts';
import type { RolloutRecord } from './rollout-record.ts';
import { judgedSignals } from './signal-specs.ts';

/** What a start may say otherwise than the file. */
export interface PlanOverrides {
  readonly plan?: Plan['kind'];
  /** Shares of the steps, 0 to 1. */
  readonly steps?: readonly number[];
  readonly holdMs?: number;
  readonly bakeMs?: number;
  /** False leaves out every verification. */
  readonly verify?: boolean;
}

/** Distinct users or requests with a bad event on the candidate before it may be blamed. */
export const FLOOR = 3;

/** The plan of a rollout to `candidate`, or what is wrong with it. */
export function planFor(service: Service, candidate: string, overrides: PlanOverrides): Plan | readonly string[] {
  const { rollout } = service;
  const kind = overrides.plan ?? rollout.plan;
  const defaults = {
    holdMs: overrides.holdMs ?? rollout.holdMs,
    minRequests: rollout.minRequests,
    approve: false,
    verify: false,
  };
  const endpoints = service.pools.get(candidate)?.endpoints.filter(({ weight }) => weight > 0).length ?? 1;
  const shape = { increment: rollout.increment, endpoints };
  const written = overrides.plan === undefined ? rollout.steps : undefined;
  const steps =
    overrides.steps?.map((share) => ({ ...defaults, share, group: null, endpoints: null })) ??
    written?.map((step) => ({ ...step, holdMs: overrides.holdMs ?? step.holdMs })) ??
    stepsOf(kind, defaults, shape);
  const verifies = overrides.verify ?? kind !== 'all-at-once';
  const plan: Plan = {
    kind,
    steps,
    bakeMs: overrides.bakeMs ?? rollout.bakeMs,
    holdBack: rollout.holdBack,
    verifyBefore: verifies && rollout.verify.before,
    verifyAfter: verifies && rollout.verify.after,
    inconclusive: rollout.inconclusive,
    rollbackOverMs: rollout.rollbackOverMs,
    onFreeze: rollout.onFreeze,
  };
  const problems = planProblems(plan);
  return problems.length === 0 ? plan : problems;
}

/** How a rollout is judged; without a scale there is nothing to judge latency by. */
export function judgeSettingsFor(
  service: Service,
  pools: { readonly active: string; readonly candidate: string },
  scale: LatencyScale | null,
): JudgeSettings {
  const { guard } = service.rollout;
  const builtIn = builtInSignals(guard, scale).filter(({ name }) => name === 'errors' || scale !== null);
  const signals = [...builtIn, ...judgedSignals(service)];
  return { ...pools, falseAlarm: guard.falseAlarm, falseHealth: guard.missed, floor: FLOOR, signals };
}

/** What is judged without being asked for: errors, and latency unless that is left out, which has no boundaries without a scale. */
export function builtInSignals(
  { errors: given, latency }: Pick<Service['rollout']['guard'], 'errors' | 'latency'>,
  scale: LatencyScale | null,
): ComparedSignal[] {
  const errors: ComparedSignal = {
    kind: 'compared',
    name: 'errors',
    acts: true,
    onUnknown: 'halt',
    verb: 'failed',
    boundariesUs: null,
    margin: given.margin,
    weight: 1,
    proof: { margin: given.proof, rate: given.rate, thresholds: 1 },
    ceiling: { minRequests: given.ceilingRequests, share: given.ceiling },
  };
  if (latency === null) return [errors];
  const slow: ComparedSignal = {
    ...errors,
    name: 'latency',
    verb: 'were slower',
    boundariesUs: scale?.boundariesUs ?? null,
    margin: latency.margin,
    proof: { margin: given.proof, rate: null, thresholds: scale?.provable ?? 1 },
    ceiling: null,
  };
  return [errors, slow];
}

/** Why a rollout has lost what its plan was made for, by what the file says now; null when it has not. */
export function whyLost({ rollout, version, activeVersion }: RolloutRecord, service: Service): string | null {
  const { active, candidate } = rollout;
  for (const [name, before] of Object.entries({ [active]: activeVersion, [candidate]: version })) {
    const pool = service.pools.get(name);
    if (pool === undefined) return `the pool ${name} has left the file`;
    // What it has answered until now is of another version: there is nothing left to compare with.
    if (pool.version !== before) return `${name} runs ${pool.version} now and not ${before}`;
  }
  const lacking = missingGroup(rollout, service);
  return lacking === null ? null : `its step for ${groupText(lacking)} has left the file`;
}

/** A group that the rest of the plan lets in and the file does not name any more: the data plane cannot tell its members. */
function missingGroup({ plan, step }: Rollout, service: Service): Group | null {
  const named = service.rollout.steps?.flatMap(({ group }) => (group === null ? [] : [groupNumber(group)])) ?? [];
  const needed = plan.steps.slice(step).flatMap(({ group }) => (group === null ? [] : [group]));
  return needed.find((group) => !named.includes(groupNumber(group))) ?? null;
}
