/**
 * Answers questions about flags.
 *
 * The one place in which a flag is decided: data threads, OFREP, `explain` and `preview` ask here, so they agree. The order: killed,
 * switched off or outside its schedule; a prerequisite that is not met; the first rule that fits; the flag's own strategy.
 *
 * All answers are made when the flags come in; for a question nothing is made. What a flag says is refused here when it
 * cannot be evaluated, as a programmer's error: whoever accepts definitions has checked them before.
 */

import { type ConditionTester, testerOf } from './condition-test.ts';
import { answer, Decider } from './decider.ts';
import { Dial, isKilledIn, shareIn } from './dial.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from './flag.ts';
import { isWithin, shareOfRamp } from './timing.ts';

interface ReadyRule {
  readonly when: readonly ConditionTester[];
  readonly share: number;
  readonly decider: Decider;
}

interface ReadyFlag {
  readonly spec: FlagSpec;
  readonly dial: Dial;
  readonly requires: readonly { readonly flag: number; readonly variant: number }[];
  readonly rules: readonly ReadyRule[];
  readonly own: Decider;
  readonly disabled: Evaluation;
  readonly unmet: Evaluation;
  readonly noKey: Evaluation;
}

export class FlagEvaluator {
  /** The names of the flags, sorted. */
  readonly names: readonly string[];
  readonly #flags: readonly ReadyFlag[];
  readonly #indexes: ReadonlyMap<string, number>;

  /** Throws on flags that cannot be evaluated: a condition that is none, a prerequisite that is not there. */
  constructor(specs: readonly FlagSpec[]) {
    this.#indexes = new Map(specs.map(({ name }, index) => [name, index]));
    this.names = [...this.#indexes.keys()].sort();
    this.#flags = specs.map((spec) => ready(spec, specs, this.#indexes));
  }

  has(flag: string): boolean {
    return this.#indexes.has(flag);
  }

  /** Where a flag stands among those that the evaluator was made of; -1 for one that is not known. */
  indexOf(flag: string): number {
    return this.#indexes.get(flag) ?? -1;
  }

  /** The answer for a context at a moment; `FLAG_NOT_FOUND` for a flag that is not known. */
  evaluate(flag: string, context: EvaluationContext, nowMs: number): Evaluation {
    const index = this.#indexes.get(flag);
    return index === undefined ? notFound(flag) : this.evaluateAt(index, context, nowMs);
  }

  /** The word of the dial of the flag at this index, for `evaluateAt` and whoever counts under its slot. */
  dialAt(index: number): number {
    return this.#flags[index]!.dial.load();
  }

  /** The share of the flag at this index: that of its ramp at this moment, or that of this word of its dial. */
  shareAt(index: number, nowMs: number, word = this.dialAt(index)): number {
    const { ramp } = this.#flags[index]!.spec;
    return ramp === null ? shareIn(word) : shareOfRamp(ramp, nowMs);
  }

  /** The answer of the flag at this index, as they were given to the constructor, by this word of its dial. */
  evaluateAt(index: number, context: EvaluationContext, nowMs: number, word = this.dialAt(index)): Evaluation {
    const flag = this.#flags[index]!;
    const { schedule, strategy } = flag.spec;
    if (isKilledIn(word) || strategy.kind === 'none' || (schedule !== null && !isWithin(schedule, nowMs))) {
      return flag.disabled;
    }
    for (const { flag: required, variant } of flag.requires) {
      const { index: given, error } = this.evaluateAt(required, context, nowMs);
      if (error !== null) return flag.noKey;
      if (given !== variant) return flag.unmet;
    }
    for (const { when, decider, share } of flag.rules) {
      if (!holdsAll(when, context)) continue;
      const decided = decider.decide(context, share);
      if (decided !== null) return decided;
    }
    return flag.own.decide(context, this.shareAt(index, nowMs, word))!;
  }
}

function holdsAll(when: readonly ConditionTester[], context: EvaluationContext): boolean {
  for (const holds of when) if (!holds(context)) return false;
  return true;
}

function ready(spec: FlagSpec, specs: readonly FlagSpec[], indexes: ReadonlyMap<string, number>): ReadyFlag {
  return {
    spec,
    dial: new Dial(spec.dial),
    requires: spec.requires.map(({ flag, variant }) => {
      const index = indexes.get(flag);
      const at = index === undefined ? -1 : specs[index]!.variants.findIndex(({ name }) => name === variant);
      if (at === -1) throw new RangeError(`${spec.name} requires ${flag} with ${variant}, which is not there`);
      return { flag: index!, variant: at };
    }),
    rules: spec.rules.map((rule) => ({
      when: rule.when.map(testerOf),
      share: 'share' in rule.strategy ? rule.strategy.share : 0,
      decider: new Decider(spec, rule),
    })),
    own: new Decider(spec, null),
    disabled: answer(spec, spec.off, 'DISABLED'),
    unmet: answer(spec, spec.off, 'DEFAULT'),
    noKey: answer(spec, spec.off, 'ERROR', { error: 'TARGETING_KEY_MISSING' }),
  };
}

function notFound(flag: string): Evaluation {
  return {
    flag,
    index: -1,
    variant: '',
    value: null,
    reason: 'ERROR',
    error: 'FLAG_NOT_FOUND',
    rule: null,
    revision: '',
  };
}
