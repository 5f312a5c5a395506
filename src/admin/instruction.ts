/**
 * Reads from a request who wants a change, why, and on what condition: `X-Tidegate-By`, `X-Tidegate-Reason` (or the
 * body's `reason`), `If-Match`.
 *
 * The first two are free text that ends in logs, events and terminals, so what cannot be printed is taken out (control
 * characters, line breaks, marks that turn the direction of writing) and the rest is cut to length: a long reason is no
 * ground to refuse a rollback. The condition is the opposite: a condition that was not understood must not be dropped, so
 * anything but one quoted epoch is refused. `*` and weak or several tags (RFC 9110, section 13.1.1) have no meaning for an
 * epoch.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Instruction } from '../control/operations.ts';
import { Fault } from './fault.ts';

/** Length of `by`, in characters. */
export const BY_CHARACTERS_MAX = 64;

/** Length of a reason, in characters. */
export const REASON_CHARACTERS_MAX = 200;

/**
 * The instruction of a changing call; a reason in the body goes before one in the header. `token` is the name of the token
 * that it came with: that is proven, what the header says is not and stands behind it. Throws a 400 for a bad If-Match.
 */
export function instructionOf(
  headers: IncomingHttpHeaders,
  bodyReason: string | undefined,
  token: string,
): Instruction {
  const claimed = printable(headerText(headers['x-tidegate-by']), BY_CHARACTERS_MAX);
  const proven = claimed === '' || token === '' ? token : `${token} (${claimed})`;
  return {
    by: printable(proven || claimed, BY_CHARACTERS_MAX) || 'api',
    reason: printable(bodyReason ?? headerText(headers['x-tidegate-reason']), REASON_CHARACTERS_MAX),
    ifEpoch: epochOf(headers['if-match']),
  };
}

/** A text without what cannot be printed, without space at its ends, cut to `charactersMax`. */
export function printable(text: string, charactersMax: number): string {
  const clean = text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '').trim();
  return [...clean].slice(0, charactersMax).join('');
}

function epochOf(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined) return null;
  const digits = /^"([0-9]{1,15})"$/.exec(ifMatch)?.[1];
  if (digits !== undefined) return Number(digits);
  throw new Fault(400, 'bad-if-match', 'If-Match must be one epoch in double quotes, such as "42".', {
    ifMatch: ifMatch.slice(0, 100),
  });
}

/** Node hands header bytes over as Latin-1; people write their names in UTF-8. */
function headerText(value: string | string[] | undefined): string {
  if (value === undefined) return '';
  return Buffer.from(Array.isArray(value) ? value.join(' ') : value, 'latin1').toString('utf8');
}
