/**
 * What a start of a rollout would do, before anything is done: between which pools, to which version, along which plan.
 *
 * A start and its forecast both begin here, so that a dry run cannot promise what the start then refuses.
 */
import type { Service } from '../config/schema.ts';
import type { Plan } from '../rollout/plan.ts';
import type { Refusal, StartOrder, Weights } from './operations.ts';
import { planFor } from './rollout-settings.ts';

export interface Aim {
  readonly active: string;
  readonly candidate: string;
  /** The candidate's version in the file. */
  readonly version: string;
  readonly plan: Plan;
}

/** The aim of an order, or why there is none. `active` is the pool that has the traffic now, null for none. */
export function aimOf(service: Service, active: string | null, order: StartOrder): Aim | Refusal {
  const { name, pools } = service;
  const candidate = order.to ?? onlyOther(service, active);
  const pool = candidate === null ? undefined : pools.get(candidate);
  if (candidate === null) {
    const names = [...pools.keys()].filter((one) => one !== active).join(', ');
    return refuse('ambiguous-target', `say which pool to roll out to: ${names}`);
  }
  if (pool === undefined) {
    const names = [...pools.keys()].join(', ');
    return refuse('unknown-pool', `${name} has no pool ${candidate}; it has ${names}`);
  }
  if (active === null) return refuse('no-active-pool', `no pool of ${name} has traffic that could be moved`);
  if (active === candidate) return refuse('already-active', `${candidate} has the traffic of ${name} already`);
  if (order.version !== null && order.version !== pool.version) {
    const message = `${candidate} has version ${pool.version} in the file, not ${order.version}`;
    return refuse('version-mismatch', message);
  }
  const plan = planFor(service, candidate, order);
  if (!('kind' in plan)) return refuse('bad-plan', plan.join('; '));
  return { active, candidate, version: pool.version, plan };
}

/** A refusal with its code and its sentence. */
export function refuse(code: Refusal['code'], message: string): Refusal {
  return { refused: true, code, message };
}

/** The candidate's share of what it and the active pool have among these weights; 0 where they have nothing. */
export function shareIn(
  weights: Weights,
  { active, candidate }: { readonly active: string; readonly candidate: string },
): number {
  const [own, other] = [weights[candidate] ?? 0, weights[active] ?? 0];
  return own > 0 ? own / (own + other) : 0;
}

/** The pool that is not active, if there is just one. */
function onlyOther(service: Service, active: string | null): string | null {
  const others = [...service.pools.keys()].filter((pool) => pool !== active);
  return others.length === 1 ? others[0]! : null;
}
