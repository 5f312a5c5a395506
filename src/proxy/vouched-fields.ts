/**
 * The fields of a request as its endpoint gets them, where some of them are for the route's own checks to write: the user that a
 * password proves, and what a forward-auth service grants.
 *
 * What a client sends under such a name never reaches the endpoint. So nothing may be decided by it either: a flag that is drawn by
 * `x-user` must be drawn by the user whom the endpoint hears of, and not by whom somebody claims to be.
 */
import { findField } from '../http1/field-lines.ts';
import { cookieIn } from '../http1/field-values.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { RouteSpec } from '../routing/snapshot.ts';

/** What fields and cookies of a request are asked of: its head, or what is vouched for in its place. */
export type RequestFields = Pick<RequestHead, 'field' | 'cookie'>;

/** The fields that only the checks of a route may write, as `linesWithout` compares them. */
export function vouchedNames({ basicAuth, forwardAuth }: RouteSpec): ReadonlySet<string> {
  return spellings([...passwordFields(basicAuth), ...(forwardAuth?.copyResponse ?? [])]);
}

/** The field that carries a password, and the one that names its user to the endpoint, in lower case. */
export function passwordFields(basicAuth: RouteSpec['basicAuth']): readonly string[] {
  return basicAuth === null ? [] : ['authorization', ...(basicAuth.userHeader ? [basicAuth.userHeader] : [])];
}

/** Lower-case names as `linesWithout` compares them, where underscores count as hyphens. */
export function spellings(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map(spelling));
}

/** A lower-case name as it is among `vouchedNames`. */
export function spelling(name: string): string {
  return name.replaceAll('_', '-');
}

export class VouchedFields implements RequestFields {
  readonly #head: RequestHead;
  readonly #names: ReadonlySet<string>;
  readonly #lines: string;

  /** `names`: the fields that are vouched for; `lines`: what stands there, each line with its CRLF. */
  constructor(head: RequestHead, names: ReadonlySet<string>, lines: string) {
    this.#head = head;
    this.#names = names;
    this.#lines = lines;
  }

  /** The value of a field, by its lower-case name. */
  field(name: string): string | undefined {
    return this.#names.has(spelling(name)) ? findField(this.#lines, 0, name) : this.#head.field(name);
  }

  /** The value of the first cookie with exactly this name. */
  cookie(name: string): string | undefined {
    const cookies = this.field('cookie');
    return cookies === undefined ? undefined : cookieIn(cookies, name);
  }
}
