/**
 * Evaluations as OFREP has them.
 *
 * An evaluation is one of a few objects that were made when the flag came in, so its text is written once and kept with it: an
 * answer about a hundred flags is a join. The `ETag` covers the context and the whole answer, whose parts carry the revisions
 * of their flags. Clients keep their `ETag` when an attribute of the context changes; one made of the revision alone
 * would give them the values of somebody else. And a schedule or a ramp changes the answer without any change of a flag.
 */
import { hash } from 'node:crypto';
import type { ErrorCode, Evaluation } from '../flags/flag.ts';
import type { OfrepContext } from './ofrep-context.ts';

const texts = new WeakMap<Evaluation, string>();

const ERROR_DETAILS: Readonly<Record<ErrorCode, string>> = {
  FLAG_NOT_FOUND: 'There is no flag of this name.',
  TARGETING_KEY_MISSING: 'This flag is on for a share of the keys, and the context has none that it could use.',
};

const ERROR_STATUS: Readonly<Record<ErrorCode, number>> = { FLAG_NOT_FOUND: 404, TARGETING_KEY_MISSING: 400 };

/** The status of the answer about one flag. */
export function statusOf({ error }: Evaluation): number {
  return error === null ? 200 : ERROR_STATUS[error];
}

/** The body of the answer about one flag, which is also its place in the answer about all. */
export function evaluationText(evaluation: Evaluation): string {
  let text = texts.get(evaluation);
  if (text === undefined) {
    text = JSON.stringify(partsOf(evaluation));
    texts.set(evaluation, text);
  }
  return text;
}

function partsOf({ flag: key, value, reason, variant, error, rule, revision }: Evaluation): object {
  if (error !== null) return { key, errorCode: error, errorDetails: ERROR_DETAILS[error] };
  return { key, value, reason, variant, metadata: { revision, ...(rule === null ? {} : { rule }) } };
}

/** Where changes are told of, as the answer about all flags names it. */
export interface EventStreamPlace {
  /** Where browsers reach us; null for where they asked. */
  readonly baseUrl: string | null;
  /** Path and query of the stream. */
  readonly target: string;
}

/** So long a page may be in the background before it lets go of its stream. */
const INACTIVITY_S = 120;

/** The body of the answer about all flags; `evaluations` are sorted by name. */
export function bulkText(evaluations: readonly Evaluation[], revision: string, stream: EventStreamPlace): string {
  const { baseUrl, target } = stream;
  const place = baseUrl === null ? { endpoint: { requestUri: target } } : { url: `${baseUrl}${target}` };
  const eventStreams = JSON.stringify([{ type: 'sse', ...place, inactivityDelaySec: INACTIVITY_S }]);
  const flags = evaluations.map(evaluationText).join(',');
  return `{"flags":[${flags}],"metadata":${JSON.stringify({ revision })},"eventStreams":${eventStreams}}`;
}

/** The entity tag of an answer about all flags that was given to this context. */
export function etagOf(context: OfrepContext, body: string): string {
  return `"${hash('sha256', `${context.canonical()}\n${body}`, 'base64url').slice(0, 22)}"`;
}

/** Whether `If-None-Match` names this tag; weak tags count as the strong ones, as RFC 9110, section 13.1.2 has it. */
export function isNamedBy(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
