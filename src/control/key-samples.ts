/**
 * The samples of keys (`stats/key-sample.ts`) of all flags: whose memory is whose, and what OFREP adds to them.
 *
 * A sample belongs to a flag with its way from keys to places. With another salt the flag begins with an empty one, since rolls of
 * the earlier salt say nothing; with other rules or variants it goes on.
 */
import { bucketsOf } from '../flags/buckets-of.ts';
import { bucketKeyOf } from '../flags/decider.ts';
import type { Evaluation, EvaluationContext, FlagSpec } from '../flags/flag.ts';
import { createSampleMemory, KeySampler, sampledRolls } from '../stats/key-sample.ts';

interface Sampled {
  readonly memory: SharedArrayBuffer;
  readonly sampler: KeySampler;
}

export class KeySamples {
  readonly #sampled = new Map<string, Sampled>();

  /** The memory of a flag; the same again while it puts keys into the same buckets. */
  memoryOf(spec: FlagSpec): SharedArrayBuffer {
    return this.#of(spec).memory;
  }

  /** The control plane has given somebody this answer. */
  answered(spec: FlagSpec, { reason, rule }: Evaluation, context: EvaluationContext, nowMs: number): void {
    if (reason === 'SPLIT' && rule === null) this.#of(spec).sampler.saw(bucketKeyOf(spec.bucketBy, context), nowMs);
  }

  /** Where the keys stand that the flag was drawn for within this time. */
  rolls(spec: FlagSpec, nowMs: number, withinMs: number): Int32Array {
    return sampledRolls(this.memoryOf(spec), nowMs, withinMs);
  }

  /** These are all flags, and nobody writes into the samples of any other. */
  settle(specs: readonly FlagSpec[]): void {
    const present = new Set(specs.map(keyOf));
    for (const key of this.#sampled.keys()) if (!present.has(key)) this.#sampled.delete(key);
  }

  #of(spec: FlagSpec): Sampled {
    const key = keyOf(spec);
    let sampled = this.#sampled.get(key);
    if (sampled === undefined) {
      const memory = createSampleMemory();
      sampled = { memory, sampler: new KeySampler(memory, bucketsOf(spec)) };
      this.#sampled.set(key, sampled);
    }
    return sampled;
  }
}

function keyOf({ name, salt, bucketing, bucketBy }: FlagSpec): string {
  return JSON.stringify([name, salt, bucketing, bucketBy]);
}
