/**
 * What Tidegate itself says to a client: whole answers where no endpoint gives one, and lines of its own in those of
 * endpoints.
 */
import { ownResponse } from '../http1/forward.ts';
import type { Exchange } from './exchange.ts';
import { type Fault, isBodyFault } from './fault.ts';
import { httpDate } from './http-date.ts';

/** When a client that found no room may come back. */
const RETRY_AFTER_S = 1;

/** The answer to a fault, or without one to what was asked of Tidegate itself. */
export function ownAnswer({ head }: Exchange, fault: Fault | null, keepAlive: boolean): string {
  const text = fault === null || fault.text === '' ? '' : `${fault.text}\n`;
  return ownResponse(fault === null ? 200 : fault.status, text, {
    date: httpDate(),
    close: !keepAlive,
    keepAliveMinor: head.minor,
    retryAfter: fault?.phase === 'queue' ? RETRY_AFTER_S : undefined,
    head: head.method === 'HEAD',
  });
}

/** Whether the connection may carry another request after the answer to this fault. */
export function leavesConnection(fault: Fault | null): boolean {
  return fault === null || !isBodyFault(fault);
}

/** The lines that are added to a response head: the version that served, and a new sticky cookie. */
export function extraLines({ admission, attempts }: Exchange): string {
  const header = admission.route!.service.spec.versionHeader;
  const version = header === null ? '' : `${header}: ${attempts!.pool.spec.version}\r\n`;
  return admission.setCookie === '' ? version : version + admission.setCookie;
}
