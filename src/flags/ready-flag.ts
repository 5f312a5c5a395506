/**
 * One flag made ready to be asked: its conditions compiled, its buckets set up, each answer that it can give made.
 *
 * The order: killed, switched off or outside its schedule; a prerequisite that is not met; the first rule that fits; the flag's
 * own strategy. For a question nothing is made: what is handed out is one of the answers made here.
 */

import type { Buckets } from './bucket.ts';
import { bucketsOf } from './buckets-of.ts';
import type { Condition } from './condition.ts';
import { ConditionTester } from './condition-test.ts';
import { answerOf, Decider } from './decider.ts';
import { Dial, isKilledIn, shareIn } from './dial.ts';
import type { Evaluation, EvaluationContext, FlagRule, FlagSpec } from './flag.ts';
import { isWithin, shareOfRamp } from './timing.ts';

/** A flag that another one needs, with the index of the variant that it must have. */
export interface ReadyPrerequisite {
  readonly flag: ReadyFlag;
  readonly variant: number;
}

/** A rule of a flag. */
export class ReadyRule {
  readonly rule: FlagRule;
  /** All that it asks: its conditions, and its list of users where it has one. */
  readonly when: readonly ConditionTester[];
  readonly decider: Decider;
  /** Of the keys, where its strategy draws a bucket; 0 where it does not. */
  readonly share: number;

  constructor(spec: FlagSpec, rule: FlagRule, buckets: Buckets) {
    this.rule = rule;
    this.when = [...rule.when, ...membershipOf(rule)].map((condition) => new ConditionTester(condition));
    this.decider = new Decider(spec, rule, buckets);
    this.share = 'share' in rule.strategy ? rule.strategy.share : 0;
  }

  /** Whether all its conditions hold for a context. */
  fits(context: EvaluationContext): boolean {
    for (const condition of this.when) if (!condition.holds(context)) return false;
    return true;
  }
}

/** A list of users is what such a rule asks, and not a share of those whom it concerns: who is not in it comes to the next rule. */
function membershipOf({ strategy }: FlagRule): readonly Condition[] {
  if (strategy.kind !== 'users') return [];
  return [{ attribute: 'targetingKey', negate: false, test: { kind: 'in', values: strategy.users } }];
}

/** A flag, ready. */
export class ReadyFlag {
  readonly spec: FlagSpec;
  readonly buckets: Buckets;
  readonly requires: readonly ReadyPrerequisite[];
  readonly rules: readonly ReadyRule[];
  readonly #dial: Dial;
  readonly #own: Decider;
  readonly #disabled: Evaluation;
  readonly #unmet: Evaluation;
  readonly #noKey: Evaluation;

  /** Throws on what cannot be evaluated: a condition that is none. */
  constructor(spec: FlagSpec, requires: readonly ReadyPrerequisite[]) {
    this.spec = spec;
    this.buckets = bucketsOf(spec);
    this.requires = requires;
    this.rules = spec.rules.map((rule) => new ReadyRule(spec, rule, this.buckets));
    this.#dial = new Dial(spec.dial);
    this.#own = new Decider(spec, null, this.buckets);
    this.#disabled = answerOf(spec, spec.off, 'DISABLED');
    this.#unmet = answerOf(spec, spec.off, 'DEFAULT');
    this.#noKey = answerOf(spec, spec.off, 'ERROR', { error: 'TARGETING_KEY_MISSING' });
  }

  /** The word of the dial as it stands now. */
  loadDial(): number {
    return this.#dial.load();
  }

  /** The share of the flag's own strategy: that of its ramp at this moment, or that of this word of its dial. */
  shareAt(nowMs: number, word: number): number {
    const { ramp } = this.spec;
    return ramp === null ? shareIn(word) : shareOfRamp(ramp, nowMs);
  }

  /** Whether the flag does what it says at all, at this moment and by this word of its dial. */
  isInForce(nowMs: number, word: number): boolean {
    const { strategy, schedule } = this.spec;
    return !isKilledIn(word) && strategy.kind !== 'none' && (schedule === null || isWithin(schedule, nowMs));
  }

  /** The answer for a context at a moment, by this word of its dial. */
  evaluate(context: EvaluationContext, nowMs: number, word: number): Evaluation {
    if (!this.isInForce(nowMs, word)) return this.#disabled;
    for (const { flag, variant } of this.requires) {
      const given = flag.evaluate(context, nowMs, flag.loadDial());
      // Whoever gives a key on being told that it is missing is then told about the prerequisite.
      if (given.error !== null) return this.#noKey;
      if (given.index !== variant) return this.#unmet;
    }
    for (const rule of this.rules) if (rule.fits(context)) return rule.decider.decide(context, rule.share);
    return this.#own.decide(context, this.shareAt(nowMs, word));
  }
}
