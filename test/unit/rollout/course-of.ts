/** Rollouts brought to a phase by events, as they would come there, for tests of what happens then. */
import { advance, begin, type Event, type Judgement } from '../../../src/rollout/machine.ts';
import { type Plan, type Step, stepsOf } from '../../../src/rollout/plan.ts';
import type { Rollout } from '../../../src/rollout/rollout.ts';
import type { Effect, Transition } from '../../../src/rollout/transition.ts';

export const HOLD_MS = 600_000;
export const BAKE_MS = 900_000;

export const stepDefaults = { holdMs: HOLD_MS, minRequests: 0, approve: false, verify: false };

export function step(share: number, rest: Partial<Step> = {}): Step {
  return { ...stepDefaults, share, group: null, endpoints: null, ...rest };
}

export function planOf(rest: Partial<Plan> = {}): Plan {
  return {
    kind: 'canary',
    steps: stepsOf('canary', stepDefaults, { increment: 0.1, endpoints: 3 }),
    bakeMs: BAKE_MS,
    holdBack: 0,
    verifyBefore: true,
    verifyAfter: true,
    inconclusive: 'pause',
    rollbackOverMs: 0,
    onFreeze: 'pause',
    ...rest,
  };
}

export const healthy: Judgement = { verdict: 'healthy', sentence: 'no worse than blue' };
export const worse: Judgement = { verdict: 'worse', sentence: '5 of 412 on green failed' };

/** A rollout with everything that it has asked for so far. */
export class Course {
  rollout: Rollout;
  readonly effects: Effect[] = [];

  /** `lead` is that of a member of a bond. */
  constructor(plan: Partial<Plan> = {}, lead: number | null = null) {
    const begun = begin({
      plan: planOf(plan),
      active: 'blue',
      candidate: 'green',
      before: { blue: 100, green: 0 },
      by: 'ana',
      together: lead === null ? null : { lead, others: ['cart'] },
    });
    if (!begun.ok) throw new Error(begun.message);
    this.rollout = begun.rollout;
    this.effects.push(...begun.effects);
  }

  /** Takes an event, which must not be refused. */
  on(event: Event): this {
    const next = advance(this.rollout, event);
    if (!next.ok) throw new Error(`${this.rollout.phase}: ${next.message}`);
    this.rollout = next.rollout;
    this.effects.push(...next.effects);
    return this;
  }

  try(event: Event): Transition {
    return advance(this.rollout, event);
  }

  answer(result: 'ok' | 'failed' | 'undecided' = 'ok', why = ''): this {
    const { errand } = this.rollout;
    if (errand === null) throw new Error(`nothing is asked for: ${this.rollout.phase}`);
    return this.on({ kind: 'answer', errand: errand.id, result, why });
  }

  tick(ms: number, rest: Partial<Event & { kind: 'tick' }> = {}): this {
    return this.on({ kind: 'tick', ms, judgement: healthy, requests: 1000, frozen: null, ...rest });
  }

  command(command: (Event & { kind: 'command' })['command']): this {
    return this.on({ kind: 'command', command, by: 'ana' });
  }

  /** Answers every errand with yes until there is none. */
  settle(): this {
    while (this.rollout.errand !== null) this.answer();
    return this;
  }

  /** Goes on, all being well, until it is in this phase. */
  until(phase: Rollout['phase']): this {
    for (let rounds = 0; rounds < 100; rounds += 1) {
      if (this.rollout.phase === phase) return this;
      if (this.rollout.errand !== null) this.answer();
      else this.tick(60_000);
    }
    throw new Error(`${phase} was never reached: ${this.rollout.phase}`);
  }

  /** What people were told since, by kind. */
  told(): string[] {
    return this.effects.flatMap((effect) => (effect.kind === 'tell' ? [effect.what] : []));
  }

  /** The shares that the gate was moved to, in percent; null for the way back. */
  moves(): (number | null)[] {
    return this.effects.flatMap((effect) => {
      if (effect.kind !== 'run') return [];
      const { errand } = effect;
      if (errand.kind === 'move') return [Math.round(errand.share * 10000) / 100];
      if (errand.kind === 'finish') return [100];
      return errand.kind === 'move-back' ? [null] : [];
    });
  }
}
