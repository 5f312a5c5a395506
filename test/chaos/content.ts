/**
 * What a request is answered with follows from its identity alone, so both ends know every byte without telling each
 * other: a client can judge an answer whole, altered or somebody else's by comparing, and needs no digest that travels.
 *
 * The identity is all through the content, and each kilobyte carries its number: bytes that are missing, doubled, swapped
 * or another request's are seen wherever they are.
 */

/** The field that carries whose answer it is. */
export const IDENTITY_FIELD = 'x-chaos-identity';

const BLOCK_BYTES = 1024;
/** The most that one content has. */
export const CONTENT_BYTES_MAX = 4 * 1024 * 1024;

/** The `bytes` bytes that belong to `identity`; `side` tells requests from responses, which never look alike. */
export function contentOf(side: 'request' | 'response', identity: string, bytes: number): Buffer {
  const content = Buffer.alloc(bytes, `${side} ${identity}. `);
  for (let at = 0; at + 16 <= bytes; at += BLOCK_BYTES) content.write(`[${at / BLOCK_BYTES}]`, at, 'latin1');
  return content;
}

/** What the request line asks for: whose content, how much of it, and over which time it is sent. */
export interface Wish {
  readonly identity: string;
  readonly bytes: number;
  /** How long the body takes to be sent, in milliseconds; 0: at once. */
  readonly paceMs: number;
}

/** The target of a request for it. */
export function targetOf({ identity, bytes, paceMs }: Wish): string {
  return `/${identity}?bytes=${bytes}&pace=${paceMs}`;
}

/** Reads a target that `targetOf` has made; null for any other. */
export function wishOf(target: string): Wish | null {
  const match = /^\/([a-z0-9-]{1,64})\?bytes=(\d{1,7})&pace=(\d{1,5})$/.exec(target);
  if (match === null || Number(match[2]) > CONTENT_BYTES_MAX) return null;
  return { identity: match[1]!, bytes: Number(match[2]), paceMs: Number(match[3]) };
}
