/**
 * What a client that sent `Expect: 100-continue` waits for (RFC 9110 section 10.1.1): to be asked for its body, by the
 * endpoint or, when that says nothing for a while, by us. It is asked once, however many endpoints its request meets.
 */

/** How long an endpoint may take to ask for a body before we ask the client ourselves. */
const CONTINUE_MS = 1000;

export class Expectation {
  #askAtMs = 0;
  #isOurs = false;
  /** Whether the client has been asked for its body. */
  isMet = false;

  /** The head has been sent to an endpoint. */
  sent(nowMs: number): void {
    if (!this.isMet) this.#askAtMs = nowMs + CONTINUE_MS;
  }

  /** The endpoint asks; false when the client has been asked before and need not hear of it. */
  asked(): boolean {
    this.#askAtMs = 0;
    if (this.#isOurs) return false;
    this.isMet = true;
    return true;
  }

  /** Nobody waits for the endpoint's asking any more: it has answered, or another one is about to be tried. */
  over(): void {
    this.#askAtMs = 0;
    if (this.isMet) this.#isOurs = true;
  }

  /** Whether the client is to be asked by us, now and once. */
  isDue(nowMs: number): boolean {
    if (this.#askAtMs === 0 || nowMs < this.#askAtMs) return false;
    this.#askAtMs = 0;
    this.isMet = true;
    this.#isOurs = true;
    return true;
  }
}
