/**
 * What the admin API says when it does not do what was asked: one shape, `{ error: { code, message, details } }`, for
 * every cause, so that a script needs one branch for all of them.
 *
 * Three things can go wrong and each has one table: the control plane refuses (`REFUSAL_STATUS`), the framework refuses
 * before a handler runs (`FRAMEWORK_FAULTS`), and Node's parser refuses before there is a request (`CLIENT_FAULTS`). What
 * is in none of them is a fault of ours: it is logged whole and answered with a sentence that gives nothing away.
 *
 * A `Fault` is thrown on purpose: the framework's error handler is the one boundary that catches it. Returning it from
 * each handler was rejected, because hooks and the body parser can only fail by an error.
 */
import type { Refusal } from '../control/operations.ts';

/** Which HTTP status a refusal of the control plane is answered with. */
export const REFUSAL_STATUS: Readonly<Record<Refusal['code'], number>> = {
  'unknown-service': 404,
  'unknown-pool': 404,
  'unknown-group': 404,
  'unknown-receipt': 404,
  'bad-weights': 400,
  'epoch-mismatch': 412,
  'no-healthy-endpoint': 409,
  'ambiguous-target': 409,
  'nothing-to-roll-back': 409,
  'no-active-pool': 409,
  'already-active': 409,
  'bad-plan': 400,
  'over-budget': 409,
  'version-mismatch': 409,
  'no-rollout': 404,
  'bad-freeze': 400,
  'not-frozen': 409,
  'bad-flag': 400,
  'unknown-flag': 404,
  'too-many-flags': 409,
  'flag-in-file': 409,
  'flag-required': 409,
  resalt: 409,
  'revision-mismatch': 412,
  'not-killed': 409,
  'not-applied': 503,
  frozen: 409,
  'in-group': 409,
  'group-refused': 409,
  'waiting-for-group': 409,
  running: 409,
  'rolled-back-before': 409,
  ended: 409,
  verifying: 409,
  moving: 409,
  'rolling-back': 409,
  'not-paused': 409,
  'already-paused': 409,
  'not-awaiting-approval': 409,
  'bad-link': 404,
  'link-expired': 410,
  'link-used': 410,
  'link-stale': 409,
  'config-rejected': 422,
  stopping: 503,
  'state-store': 500,
};

/** An answer that is an error: a status, a code that is stable for scripts, a sentence for people, and details or null. */
export class Fault extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    details: unknown = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = 'Fault';
    this.status = status;
    this.code = code;
    this.details = details;
    this.headers = headers;
  }

  /** The body of the answer. */
  body(): { readonly error: { readonly code: string; readonly message: string; readonly details: unknown } } {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

/** The answer to an operation that the control plane refused. */
export function refusalFault(refusal: Refusal): Fault {
  return new Fault(REFUSAL_STATUS[refusal.code], refusal.code, refusal.message, refusal.details ?? null);
}

type FaultText = readonly [status: number, code: string, message: string];

const FRAMEWORK_FAULTS: Readonly<Record<string, FaultText>> = {
  FST_ERR_BAD_URL: [400, 'bad-url', 'The path is not validly percent-encoded.'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'url-too-long', 'A part of the path is longer than any name can be.'],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, 'body-too-large', 'The body is larger than this call takes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'content-type', 'The body must be sent as Content-Type: application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'bad-request', 'The body is not as long as Content-Length says.'],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, 'bad-json', 'The body is not valid JSON, or names a forbidden key.'],
};

const CLIENT_FAULTS: Readonly<Record<string, FaultText>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers-too-large', 'The header fields are larger than 16 KiB.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request-timeout', 'The request did not arrive in time.'],
};

/** The fault that answers an error of the framework or of a handler; null when it is not the caller's doing. */
export function faultOf(error: unknown): Fault | null {
  if (error instanceof Fault) return error;
  const text = lookUp(FRAMEWORK_FAULTS, codeOf(error));
  return text === null ? null : new Fault(...text);
}

/** The fault that answers bytes which Node's parser did not take for a request. */
export function clientFaultOf(error: unknown): Fault {
  return new Fault(
    ...(lookUp(CLIENT_FAULTS, codeOf(error)) ?? [400, 'bad-request', 'This is not a valid HTTP request.']),
  );
}

/** What is answered for a fault of ours; what happened is in the log only. */
export function internalFault(): Fault {
  return new Fault(500, 'internal', 'Tidegate could not do this; its log says why.');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function lookUp(table: Readonly<Record<string, FaultText>>, code: string): FaultText | null {
  return Object.hasOwn(table, code) ? table[code]! : null;
}
