/**
 * What can be asked of flags, and what is answered: the part of `operations.ts` that is about them.
 *
 * A flag has two things that change: what it says (its definition, as it was written) and where its dial stands (its share
 * and its switch). Both count in its `revision`, a number that grows by one with each change, also over restarts and over
 * its removal, so that a number never means two things.
 */
import type { FlagDefinition } from '../config/flag-schema.ts';
import type { Explanation } from '../flags/explanation.ts';
import type { Evaluation, EvaluationContext, Strategy } from '../flags/flag.ts';
import type { GuardDecision, GuardView } from './flag-guard-view.ts';
import type { FlagPreview } from './flag-preview.ts';
import type { Instruction, Refusal, RolloutGlance } from './operations.ts';

/** What changed a flag: an edit of the file, a call, a list that was brought in. */
export type FlagHow = 'file' | 'set' | 'kill' | 'restore' | 'remove' | 'import' | 'guard' | 'rollout';

/** A flag at one moment. */
export interface FlagStand {
  /** As it is written. */
  readonly definition: FlagDefinition;
  /** The environment that picks what of it holds (see `inEnvironment`). */
  readonly environment: string;
  /** The share of its own strategy in percent, where no ramp stands in its place; null where that has none. */
  readonly share: number | null;
  readonly killed: boolean;
}

/** A flag as it is now. */
export interface FlagView extends FlagStand {
  readonly name: string;
  readonly revision: number;
  /** Its strategy in the environment of this Tidegate. */
  readonly strategy: Strategy['kind'];
  /** The names of its variants, those of `on` and `off` too. */
  readonly variants: readonly string[];
  /** Why it is off whatever it says: something that it needs is gone. Null for a sound flag. */
  readonly problem: string | null;
  /** Whether the file has it; and whether what it says now is what the file says. */
  readonly inFile: boolean;
  readonly asInFile: boolean;
  /** The names of the routes that name it. */
  readonly routes: readonly string[];
  /** The flags that need it. */
  readonly requiredBy: readonly string[];
  /** The last change. */
  readonly since: { readonly at: string; readonly by: string; readonly how: FlagHow; readonly reason: string };
  /** Whether the state file has it so; false: a restart now would forget the last change. */
  readonly stored: boolean;
  /** What its guard says; not there for a flag without a guard, and for one that no route names. */
  readonly guard?: GuardView;
  /** Its rollout that runs; not there when none does. */
  readonly rollout?: RolloutGlance;
}

/** The account of one change of a flag. */
export interface FlagReceipt {
  readonly flag: string;
  readonly revision: number;
  readonly how: FlagHow;
  /** Null where there was none before, or is none after. */
  readonly from: FlagStand | null;
  readonly to: FlagStand | null;
  /** ISO 8601. */
  readonly at: string;
  /** From the call to the moment after which no request is treated by what was so before, in milliseconds. */
  readonly appliedMs: number;
  readonly by: string;
  readonly reason: string;
  /** Why its guard killed it; not there for any other change. */
  readonly decision?: GuardDecision;
  /** Whether the state file has it; false: it is so all the same, and a restart before the file can be written forgets it. */
  readonly stored: boolean;
}

/** A flag of a list that is brought in. */
export interface FlagToImport {
  readonly name: string;
  /** What is said of it; checked like any other. */
  readonly definition: unknown;
}

/** What an instruction about a flag may say beside who and why. `ifEpoch` of it is the revision that the flag must have. */
export interface FlagInstruction extends Instruction {
  /** Whether users may be put into other buckets by it: a new salt, another way, another attribute. */
  readonly resalt?: boolean;
}

/** Asking about flags, and changing them. */
export interface FlagOperations {
  /** Changes with everything that may change an answer: what any flag says, its share and its switch. */
  readonly revision: string;
  /** Sorted by name. */
  list(): readonly FlagView[];
  get(name: string): FlagView | Refusal;
  /** What all flags say now, by name, without the cost of a view of each. */
  said(): ReadonlyMap<string, FlagDefinition>;
  /**
   * Makes a flag, or changes the keys of it that are given: null takes a key away, and what is not given stays. A kill stays
   * until it is taken back, whatever is set meanwhile.
   */
  set(name: string, change: unknown, instruction: FlagInstruction): Promise<FlagReceipt | Refusal>;
  /** Makes or replaces all of them or none. */
  import(flags: readonly FlagToImport[], instruction: FlagInstruction): Promise<readonly FlagReceipt[] | Refusal>;
  /** Nobody is treated from the answer on; waits for nothing but that. */
  kill(name: string, instruction: FlagInstruction): Promise<FlagReceipt | Refusal>;
  /** Takes a kill back. */
  restore(name: string, instruction: FlagInstruction): Promise<FlagReceipt | Refusal>;
  /** Refused for a flag of the file and for one that another needs. */
  remove(name: string, instruction: FlagInstruction): Promise<FlagReceipt | Refusal>;
  /** Newest first; also of a flag that was removed. */
  history(name: string): readonly FlagReceipt[] | Refusal;
  explain(name: string, context: EvaluationContext): Explanation | Refusal;
  /** What a change would change, which is not made; refused where the change would be, but not for other buckets. */
  preview(name: string, change: unknown): FlagPreview | Refusal;
  evaluate(name: string, context: EvaluationContext): Evaluation;
  /** Of every flag, sorted by name. */
  evaluateAll(context: EvaluationContext): readonly Evaluation[];
  /** Counts an evaluation that was given to somebody outside. */
  count(evaluation: Evaluation): void;
  /** Calls back after each change of `revision`, until the returned function is called. */
  onChange(listener: () => void): () => void;
}
