/**
 * What an exchange still has to be allowed by once it has been routed: a password that is not proven yet, then the
 * forward-auth service of its route. Each is asked when the one before has agreed.
 *
 * What can be decided at once has been decided by then (`route-guard.ts`); here is what takes its time. In the meantime the
 * client is not read from, so nothing grows, and its body is not asked for: `Expect: 100-continue` is answered when there
 * is an endpoint to send the body to. When the exchange ends for another reason, the question is given up.
 */
import type { ResponseHead } from '../http1/response-head.ts';
import { AuthCall, type AuthWaiter } from './auth-call.ts';
import { cookiesForClient, linesForEndpoint } from './auth-messages.ts';
import type { Exchange } from './exchange.ts';
import { FAULTS, type Fault } from './fault.ts';
import type { PasswordWaiter } from './password-checks.ts';

export class Permission implements PasswordWaiter, AuthWaiter {
  readonly #exchange: Exchange;
  #call: AuthCall | null = null;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Asks; the exchange hears of it by `goOn` or `fail`, perhaps before this returns. */
  ask(): void {
    const { admission, context } = this.#exchange;
    if (admission.unproven === null) this.#askService();
    else context.passwords.begin(admission.unproven, this);
  }

  onPassword(verdict: boolean | 'busy'): void {
    const { finished, admission } = this.#exchange;
    if (finished) return;
    const fault = admission.route!.guard!.outcome(admission, verdict);
    if (fault !== null) this.#exchange.fail(fault);
    else this.#askService();
  }

  #askService(): void {
    const auth = this.#exchange.admission.route!.guard!.forwardAuth;
    if (auth === null) {
      this.#goOn();
      return;
    }
    this.#call = new AuthCall(this.#exchange, auth, this);
    this.#call.ask();
  }

  onAllowed(answer: ResponseHead): void {
    const { admission } = this.#exchange;
    const auth = admission.route!.guard!.forwardAuth!;
    admission.grantedLines = linesForEndpoint(answer, auth);
    admission.setCookie += cookiesForClient(answer, auth);
    this.#answered();
    this.#goOn();
  }

  #goOn(): void {
    const { admission, context, head } = this.#exchange;
    const fault = admission.routeLate(context, head);
    if (fault === null) this.#exchange.goOn();
    else this.#exchange.fail(fault);
  }

  onRefused(answer: ResponseHead, body: string): void {
    const { admission } = this.#exchange;
    admission.refusal = { status: answer.status, body, lines: '', relayed: answer };
    this.onAuthFailed(FAULTS.forwardAuthRefused);
  }

  onAuthFailed(fault: Fault): void {
    this.#answered();
    this.#exchange.fail(fault);
  }

  #answered(): void {
    this.#exchange.admission.authMs = this.#call!.ageMs;
    this.#call = null;
  }

  /** Called at each tick. */
  sweep(nowMs: number): void {
    this.#call?.sweep(nowMs);
  }

  /** The exchange is over. */
  abandon(): void {
    this.#call?.abandon();
    this.#call = null;
  }
}
