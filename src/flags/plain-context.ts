/**
 * A context that was given as an object: `{ targetingKey, country, ... }`.
 *
 * Only its own members are attributes: names come from outside, and `constructor` is one like any other.
 */
import type { EvaluationContext } from './flag.ts';

export class PlainContext implements EvaluationContext {
  readonly key: string | undefined;
  readonly #members: Readonly<Record<string, unknown>>;

  /** An empty targeting key is none: many would have it who have nothing to do with each other. */
  constructor(members: Readonly<Record<string, unknown>>) {
    this.#members = members;
    const key = this.attribute('targetingKey');
    this.key = typeof key === 'string' && key !== '' ? key : undefined;
  }

  attribute(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined;
  }
}
