/**
 * What is answered over OFREP when a question is not: one shape for every cause, `{ key?, errorCode, errorDetails }`.
 *
 * Clients understand the statuses 400, 401, 403, 404 and 500 and nothing beyond them, and a 400 without `errorCode` is to them a server that
 * is broken. So everything that is wrong with a question, also a body that is too large, is a 400 that says what; 413, 414 and
 * 415 were rejected, since the clients throw their text away. 429 is never said: a client that meets one stops asking about
 * every flag.
 *
 * Source: OFREP 0.3.0 (service/openapi.yaml of open-feature/protocol).
 */

/** Why a request was not answered as asked, as the label of the metric. */
export const OFREP_REFUSALS = [
  'host',
  'origin',
  'token',
  'path',
  'method',
  'type',
  'size',
  'json',
  'context',
  'streams',
  'stopping',
] as const;
export type OfrepRefusal = (typeof OFREP_REFUSALS)[number];

/** The codes of OpenFeature that we answer. */
export type OfrepErrorCode = 'PARSE_ERROR' | 'TARGETING_KEY_MISSING' | 'INVALID_CONTEXT' | 'GENERAL' | 'FLAG_NOT_FOUND';

/** A refusal, with a sentence for whoever wrote the client. */
export interface OfrepFault {
  readonly status: number;
  readonly refusal: OfrepRefusal;
  readonly errorCode: OfrepErrorCode;
  readonly details: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The fault of a question that cannot be answered as it stands. */
export function badQuestion(refusal: OfrepRefusal, errorCode: OfrepErrorCode, details: string): OfrepFault {
  return { status: 400, refusal, errorCode, details, headers: {} };
}

/** The fault of a request that is not for us to answer, whatever it asks. */
export function turnedAway(
  status: number,
  refusal: OfrepRefusal,
  details: string,
  headers: OfrepFault['headers'] = {},
): OfrepFault {
  return { status, refusal, errorCode: 'GENERAL', details, headers };
}

/** The body of the answer; `key` is the flag that was asked for, null where none was. */
export function faultBody({ errorCode, details }: OfrepFault, key: string | null): string {
  return JSON.stringify({ ...(key === null ? {} : { key }), errorCode, errorDetails: details });
}
