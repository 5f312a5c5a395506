/**
 * The rules of a route or a pool for what passes, made ready: addresses that are let in, fields, the path, and an answer
 * that takes the place of the endpoint's.
 */
import { HeaderRules } from '../http1/header-rules.ts';
import { AddressSet } from '../routing/client-address.ts';
import { Rewriter } from '../routing/path-rewrite.ts';
import type { OwnAnswerSpec, PassRules } from '../routing/rules.ts';

export class PassRuntime {
  readonly requestHeaders: HeaderRules | null;
  readonly responseHeaders: HeaderRules | null;
  readonly rewriter: Rewriter | null;
  readonly answer: OwnAnswerSpec | null;
  readonly #allow: AddressSet | null;
  readonly #deny: AddressSet;

  constructor(rules: PassRules) {
    this.requestHeaders = rules.requestHeaders === null ? null : new HeaderRules(rules.requestHeaders);
    this.responseHeaders = rules.responseHeaders === null ? null : new HeaderRules(rules.responseHeaders);
    this.rewriter = rules.rewrite === null ? null : new Rewriter(rules.rewrite);
    this.answer = rules.answer;
    this.#allow = rules.ipAllow === null ? null : new AddressSet(rules.ipAllow);
    this.#deny = new AddressSet(rules.ipDeny);
  }

  /** Whether a client with this address is let in; what is no address is not in any list. */
  admits(client: string): boolean {
    return (this.#allow === null || this.#allow.has(client)) && !this.#deny.has(client);
  }
}
