/**
 * Which trailer fields may be passed on.
 *
 * A trailer comes after the message has been framed, routed and let in, so a field that would have changed any of that
 * must not appear there: a later hop that merges trailers into the head would act on it. Such fields are dropped; the
 * rest of the section stays as sent.
 *
 * Source: RFC 9110, sections 6.5.1 and 6.5.2.
 */

import { trimBlanks } from './characters.ts';
import { FieldLines, linesWithout } from './field-lines.ts';

/** The fields that a trailer section may have. */
export const TRAILER_FIELDS_MAX = 128;

const FORBIDDEN: ReadonlySet<string> = new Set([
  // Framing and this hop.
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // Routing and what the hops say about themselves.
  'forwarded',
  'host',
  'max-forwards',
  'traceparent',
  'tracestate',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id',
  // Authentication.
  'authorization',
  'cookie',
  'proxy-authenticate',
  'proxy-authorization',
  'set-cookie',
  'www-authenticate',
  // What tells how to read the body, or whether to act at all.
  'content-encoding',
  'content-range',
  'content-type',
  'cache-control',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'location',
  'range',
]);

const lines = new FieldLines(TRAILER_FIELDS_MAX);

/** Why a trailer section is refused: malformed, or too many fields; '' when it is in order. */
export function trailerFault(section: string): 'trailer-malformed' | 'trailer-too-large' | '' {
  const scanFault = lines.scan(section, 0, TRAILER_FIELDS_MAX);
  if (scanFault === '') return '';
  return scanFault === 'fields-too-many' ? 'trailer-too-large' : 'trailer-malformed';
}

/** The lines of a checked trailer section (with its empty line) that may be passed on, each with its CRLF. */
export function permittedTrailers(section: string): string {
  return linesWithout(section.slice(0, -2), FORBIDDEN);
}

/** The names in a Trailer field that may be passed on, joined by ', '. */
export function permittedTrailerNames(list: string): string {
  return list
    .split(',')
    .map(trimBlanks)
    .filter((name) => name !== '' && !FORBIDDEN.has(name.toLowerCase()))
    .join(', ');
}
