/**
 * How often each variant of each flag was given, and why: the owner of the memory that data threads and the control plane count in.
 *
 * The memory belongs to a flag with its variants, so that an index means the same for whoever writes and whoever reads. When a flag
 * has got others and no thread counts in the earlier memory any more, what that has is taken over, and no counter falls.
 */
import type { Evaluation, FlagSpec } from '../flags/flag.ts';
import { createFlagMemory, FLAG_REASONS, FlagWriter, readFlag } from '../stats/flag-cells.ts';

interface Counted {
  readonly flag: string;
  readonly variants: readonly string[];
  readonly memory: SharedArrayBuffer;
  readonly writer: FlagWriter;
}

type Said = Pick<FlagSpec, 'name' | 'variants'>;

/** One published number. */
export interface FlagCount {
  readonly flag: string;
  readonly variant: string;
  readonly reason: string;
  readonly count: number;
}

export class FlagCounts {
  readonly #threads: number;
  readonly #counted = new Map<string, Counted>();
  /** What was counted under earlier variants, by flag and then by variant and reason. */
  readonly #earlier = new Map<string, Map<string, number>>();
  #unknown = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** The memory of a flag with its variants; the same again for the same ones. */
  memoryOf(spec: Said): SharedArrayBuffer {
    return this.#of(spec).memory;
  }

  /** Counts an evaluation that the control plane has given; null for a flag that is not known. */
  count(spec: Said | null, { index, reason }: Evaluation): void {
    if (spec === null || index === -1) this.#unknown += 1;
    else this.#of(spec).writer.count(index, reason);
  }

  #of(spec: Said): Counted {
    const key = keyOf(spec);
    let counted = this.#counted.get(key);
    if (counted === undefined) {
      const variants = spec.variants.map(({ name }) => name);
      const memory = createFlagMemory(this.#threads, variants.length);
      const writer = new FlagWriter(memory, variants.length, this.#threads);
      counted = { flag: spec.name, variants, memory, writer };
      this.#counted.set(key, counted);
    }
    return counted;
  }

  /** These are all flags, and nobody counts for any other, or for earlier variants of these. */
  settle(specs: readonly Said[]): void {
    const present = new Set(specs.map(keyOf));
    const names = new Set(specs.map(({ name }) => name));
    for (const [key, counted] of this.#counted) {
      if (present.has(key)) continue;
      this.#counted.delete(key);
      const earlier = this.#earlier.get(counted.flag) ?? new Map<string, number>();
      for (const [pair, count] of figuresOf(counted)) earlier.set(pair, (earlier.get(pair) ?? 0) + count);
      this.#earlier.set(counted.flag, earlier);
    }
    for (const flag of this.#earlier.keys()) if (!names.has(flag)) this.#earlier.delete(flag);
  }

  /** Everything that was counted at least once. */
  figures(): readonly FlagCount[] {
    const sums = new Map([...this.#earlier].map(([flag, counts]) => [flag, new Map(counts)]));
    for (const counted of this.#counted.values()) {
      const counts = sums.get(counted.flag) ?? new Map<string, number>();
      for (const [pair, count] of figuresOf(counted)) counts.set(pair, (counts.get(pair) ?? 0) + count);
      sums.set(counted.flag, counts);
    }
    const figures = [...sums].flatMap(([flag, counts]) =>
      [...counts].map(([pair, count]): FlagCount => {
        const [variant, reason] = pair.split(' ') as [string, string];
        return { flag, variant, reason, count };
      }),
    );
    return this.#unknown === 0
      ? figures
      : [...figures, { flag: '', variant: '', reason: 'ERROR', count: this.#unknown }];
  }
}

function keyOf({ name, variants }: Said): string {
  return [name, ...variants.map((variant) => variant.name)].join(' ');
}

function figuresOf({ variants, memory }: Counted): (readonly [pair: string, count: number])[] {
  const sums = readFlag(memory, variants.length);
  const figures: (readonly [string, number])[] = [];
  for (const [index, variant] of variants.entries()) {
    for (const [place, reason] of FLAG_REASONS.entries()) {
      const count = sums[index * FLAG_REASONS.length + place]!;
      if (count > 0) figures.push([`${variant} ${reason}`, count]);
    }
  }
  return figures;
}
