/**
 * What an event of a rollout says beside its text: enough to write a message from the event alone, also days later.
 *
 * A message that is delivered late has to say what was so then. Looking at the rollout when the message is written was
 * rejected: it would announce step 2 with the share of step 4.
 */
import type { Phase } from '../rollout/rollout.ts';
import type { Told } from '../rollout/transition.ts';
import type { TidegateEvent } from './operations.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** The data of an event of the kind `rollout`. */
export interface RolloutNews {
  readonly rollout: number;
  /** `confirm`: a step waits for its confirmation, or goes on without one. */
  readonly what: Told | 'confirm';
  readonly phase: Phase;
  /** Index of the step, from 0. */
  readonly step: number;
  readonly steps: number;
  readonly active: string;
  readonly candidate: string;
  readonly version: string;
  readonly plan: string;
  /** The candidate's share, 0 to 1. */
  readonly share: number;
  readonly startedBy: string;
  /** The group that it was started with; null for one that rolls alone. */
  readonly group: string | null;
  /** The flag that is rolled out; null for a service. */
  readonly flag: string | null;
  /** The services whose routes name that flag; not there for a service. */
  readonly services?: readonly string[];
  /** Where the gate stood; of a flag its revision. */
  readonly epoch: number;
}

/** What is said of a rollout as it stands. */
export function newsOf(record: RolloutRecord, what: RolloutNews['what'], epoch: number): RolloutNews {
  const { id, version, startedBy, rollout, bond } = record;
  const { phase, step, plan, active, candidate, share } = rollout;
  const steps = plan.steps.length;
  return {
    rollout: id,
    what,
    phase,
    step,
    steps,
    active,
    candidate,
    version,
    plan: plan.kind,
    share,
    startedBy,
    group: bond?.group ?? null,
    flag: record.flag,
    epoch,
  };
}

/** What an event says of a rollout; null when it is about none. */
export function newsIn({ kind, data }: TidegateEvent): RolloutNews | null {
  const isNews = kind === 'rollout' && typeof data === 'object' && data !== null && 'what' in data;
  return isNews ? (data as RolloutNews) : null;
}
