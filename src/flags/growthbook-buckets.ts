/**
 * The buckets of GrowthBook, in both versions of its hash. The salt is the `seed`, which there is the name of the feature or
 * the key of the experiment unless given.
 *
 *     v1: place = fnv1a_32(key + seed) % 1000
 *     v2: place = fnv1a_32(decimal(fnv1a_32(seed + key))) % 10000
 *
 * A share (`coverage`) takes a place that is at most as large, and at 0 nobody. Variants have half-open ranges, of which the share takes the
 * first part; they are added up in floating point as there, or else a key on a border would change sides.
 *
 * Its JavaScript SDK hashes UTF-16 units and some others hash bytes: they agree on ASCII only. Here it is as in JavaScript.
 */
import { type Buckets, rangePartAt, type Trace } from './bucket.ts';
import { SHARE_ALL } from './dial.ts';
import type { FlagSpec } from './flag.ts';

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a with 32 bits over the UTF-16 units of a text, going on from an earlier hash. */
export function fnv1a(text: string, from: number = OFFSET): number {
  let hash = from;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  return hash >>> 0;
}

/** Keys to places by FNV-1a, once or twice. */
export class GrowthbookBuckets implements Buckets {
  readonly #version: 1 | 2;
  readonly #seed: string;
  /** The hash of the seed alone, from which version 2 goes on. */
  readonly #seedHash: number;
  readonly #places: number;
  readonly #lengths: readonly number[];

  constructor({ salt, variants }: FlagSpec, version: 1 | 2) {
    const total = variants.reduce((sum, { weight }) => sum + weight, 0);
    this.#version = version;
    this.#seed = salt;
    this.#seedHash = fnv1a(salt);
    this.#places = version === 1 ? 1000 : 10_000;
    this.#lengths = variants.map(({ weight }) => (total === 0 ? 0 : weight / total));
  }

  /** A place on the border of a share is in it, one at 0 too, unless the share is 0. */
  roll(key: string): number {
    return Math.max(0, this.#place(key) * (SHARE_ALL / this.#places) - 1);
  }

  draw(key: string, share: number): number {
    return rangePartAt(this.#lengths, this.#place(key) / this.#places, share / SHARE_ALL);
  }

  traceRoll(key: string): Trace {
    const isFirst = this.#version === 1;
    const hash = this.#hash(key);
    return {
      input: isFirst ? key + this.#seed : this.#seed + key,
      hash: isFirst ? 'fnv1a_32' : 'fnv1a_32 of the decimal digits of fnv1a_32',
      digest: String(hash),
      place: hash % this.#places,
      of: this.#places,
    };
  }

  traceDraw(key: string): Trace {
    return this.traceRoll(key);
  }

  #hash(key: string): number {
    return this.#version === 1 ? fnv1a(this.#seed, fnv1a(key)) : fnv1a(String(fnv1a(key, this.#seedHash)));
  }

  #place(key: string): number {
    return this.#hash(key) % this.#places;
  }
}
