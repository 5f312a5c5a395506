/**
 * What the servers of the demo answer, as a function of the question: the servers say it, and the load checks it.
 *
 * Each request carries its own number, and the answer is made of that number and of the name of the pool. So an answer that
 * is cut, mixed with another one, or given to the wrong client is found out and not only one that never comes.
 */

/** The header field by which a request says its number. */
export const SEQUENCE_FIELD = 'x-demo-sequence';
/** The header field by which an answer says which pool gave it. */
export const POOL_FIELD = 'x-demo-pool';

/** `page` is answered at once, `stream` over some time in pieces, `echo` sends a body and gets it back. */
export type Kind = 'page' | 'stream' | 'echo';

/** The path of each kind. */
export const PATHS: Readonly<Record<Kind, string>> = { page: '/', stream: '/stream', echo: '/echo' };

const STREAM_PIECES = 10;
const ECHO_LINES = 120;

/** The body that a request of the kind sends, in the pieces in which it is sent; empty where none is. */
export function questionPieces(kind: Kind, sequence: number): readonly string[] {
  if (kind !== 'echo') return [];
  const half = `question ${sequence}\n`.repeat(ECHO_LINES / 2);
  return [half, half];
}

/** The body of the answer, in the pieces in which it is sent. */
export function answerPieces(kind: Kind, sequence: number, pool: string): readonly string[] {
  switch (kind) {
    case 'page':
      return [`${JSON.stringify({ pool, request: sequence })}\n`];
    case 'stream':
      return Array.from({ length: STREAM_PIECES }, (_, piece) => `${pool} ${sequence} piece ${piece}\n`);
    case 'echo':
      return questionPieces(kind, sequence);
    default:
      return kind satisfies never;
  }
}
