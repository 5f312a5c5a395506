/**
 * The second part of a request line: where a request wants to go.
 *
 * The target is cut by hand. `new URL(target, base)` reads `//evil/x` as another host, resolves dot segments and turns
 * backslashes around, and so routes by something other than what is forwarded.
 *
 * Source: RFC 9112, section 3.2; RFC 9110, section 4.2.4 (user information is refused).
 */

import { hostOf } from './authority.ts';
import { SP, TARGET } from './characters.ts';
import type { RefusalKind } from './fault.ts';

const SLASH = 0x2f;
const HASH = 0x23;
const PERCENT = 0x25;
const QUESTION = 0x3f;
const ZERO = 0x30;

/** The parts of the target that `read` saw last. */
export class RequestTarget {
  form: 'origin' | 'absolute' | 'asterisk' = 'origin';
  /** The target as sent. */
  target = '';
  path = '';
  query = '';
  /** What is sent upstream: the origin-form of an absolute-form target, else the target as sent. */
  forwardTarget = '';
  /** The authority of an absolute-form target as sent, else ''. */
  authority = '';
  /** The lower-case host in that authority. */
  host = '';

  /** Reads the target that begins at `from` and ends at the first space. Gives '' or why it is refused. */
  read(text: string, from: number, method: string, bytesMax: number): RefusalKind | '' {
    const allowed = TARGET;
    let question = -1;
    let at = from;
    for (;;) {
      const code = text.charCodeAt(at);
      if (allowed[code] !== 1) {
        if (code === SP) break;
        return code === HASH ? 'target-fragment' : 'target-malformed';
      }
      if (code === QUESTION && question < 0) question = at;
      if (code === PERCENT && text.charCodeAt(at + 1) === ZERO && text.charCodeAt(at + 2) === ZERO) return 'target-nul';
      at++;
    }
    if (at - from > bytesMax) return 'target-too-long';
    this.target = text.slice(from, at);
    this.authority = '';
    this.host = '';
    if (text.charCodeAt(from) === SLASH) {
      this.form = 'origin';
      this.forwardTarget = this.target;
      this.path = question < 0 ? this.target : text.slice(from, question);
      this.query = question < 0 ? '' : text.slice(question + 1, at);
      return '';
    }
    if (this.target === '*') {
      this.form = 'asterisk';
      this.forwardTarget = '*';
      this.path = '*';
      this.query = '';
      return method === 'OPTIONS' ? '' : 'target-form';
    }
    return this.#readAbsolute(method);
  }

  #readAbsolute(method: string): RefusalKind | '' {
    const target = this.target;
    const schemeEnd = target.indexOf('://');
    if (schemeEnd < 1) return 'target-form';
    const scheme = target.slice(0, schemeEnd).toLowerCase();
    if (scheme !== 'http' && scheme !== 'https') return 'target-scheme';
    const authorityFrom = schemeEnd + 3;
    let authorityTo = authorityFrom;
    while (authorityTo < target.length) {
      const code = target.charCodeAt(authorityTo);
      if (code === SLASH || code === QUESTION) break;
      authorityTo++;
    }
    this.form = 'absolute';
    this.authority = target.slice(authorityFrom, authorityTo);
    this.host = hostOf(this.authority);
    if (this.host === '') return 'target-authority';
    const rest = target.slice(authorityTo);
    const question = rest.indexOf('?');
    const path = question < 0 ? rest : rest.slice(0, question);
    this.path = path === '' ? '/' : path;
    this.query = question < 0 ? '' : rest.slice(question + 1);
    // An OPTIONS request about a server as a whole has an asterisk on its last hop (RFC 9112, section 3.2.4).
    if (rest === '') this.forwardTarget = method === 'OPTIONS' ? '*' : '/';
    else this.forwardTarget = path === '' ? `/${rest}` : rest;
    return '';
  }
}
