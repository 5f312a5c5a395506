/** Flags as OFREP asks them, over the real evaluator: a test says what they are, turns their dials and moves their clock. */

import type { FlagAnswers } from '../../../src/admin/ofrep.ts';
import type { FlagDefinition } from '../../../src/config/flag-schema.ts';
import { createDialMemory, Dial } from '../../../src/flags/dial.ts';
import { FlagEvaluator } from '../../../src/flags/evaluator.ts';
import type { Evaluation, EvaluationContext, FlagSpec, JsonValue } from '../../../src/flags/flag.ts';

export class ScriptedFlags implements FlagAnswers {
  readonly counted: Evaluation[] = [];
  readonly listeners = new Set<() => void>();
  definitions: FlagDefinition[] = [];
  #specs: readonly FlagSpec[] = [];
  #evaluator = new FlagEvaluator([]);
  #revision = 1;
  /** What the next evaluation throws. */
  failure: Error | null = null;

  get revision(): string {
    return `r${this.#revision}`;
  }

  /** Replaces all flags. */
  say(specs: readonly FlagSpec[]): void {
    this.#specs = specs;
    this.#evaluator = new FlagEvaluator(specs);
    this.changed();
  }

  changed(): void {
    this.#revision += 1;
    for (const listener of this.listeners) listener();
  }

  /** Turns a flag off for everybody. */
  kill(name: string): void {
    const dial = new Dial(this.#specs.find((spec) => spec.name === name)!.dial);
    dial.set({ ...dial.position(), killed: true });
    this.changed();
  }

  evaluate(name: string, context: EvaluationContext): Evaluation {
    if (this.failure !== null) throw this.failure;
    return this.#evaluator.evaluate(name, context, 0);
  }

  evaluateAll(context: EvaluationContext): readonly Evaluation[] {
    return this.#evaluator.names.map((name) => this.evaluate(name, context));
  }

  count(evaluation: Evaluation): void {
    this.counted.push(evaluation);
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  said(): ReadonlyMap<string, FlagDefinition> {
    return new Map(this.definitions.map((definition, index) => [`flag-${index}`, definition]));
  }
}

/** A flag with `off` and `on`, for everybody unless `given` says otherwise; its dial stands at everybody. */
export function flagSpec(name: string, on: JsonValue, off: JsonValue, given: Partial<FlagSpec> = {}): FlagSpec {
  const dial = createDialMemory();
  new Dial(dial).set({ share: 100_000, slot: 0, killed: false });
  const variant = { weight: 1, pool: null, rewrite: null, redirect: null };
  return {
    name,
    revision: 'v1',
    variants: [
      { ...variant, name: 'off', value: off },
      { ...variant, name: 'on', value: on },
    ],
    off: 0,
    on: 1,
    strategy: { kind: 'all' },
    rules: [],
    requires: [],
    schedule: null,
    ramp: null,
    bucketBy: null,
    salt: name,
    bucketing: 'tidegate',
    dial,
    ...given,
  };
}
