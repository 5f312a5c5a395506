/**
 * A client that waits to be asked for its body (RFC 9110 section 10.1.1): who asks it, and who is answered.
 *
 * The endpoint is given a second to ask. Then we ask ourselves, and the endpoint's own 100, if it still comes, is ours and
 * goes no further. The client is asked once, however many endpoints its request meets.
 */

import type { WaitingClock } from './waiting-clock.ts';

/** How long an endpoint may take to ask for a body before we ask the client ourselves. */
const CONTINUE_MS = 1000;

/** How we ask. */
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

export class Expectation {
  #dueMs = 0;
  #isOurs = false;
  /** The client has been asked for its body. */
  asked = false;

  /** The request head is on its way to the endpoint. */
  begin(clock: WaitingClock): void {
    if (!this.asked) this.#dueMs = clock.after(CONTINUE_MS);
  }

  /** The endpoint has said 100. False when it answers what we asked for; every other is the client's, asked for or not. */
  onContinue(): boolean {
    if (this.#isOurs) return false;
    this.asked = true;
    this.#dueMs = 0;
    return true;
  }

  /** The endpoint has answered otherwise. */
  end(): void {
    this.#dueMs = 0;
  }

  /** Another endpoint is about to be tried: if the client has been asked, that endpoint need not ask it. */
  over(): void {
    this.#dueMs = 0;
    if (this.asked) this.#isOurs = true;
  }

  /** Whether we are to ask the client now. */
  due(nowMs: number): boolean {
    if (this.#dueMs === 0 || nowMs < this.#dueMs) return false;
    this.#dueMs = 0;
    this.asked = true;
    this.#isOurs = true;
    return true;
  }
}
