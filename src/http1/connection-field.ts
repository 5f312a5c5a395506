/**
 * What the Connection fields of a message say: close, keep-alive, upgrade, and which fields go no further.
 *
 * Almost every Connection field is one of three words, which are recognised without copying. Naming a field there makes the
 * next hop drop it, so a client could have a proxy take away what authenticates or frames a request (CVE-2022-31813);
 * such names are refused instead of being obeyed or ignored.
 *
 * Source: RFC 9110, section 7.6.1.
 */

import { isToken, trimBlanks } from './characters.ts';
import type { RefusalKind } from './fault.ts';
import { sameNameAt } from './field-names.ts';

/** Bits of what `readConnection` found. */
export const CLOSE = 1;
export const KEEP_ALIVE = 2;
export const UPGRADE = 4;

const PROTECTED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'authorization',
  'cookie',
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
]);

const NONE: ReadonlySet<string> = new Set();

/** The connection options of one message: read all its Connection fields with `read`, then look. */
export class ConnectionOptions {
  bits = 0;
  /** The lower-case names of the fields that are not passed on, beside those that never are. */
  named: ReadonlySet<string> = NONE;
  fault: RefusalKind | '' = '';

  reset(): void {
    this.bits = 0;
    this.named = NONE;
    this.fault = '';
  }

  /** Takes in the value `text[from, to)` of one Connection field. */
  read(text: string, from: number, to: number): void {
    const length = to - from;
    if (length === 10 && sameNameAt(text, from, 'keep-alive')) this.bits |= KEEP_ALIVE;
    else if (length === 5 && sameNameAt(text, from, 'close')) this.bits |= CLOSE;
    else if (length === 7 && sameNameAt(text, from, 'upgrade')) this.bits |= UPGRADE;
    else this.#readList(text.slice(from, to).toLowerCase());
  }

  #readList(list: string): void {
    for (const part of list.split(',')) {
      const option = trimBlanks(part);
      if (option === '') continue;
      if (!isToken(option)) this.fault = 'connection-malformed';
      else if (PROTECTED.has(option)) this.fault = 'connection-names-protected-field';
      else if (option === 'keep-alive') this.bits |= KEEP_ALIVE;
      else if (option === 'close') this.bits |= CLOSE;
      else if (option === 'upgrade') this.bits |= UPGRADE;
      else this.named = new Set([...this.named, option]);
    }
  }
}
