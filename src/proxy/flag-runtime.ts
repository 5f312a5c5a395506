/**
 * What all routes of a snapshot share of its flags: the evaluator, the context that reads requests, who may choose variants, and
 * where it is counted.
 */

import { bucketsOf } from '../flags/buckets-of.ts';
import type { FlagContextSpec } from '../flags/context-spec.ts';
import { FlagEvaluator } from '../flags/evaluator.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { FlagWriter } from '../stats/flag-cells.ts';
import { FlagTallyWriter } from '../stats/flag-tally.ts';
import { KeySampler } from '../stats/key-sample.ts';
import { FLAGS_FIELD } from './flag-claims.ts';
import { RequestContext } from './flag-context.ts';
import { OverrideReader } from './flag-override.ts';

export class FlagsRuntime {
  readonly spec: FlagContextSpec;
  readonly specs: readonly FlagSpec[];
  readonly evaluator: FlagEvaluator;
  readonly context: RequestContext;
  readonly overrides: OverrideReader | null;
  readonly tally: FlagTallyWriter;
  /** Lower-case names of the fields by which clients would say something of flags. */
  readonly claims: ReadonlySet<string>;
  /** Where evaluations are counted, by the flag's index. */
  readonly cells: readonly FlagWriter[];
  /** Where the keys are noted that were drawn for, by the flag's index. */
  readonly samples: readonly KeySampler[];

  constructor({ flags, flagCells, flagSamples }: Snapshot, spec: FlagContextSpec, thread: number) {
    this.spec = spec;
    this.specs = flags;
    this.evaluator = new FlagEvaluator(flags);
    this.tally = new FlagTallyWriter(spec.tally, thread);
    this.context = new RequestContext(spec, this.tally);
    this.overrides = spec.overrides === null ? null : new OverrideReader(spec.overrides, this.tally);
    this.claims = new Set([FLAGS_FIELD, ...(spec.overrides === null ? [] : [spec.overrides.header])]);
    this.cells = flags.map(({ variants }, index) => new FlagWriter(flagCells[index]!, variants.length, thread));
    this.samples = flags.map((flag, index) => new KeySampler(flagSamples[index]!, bucketsOf(flag)));
  }
}
