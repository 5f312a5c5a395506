/**
 * MurmurHash3 of a text that begins with a known prefix, without making the text.
 *
 * A bucket is the hash of `salt:key`, and the salt is known long before the key. So the state after the prefix is kept, and a key
 * is mixed in behind it character by character, in its UTF-8 bytes: nothing is joined, copied or encoded for an evaluation.
 * The value is that of `murmur3(prefix + text, seed)` in `routing/hash.ts`, for every text whose prefix ends with a whole character.
 */
import { mixBlock, mixInteger, scramble } from '../routing/hash.ts';
import type { Trace } from './bucket.ts';

/** The hash of everything that begins with one prefix, under one seed. */
export class SaltedHash {
  readonly #prefix: string;
  readonly #seed: number;
  readonly #hash: number;
  /** The bytes behind the last whole block of the prefix, the first of them lowest. */
  readonly #tail: number;
  readonly #bytes: number;

  constructor(prefix: string, seed: number) {
    const bytes = Buffer.from(prefix, 'utf8');
    let hash = seed;
    let tail = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      tail |= bytes[i]! << ((i & 3) << 3);
      if ((i & 3) === 3) {
        hash = mixBlock(hash, tail);
        tail = 0;
      }
    }
    this.#prefix = prefix;
    this.#seed = seed;
    this.#hash = hash;
    this.#tail = tail;
    this.#bytes = bytes.length;
  }

  /** The hash of the prefix and this text behind it, a whole number from 0 to 2^32 - 1; a lone surrogate counts as U+FFFD. */
  of(text: string): number {
    let hash = this.#hash;
    let tail = this.#tail;
    let count = this.#bytes;
    for (let i = 0; i < text.length; i += 1) {
      let code = text.charCodeAt(i);
      let bytes = 1;
      if (code > 0x7f) {
        if ((code & 0xf800) === 0xd800) {
          const low = code < 0xdc00 ? text.charCodeAt(i + 1) : 0;
          if ((low & 0xfc00) === 0xdc00) {
            code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
            i += 1;
          } else code = 0xfffd;
        }
        bytes = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        code = encoded(code, bytes);
      }
      for (; bytes > 0; bytes -= 1) {
        tail |= (code & 0xff) << ((count & 3) << 3);
        code >>>= 8;
        count += 1;
        if ((count & 3) === 0) {
          hash = mixBlock(hash, tail);
          tail = 0;
        }
      }
    }
    return mixInteger(hash ^ scramble(tail) ^ count);
  }

  /** How this text got a place on a line of this length. */
  trace(text: string, place: number, of: number): Trace {
    const hash = `murmur3_x86_32, seed ${this.#seed}`;
    return { input: this.#prefix + text, hash, digest: String(this.of(text)), place, of };
  }
}

/** A code point above 0x7f in UTF-8, the first byte lowest (RFC 3629 section 3). */
function encoded(code: number, bytes: number): number {
  const last = 0x80 | (code & 0x3f);
  if (bytes === 2) return 0xc0 | (code >>> 6) | (last << 8);
  const middle = 0x80 | ((code >>> 6) & 0x3f);
  if (bytes === 3) return 0xe0 | (code >>> 12) | (middle << 8) | (last << 16);
  return 0xf0 | (code >>> 18) | ((0x80 | ((code >>> 12) & 0x3f)) << 8) | (middle << 16) | (last << 24);
}
