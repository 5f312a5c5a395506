/**
 * Answers to questions about flags that reach the control plane, and the count of all answers, here and on the data threads.
 *
 * It asks the same evaluator as the data threads, over all flags and not only those of routes. The evaluator is made anew when a
 * flag says something else, at the next question; a share or a switch is in the dials, which it reads each time.
 */
import { SHARE_ALL } from '../flags/dial.ts';
import { FlagEvaluator } from '../flags/evaluator.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from '../flags/flag.ts';
import type { FlagEntry } from './flag-book.ts';
import { FlagCounts } from './flag-counts.ts';
import type { FlagFigures } from './published.ts';

export interface FlagAnswersOptions {
  readonly threads: number;
  /** All flags, sorted by name. */
  readonly entries: () => readonly FlagEntry[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class FlagAnswers {
  readonly #options: FlagAnswersOptions;
  readonly #counts: FlagCounts;
  #evaluator: FlagEvaluator | null = null;
  readonly #specs = new Map<string, FlagSpec>();

  constructor(options: FlagAnswersOptions) {
    this.#options = options;
    this.#counts = new FlagCounts(options.threads);
  }

  /** Flags say something else than before. */
  renew(): void {
    this.#evaluator = null;
  }

  /** Nobody counts for other flags than those that there are, or for earlier variants of these. */
  settle(): void {
    this.#counts.settle(this.#options.entries().map(({ spec }) => spec));
  }

  /** Where the evaluations of a flag are counted. */
  countsOf(spec: FlagSpec): SharedArrayBuffer {
    return this.#counts.memoryOf(spec);
  }

  evaluate(name: string, context: EvaluationContext): Evaluation {
    return this.#asked().evaluate(name, context, this.#options.now());
  }

  /** Sorted by name. */
  evaluateAll(context: EvaluationContext): readonly Evaluation[] {
    const evaluator = this.#asked();
    const nowMs = this.#options.now();
    return evaluator.names.map((name) => evaluator.evaluate(name, context, nowMs));
  }

  /** Counts an answer that was given to somebody outside. */
  count(evaluation: Evaluation): void {
    this.#asked();
    this.#counts.count(this.#specs.get(evaluation.flag) ?? null, evaluation);
  }

  /** What is published of the answers, and of where the flags stand. */
  figures(): Pick<FlagFigures, 'evaluations' | 'flags'> {
    const evaluator = this.#asked();
    const nowMs = this.#options.now();
    return {
      evaluations: this.#counts.figures(),
      flags: this.#options.entries().map(({ name, killed, spec }) => ({
        flag: name,
        killed,
        share: shareOf(spec, () => {
          const flag = evaluator.flagAt(evaluator.indexOf(name));
          return flag.shareAt(nowMs, flag.loadDial());
        }),
      })),
    };
  }

  #asked(): FlagEvaluator {
    if (this.#evaluator !== null) return this.#evaluator;
    const specs = this.#options.entries().map(({ spec }) => spec);
    this.#specs.clear();
    for (const spec of specs) this.#specs.set(spec.name, spec);
    this.#evaluator = new FlagEvaluator(specs);
    return this.#evaluator;
  }
}

/** Of all keys, from 0 to 1, how many a flag is on for; null where it is on for those whom it lists. */
function shareOf({ strategy }: FlagSpec, ofDial: () => number): number | null {
  switch (strategy.kind) {
    case 'all':
      return 1;
    case 'none':
      return 0;
    case 'users':
      return null;
    case 'percentage':
    case 'variants':
      return ofDial() / SHARE_ALL;
  }
}
