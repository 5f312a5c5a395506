/**
 * One client request and its one response: the object that lives for as long as both, and the only place that ends them.
 *
 *     begin ─▶ admission ─▶ endpoint ─▶ connection ─▶ request head ┄▶ request body ┄▶ onRequestEnd
 *                                          └▶ onFirstByte ─▶ onResponseHead ┄▶ onResponseData ┄▶ onResponseEnd ─▶ finish
 *     fail(fault) from anywhere ─▶ an answer of our own, or a cut that can be seen ─▶ finish
 *
 * `finish` runs exactly once. It writes the board and the access log, gives the connection back or destroys it, and
 * frees the client's connection for its next request. There are no promises, no closures and no listeners here: the two
 * connections call these methods, and a deadline is one number that the sweeper compares.
 *
 * Between the two, an attempt may fail and be followed by another, as long as the client has been sent nothing of a final
 * answer: `attempts.ts`.
 */
import { buildResponseHead } from '../http1/forward.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { retryAfterMs, type Where } from '../routing/retry.ts';
import { Admission } from './admission.ts';
import { Attempts } from './attempts.ts';
import type { Caller } from './caller.ts';
import { linesForClient, trailersForClient } from './client-lines.ts';
import type { ThreadContext } from './context.ts';
import type { Downstream } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import { CONTINUE, Expectation } from './expectation.ts';
import { FAULTS, type Fault, isBodyFault, isCut } from './fault.ts';
import { headForEndpoint, mayUpgrade } from './forwarded-head.ts';
import { requestIdFrom } from './ids.ts';
import { faultAnswer, HERE, type OwnAnswer, ruleAnswer, withResponseRules, writeOwnAnswer } from './own-answer.ts';
import { Patience } from './patience.ts';
import { Permission } from './permission.ts';
import { RequestBody } from './request-body.ts';
import { ResponseRelay } from './response-relay.ts';
import type { PoolRuntime } from './runtime.ts';
import { isOwnWant } from './socket-room.ts';
import { Tunnel } from './tunnel.ts';
import { INFORMATIONAL_MAX, type UpstreamConnection } from './upstream.ts';

export class Exchange implements Caller {
  readonly downstream: Downstream;
  readonly context: ThreadContext;
  readonly head: RequestHead;
  readonly admission: Admission;
  readonly requestId: string;
  /** When the request head was complete, in milliseconds of `performance.now()`, as all times here. */
  readonly startedAt: number;
  connectedAt = 0;
  sentAt = 0;
  firstByteAt = 0;
  /** The system's name for why the endpoint could not be dialled, or ''. */
  connectError = '';
  /** Null until the request is to go to an endpoint. */
  attempts: Attempts | null = null;
  bytesIn: number;
  requestDone: boolean;
  /** The status that the client was sent, 0 as long as it was sent none. */
  status = 0;
  tunnel: Tunnel | null = null;
  finished = false;
  #connection: UpstreamConnection | null = null;
  /** Null until the request is to go to an endpoint. */
  #patience: Patience | null = null;
  #permission: Permission | null = null;
  readonly #expectation = new Expectation();
  readonly response: ResponseRelay;
  #keepAlive = false;
  /** Null when the request was whole with its head, or goes to no endpoint. */
  #body: RequestBody | null = null;
  /** Where the next attempt goes when its pause is over. */
  #retryWhere: Where = 'same';
  /** Interim responses that the client has got. */
  #interims = 0;
  readonly #sentBefore: number;

  constructor(downstream: Downstream, head: RequestHead, headBytes: number, requestDone: boolean) {
    this.downstream = downstream;
    this.context = downstream.context;
    this.head = head;
    this.bytesIn = headBytes;
    this.requestDone = requestDone;
    this.startedAt = performance.now();
    this.response = new ResponseRelay(downstream.out, head);
    this.#sentBefore = downstream.out.sentBytes;
    this.requestId = requestIdFrom(head.requestId);
    this.admission = new Admission(downstream.context, downstream, head, this.startedAt);
  }

  get epoch(): number {
    return this.admission.epoch;
  }

  /** Where the present attempt goes, or the last one went. */
  get endpoint(): Endpoint | null {
    return this.attempts === null ? null : this.attempts.endpoint;
  }

  /** The pool that the present attempt goes to; before the first one, the pool that was chosen. */
  get pool(): PoolRuntime | null {
    return this.attempts === null ? this.admission.pool : this.attempts.pool;
  }

  get bytesOut(): number {
    return this.downstream.out.sentBytes - this.#sentBefore;
  }

  begin(): void {
    const { admission } = this;
    const { service, fault } = admission;
    if (!this.requestDone && fault === null && service !== null) this.#body = new RequestBody(this, service.spec);
    if (admission.isAnsweredHere) this.#conclude(HERE);
    else if (fault !== null) this.fail(fault);
    else if (!admission.needsPermission) this.goOn();
    else {
      if (!this.requestDone) this.downstream.pauseRequest();
      this.#permission = new Permission(this);
      this.#permission.ask();
    }
  }

  /** Everything that has a say lets the request go on. */
  goOn(): void {
    const { admission, head } = this;
    const answer = ruleAnswer(this);
    if (answer !== null) {
      this.#conclude(answer);
      return;
    }
    this.#patience = new Patience(this.context.waiting, admission.route!.spec.timeouts);
    const isTooLarge = this.#body?.exceeds(head.contentLength) ?? false;
    const fault = isTooLarge ? FAULTS.bodyTooLarge : admission.enter(this.context);
    if (fault !== null) {
      this.fail(fault);
      return;
    }
    this.attempts = new Attempts(this, admission.service!, admission.pool!);
    this.#attempt('first');
  }

  #attempt(where: Where | 'first'): void {
    const endpoint = this.attempts!.begin(where);
    if (endpoint === null) {
      this.fail(FAULTS.noEndpoint);
      return;
    }
    this.#patience!.forQueue();
    const place = endpoint.acquire(this, where === 'same');
    if (place === 'full') this.fail(FAULTS.queueFull);
    else if (place === 'queued' && !this.requestDone) this.downstream.pauseRequest();
  }

  /** The endpoint gives the exchange its connection, which may still be dialling. */
  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.sentAt = performance.now();
    if (!connection.connected) this.#patience!.forConnection();
    connection.begin();
    connection.out.text(headForEndpoint(this));
    if (this.head.expectContinue) this.#expectation.begin(this.context.waiting);
    this.#body?.replay(connection.out);
    if (connection.connected) this.#body?.mayArrive();
    // Whoever waited in the queue has not been read from, whether or not some of the body had come.
    this.downstream.resumeRequest();
    this.flushRequest();
  }

  onConnected(): void {
    this.connectedAt = performance.now();
    this.#body?.mayArrive();
    this.#awaitResponse();
  }

  /** The endpoint's time runs once it has the whole request; until then the client's does. */
  #awaitResponse(): void {
    if (!this.requestDone) this.#patience!.forRequest();
    else this.#patience!.forAnswer(this.attempts!.tryMs(this.#body?.isReplayable ?? true));
  }

  /** A piece of the request body has come. */
  onRequestData(data: Buffer): void {
    this.bytesIn += data.length;
    const body = this.#body;
    if (body === null || this.finished) return;
    if (body.exceeds(body.bytes + data.length)) {
      this.fail(FAULTS.bodyTooLarge);
      return;
    }
    body.add(data, this.#connection?.out ?? null);
  }

  /** The request body is complete; `trailers` are its trailer lines. */
  onRequestEnd(trailers: string): void {
    this.requestDone = true;
    this.#body?.end(trailers, this.#connection?.out ?? null);
    this.flushRequest();
  }

  /** Sends what has been collected for the endpoint, and waits with the client if the endpoint cannot take more. */
  flushRequest(): void {
    const connection = this.#connection;
    if (connection === null) return;
    if (!connection.out.flush() && !this.requestDone) this.downstream.pauseRequest();
    if (!connection.connected) return;
    if (this.status === 0) this.#awaitResponse();
    else this.#touch();
  }

  onUpstreamDrain(): void {
    if (this.tunnel !== null) this.downstream.socket.resume();
    else this.downstream.resumeRequest();
  }

  onDownstreamDrain(): void {
    this.#connection?.socket.resume();
  }

  /** The first byte of the answer has come. */
  onFirstByte(): void {
    this.firstByteAt = performance.now();
    this.attempts!.pool.series.firstByte((this.firstByteAt - this.sentAt) * 1000);
  }

  /** 100, 102 or 103 has come. */
  onInformational(head: ResponseHead): void {
    if (this.head.minor === 0) return;
    if (head.status === 100 && !this.#expectation.onContinue()) return;
    // Of all attempts together: a client must not get more because one of them was repeated.
    if (this.#interims === INFORMATIONAL_MAX) return;
    this.#interims += 1;
    this.downstream.out.text(
      buildResponseHead(head, { clientMinor: 1, framing: 'none', close: false, extra: '', passOn: head.passOn }),
    );
  }

  /** 101 has come. False when it was not asked for, or is for another protocol. */
  onUpgraded(head: ResponseHead): boolean {
    const { downstream } = this;
    const asked = mayUpgrade(this);
    if (!asked || !this.head.upgrade.split(', ').includes(head.upgrade.toLowerCase())) return false;
    this.status = 101;
    this.endpoint!.answered(this, 101);
    this.#expectation.end();
    const extra = linesForClient(this, head.passOn);
    downstream.out.text(buildResponseHead(head, { clientMinor: 1, framing: 'none', close: false, extra }));
    downstream.out.flush();
    const early = downstream.enterTunnel();
    this.tunnel = new Tunnel(downstream.socket, this.#connection!.socket, this.head.upgrade === 'websocket');
    this.attempts!.pool.series.tunnelOpened();
    this.#touch();
    for (const chunk of early) this.tunnelFromDownstream(chunk);
    if (downstream.socket.isPaused()) downstream.socket.resume();
    return true;
  }

  /** The final response head has come. */
  onResponseHead(head: ResponseHead): void {
    this.endpoint!.answered(this, head.status);
    this.attempts!.answered(head);
    if (this.attempts!.isUnwanted(head.status)) {
      const waitMs = retryAfterMs(head.field('retry-after'), Date.now());
      if (this.#retry(FAULTS.unwantedStatus, waitMs)) return;
    }
    this.status = head.status;
    this.#expectation.end();
    const passOn = withResponseRules(this, head.passOn);
    this.#keepAlive = this.response.begin(head, this.#mayKeepAlive(), linesForClient(this, passOn), passOn);
    this.#touch();
  }

  /** Whether the client may send another request after this response. */
  #mayKeepAlive(): boolean {
    if (!this.head.keepAlive || !this.downstream.mayGoOn) return false;
    // A client that still waits to be asked for its body may send it or not: what follows could be either.
    return this.requestDone || !this.head.expectContinue || this.#expectation.asked;
  }

  /** A piece of the response body has come. */
  onResponseData(data: Buffer): void {
    this.response.data(data);
  }

  /** Sends what has been collected for the client, and waits with the endpoint if the client cannot take more. */
  flushResponse(): void {
    if (!this.downstream.out.flush()) this.#connection?.socket.pause();
    if (this.status !== 0) this.#touch();
  }

  /** The response is complete. `reusable`: the connection may serve another exchange. */
  onResponseEnd(trailers: string, reusable: boolean): void {
    this.response.end(trailersForClient(this, trailers));
    this.downstream.out.flush();
    const connection = this.#connection!;
    this.#connection = null;
    if (reusable && this.requestDone) connection.release(this.context.nowMs);
    else connection.destroy();
    this.#finish(null);
  }

  tunnelFromUpstream(chunk: Buffer): void {
    this.downstream.out.sentBytes += chunk.length;
    this.tunnel!.fromUpstream(chunk);
    this.#touch();
  }

  tunnelFromDownstream(chunk: Buffer): void {
    this.bytesIn += chunk.length;
    this.tunnel!.fromDownstream(chunk);
    this.#touch();
  }

  onTunnelUpstreamEnd(): void {
    if (this.tunnel!.upstreamEnded()) this.#finish(null);
  }

  onTunnelDownstreamEnd(): void {
    if (this.tunnel!.downstreamEnded()) this.#finish(null);
  }

  /** The endpoint's connection is gone; `clean` says that it was closed and not reset. */
  onTunnelLost(clean: boolean): void {
    this.#finish(clean ? null : FAULTS.tunnelReset);
  }

  onTunnelDownstreamLost(): void {
    this.#finish(FAULTS.clientGone);
  }

  onConnectFailed(code: string): void {
    this.connectError = code;
    this.fail(isOwnWant(code) ? FAULTS.noSocket : FAULTS.connectFailed);
  }

  /** The connection died before the answer's head was complete. */
  onUpstreamLost(): void {
    const { reused, answered, idleSinceMs } = this.#connection!;
    const mayHaveRaced = reused && !answered;
    if (mayHaveRaced) this.endpoint!.onIdleEnd(this.sentAt - idleSinceMs);
    if (!mayHaveRaced || this.attempts!.hasRaced || !this.#retry(FAULTS.reuseRace)) this.fail(FAULTS.upstreamReset);
  }

  /** Makes another attempt after one that has failed, now or later; false when there is none. */
  #retry(fault: Fault, retryAfterMs = 0): boolean {
    const { attempts } = this;
    if (attempts === null || fault.source !== 'upstream' || this.status !== 0) return false;
    if (this.#interims === INFORMATIONAL_MAX) return false;
    const connection = this.#connection;
    // Who has waited in vain for one queue has no time for another.
    const leftMs = fault === FAULTS.queueTimeout ? 0 : this.#patience!.leftMs;
    const isReplayable = this.#body?.isReplayable ?? true;
    const decision = attempts.decide({ fault, connection, isReplayable, leftMs, retryAfterMs });
    if (!decision.again) return false;
    this.#connection = null;
    connection?.destroy();
    this.connectedAt = 0;
    this.firstByteAt = 0;
    this.connectError = '';
    this.#expectation.over();
    if (decision.waitMs === 0) {
      this.#attempt(decision.where);
      return true;
    }
    if (!this.requestDone) this.downstream.pauseRequest();
    this.#patience!.pause(decision.waitMs);
    this.#retryWhere = decision.where;
    return true;
  }

  /** Called at each tick. */
  sweep(nowMs: number): void {
    if (this.#expectation.due(nowMs)) {
      this.downstream.out.text(CONTINUE);
      this.downstream.out.flush();
    }
    this.#permission?.sweep(nowMs);
    if (this.#patience === null) return;
    if (this.#patience.resumes(nowMs)) {
      this.#attempt(this.#retryWhere);
      return;
    }
    const fault = this.#patience.passed(nowMs);
    if (fault === null) return;
    if (fault !== FAULTS.tryTimeout) this.fail(this.#whoseSilence(fault));
    // An attempt that none can follow is left all the time there is.
    else if (!this.#retry(fault)) this.#patience.forAnswer(Number.POSITIVE_INFINITY);
  }

  /** A side that is not read from cannot be blamed for its silence. */
  #whoseSilence(fault: Fault): Fault {
    if (fault === FAULTS.upstreamIdle && this.downstream.socket.writableNeedDrain) return FAULTS.clientStalled;
    const isFull = this.#connection?.socket.writableNeedDrain === true;
    return fault === FAULTS.clientIdle && isFull ? FAULTS.responseTimeout : fault;
  }

  /** Bytes of the response or the tunnel have passed. */
  #touch(): void {
    this.#patience!.forMore(this.tunnel === null ? FAULTS.upstreamIdle : FAULTS.tunnelIdle);
  }

  /** Ends the exchange otherwise than by a whole response. */
  fail(fault: Fault): void {
    if (this.finished) return;
    if (fault.source === 'upstream' && this.response.takeBack()) this.status = 0;
    if (this.#retry(fault)) return;
    if (this.tunnel !== null) this.tunnel.end();
    else if (this.status === 0 && fault.status !== 0)
      this.#answer(this.admission.refusal ?? faultAnswer(fault, this.admission.faultLines), !isBodyFault(fault));
    // What was collected for the client and not sent yet stays unsent; a cut must be seen as one.
    else this.downstream.destroy(this.response.endsWithConnection);
    this.#finish(fault);
  }

  /** Sends a response of our own; without `keepAlive`, the connection closes whatever the client wants. */
  #answer(answer: OwnAnswer, keepAlive: boolean): void {
    this.status = answer.status;
    this.#keepAlive = keepAlive && this.#mayKeepAlive();
    writeOwnAnswer(this, answer, this.#keepAlive);
  }

  #conclude(answer: OwnAnswer): void {
    this.#answer(answer, true);
    this.#finish(null);
  }

  #finish(fault: Fault | null): void {
    if (this.finished) return;
    this.finished = true;
    this.#permission?.abandon();
    const { admission, attempts } = this;
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null && this.tunnel === null) connection.destroy();
    else if (connection !== null) this.tunnel!.release(connection);
    if (attempts !== null) {
      attempts.settle(fault, this.status);
      if (this.tunnel !== null) attempts.pool.series.tunnelClosed();
    }
    this.#body?.forget();
    admission.leave();
    const totalUs = (performance.now() - this.startedAt) * 1000;
    const isDrained = fault === FAULTS.drained;
    admission.ended(this.status, totalUs);
    admission.series.finish(admission.slot, this.status, totalUs, this.bytesIn, this.bytesOut, isCut(fault), isDrained);
    this.context.accessLog.finished(this, fault, totalUs);
    if (fault !== null) this.downstream.listener.cells.limited(fault.kind);
    this.downstream.onExchangeEnd(this.#keepAlive);
  }
}
