/**
 * MurmurHash3, the 32-bit variant for x86 (Austin Appleby, public domain), over the UTF-8 bytes of a string.
 *
 * It decides which pool or endpoint a key belongs to, so its value is part of our behaviour: it must be the same on
 * every thread, after every restart and in every later release, and others can compute it. It is no defence against
 * someone who chooses keys on purpose; a client who picks its own sticky key may pick its pool, which is harmless.
 *
 * Nearly all keys are ASCII, where a character is a byte, and are hashed without copying. Rejected: FNV-1a (its high
 * bits are poor on short, similar keys, exactly what user ids are), SipHash and SHA (several times the cost, for a
 * resistance that is not needed), a 64-bit hash (JavaScript's integers multiply fast in 32 bits only).
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** The hash of a string, a whole number from 0 to 2^32 - 1; a lone surrogate counts as U+FFFD. */
export function murmur3(text: string, seed: number): number {
  const length = text.length;
  const whole = length & ~3;
  let hash = seed;
  // The bits of all characters together tell at the end whether each of them was a byte of its own.
  let seen = 0;
  for (let i = 0; i < whole; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    seen |= a | b | c | d;
    hash = mixBlock(hash, a | (b << 8) | (c << 16) | (d << 24));
  }
  let tail = 0;
  for (let i = length - 1; i >= whole; i -= 1) {
    const code = text.charCodeAt(i);
    seen |= code;
    tail = (tail << 8) | code;
  }
  if (seen > 0x7f) return murmur3Bytes(Buffer.from(text, 'utf8'), seed);
  return mixInteger(hash ^ scramble(tail) ^ length);
}

/** The same for bytes. */
export function murmur3Bytes(bytes: Uint8Array, seed: number): number {
  const length = bytes.length;
  const whole = length & ~3;
  let hash = seed;
  for (let i = 0; i < whole; i += 4) {
    hash = mixBlock(hash, bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
  }
  let tail = 0;
  for (let i = length - 1; i >= whole; i -= 1) tail = (tail << 8) | bytes[i]!;
  return mixInteger(hash ^ scramble(tail) ^ length);
}

/** The hash of two strings in this order; the border between them counts, so `ab`, `c` is not `a`, `bc`. */
export function hashPair(a: string, b: string, seed: number): number {
  return murmur3(b, murmur3(a, seed));
}

/** Murmur's finaliser: a bijection on 32 bits in which each bit of the input changes half of the bits of the result. */
export function mixInteger(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** What a block is before it is mixed in; the last bytes of an input, fewer than four, are only this. */
export function scramble(block: number): number {
  const mixed = Math.imul(block, C1);
  return Math.imul((mixed << 15) | (mixed >>> 17), C2);
}

/** The hash with one more block of four bytes, the first of them lowest. */
export function mixBlock(hash: number, block: number): number {
  const mixed = hash ^ scramble(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
