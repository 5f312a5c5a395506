/**
 * What every fuzzer is given, and what it gives back.
 */
import type { Random } from './stage/random.ts';

/** How long a fuzzer goes on, and from which numbers. */
export interface Run {
  readonly random: Random;
  /** Whether to go on after so many cases. */
  readonly goesOn: (cases: number) => boolean;
}

/** Something that should not have been, with the smallest input that shows it. */
export interface Finding {
  readonly what: string;
  /** An entry for the corpus, or how to see it again. */
  readonly reproduction: string;
}

/** What a fuzzer did. */
export interface Account {
  readonly cases: number;
  /** What became of the cases, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** A fuzzer stops looking after so many findings: the rest are mostly the same again. */
export const FINDINGS_MAX = 10;

export type Fuzzer = (run: Run) => Promise<Account>;
