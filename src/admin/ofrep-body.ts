/**
 * Reads the body of a question, up to a limit, and hands it over once.
 *
 * A body needs `Content-Type: application/json`. A page of a foreign origin can send other types without a preflight, and though it
 * would not see the answer, its questions would be counted and cost time. Without a body there is no type to ask for.
 */
import type { IncomingMessage } from 'node:http';
import { badQuestion, type OfrepFault } from './ofrep-fault.ts';

const JSON_TYPE = /^application\/(?:[!#$&^_.+a-z0-9-]+\+)?json *(?:;|$)/i;

/** Gives `done` the body or why it is none; nothing when the client goes away before. */
export function readBody(req: IncomingMessage, bytesMax: number, done: (body: Buffer | OfrepFault) => void): void {
  const announced = Number(req.headers['content-length'] ?? 0);
  const hasBody = announced > 0 || req.headers['transfer-encoding'] !== undefined;
  if (hasBody && !JSON_TYPE.test(req.headers['content-type'] ?? '')) {
    done(badQuestion('type', 'PARSE_ERROR', 'The body must be sent as Content-Type: application/json.'));
    return;
  }
  if (announced > bytesMax) {
    done(tooLarge(bytesMax));
    return;
  }
  const parts: Buffer[] = [];
  let bytes = 0;
  const onData = (part: Buffer): void => {
    bytes += part.length;
    if (bytes <= bytesMax) {
      parts.push(part);
      return;
    }
    req.off('data', onData).off('end', onEnd).pause();
    done(tooLarge(bytesMax));
  };
  const onEnd = (): void => done(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  // A client that goes away in the middle of its question wants no answer.
  req.on('data', onData).on('end', onEnd).on('error', ignore);
}

function ignore(): void {}

function tooLarge(bytesMax: number): OfrepFault {
  return badQuestion('size', 'INVALID_CONTEXT', `The body is larger than ${bytesMax} bytes.`);
}
