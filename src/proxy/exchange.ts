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
 * A request is tried again in one case only: a connection that had served before died before a byte of the answer came,
 * and nothing of a body has been sent. Then the endpoint closed it as idle while the request was on its way.
 */
import { CHUNK_END, chunkPrefix, LAST_CHUNK, lastChunkWithTrailers } from '../http1/body.ts';
import { buildResponseHead } from '../http1/forward.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Timeouts } from '../routing/snapshot.ts';
import { OUTCOMES } from '../stats/series.ts';
import { Admission } from './admission.ts';
import { linesForClient, trailersForClient } from './client-lines.ts';
import { type ThreadContext, TICK_MS } from './context.ts';
import { Deadline } from './deadline.ts';
import type { Downstream } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import { Expectation } from './expectation.ts';
import { FAULTS, type Fault, isBodyFault, verdictOf } from './fault.ts';
import { headForEndpoint, mayUpgrade, trailersForEndpoint } from './forwarded-head.ts';
import { requestIdFrom } from './ids.ts';
import { faultAnswer, type OwnAnswer, ruleAnswer, withResponseRules, writeOwnAnswer } from './own-answer.ts';
import { ResponseRelay } from './response-relay.ts';
import { Tunnel } from './tunnel.ts';
import type { UpstreamConnection } from './upstream.ts';

const OUTCOME_OK = OUTCOMES.indexOf('ok');
const OUTCOME_5XX = OUTCOMES.indexOf('5xx');
const OUTCOME_REUSE_RACE = OUTCOMES.indexOf('reuse-race');

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
/** What `OPTIONS *` is answered with. */
const HERE: OwnAnswer = { status: 200, body: '', lines: '' };

export class Exchange {
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
  attempts = 0;
  bytesIn: number;
  requestDone: boolean;
  /** The status that the client was sent, 0 as long as it was sent none. */
  status = 0;
  endpoint: Endpoint | null = null;
  tunnel: Tunnel | null = null;
  finished = false;
  #connection: UpstreamConnection | null = null;
  #timeouts: Timeouts | null = null;
  readonly #deadline = new Deadline();
  readonly #expectation = new Expectation();
  readonly #response: ResponseRelay;
  #keepAlive = false;
  #bodySent = false;
  #bodyBytes = 0;
  #requestTrailers = '';
  /** What has come of the body while the exchange waits in a queue. */
  #held: Buffer[] = [];
  readonly #sentBefore: number;

  constructor(downstream: Downstream, head: RequestHead, headBytes: number, requestDone: boolean) {
    this.downstream = downstream;
    this.context = downstream.context;
    this.head = head;
    this.bytesIn = headBytes;
    this.requestDone = requestDone;
    this.startedAt = performance.now();
    this.#response = new ResponseRelay(downstream.out, head);
    this.#sentBefore = downstream.out.sentBytes;
    this.requestId = requestIdFrom(head.requestId);
    this.admission = new Admission(downstream.context, downstream, head, this.startedAt);
  }

  get epoch(): number {
    return this.admission.epoch;
  }

  get bytesOut(): number {
    return this.downstream.out.sentBytes - this.#sentBefore;
  }

  begin(): void {
    const { admission } = this;
    if (admission.isAnsweredHere) this.#conclude(HERE);
    else if (admission.fault !== null) this.fail(admission.fault);
    else if (admission.unproven === null) this.#goOn();
    else {
      if (!this.requestDone) this.downstream.pauseRequest();
      this.context.passwords.begin(admission.unproven, this);
    }
  }

  /** The password that the request came with has been checked. */
  onPassword(verdict: boolean | 'busy'): void {
    if (this.finished) return;
    const fault = this.admission.route!.guard!.outcome(this.admission, verdict);
    if (fault !== null) this.fail(fault);
    else this.#goOn();
  }

  #goOn(): void {
    const { admission, head } = this;
    const answer = ruleAnswer(this);
    if (answer !== null) {
      this.#conclude(answer);
      return;
    }
    this.#timeouts = admission.route!.spec.timeouts;
    const bodyMax = this.context.runtime.snapshot.limits.bodyBytes;
    const isTooLarge = bodyMax !== null && head.contentLength > bodyMax;
    const fault = isTooLarge ? FAULTS.bodyTooLarge : admission.enter(this.context);
    if (fault !== null) this.fail(fault);
    else this.#attempt(false);
  }

  #attempt(fresh: boolean): void {
    const { admission } = this;
    const pool = admission.pool!;
    this.attempts += 1;
    if (this.endpoint === null) {
      const service = admission.service!.spec;
      const key = service.balance === 'hash' ? admission.keyOf(service.hashOn, this.head) : '';
      this.endpoint = pool.choose(this, key);
      if (this.endpoint === null) {
        this.fail(FAULTS.noEndpoint);
        return;
      }
      this.endpoint.cells.attemptStarted();
    }
    this.#wait(this.#timeouts!.queueMs, FAULTS.queueTimeout);
    switch (this.endpoint.acquire(this, fresh)) {
      case 'assigned':
        return;
      case 'queued':
        if (!this.requestDone) this.downstream.pauseRequest();
        return;
      case 'full':
        this.fail(FAULTS.queueFull);
        return;
    }
  }

  /** The endpoint gives the exchange its connection, which may still be dialling. */
  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    this.sentAt = performance.now();
    if (!connection.connected) this.#wait(this.#timeouts!.connectMs, FAULTS.connectTimeout);
    connection.begin();
    connection.out.text(headForEndpoint(this));
    if (this.head.expectContinue) this.#expectation.begin(this.context.nowMs);
    if (this.#held.length > 0) {
      const held = this.#held;
      this.#held = [];
      for (const data of held) this.onRequestData(data);
    }
    // Whoever waited in the queue has not been read from, whether or not some of the body had come.
    this.downstream.resumeRequest();
    if (this.requestDone && this.head.framing === 'chunked') this.#endRequestBody(connection);
    this.flushRequest();
  }

  onConnected(): void {
    this.connectedAt = performance.now();
    this.#awaitResponse();
  }

  /** The endpoint's time runs once it has the whole request; until then the client's does. */
  #awaitResponse(): void {
    if (this.requestDone) this.#wait(this.#timeouts!.responseMs, FAULTS.responseTimeout);
    else this.#wait(this.#timeouts!.idleMs, FAULTS.clientIdle);
  }

  /** A piece of the request body has come. */
  onRequestData(data: Buffer): void {
    this.bytesIn += data.length;
    this.#bodyBytes += data.length;
    const bodyMax = this.context.runtime.snapshot.limits.bodyBytes;
    if (bodyMax !== null && this.#bodyBytes > bodyMax) {
      this.fail(FAULTS.bodyTooLarge);
      return;
    }
    const connection = this.#connection;
    if (connection === null) {
      if (!this.finished) this.#held.push(data);
      return;
    }
    this.#bodySent = true;
    if (this.head.framing === 'chunked') {
      connection.out.text(chunkPrefix(data.length));
      connection.out.data(data);
      connection.out.text(CHUNK_END);
    } else {
      connection.out.data(data);
    }
  }

  /** The request body is complete; `trailers` are its trailer lines. */
  onRequestEnd(trailers: string): void {
    this.requestDone = true;
    this.#requestTrailers = trailersForEndpoint(this.admission, trailers);
    const connection = this.#connection;
    if (connection === null) return;
    if (this.head.framing === 'chunked') this.#endRequestBody(connection);
    this.flushRequest();
  }

  #endRequestBody(connection: UpstreamConnection): void {
    this.#bodySent = true;
    connection.out.text(this.#requestTrailers === '' ? LAST_CHUNK : lastChunkWithTrailers(this.#requestTrailers));
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
    this.admission.series.firstByte((this.firstByteAt - this.sentAt) * 1000);
  }

  /** 100, 102 or 103 has come. */
  onInformational(head: ResponseHead): void {
    if (this.head.minor === 0) return;
    if (head.status === 100 && !this.#expectation.onContinue()) return;
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
    downstream.out.text(
      buildResponseHead(head, { clientMinor: 1, framing: 'none', close: false, extra: linesForClient(this.admission) }),
    );
    downstream.out.flush();
    const early = downstream.enterTunnel();
    this.tunnel = new Tunnel(downstream.socket, this.#connection!.socket, this.head.upgrade === 'websocket');
    this.admission.series.tunnelOpened();
    this.#touch();
    for (const chunk of early) this.tunnelFromDownstream(chunk);
    if (downstream.socket.isPaused()) downstream.socket.resume();
    return true;
  }

  /** The final response head has come. */
  onResponseHead(head: ResponseHead): void {
    this.status = head.status;
    this.endpoint!.answered(this, head.status);
    this.#expectation.end();
    const passOn = withResponseRules(this, head.passOn);
    this.#keepAlive = this.#response.begin(head, this.#mayKeepAlive(), linesForClient(this.admission), passOn);
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
    this.#response.data(data);
  }

  /** Sends what has been collected for the client, and waits with the endpoint if the client cannot take more. */
  flushResponse(): void {
    if (!this.downstream.out.flush()) this.#connection?.socket.pause();
    if (this.status !== 0) this.#touch();
  }

  /** The response is complete. `reusable`: the connection may serve another exchange. */
  onResponseEnd(trailers: string, reusable: boolean): void {
    this.#response.end(trailersForClient(this.admission, trailers));
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
    this.fail(FAULTS.connectFailed);
  }

  /** The connection died before the answer's head was complete. */
  onUpstreamLost(): void {
    const connection = this.#connection!;
    if (connection.reused && !connection.answered && !this.#bodySent && this.attempts === 1) {
      this.endpoint!.cells.reuseRace();
      this.admission.series.attempt(this.admission.slot, OUTCOME_REUSE_RACE, false);
      this.admission.series.retry();
      this.#connection = null;
      connection.destroy();
      this.#attempt(true);
      return;
    }
    this.fail(FAULTS.upstreamReset);
  }

  /** Called at each tick. */
  sweep(nowMs: number): void {
    if (this.#expectation.due(nowMs)) {
      this.downstream.out.text(CONTINUE);
      this.downstream.out.flush();
    }
    const fault = this.#deadline.passed(nowMs);
    if (fault !== null) this.fail(this.#whoseSilence(fault));
  }

  /** A side that is not read from cannot be blamed for its silence. */
  #whoseSilence(fault: Fault): Fault {
    if (fault === FAULTS.upstreamIdle && this.downstream.socket.writableNeedDrain) return FAULTS.clientStalled;
    const isFull = this.#connection?.socket.writableNeedDrain === true;
    return fault === FAULTS.clientIdle && isFull ? FAULTS.responseTimeout : fault;
  }

  /** Bytes of the response or the tunnel have passed. */
  #touch(): void {
    this.#wait(this.#timeouts!.idleMs, this.tunnel === null ? FAULTS.upstreamIdle : FAULTS.tunnelIdle);
  }

  #wait(ms: number, fault: Fault): void {
    // The clock may be a whole tick behind: without it, a wait would end early.
    this.#deadline.set(this.context.nowMs + TICK_MS + ms, fault);
  }

  /** Ends the exchange otherwise than by a whole response. */
  fail(fault: Fault): void {
    if (this.finished) return;
    if (this.tunnel !== null) this.tunnel.end();
    else if (this.status === 0 && fault.status !== 0)
      this.#answer(faultAnswer(fault, this.admission.faultLines), !isBodyFault(fault));
    // What was collected for the client and not sent yet stays unsent; a cut must be seen as one.
    else this.downstream.destroy(this.#response.endsWithConnection);
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
    const { admission, endpoint } = this;
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null && this.tunnel === null) connection.destroy();
    else if (connection !== null) this.tunnel!.release(connection);
    if (endpoint !== null) {
      if (connection === null && fault !== null) endpoint.leaveQueue(this);
      endpoint.attemptEnded(this, verdictOf(fault, this.status));
    }
    if (admission.pool !== null && this.attempts > 0) {
      const failed = this.status >= 500;
      const outcome = fault !== null ? fault.outcomeIndex : failed ? OUTCOME_5XX : OUTCOME_OK;
      const bad = fault !== null ? fault.counts : failed;
      admission.series.attempt(admission.slot, outcome, bad && !admission.forced);
    }
    if (this.tunnel !== null) admission.series.tunnelClosed();
    admission.leave();
    const totalUs = (performance.now() - this.startedAt) * 1000;
    const cut = fault !== null && fault.source !== 'downstream' && fault.phase === 'body';
    admission.series.finish(admission.slot, this.status, totalUs, this.bytesIn, this.bytesOut, cut);
    this.context.accessLog.finished(this, fault, totalUs);
    if (fault !== null) this.downstream.listener.cells.limited(fault.kind);
    this.downstream.onExchangeEnd(this.#keepAlive);
  }
}
