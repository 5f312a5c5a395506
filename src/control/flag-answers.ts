/**
 * Answers to questions about flags that reach the control plane, and the count of all answers, here and on the data threads.
 *
 * It asks the same evaluator as the data threads, over all flags and not only those of routes. The evaluator is made anew when a
 * flag says something else, at the next question; a share or a switch is in the dials, which it reads each time.
 */
import { Dial, SHARE_ALL } from '../flags/dial.ts';
import { FlagEvaluator } from '../flags/evaluator.ts';
import { type Explanation, explain } from '../flags/explanation.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from '../flags/flag.ts';
import type { FlagAt } from '../flags/sampled-change.ts';
import { shareOfRamp } from '../flags/timing.ts';
import type { FlagEntry } from './flag-book.ts';
import { FlagCounts } from './flag-counts.ts';
import { type Foretold, foretell, PREVIEW_WITHIN_MS } from './flag-preview.ts';
import { KeySamples } from './key-samples.ts';
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
  /** Of the keys that flags were lately drawn for, on all threads. */
  readonly samples = new KeySamples();
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
    const specs = this.#options.entries().map(({ spec }) => spec);
    this.#counts.settle(specs);
    this.samples.settle(specs);
  }

  /** Where the evaluations of a flag are counted. */
  countsOf(spec: FlagSpec): SharedArrayBuffer {
    return this.#counts.memoryOf(spec);
  }

  evaluate(name: string, context: EvaluationContext): Evaluation {
    return this.#answer(this.#asked(), name, context, this.#options.now());
  }

  /** Sorted by name. */
  evaluateAll(context: EvaluationContext): readonly Evaluation[] {
    const evaluator = this.#asked();
    const nowMs = this.#options.now();
    return evaluator.names.map((name) => this.#answer(evaluator, name, context, nowMs));
  }

  #answer(evaluator: FlagEvaluator, name: string, context: EvaluationContext, nowMs: number): Evaluation {
    const evaluation = evaluator.evaluate(name, context, nowMs);
    const spec = this.#specs.get(name);
    if (spec !== undefined) this.samples.answered(spec, evaluation, context, nowMs);
    return evaluation;
  }

  /** Why a flag has the value that it has; null for one that is not known. */
  explain(name: string, context: EvaluationContext): Explanation | null {
    const evaluator = this.#asked();
    const index = evaluator.indexOf(name);
    return index === -1 ? null : explain(evaluator.flagAt(index), context, this.#options.now());
  }

  /** What would become of the keys that a flag was lately drawn for, if it said something else. */
  foretell(before: FlagSpec, after: FlagSpec): Foretold {
    const nowMs = this.#options.now();
    const rolls = this.samples.rolls(before, nowMs, PREVIEW_WITHIN_MS);
    return foretell(standAt(before, nowMs), standAt(after, nowMs), rolls);
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

/** What a flag says, with the share that it has at a moment. */
function standAt(spec: FlagSpec, nowMs: number): FlagAt {
  const share = spec.ramp === null ? new Dial(spec.dial).position().share : shareOfRamp(spec.ramp, nowMs);
  return { spec, share };
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
