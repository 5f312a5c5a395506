/**
 * Everything that can end an exchange other than a whole response, in one table: who ended it, in which phase, what the
 * client is told if nothing has been sent yet, which outcome the attempt has, and whether it counts against the version.
 *
 * `status` 0 means that the client gets no answer (it is gone, or its response has begun). `counts` is about the version
 * that served: a client that leaves, or a limit of ours, never speaks against it.
 */
import type { Verdict } from '../stats/endpoint-cells.ts';
import { OUTCOMES, type Outcome } from '../stats/series.ts';

export type FaultSource = 'downstream' | 'upstream' | 'tidegate';
export type FaultPhase = 'admit' | 'queue' | 'connect' | 'send' | 'head' | 'body' | 'tunnel';

export interface Fault {
  readonly kind: string;
  readonly source: FaultSource;
  readonly phase: FaultPhase;
  readonly status: number;
  /** The body of the answer, fixed text. */
  readonly text: string;
  readonly outcome: Outcome;
  readonly outcomeIndex: number;
  readonly counts: boolean;
}

function fault(
  kind: string,
  source: FaultSource,
  phase: FaultPhase,
  status: number,
  text: string,
  outcome: Outcome,
  counts: boolean,
): Fault {
  return Object.freeze({ kind, source, phase, status, text, outcome, outcomeIndex: OUTCOMES.indexOf(outcome), counts });
}

/** A question to a forward-auth service that has no answer: the client is told the same, whatever the reason. */
function unanswered(kind: string): Fault {
  return fault(
    kind,
    'upstream',
    'admit',
    503,
    'Whether this request is allowed cannot be found out now.',
    'internal',
    false,
  );
}

export const FAULTS = Object.freeze({
  noRoute: fault('no-route', 'tidegate', 'admit', 404, 'No route matches this request.', 'internal', false),
  ambiguousPath: fault(
    'ambiguous-path',
    'downstream',
    'admit',
    400,
    'The path selects different routes before and after normalising.',
    'internal',
    false,
  ),
  badPath: fault('bad-path', 'downstream', 'admit', 400, 'The path is not well-formed.', 'internal', false),
  ipDenied: fault('ip-denied', 'downstream', 'admit', 403, 'This address may not come in.', 'internal', false),
  rateLimited: fault('rate-limited', 'downstream', 'admit', 429, 'Too many requests.', 'internal', false),
  unauthorized: fault(
    'unauthorized',
    'downstream',
    'admit',
    401,
    'A user and a password are needed.',
    'internal',
    false,
  ),
  authBusy: fault('auth-busy', 'tidegate', 'admit', 503, 'Too many passwords are being checked.', 'internal', false),
  // The answer of the service takes the place of this one.
  forwardAuthRefused: fault(
    'forward-auth-refused',
    'downstream',
    'admit',
    403,
    'The request was refused.',
    'internal',
    false,
  ),
  forwardAuthBusy: unanswered('forward-auth-busy'),
  forwardAuthUnavailable: unanswered('forward-auth-unavailable'),
  forwardAuthTimeout: unanswered('forward-auth-timeout'),
  forwardAuthInvalid: unanswered('forward-auth-invalid'),
  forwardAuthTooLarge: unanswered('forward-auth-too-large'),
  overloaded: fault('overloaded', 'tidegate', 'admit', 503, 'The proxy has too much to do.', 'internal', false),
  inFlight: fault('in-flight', 'tidegate', 'admit', 503, 'Too many requests are in flight.', 'internal', false),
  poolInFlight: fault(
    'pool-in-flight',
    'tidegate',
    'admit',
    503,
    'Too many requests are in flight for this pool.',
    'internal',
    false,
  ),
  bodyTooLarge: fault('body-too-large', 'downstream', 'body', 413, 'The body is too large.', 'client-gone', false),
  noTraffic: fault('no-traffic', 'tidegate', 'admit', 503, 'No pool of this service has traffic.', 'internal', false),
  previewRefused: fault('preview-refused', 'downstream', 'admit', 403, 'The preview was refused.', 'internal', false),
  previewUnknown: fault('preview-unknown', 'downstream', 'admit', 400, 'There is no such pool.', 'internal', false),
  noEndpoint: fault('no-endpoint', 'upstream', 'queue', 503, 'No endpoint is available.', 'unavailable', true),
  queueFull: fault('queue-full', 'upstream', 'queue', 503, 'Too many requests are waiting.', 'unavailable', true),
  queueTimeout: fault(
    'queue-timeout',
    'upstream',
    'queue',
    503,
    'No endpoint became free in time.',
    'unavailable',
    true,
  ),
  connectFailed: fault(
    'connect-failed',
    'upstream',
    'connect',
    502,
    'The endpoint cannot be reached.',
    'connect',
    true,
  ),
  connectTimeout: fault(
    'connect-timeout',
    'upstream',
    'connect',
    504,
    'The endpoint did not accept in time.',
    'connect',
    true,
  ),
  noSocket: fault(
    'no-socket',
    'tidegate',
    'connect',
    503,
    'No connection to the endpoint can be opened here.',
    'internal',
    false,
  ),
  responseTimeout: fault(
    'response-timeout',
    'upstream',
    'head',
    504,
    'The endpoint did not answer in time.',
    'timeout',
    true,
  ),
  upstreamReset: fault(
    'upstream-reset',
    'upstream',
    'head',
    502,
    'The endpoint closed the connection without an answer.',
    'reset',
    true,
  ),
  reuseRace: fault('reuse-race', 'upstream', 'head', 502, '', 'reuse-race', false),
  tryTimeout: fault('try-timeout', 'upstream', 'head', 504, '', 'timeout', true),
  unwantedStatus: fault('unwanted-status', 'upstream', 'head', 502, '', '5xx', true),
  upstreamProtocol: fault(
    'upstream-protocol',
    'upstream',
    'head',
    502,
    'The endpoint sent an invalid answer.',
    'protocol',
    true,
  ),
  upstreamCut: fault('upstream-cut', 'upstream', 'body', 502, 'The endpoint cut its answer short.', 'reset', true),
  upstreamBadBody: fault(
    'upstream-bad-body',
    'upstream',
    'body',
    502,
    'The endpoint sent a bad body.',
    'protocol',
    true,
  ),
  upstreamIdle: fault('upstream-idle', 'upstream', 'body', 504, 'The endpoint fell silent.', 'timeout', true),
  clientGone: fault('client-gone', 'downstream', 'body', 0, '', 'client-gone', false),
  clientIdle: fault('client-idle', 'downstream', 'send', 408, 'The body did not come in time.', 'client-gone', false),
  clientStalled: fault('client-stalled', 'downstream', 'body', 0, '', 'client-gone', false),
  clientBadBody: fault(
    'client-bad-body',
    'downstream',
    'send',
    400,
    'The body is not well-formed.',
    'client-gone',
    false,
  ),
  tunnelIdle: fault('tunnel-idle', 'tidegate', 'tunnel', 0, '', 'ok', false),
  tunnelReset: fault('tunnel-reset', 'upstream', 'tunnel', 0, '', 'reset', true),
  drained: fault('drained', 'tidegate', 'body', 503, 'This version is being taken out of service.', 'internal', false),
  stopped: fault('stopped', 'tidegate', 'body', 503, 'The proxy is stopping.', 'internal', false),
} as const);

/**
 * Whether the fault is in a request's body: malformed, too slow or too large. Where such a body would end is not known or
 * not waited for, so its connection takes no other request.
 */
export function isBodyFault({ source, phase }: Fault): boolean {
  return source === 'downstream' && phase !== 'admit';
}

/** Whether an exchange that ended so was cut short by something other than its client. */
export function isCut(fault: Fault | null): boolean {
  return fault !== null && fault.source !== 'downstream' && fault.phase === 'body';
}

/**
 * What the end of an attempt says about its endpoint: by `fault`, or by the status of a whole answer without one. A queue of
 * ours that was full or slow says nothing, or a busy pool would lose endpoints; nor does a tunnel, whose end is the
 * application's own affair.
 */
export function verdictOf(fault: Fault | null, status: number): Verdict {
  if (fault === null) return status >= 500 ? 'bad' : 'good';
  return fault.counts && fault.phase !== 'queue' && fault.phase !== 'tunnel' ? 'bad' : 'neither';
}
