/**
 * Answers questions about flags.
 *
 * The one place in which a flag is decided: data threads, OFREP, `explain` and `preview` ask here, so they agree. How one flag is
 * decided is in `ready-flag.ts`; here they are put together, each behind those that it needs.
 *
 * What cannot be evaluated is refused when the flags come in, as a programmer's error: whoever accepts definitions has checked
 * them before. A circle of prerequisites is one of these; it would never end.
 */
import type { Evaluation, EvaluationContext, FlagSpec } from './flag.ts';
import { ReadyFlag } from './ready-flag.ts';

/** All flags of one snapshot, or of the control plane. */
export class FlagEvaluator {
  /** The names of the flags, sorted by their UTF-16 units. */
  readonly names: readonly string[];
  readonly #flags: readonly ReadyFlag[];
  readonly #indexes: ReadonlyMap<string, number>;

  /** Throws on flags that cannot be evaluated: a prerequisite that is not there or a circle of them, a condition that is none. */
  constructor(specs: readonly FlagSpec[]) {
    this.#indexes = new Map(specs.map(({ name }, index) => [name, index]));
    this.names = [...this.#indexes.keys()].sort();
    const specOf = new Map(specs.map((spec) => [spec.name, spec]));
    const made = new Map<string, ReadyFlag>();
    this.#flags = specs.map((spec) => ready(spec, specOf, made, []));
  }

  has(flag: string): boolean {
    return this.#indexes.has(flag);
  }

  /** Where a flag stands among those that the evaluator was made of; -1 for one that is not known. */
  indexOf(flag: string): number {
    return this.#indexes.get(flag) ?? -1;
  }

  /** The flag at this index, made ready. */
  flagAt(index: number): ReadyFlag {
    return this.#flags[index]!;
  }

  /** The answer for a context at a moment; `FLAG_NOT_FOUND` for a flag that is not known. */
  evaluate(flag: string, context: EvaluationContext, nowMs: number): Evaluation {
    const index = this.#indexes.get(flag);
    return index === undefined ? notFound(flag) : this.evaluateAt(index, context, nowMs);
  }

  /** The word of the dial of the flag at this index, for `evaluateAt`, `armAt` and whoever counts under its slot. */
  loadDialAt(index: number): number {
    return this.#flags[index]!.loadDial();
  }

  /** The answer of the flag at this index, as they were given to the constructor; by this word of its dial. */
  evaluateAt(index: number, context: EvaluationContext, nowMs: number, word = this.loadDialAt(index)): Evaluation {
    return this.#flags[index]!.evaluate(context, nowMs, word);
  }
}

/** The flag, made ready behind those that it needs; `needing` are the names of those that wait for it. */
function ready(
  spec: FlagSpec,
  specs: ReadonlyMap<string, FlagSpec>,
  made: Map<string, ReadyFlag>,
  needing: readonly string[],
): ReadyFlag {
  const known = made.get(spec.name);
  if (known !== undefined) return known;
  if (needing.includes(spec.name)) throw new RangeError(`flags need each other: ${[...needing, spec.name].join(', ')}`);
  const requires = spec.requires.map(({ flag, variant }) => {
    const needed = specs.get(flag);
    const index = needed?.variants.findIndex(({ name }) => name === variant) ?? -1;
    if (needed === undefined || index === -1)
      throw new RangeError(`${spec.name} needs ${flag}: ${variant}, which is not`);
    return { flag: ready(needed, specs, made, [...needing, spec.name]), variant: index };
  });
  const flag = new ReadyFlag(spec, requires);
  made.set(spec.name, flag);
  return flag;
}

/** The one answer that cannot be made beforehand. */
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
