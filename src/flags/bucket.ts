/**
 * How a key becomes a bucket, and a bucket an answer: what all modes have in common.
 *
 * Every mode puts a key on one line from 0 to 100,000, in thousandths of a percent: a key is in a share when its roll is below
 * it. So who is in at 5% is in at 6%, whatever the mode, and a share is compared in one way. What else differs between the
 * modes (what is hashed, with what, and how a variant is drawn) is in a file for each of them.
 */

/** One flag's way from keys to places. */
export interface Buckets {
  /** Where on the line a key is: below a share, it is in. From 0 up; below 100,000 unless the mode has an end that is in itself. */
  roll(key: string): number;
  /** The index of the variant of a key, by their weights, with this share enrolled; -1 for a key that is not enrolled. */
  draw(key: string, share: number): number;
  /** How `roll` came about, to be checked by hand. */
  traceRoll(key: string): Trace;
  /** How `draw` came about. */
  traceDraw(key: string): Trace;
}

/** The way from a key to a place, for people. */
export interface Trace {
  /** What was hashed. */
  readonly input: string;
  /** The function, with its seed where it has one. */
  readonly hash: string;
  /** What came out of it: a decimal number, or hexadecimal digits. */
  readonly digest: string;
  /** Where that is on the line, and how long the line is. */
  readonly place: number;
  readonly of: number;
}

/** floor(hash * total / 2^32) for a hash of 32 bits; exact for every total up to 2^36. */
export function scaled(hash: number, total: number): number {
  const high = (hash >>> 16) * total;
  const low = (hash & 0xffff) * total;
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000);
}

/** Upper bounds of half-open ranges as long as the weights. */
export function boundsOf(weights: readonly number[]): readonly number[] {
  let sum = 0;
  return weights.map((weight) => {
    sum += weight;
    return sum;
  });
}

/** The first range that a place lies in; -1 for a place behind all of them. */
export function rangeAt(bounds: readonly number[], place: number): number {
  for (let i = 0; i < bounds.length; i += 1) if (place < bounds[i]!) return i;
  return -1;
}

/**
 * The range that a place lies in, of which only the first `part` (0 to 1) is taken; -1 for a place in the rest of one, or behind all.
 *
 * It is how one draw serves for enrolment and variant: each variant keeps the keys that it has, and gets more as the part grows.
 */
export function rangePartAt(lengths: readonly number[], place: number, part: number): number {
  let start = 0;
  for (let i = 0; i < lengths.length; i += 1) {
    const length = lengths[i]!;
    if (place >= start && place < start + part * length) return i;
    start += length;
  }
  return -1;
}
