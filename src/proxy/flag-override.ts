/**
 * Believes a tester's choice of variants if it is signed with the secret and has not expired.
 *
 * Signatures are compared in constant time. A choice that is not believed is ignored and counted, and nobody sees an error for
 * it: to whoever guesses, it looks as if there were no such thing.
 */
import { timingSafeEqual } from 'node:crypto';
import type { FlagContextSpec } from '../flags/context-spec.ts';
import { OVERRIDE_CHARACTERS_MAX, overrideSignature, readOverridePayload } from '../flags/override.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { FlagTallyWriter } from '../stats/flag-tally.ts';

export class OverrideReader {
  readonly #spec: NonNullable<FlagContextSpec['overrides']>;
  readonly #tally: FlagTallyWriter;

  constructor(spec: NonNullable<FlagContextSpec['overrides']>, tally: FlagTallyWriter) {
    this.#spec = spec;
    this.#tally = tally;
  }

  /** The variants by flag that the request's tester chooses; null where there is no tester to be believed. */
  read(head: RequestHead, nowMs: number): ReadonlyMap<string, string> | null {
    const { header, cookie } = this.#spec;
    const text = head.field(header) ?? (cookie === null ? undefined : head.cookie(cookie));
    if (text === undefined) return null;
    const dot = text.indexOf('.');
    const payload = text.slice(0, Math.max(0, dot));
    const isGenuine = text.length <= OVERRIDE_CHARACTERS_MAX && this.#signed(payload, text.slice(dot + 1));
    const said = isGenuine ? readOverridePayload(payload) : null;
    if (said === null || said.expires * 1000 <= nowMs) {
      this.#tally.count(said === null ? 'override-refused' : 'override-expired');
      return null;
    }
    return said.flags;
  }

  #signed(payload: string, signature: string): boolean {
    const given = Buffer.from(signature, 'base64url');
    const own = overrideSignature(payload, this.#spec.secret);
    return given.length === own.length && timingSafeEqual(given, own);
  }
}
