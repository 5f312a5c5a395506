/**
 * What a flag says: the form in which the control plane hands it to whoever evaluates it.
 *
 * It is plain, validated, immutable data that survives a structured clone, and the same for a data thread (in the snapshot) and for the
 * control plane (OFREP, `explain`). What changes in a hurry is not in it but in the flag's dial, a word of shared memory: the
 * switch and the share. So a kill is one store that every thread meets at its next request, and an edit of rules takes the way
 * of every other change of the snapshot.
 *
 * Strategies, buckets and reasons are those of OpenFeature where it has a word (`STATIC`, `TARGETING_MATCH`, `SPLIT`, ...).
 */
import type { Condition } from './condition.ts';
import type { FlagGuard } from './guard.ts';

/** A value as JSON has it. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Whom a flag, or one rule of it, is on for. */
export type Strategy =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'users'; readonly users: readonly string[] }
  /** A share of the keys, in thousandths of a percent: 0 to 100,000. */
  | { readonly kind: 'percentage'; readonly share: number }
  /** Weights over the flag's variants, behind an enrolment of this share. */
  | { readonly kind: 'variants'; readonly share: number };

/** How a key becomes a bucket: our own way, or another product's, so that moving here changes nobody's bucket. */
export type Bucketing = 'tidegate' | 'unleash' | 'growthbook-v1' | 'growthbook-v2' | 'flagd' | 'launchdarkly';

/** One value of a flag. A flag without variants of its own has `on` and `off`. */
export interface Variant {
  readonly name: string;
  readonly value: JsonValue;
  /** Its part of those that are enrolled: a whole number from 0 up. */
  readonly weight: number;
  /** The pool that its users reach while that admits anybody; null for the gate's choice. */
  readonly pool: string | null;
  /** What the path becomes for its users; null for no rewriting. */
  readonly rewrite: string | null;
  /** Where its users are sent instead; null for nowhere. */
  readonly redirect: string | null;
}

/** The first rule that fits decides. */
export interface FlagRule {
  readonly name: string;
  /** All of them must hold; none holds for everybody. */
  readonly when: readonly Condition[];
  readonly strategy: Strategy;
  /** The index of the variant that it serves where its strategy does not choose one; null for the flag's `on`. */
  readonly variant: number | null;
}

/** A flag that must have a certain variant for the same context, or else this one is off. */
export interface Prerequisite {
  readonly flag: string;
  readonly variant: string;
}

/** From `fromMs` to `untilMs` (since 1970) the flag does what it says; before and after it is off. Null for no bound. */
export interface Schedule {
  readonly fromMs: number | null;
  readonly untilMs: number | null;
}

/** The share grows in a straight line between two moments; it stands in place of the dial's. */
export interface Ramp {
  readonly fromShare: number;
  readonly toShare: number;
  readonly startMs: number;
  readonly overMs: number;
}

export interface FlagSpec {
  readonly name: string;
  /** Changes with everything the flag says, its share and switch excepted. */
  readonly revision: string;
  /** `off` first, then `on` where there are no others: what is served is an index into these. */
  readonly variants: readonly Variant[];
  /** The index of what those get whom the flag is not on for. */
  readonly off: number;
  /** The index of what those get whom it is on for, where no variant is drawn. */
  readonly on: number;
  readonly strategy: Strategy;
  readonly rules: readonly FlagRule[];
  readonly requires: readonly Prerequisite[];
  readonly schedule: Schedule | null;
  readonly ramp: Ramp | null;
  /** The attribute whose value is put into buckets; null for the targeting key. */
  readonly bucketBy: string | null;
  readonly salt: string;
  readonly bucketing: Bucketing;
  /** When it is killed by itself; not there for a flag that nobody guards. */
  readonly guard?: FlagGuard;
  /** The dial (see `dial.ts`). */
  readonly dial: SharedArrayBuffer;
}

/** Why a flag has the value it has, in OpenFeature's words. */
export type Reason = 'STATIC' | 'DISABLED' | 'TARGETING_MATCH' | 'DEFAULT' | 'SPLIT' | 'ERROR';

/** What went wrong, in OpenFeature's words. The flag's `off` value is given with it where there is a flag. */
export type ErrorCode = 'FLAG_NOT_FOUND' | 'TARGETING_KEY_MISSING';

/** The answer to a question about a flag. One object for each possible answer is made beforehand; none is made for a question. */
export interface Evaluation {
  readonly flag: string;
  /** The index into the flag's variants; -1 for a flag that is not known. */
  readonly index: number;
  readonly variant: string;
  readonly value: JsonValue;
  readonly reason: Reason;
  readonly error: ErrorCode | null;
  /** The name of the rule that decided; null where none did. */
  readonly rule: string | null;
  readonly revision: string;
}

/** What is known of whoever asks. */
export interface EvaluationContext {
  /** The targeting key; undefined when there is none. */
  readonly key: string | undefined;
  /** An attribute by its name; undefined when it is not there. */
  attribute(name: string): unknown;
}
