/**
 * A strategy made ready, that of a flag or of one of its rules, with all the answers that it can give.
 *
 * A rule that fits decides, also against a key: whoever is not in its share, or not in its list, gets `off` and is not asked about by
 * the next rule. So "5% of Germany" stays 5% of Germany, whatever comes after it.
 */
import type { Buckets } from './bucket.ts';
import type { ErrorCode, Evaluation, EvaluationContext, FlagRule, FlagSpec, Reason, Strategy } from './flag.ts';

/** An answer of this flag, with the value of the variant at this index. */
export function answerOf(
  spec: FlagSpec,
  index: number,
  reason: Reason,
  { error = null, rule = null }: { readonly error?: ErrorCode | null; readonly rule?: string | null } = {},
): Evaluation {
  const { name, value } = spec.variants[index]!;
  return Object.freeze({ flag: spec.name, index, variant: name, value, reason, error, rule, revision: spec.revision });
}

/** What an attribute to draw by is called where it is the key itself, which it is unless something else is said. */
export const TARGETING_KEY = 'targetingKey';

/** What is put into buckets, of a context; undefined where there is nothing that could be: an empty text is everybody's. */
export function bucketKeyOf(bucketBy: string | null, context: EvaluationContext): string | undefined {
  const value = bucketBy === null || bucketBy === TARGETING_KEY ? context.key : context.attribute(bucketBy);
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** One strategy of one flag. */
export class Decider {
  readonly strategy: Strategy;
  readonly #bucketBy: string | null;
  readonly #buckets: Buckets;
  readonly #users: ReadonlySet<string>;
  readonly #hit: Evaluation;
  readonly #miss: Evaluation;
  readonly #noKey: Evaluation;
  readonly #drawn: readonly Evaluation[];

  /** The strategy of a rule, or the flag's own where `rule` is null. */
  constructor(spec: FlagSpec, rule: FlagRule | null, buckets: Buckets) {
    const strategy = (rule ?? spec).strategy;
    const by = { rule: rule?.name ?? null };
    const hitIndex = strategy.kind === 'none' ? spec.off : (rule?.variant ?? spec.on);
    this.strategy = strategy;
    this.#bucketBy = spec.bucketBy;
    this.#buckets = buckets;
    this.#users = new Set(strategy.kind === 'users' ? strategy.users : []);
    this.#hit = answerOf(spec, hitIndex, hitReason(strategy, rule !== null), by);
    this.#miss = answerOf(spec, spec.off, drawsBucket(strategy) ? 'SPLIT' : 'DEFAULT', by);
    this.#noKey = answerOf(spec, spec.off, 'ERROR', { ...by, error: 'TARGETING_KEY_MISSING' });
    this.#drawn = strategy.kind === 'variants' ? spec.variants.map((_, at) => answerOf(spec, at, 'SPLIT', by)) : [];
  }

  /** The answer for a context, with this share where a bucket is drawn. */
  decide(context: EvaluationContext, share: number): Evaluation {
    switch (this.strategy.kind) {
      case 'all':
      case 'none':
        return this.#hit;
      case 'users':
        return context.key !== undefined && this.#users.has(context.key) ? this.#hit : this.#miss;
      case 'percentage': {
        const key = bucketKeyOf(this.#bucketBy, context);
        if (key === undefined) return this.#noKey;
        return this.#buckets.roll(key) < share ? this.#hit : this.#miss;
      }
      case 'variants': {
        const key = bucketKeyOf(this.#bucketBy, context);
        if (key === undefined) return this.#noKey;
        const drawn = this.#buckets.draw(key, share);
        return drawn === -1 ? this.#miss : this.#drawn[drawn]!;
      }
    }
  }
}

/** Whether a strategy needs a key to put into a bucket. */
export function drawsBucket({ kind }: Strategy): boolean {
  return kind === 'percentage' || kind === 'variants';
}

function hitReason(strategy: Strategy, isRule: boolean): Reason {
  if (drawsBucket(strategy)) return 'SPLIT';
  return strategy.kind === 'all' && !isRule ? 'STATIC' : 'TARGETING_MATCH';
}
