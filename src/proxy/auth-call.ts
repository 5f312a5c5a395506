/**
 * One question to a forward-auth service: may this exchange go on?
 *
 *     ask ─▶ the gate of that service ─▶ endpoint ─▶ connection, or the queue ─▶ question ─▶ answer ─▶ onAllowed, onRefused
 *      └◀─ once more when nobody could be reached, or the connection ended before the answer     └▶ onAuthFailed
 *
 * The service is one of the config's own, so the question has what every request to an endpoint has: the gate, balancing,
 * health, ejection, the limits of connections and queue, idle connections. What the question comes to is told to its
 * endpoint and to the route's own counters. It is no request of a client, and counts as none of its version.
 *
 * An answer counts when it is whole. Whatever else happens, the request does not go on: there is no switch for letting
 * requests pass that nobody has judged. A question is a GET that a service may be asked twice, so one that was lost is asked
 * again, of another endpoint where there is one; one that was answered badly, or too late, is not.
 */
import type { ResponseHead } from '../http1/response-head.ts';
import type { ForwardAuthSpec } from '../routing/rules.ts';
import { chooseAt } from '../routing/split.ts';
import type { AuthResult, AuthWriter } from '../stats/auth-cells.ts';
import type { Verdict } from '../stats/endpoint-cells.ts';
import { allows, questionAbout } from './auth-messages.ts';
import type { Caller } from './caller.ts';
import { Deadline } from './deadline.ts';
import type { Downstream } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { FAULTS, type Fault } from './fault.ts';
import { randomU32 } from './ids.ts';
import type { PoolRuntime, ServiceRuntime } from './runtime.ts';
import type { UpstreamConnection } from './upstream.ts';

/** The longest body of an answer, which is held until it is whole. */
const BODY_MAX_BYTES = 64 * 1024;
const TRIES_MAX = 2;
const QUESTION = Object.freeze({ method: 'GET' });

/** Forward-auth of one route, made ready. */
export interface ForwardAuthRuntime {
  readonly spec: ForwardAuthSpec;
  readonly service: ServiceRuntime;
  readonly cells: AuthWriter;
  /** `copyRequest` and `copyResponse` of the spec. */
  readonly asked: ReadonlySet<string>;
  readonly granted: ReadonlySet<string>;
}

/** Who is told what a question came to; just one of these is called, once, unless the question is abandoned. */
export interface AuthWaiter {
  onAllowed(answer: ResponseHead): void;
  /** `body`: each character is one byte. */
  onRefused(answer: ResponseHead, body: string): void;
  onAuthFailed(fault: Fault): void;
}

export class AuthCall implements Caller {
  readonly downstream: Downstream;
  readonly head: { readonly method: string } = QUESTION;
  epoch = 0;
  readonly #exchange: Exchange;
  readonly #auth: ForwardAuthRuntime;
  readonly #waiter: AuthWaiter;
  readonly #startedAt = performance.now();
  readonly #endsAtMs: number;
  readonly #deadline = new Deadline();
  #tries = 0;
  #endpoint: Endpoint | null = null;
  #connection: UpstreamConnection | null = null;
  #answer: ResponseHead | null = null;
  #body = '';
  #over = false;

  constructor(exchange: Exchange, auth: ForwardAuthRuntime, waiter: AuthWaiter) {
    this.downstream = exchange.downstream;
    this.#exchange = exchange;
    this.#auth = auth;
    this.#waiter = waiter;
    this.#endsAtMs = exchange.context.waiting.after(auth.spec.timeoutMs);
  }

  /** Milliseconds since the question was first asked. */
  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Asks an endpoint; not `before`, if there is another. */
  ask(before: Endpoint | null = null): void {
    const endpoint = this.#choose(before);
    this.#tries += 1;
    if (endpoint === null) this.#fail(FAULTS.forwardAuthUnavailable, 'unavailable');
    else this.#askAt(endpoint, endpoint === before);
  }

  /** With `fresh`, on a connection that nothing was asked on before. */
  #askAt(endpoint: Endpoint, fresh: boolean): void {
    this.#endpoint = endpoint;
    endpoint.cells.attemptStarted();
    this.#wait(this.#auth.service.spec.timeouts.queueMs, FAULTS.forwardAuthBusy);
    if (endpoint.acquire(this, fresh) === 'full') this.#fail(FAULTS.forwardAuthBusy, 'busy');
  }

  #choose(before: Endpoint | null): Endpoint | null {
    const chosen = this.#choosePool();
    if (chosen === null) return null;
    const { pool, end } = chosen;
    if (before !== null) {
      const other = pool.endpoints.find((endpoint, at) => endpoint !== before && at < end && pool.admitting(at));
      if (other !== undefined) return other;
    }
    const { balance, hashOn } = this.#auth.service.spec;
    const { admission, head } = this.#exchange;
    return pool.choose(this, balance === 'hash' ? admission.keyOf(hashOn, head) : '', end);
  }

  // The gate is read as for a request: whoever moves it is not answered before.
  #choosePool(): { readonly pool: PoolRuntime; readonly end: number } | null {
    const { process } = this.#exchange.context;
    const { gate, pools } = this.#auth.service;
    process.enter();
    try {
      const slot = gate.slot();
      this.epoch = gate.epochAt(slot);
      const index = chooseAt(gate.cells, gate.boundsAt(slot), pools.length, randomU32());
      if (index < 0) return null;
      const pool = pools[index]!;
      return { pool, end: pool.endOf(gate.endpointsAt(slot, index)) };
    } finally {
      process.leave();
    }
  }

  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    if (connection.connected) this.onConnected();
    else this.#wait(this.#auth.service.spec.timeouts.connectMs, FAULTS.forwardAuthUnavailable);
    connection.begin();
    connection.out.text(questionAbout(this.#exchange, this.#auth, connection.endpoint.spec));
    connection.out.flush();
  }

  onConnected(): void {
    this.#wait(Number.POSITIVE_INFINITY, FAULTS.forwardAuthTimeout);
  }

  onConnectFailed(): void {
    this.#lost('bad');
  }

  onUpstreamDrain(): void {}

  onFirstByte(): void {}

  onInformational(): void {}

  onUpgraded(): boolean {
    return false;
  }

  onResponseHead(head: ResponseHead): void {
    this.#answer = head;
    this.#endpoint!.answered(this, head.status);
    if (head.contentLength > BODY_MAX_BYTES) this.#fail(FAULTS.forwardAuthTooLarge, 'too-large');
  }

  onResponseData(data: Buffer): void {
    if (this.#over) return;
    if (this.#body.length + data.length > BODY_MAX_BYTES) this.#fail(FAULTS.forwardAuthTooLarge, 'too-large');
    else this.#body += data.toString('latin1');
  }

  flushResponse(): void {}

  onResponseEnd(_trailers: string, reusable: boolean): void {
    const answer = this.#answer!;
    const body = this.#body;
    const connection = this.#connection!;
    this.#connection = null;
    if (reusable) connection.release(this.#exchange.context.nowMs);
    else connection.destroy();
    const isAllowed = allows(answer);
    this.#end(isAllowed ? 'allowed' : 'refused', answer.status >= 500 ? 'bad' : 'good');
    if (isAllowed) this.#waiter.onAllowed(answer);
    else this.#waiter.onRefused(answer, body);
  }

  onUpstreamLost(): void {
    const { reused, answered } = this.#connection!;
    if (!reused || answered) {
      this.#lost('bad');
      return;
    }
    // The endpoint closed an idle connection at the moment it was used: that is nobody's failure, and no try.
    const endpoint = this.#endpoint!;
    endpoint.cells.reuseRace();
    this.#leaveEndpoint('neither');
    this.#askAt(endpoint, true);
  }

  fail(fault: Fault): void {
    if (this.#over) return;
    if (fault === FAULTS.upstreamCut) this.#lost('bad');
    else if (fault === FAULTS.drained) this.#lost('neither');
    else this.#fail(FAULTS.forwardAuthInvalid, 'invalid');
  }

  tunnelFromUpstream(): void {
    throw new Error('a question never becomes a tunnel');
  }

  onTunnelUpstreamEnd(): void {
    throw new Error('a question never becomes a tunnel');
  }

  onTunnelLost(): void {
    throw new Error('a question never becomes a tunnel');
  }

  /** Called at each tick. */
  sweep(nowMs: number): void {
    const fault = this.#deadline.passed(nowMs);
    if (fault === null) return;
    if (fault === FAULTS.forwardAuthUnavailable) this.#lost('bad');
    else if (fault === FAULTS.forwardAuthBusy) this.#fail(fault, 'busy');
    else this.#fail(fault, 'timeout');
  }

  /** Nobody waits for the answer any more. */
  abandon(): void {
    if (!this.#over) this.#end('cancelled', 'neither');
  }

  /** Nobody was reached, or the answer broke off. */
  #lost(verdict: Verdict): void {
    if (this.#tries >= TRIES_MAX) {
      this.#fail(FAULTS.forwardAuthUnavailable, 'unavailable', verdict);
      return;
    }
    const endpoint = this.#endpoint!;
    this.#leaveEndpoint(verdict);
    this.ask(endpoint);
  }

  #fail(fault: Fault, result: AuthResult, verdict: Verdict = VERDICTS[result]): void {
    this.#end(result, verdict);
    this.#waiter.onAuthFailed(fault);
  }

  #end(result: AuthResult, verdict: Verdict): void {
    this.#over = true;
    this.#leaveEndpoint(verdict);
    this.#auth.cells.ended(result, this.ageMs * 1000);
  }

  #leaveEndpoint(verdict: Verdict): void {
    const endpoint = this.#endpoint;
    const connection = this.#connection;
    this.#endpoint = null;
    this.#connection = null;
    this.#answer = null;
    this.#body = '';
    if (connection !== null) connection.destroy();
    else endpoint?.leaveQueue(this);
    endpoint?.attemptEnded(this, verdict);
  }

  /** Waits so long for `fault`, but never longer than the whole question may take. */
  #wait(ms: number, fault: Fault): void {
    const atMs = this.#exchange.context.waiting.after(ms);
    if (atMs < this.#endsAtMs) this.#deadline.set(atMs, fault);
    else this.#deadline.set(this.#endsAtMs, FAULTS.forwardAuthTimeout);
  }
}

/** What a question that came to nothing says about its endpoint. */
const VERDICTS: Readonly<Record<AuthResult, Verdict>> = {
  allowed: 'good',
  refused: 'good',
  cancelled: 'neither',
  busy: 'neither',
  unavailable: 'bad',
  timeout: 'bad',
  invalid: 'bad',
  'too-large': 'neither',
};
