/**
 * Which endpoints of one pool are shut, when several deserve it: (members, what was seen) → members, and nothing else.
 *
 * Ejection is a guess from the past, and taking an endpoint out puts its load on the others. So the guess is kept within
 * limits. At most `maxShare` of a pool is ejected at once, but one in any pool of two or more, since a limit that rounds
 * down to none would turn ejection off without saying so. The last endpoint that admits is never ejected, and so never
 * the only one of a pool. Of several that deserve it, the longest run of failures goes first.
 *
 * Health checks may shut others meanwhile. When less than the share `panic` of a pool admits, its ejected endpoints are
 * used again until enough of it admits: a panic. Then a fault that hits all of them is the more likely story, and a
 * request that may fail is better than one that is turned away. A panic lifts ejections only and never what health checks
 * say (that is knowledge about now), and it stays in its pool: how much traffic a pool gets is the gate's business, so
 * one that has weight 0 gets nothing from it.
 *
 * Endpoints of weight 0 are observed but count neither as a part of the pool nor as a rest that would do.
 */
import {
  admittedAt,
  type EjectionReason,
  type EjectionRule,
  type EjectionState,
  eject,
  observe,
  reasonToEject,
  type Seen,
} from './ejection.ts';

/** The rule for each endpoint, and the limits of the pool. */
export interface EjectionPolicy extends EjectionRule {
  /** The largest part of the pool that is ejected at once, from 0 to 1; 0 for none. */
  readonly maxShare: number;
  /** The part of the pool that must admit, from 0 to 1; below it, ejected endpoints are used again. */
  readonly panic: number;
}

/** One endpoint of the pool before a step. */
export interface Member {
  readonly state: EjectionState;
  readonly seen: Seen;
  /** Whether health checks let it be used. */
  readonly healthy: boolean;
  /** It has a weight above 0. */
  readonly counts: boolean;
}

/** A pool after a step: the members' states in their order, and whether it is in a panic. */
export interface PoolStep {
  readonly states: readonly EjectionState[];
  readonly panic: boolean;
}

/** Takes the pool one step on. Without a policy everything is admitted. */
export function stepPool(members: readonly Member[], policy: EjectionPolicy | null, nowMs: number): PoolStep {
  if (policy === null) {
    return {
      states: members.map(({ state }) => (state.kind === 'admitting' ? state : admittedAt(nowMs))),
      panic: false,
    };
  }
  const states = members.map(({ state, seen }) => observe(state, seen, policy, nowMs));
  const counted = members.filter((member) => member.counts).length;
  const most = ejectedMost(counted, policy.maxShare);
  release(members, states, most, nowMs);
  let ejected = ejectedIn(members, states);
  let open = openIn(members, states);
  for (const { index, reason } of deserving(members, states, policy, nowMs)) {
    if (ejected >= most) break;
    const isOpen = members[index]!.healthy;
    if (isOpen && open <= 1) continue;
    states[index] = eject(states[index]!, reason, policy, nowMs);
    ejected += 1;
    if (isOpen) open -= 1;
  }
  return { states, panic: ejected > 0 && open < policy.panic * counted };
}

/** How many of so many endpoints may be ejected at once. */
export function ejectedMost(count: number, maxShare: number): number {
  if (count < 2 || maxShare === 0) return 0;
  return Math.max(1, Math.floor(count * maxShare));
}

/** Admits what a smaller pool or a smaller share leaves no room for; what would have been probed first goes first. */
function release(members: readonly Member[], states: EjectionState[], most: number, nowMs: number): void {
  let surplus = ejectedIn(members, states) - most;
  if (surplus <= 0) return;
  const dueMs = (state: EjectionState): number => (state.kind === 'shut' ? state.untilMs : 0);
  const ejected = [...states.keys()].filter((index) => members[index]!.counts && isEjected(states[index]!));
  for (const index of ejected.sort((one, other) => dueMs(states[one]!) - dueMs(states[other]!))) {
    if (surplus === 0) return;
    states[index] = admittedAt(nowMs, states[index]!.row);
    surplus -= 1;
  }
}

function deserving(
  members: readonly Member[],
  states: readonly EjectionState[],
  policy: EjectionPolicy,
  nowMs: number,
): readonly { readonly index: number; readonly reason: EjectionReason; readonly run: number }[] {
  const found: { index: number; reason: EjectionReason; run: number }[] = [];
  for (const [index, state] of states.entries()) {
    const reason = members[index]!.counts ? reasonToEject(state, policy, nowMs) : null;
    if (reason !== null && state.kind === 'admitting') found.push({ index, reason, run: state.run });
  }
  return found.sort((one, other) => other.run - one.run);
}

function isEjected(state: EjectionState): boolean {
  return state.kind !== 'admitting';
}

function ejectedIn(members: readonly Member[], states: readonly EjectionState[]): number {
  return states.filter((state, index) => members[index]!.counts && isEjected(state)).length;
}

/** Endpoints that both health checks and ejection let be used. */
function openIn(members: readonly Member[], states: readonly EjectionState[]): number {
  return states.filter((state, index) => {
    const { counts, healthy } = members[index]!;
    return counts && healthy && !isEjected(state);
  }).length;
}
