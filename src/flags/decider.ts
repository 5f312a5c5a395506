/**
 * A strategy made ready, that of a flag or of one of its rules, with all the answers that it can give.
 *
 * The two differ in their reasons and in one thing more: a rule for a list of users does not fit those who are not in the list, and the
 * next rule is asked. A rule that draws a bucket decides, also against a key: whoever is not in its share gets `off`, and does not
 * get a second chance by the next one.
 */
import { type Buckets, bucketsOf } from './bucket.ts';
import type { ErrorCode, Evaluation, EvaluationContext, FlagRule, FlagSpec, Reason, Strategy } from './flag.ts';

/** An answer of this flag. */
export function answer(
  spec: FlagSpec,
  index: number,
  reason: Reason,
  { error = null, rule = null }: { readonly error?: ErrorCode | null; readonly rule?: string | null } = {},
): Evaluation {
  const { name, value } = spec.variants[index]!;
  return Object.freeze({ flag: spec.name, index, variant: name, value, reason, error, rule, revision: spec.revision });
}

/** What is put into buckets, of a context; undefined where there is nothing that could be. */
export function bucketKeyOf(bucketBy: string | null, context: EvaluationContext): string | undefined {
  const value = bucketBy === null ? context.key : context.attribute(bucketBy);
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

export class Decider {
  readonly strategy: Strategy;
  readonly buckets: Buckets;
  readonly #bucketBy: string | null;
  readonly #users: ReadonlySet<string>;
  readonly #hit: Evaluation;
  readonly #miss: Evaluation;
  readonly #noKey: Evaluation;
  readonly #drawn: readonly Evaluation[];
  readonly #isRule: boolean;

  constructor(spec: FlagSpec, rule: FlagRule | null) {
    const strategy = (rule ?? spec).strategy;
    const draws = strategy.kind === 'percentage' || strategy.kind === 'variants';
    const by = { rule: rule?.name ?? null };
    this.strategy = strategy;
    this.buckets = bucketsOf(spec);
    this.#bucketBy = spec.bucketBy;
    this.#isRule = rule !== null;
    this.#users = new Set(strategy.kind === 'users' ? strategy.users : []);
    const isStatic = rule === null && strategy.kind === 'all';
    const index = strategy.kind === 'none' ? spec.off : (rule?.variant ?? spec.on);
    this.#hit = answer(spec, index, draws ? 'SPLIT' : isStatic ? 'STATIC' : 'TARGETING_MATCH', by);
    this.#miss = answer(spec, spec.off, draws ? 'SPLIT' : 'DEFAULT', by);
    this.#noKey = answer(spec, spec.off, 'ERROR', { ...by, error: 'TARGETING_KEY_MISSING' });
    this.#drawn = strategy.kind === 'variants' ? spec.variants.map((_, at) => answer(spec, at, 'SPLIT', by)) : [];
  }

  /** The answer for a context, with this share where a bucket is drawn; null where a rule's list of users has no such key. */
  decide(context: EvaluationContext, share: number): Evaluation | null {
    switch (this.strategy.kind) {
      case 'all':
      case 'none':
        return this.#hit;
      case 'users':
        if (context.key !== undefined && this.#users.has(context.key)) return this.#hit;
        return this.#isRule ? null : this.#miss;
      case 'percentage': {
        const key = bucketKeyOf(this.#bucketBy, context);
        if (key === undefined) return this.#noKey;
        return this.buckets.roll(key) < share ? this.#hit : this.#miss;
      }
      case 'variants': {
        const key = bucketKeyOf(this.#bucketBy, context);
        if (key === undefined) return this.#noKey;
        const drawn = this.buckets.draw(key, share);
        return drawn === -1 ? this.#miss : this.#drawn[drawn]!;
      }
    }
  }
}
