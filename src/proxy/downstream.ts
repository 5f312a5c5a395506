/**
 * One client connection: reads requests, one at a time, and keeps their responses in order.
 *
 *     preface ─▶ head                          a PROXY header may come first (`client-end.ts`)
 *     head ──▶ body ──▶ busy ──▶ head          a request is read; its response is awaited; the next one
 *       │        │        └────▶ tunnel        an upgrade was answered with 101
 *       └────────┴─────────────▶ closing       no more requests: what comes is read and dropped for a short while
 *
 * Pipelined requests stay unparsed bytes until their turn, so nothing of a later request can touch an earlier response,
 * and a refusal is sent only after everything that is owed. Reading stops while more than PENDING_MAX_BYTES wait.
 *
 * A response that ended before its request did leaves the rest of the request in the way. It is read and dropped within
 * a small limit, so that a client that writes first and reads later still gets its answer (RFC 9112 section 9.6).
 *
 * A client that ends its side while a response is owed counts as gone: a browser or curl that is stopped looks just the
 * same, and the endpoint should hear of it at once.
 */
import type { Socket } from 'node:net';
import { type BodySink, ChunkedReader, LengthReader } from '../http1/body.ts';
import { REFUSALS, type Refusal, refusalLines } from '../http1/fault.ts';
import { ownResponse } from '../http1/forward.ts';
import { HEAD_UNFINISHED, HeadReader, refusalOfHead } from '../http1/head-reader.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { ClientEnd, type TurnedAway } from './client-end.ts';
import type { ThreadContext } from './context.ts';
import { Exchange } from './exchange.ts';
import { FAULTS } from './fault.ts';
import type { ForwardingLines } from './forwarded-head.ts';
import { httpDate } from './http-date.ts';
import type { ListenerRuntime } from './listener.ts';
import { Outgoing } from './outgoing.ts';
import { socketRoom } from './socket-room.ts';

/** Bytes of later requests that wait while one is being answered. */
const PENDING_MAX_BYTES = 64 * 1024;
/** What is read and dropped of a request whose response is complete, and for how long. */
const DISCARD_MAX_BYTES = 256 * 1024;
const DISCARD_MAX_MS = 2000;
/** How long a closed side waits for the client to close its own. */
const LINGER_MS = 2000;

type State = 'preface' | 'head' | 'body' | 'busy' | 'discard' | 'stalled' | 'tunnel' | 'closing' | 'closed';

export class Downstream implements BodySink {
  readonly socket: Socket;
  readonly context: ThreadContext;
  readonly listener: ListenerRuntime;
  readonly out: Outgoing;
  readonly client: ClientEnd;
  #state: State = 'head';
  #exchange: Exchange | null = null;
  #deadlineMs: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #discardedBytes = 0;
  /** What the client had not taken yet when its deadline was last set. */
  #unsentBytes = 0;
  #consuming = false;
  #blocked = false;
  #active = false;
  readonly #cameInTurn = socketRoom.turn;
  #framing: 'none' | 'length' | 'chunked' = 'none';
  /** The forwarding lines of the last request, for the next one that has the same to say: see `forwarded-head.ts`. */
  forwarding: ForwardingLines | null = null;
  readonly #heads: HeadReader;
  readonly #length = new LengthReader();
  readonly #chunked = new ChunkedReader();

  constructor(socket: Socket, listener: ListenerRuntime, context: ThreadContext) {
    this.socket = socket;
    this.listener = listener;
    this.context = context;
    this.out = new Outgoing(socket, true);
    this.client = new ClientEnd(socket, listener);
    const limits = context.runtime.snapshot.limits;
    this.#heads = new HeadReader(limits.headBytes, limits.targetBytes);
    const { beginning } = this.client;
    const { headMs, keepAliveMs } = listener.spec;
    this.#deadlineMs = context.waiting.after(beginning === 'header' ? headMs : keepAliveMs);
    if (beginning !== 'http') this.#state = 'preface';
    socketRoom.opened();
    listener.cells.opened();
    context.downstreams.add(this);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => {});
    socket.on('finish', () => {
      if (this.#state === 'closing') this.#awaitReader();
    });
    socket.on('close', () => this.#onClose());
    if (beginning === 'refused') this.#turnAway('proxy-header-untrusted');
  }

  /** Whether a request is being read or answered. */
  get idle(): boolean {
    return !this.#active;
  }

  /** Whether the connection is over. */
  get gone(): boolean {
    return this.#state === 'closed';
  }

  /** Whether another request may follow: neither the process nor the listener is going away. */
  get mayGoOn(): boolean {
    return !this.context.process.stopping && !this.listener.closed;
  }

  get exchange(): Exchange | null {
    return this.#exchange;
  }

  /** Called at each tick: ends what has waited for too long. */
  sweep(nowMs: number): void {
    this.#exchange?.sweep(nowMs);
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = 0;
    if (this.#state === 'head' && this.#heads.started) this.#refuse(REFUSALS['head-timeout']);
    else if (this.#state === 'preface' && (this.client.headerStarted || this.client.beginning === 'header')) {
      this.#turnAway('proxy-header-timeout');
    } else if (this.#state === 'closing' && this.socket.writableLength < this.#unsentBytes) this.#awaitReader();
    else {
      if (this.#state === 'head') this.listener.cells.limited('keep-alive-timeout');
      this.destroy();
    }
  }

  /** A client that still reads what it is owed is waited for, however slow it is. */
  #awaitReader(): void {
    this.#unsentBytes = this.socket.writableLength;
    this.#deadlineMs = this.context.waiting.after(this.#unsentBytes > 0 ? this.listener.spec.keepAliveMs : LINGER_MS);
  }

  /** No more requests are taken; the one that is being answered is finished. */
  stop(): void {
    if (this.idle) this.#close();
  }

  /**
   * Whether nobody would miss the connection: no request is under way, all of the last answer has been handed over, and the
   * loop has had a whole turn to read what a new client has sent.
   */
  get mayGiveWay(): boolean {
    if (socketRoom.turn - this.#cameInTurn < 2) return false;
    return !this.#active && !this.socket.destroyed && this.socket.writableLength === 0;
  }

  /** Closes an idle connection at once, because others need its socket. */
  giveWay(): void {
    this.#state = 'closing';
    this.listener.cells.gaveWay();
    this.destroy();
  }

  /**
   * Ends the connection at once. `reset` makes sure that a response without a length cannot look whole; it is always done
   * when bytes that the client was owed are dropped.
   */
  destroy(reset = this.socket.writableLength > 0): void {
    // A Unix socket knows no reset.
    if (reset && this.listener.spec.path === null) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** The endpoint cannot take more of the body for now. */
  pauseRequest(): void {
    this.#blocked = true;
    this.socket.pause();
  }

  resumeRequest(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    if (this.#pendingBytes <= PENDING_MAX_BYTES) this.socket.resume();
  }

  /** The exchange has become a tunnel: bytes pass from here on; returns those that have come already. */
  enterTunnel(): Buffer[] {
    this.#state = 'tunnel';
    this.#deadlineMs = 0;
    const early = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return early;
  }

  /** The response is complete; `keepAlive` says whether the client was told that another request is welcome. */
  onExchangeEnd(keepAlive: boolean): void {
    const requestDone = this.#exchange?.requestDone ?? true;
    this.#exchange = null;
    this.resumeRequest();
    if (this.#state === 'closed' || this.socket.destroyed) {
      // Nothing of a later request that has come already may be acted on.
      this.#state = 'closed';
      return;
    }
    if (!requestDone) {
      this.#state = 'discard';
      this.#discardedBytes = 0;
      this.#deadlineMs = this.context.waiting.after(DISCARD_MAX_MS);
      if (!keepAlive) this.#close();
      return;
    }
    if (keepAlive) this.#nextRequest();
    else this.#close();
  }

  onBodyData(data: Buffer): void {
    if (this.#state === 'discard') this.#discardedBytes += data.length;
    else this.#exchange?.onRequestData(data);
  }

  #nextRequest(): void {
    this.#setActive(false);
    if (this.socket.writableNeedDrain) {
      this.#state = 'stalled';
      this.#deadlineMs = this.context.waiting.after(this.listener.spec.keepAliveMs);
      return;
    }
    this.#state = 'head';
    this.#deadlineMs = this.context.waiting.after(this.listener.spec.keepAliveMs);
    if (this.#pendingBytes === 0 && this.listener.closed) this.#close();
    else if (!this.#consuming) this.#consumePending();
  }

  #consumePending(): void {
    const chunks = this.#pending;
    if (chunks.length === 0) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (!this.#blocked) this.socket.resume();
    for (const chunk of chunks) this.#consume(chunk);
  }

  #onData(chunk: Buffer): void {
    if (this.#state === 'busy' || this.#state === 'stalled') this.#hold(chunk);
    else this.#consume(chunk);
  }

  #hold(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes > PENDING_MAX_BYTES) this.socket.pause();
  }

  #consume(chunk: Buffer): void {
    this.#consuming = true;
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'preface':
          at = this.#readPreface(chunk, at);
          break;
        case 'head':
          at = this.#readHead(chunk, at);
          break;
        case 'body':
        case 'discard':
          at = this.#readBody(chunk, at);
          break;
        case 'busy':
        case 'stalled':
          this.#hold(at === 0 ? chunk : chunk.subarray(at));
          at = chunk.length;
          break;
        case 'tunnel':
          this.#exchange?.tunnelFromDownstream(at === 0 ? chunk : chunk.subarray(at));
          at = chunk.length;
          break;
        case 'closing':
        case 'closed':
          at = chunk.length;
          break;
        default:
          this.#state satisfies never;
      }
    }
    this.#consuming = false;
  }

  #readPreface(chunk: Buffer, start: number): number {
    const { client, context, listener } = this;
    const isFirst = !client.headerStarted;
    const reading = client.readHeader(start === 0 ? chunk : chunk.subarray(start));
    switch (reading.kind) {
      case 'unfinished':
        if (isFirst) this.#deadlineMs = Math.min(this.#deadlineMs, context.waiting.after(listener.spec.headMs));
        return chunk.length;
      case 'malformed':
        this.#turnAway('proxy-header-malformed');
        return chunk.length;
      case 'absent':
        if (client.beginning === 'header') {
          this.#turnAway('proxy-header-missing');
          return chunk.length;
        }
        this.#state = 'head';
        if (client.held.length > 0) this.#readHead(client.held, 0);
        return start;
      case 'header':
        if (!listener.takes(this.socket, client.address)) {
          this.#state = 'closed';
          return chunk.length;
        }
        this.#state = 'head';
        this.#deadlineMs = context.waiting.after(listener.spec.keepAliveMs);
        return start + reading.length;
      default:
        return reading satisfies never;
    }
  }

  /** Ends a connection that did not begin as it must. No answer: whatever the peer speaks, it has not been HTTP. */
  #turnAway(kind: TurnedAway): void {
    this.listener.cells.refused();
    this.context.accessLog.refused(this, { status: 0, kind });
    this.#state = 'closed';
    this.destroy();
  }

  #readHead(chunk: Buffer, start: number): number {
    const at = this.#heads.push(chunk, start);
    if (at >= 0) {
      this.#begin(this.#heads.take());
      return at;
    }
    if (at === HEAD_UNFINISHED) {
      if (this.#heads.started && !this.#active) {
        this.#setActive(true);
        this.#deadlineMs = this.context.waiting.after(this.listener.spec.headMs);
      }
    } else {
      this.#refuse(refusalOfHead(at));
    }
    return chunk.length;
  }

  #begin(text: string): void {
    this.#setActive(true);
    this.#deadlineMs = 0;
    const limits = this.context.currentRuntime().snapshot.limits;
    const head = parseRequestHead(text, limits);
    if (head.refused) {
      this.#refuse(head);
      return;
    }
    this.#framing = head.framing;
    if (head.framing === 'length') this.#length.reset(head.contentLength);
    else if (head.framing === 'chunked') this.#chunked.reset();
    const requestDone = head.framing === 'none' || (head.framing === 'length' && head.contentLength === 0);
    this.#state = requestDone ? 'busy' : 'body';
    const exchange = new Exchange(this, head, text.length, requestDone);
    this.#exchange = exchange;
    exchange.begin();
  }

  #readBody(chunk: Buffer, start: number): number {
    const reader = this.#framing === 'chunked' ? this.#chunked : this.#length;
    const at = reader.read(chunk, start, this);
    if (reader === this.#chunked && reader.fault !== '') {
      if (this.#exchange === null) this.#close();
      else this.#exchange.fail(FAULTS.clientBadBody);
      return chunk.length;
    }
    if (this.#state === 'discard') {
      if (reader.done) this.#nextRequest();
      else if (this.#discardedBytes > DISCARD_MAX_BYTES) this.#close();
    } else if (reader.done && this.#state === 'body') {
      this.#state = 'busy';
      this.#exchange?.onRequestEnd(reader === this.#chunked ? reader.trailers : '');
    } else if (this.#state === 'body') {
      this.#exchange?.flushRequest();
    }
    return at;
  }

  /** Answers a request that was never routed, after everything that is owed, and closes. */
  #refuse(refusal: Refusal): void {
    this.listener.cells.refused();
    this.listener.cells.limited(refusal.kind);
    const series = this.context.runtime.unrouted;
    series.start(0);
    series.finish(0, refusal.status, 0, 0, 0, false);
    this.context.accessLog.refused(this, refusal);
    this.out.text(
      ownResponse(refusal.status, `${refusal.reason}\n`, {
        close: true,
        date: httpDate(),
        keepAliveMinor: 1,
        head: false,
        extra: refusalLines(refusal),
      }),
    );
    this.out.flush();
    this.#close();
  }

  #onDrain(): void {
    if (this.#exchange !== null) this.#exchange.onDownstreamDrain();
    else if (this.#state === 'stalled') this.#nextRequest();
  }

  #onEnd(): void {
    if (this.#state === 'tunnel') {
      this.#exchange?.onTunnelDownstreamEnd();
    } else if (this.#exchange !== null) {
      this.#exchange.fail(FAULTS.clientGone);
    } else if (this.#state === 'closing' || this.#state === 'closed') {
      this.socket.destroySoon();
    } else {
      this.#close();
    }
  }

  /** Half-closes, and lingers so that the client can read what was sent before the connection is torn down. */
  #close(): void {
    if (this.#state === 'closed' || this.#state === 'closing') return;
    this.#state = 'closing';
    this.#setActive(false);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.socket.resume();
    this.socket.end();
    this.#awaitReader();
    if (this.socket.readableEnded) this.socket.destroySoon();
  }

  #onClose(): void {
    const exchange = this.#exchange;
    this.#state = 'closed';
    this.#deadlineMs = 0;
    if (exchange !== null) {
      if (exchange.tunnel) exchange.onTunnelDownstreamLost();
      else exchange.fail(FAULTS.clientGone);
    }
    this.#exchange = null;
    this.#setActive(false);
    this.context.downstreams.delete(this);
    this.listener.cells.closed();
    socketRoom.closed();
  }

  #setActive(active: boolean): void {
    if (this.#active === active) return;
    this.#active = active;
    this.listener.cells.active(active ? 1 : -1);
  }
}
