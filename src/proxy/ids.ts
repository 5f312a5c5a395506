/**
 * Random numbers and identifiers of the data plane, from the system's generator in blocks: one call into the kernel's
 * generator serves many requests.
 *
 * The split must be uniform and unpredictable to clients: with a weak generator, a client could learn which of its next
 * requests meets the candidate.
 */
import { getRandomValues, randomFillSync } from 'node:crypto';

const words = new Uint32Array(1024);
let nextWord = words.length;

/** A uniform random integer from 0 to 2^32 - 1. */
export function randomU32(): number {
  if (nextWord === words.length) {
    getRandomValues(words);
    nextWord = 0;
  }
  return words[nextWord++]!;
}

const BLOCK_BYTES = 4096;
const block = Buffer.alloc(BLOCK_BYTES);
let digits = '';
let nextDigit = 0;

/** `count` random bytes in lower-case hexadecimal; `count` is at most 32. Digits are made for a whole block at a time. */
export function randomHex(count: number): string {
  if (nextDigit + count * 2 > digits.length) {
    digits = randomFillSync(block).toString('hex');
    nextDigit = 0;
  }
  nextDigit += count * 2;
  return digits.slice(nextDigit - count * 2, nextDigit);
}

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The client's request id if it is printable, without spaces and at most 128 long; otherwise a new one of 32 digits. */
export function requestIdFrom(received: string): string {
  return received !== '' && REQUEST_ID.test(received) ? received : randomHex(16);
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/**
 * The client's `traceparent` if it is well-formed (W3C Trace Context, section 3.2), otherwise the root of a new trace,
 * marked as sampled as a root of OpenTelemetry's default sampler would be.
 */
export function traceparentFrom(received: string): string {
  return received !== '' && TRACEPARENT.test(received) ? received : `00-${randomHex(16)}-${randomHex(8)}-01`;
}
