/**
 * What a change of a flag would change, for the keys that it was lately drawn for; the change is not made.
 *
 * The keys are those of the sample (`stats/key-sample.ts`), which data threads and OFREP write. Beside what is counted there
 * stands what a change does to all keys, by rolls as even as those of very many keys are: that is known without anybody
 * having come, and is what a flag without traffic can be told.
 */
import { SHARE_ALL } from '../flags/dial.ts';
import { type FlagAt, type SampledChange, sampledChange } from '../flags/sampled-change.ts';
import type { FlagStand } from './flag-operations.ts';

/** What would become of a flag, and of whom. */
export interface FlagPreview {
  readonly flag: string;
  /** The revision that it was foretold for. */
  readonly revision: number;
  readonly from: FlagStand;
  readonly to: FlagStand;
  /** How long ago the keys of the sample were seen at most. */
  readonly withinMs: number;
  readonly sample: SampledChange;
  /** The share of all keys that come to the flag's own strategy and would get another value; null where nobody can know. */
  readonly ofAll: number | null;
}

/** The keys of this last time count. */
export const PREVIEW_WITHIN_MS = 3_600_000;

const EVEN_ROLLS = Int32Array.from({ length: 10_000 }, (_, index) => (index * SHARE_ALL) / 10_000);

/** Of the sample, and of all keys. */
export type Foretold = Pick<FlagPreview, 'sample' | 'ofAll'>;

/** What is told of a sample, and of all keys. */
export function foretell(before: FlagAt, after: FlagAt, rolls: Int32Array): Foretold {
  const { changed } = sampledChange(before, after, EVEN_ROLLS);
  const ofAll = changed === null ? null : changed / EVEN_ROLLS.length;
  return { sample: sampledChange(before, after, rolls), ofAll };
}
