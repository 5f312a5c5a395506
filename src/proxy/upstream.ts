/**
 * One connection to an endpoint: reads responses, one exchange at a time, and knows whether it may serve another.
 *
 * The phases of a response: `head` (also between informational heads), `body`, `done`; `idle` without an exchange;
 * `tunnel` after an upgrade. Whatever an endpoint sends while no exchange waits is an answer to a question that nobody
 * asked: the connection is destroyed and counted as a desync, because the next client would get it (response-queue
 * poisoning). The request is never pipelined: the next exchange comes only after `done`.
 */
import { connect, type Socket } from 'node:net';
import { type BodySink, ChunkedReader, LengthReader } from '../http1/body.ts';
import { HeadReader } from '../http1/head-reader.ts';
import { parseResponseHead } from '../http1/response-head.ts';
import type { Caller } from './caller.ts';
import type { Downstream } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import { FAULTS, type Fault } from './fault.ts';
import { Outgoing } from './outgoing.ts';
import { socketRoom } from './socket-room.ts';

/** Response heads are bounded like request heads; informational ones are counted. */
const HEAD_MAX_BYTES = 64 * 1024;
/** Interim responses that an endpoint may send before its answer, and that a client gets at most. */
export const INFORMATIONAL_MAX = 16;
/** A connection is given up this much before its peer would close it, so that the two do not meet. */
const PEER_IDLE_MARGIN_MS = 1000;

/** How long a connection that is given up may take to send what was written. */
const LINGER_MS = 5000;

/**
 * What all upstream connections of the thread read into, one event at a time: a buffer for each read would cost a seventh
 * of all CPU time (64 connections, small responses). What it holds is only good until the event is over, so whoever
 * passes it on copies it (`Outgoing` towards the client, `Tunnel`).
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

type Phase = 'idle' | 'head' | 'body' | 'done' | 'tunnel';
type BodyFraming = 'length' | 'chunked' | 'close';

export class UpstreamConnection implements BodySink {
  readonly endpoint: Endpoint;
  readonly socket: Socket;
  readonly out: Outgoing;
  readonly owner: Downstream | null;
  /** The exchange that is being served; set by the endpoint. */
  exchange: Caller | null = null;
  /** When it last became idle, on the thread's coarse clock. */
  idleSinceMs = 0;
  /** How long the peer says that it keeps idle connections, less a margin; infinite if it does not say. */
  peerIdleMs = Number.POSITIVE_INFINITY;
  /** Whether it has served an exchange before: only then may its death be a race with our reuse. */
  reused = false;
  connected = false;
  /** Whether a byte has come since the present exchange began. */
  answered = false;
  #phase: Phase = 'idle';
  #framing: BodyFraming = 'length';
  #keepAlive = true;
  #informational = 0;
  #dead = false;
  #error: NodeJS.ErrnoException | null = null;
  readonly #heads = new HeadReader(HEAD_MAX_BYTES);
  readonly #length = new LengthReader();
  readonly #chunked = new ChunkedReader();

  /** `owner` is the only client whose exchanges it serves, when a PROXY header has told the endpoint of that client. */
  constructor(endpoint: Endpoint, owner: Downstream | null) {
    this.endpoint = endpoint;
    this.owner = owner;
    const { host, port, path } = endpoint.spec;
    this.socket = connect({
      ...(path === null ? { host, port } : { path }),
      noDelay: true,
      allowHalfOpen: true,
      onread: { buffer: READ_BUFFER, callback: (bytes) => this.#onRead(bytes) },
    });
    socketRoom.opened();
    this.out = new Outgoing(this.socket, false);
    this.socket.on('connect', () => this.#onConnect());
    this.socket.on('drain', () => this.exchange?.onUpstreamDrain());
    this.socket.on('end', () => this.#onEnd());
    this.socket.on('error', (error) => {
      this.#error = error;
    });
    this.socket.on('close', () => this.#onClose());
  }

  /** Whether it can be given to an exchange. */
  get usable(): boolean {
    return !this.#dead && !this.socket.destroyed && this.socket.readable && this.socket.writable;
  }

  /** The exchange is about to send its request head. */
  begin(): void {
    this.#phase = 'head';
    this.#informational = 0;
    this.answered = false;
  }

  /** The exchange is over and left the connection clean: back to the endpoint, or away. */
  release(nowMs: number): void {
    this.exchange = null;
    this.#phase = 'idle';
    this.reused = true;
    if (this.socket.isPaused()) this.socket.resume();
    if (this.usable) this.endpoint.release(this, nowMs);
    else this.destroy();
  }

  /** The connection is of no more use. An exchange that still holds it is not told. */
  destroy(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.exchange = null;
    this.socket.destroy();
    this.endpoint.onClosed(this);
  }

  /** Its exchange is over, and what was written should still be sent before it closes. */
  retire(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.exchange = null;
    this.socket.resume();
    this.socket.setTimeout(LINGER_MS, () => this.socket.destroy());
    this.socket.destroySoon();
    this.endpoint.onClosed(this);
  }

  #onConnect(): void {
    this.connected = true;
    this.exchange?.onConnected();
  }

  #onRead(bytes: number): boolean {
    this.#onData(READ_BUFFER.subarray(0, bytes));
    return true;
  }

  #onData(chunk: Buffer): void {
    const exchange = this.exchange;
    if (exchange === null) {
      if (!this.#dead) this.endpoint.cells.desync();
      this.destroy();
      return;
    }
    if (this.#phase === 'tunnel') {
      exchange.tunnelFromUpstream(chunk);
      return;
    }
    if (!this.answered) {
      this.answered = true;
      exchange.onFirstByte();
    }
    let at = 0;
    while (at < chunk.length && this.#phase !== 'done') {
      at = this.#phase === 'head' ? this.#readHead(exchange, chunk, at) : this.#readBody(exchange, chunk, at);
      if (this.exchange !== exchange || at < 0) return;
      if ((this.#phase as Phase) === 'tunnel') return;
    }
    if (this.#phase !== 'done') {
      exchange.flushResponse();
      return;
    }
    if (at < chunk.length) {
      this.endpoint.cells.desync();
      this.#keepAlive = false;
    }
    this.#endResponse(exchange);
  }

  #endResponse(exchange: Caller): void {
    exchange.onResponseEnd(
      this.#framing === 'chunked' ? this.#chunked.trailers : '',
      this.#keepAlive && this.#framing !== 'close',
    );
  }

  #readHead(exchange: Caller, chunk: Buffer, start: number): number {
    const at = this.#heads.push(chunk, start);
    if (at === -1) return chunk.length;
    if (at < 0) return this.#fail(exchange, FAULTS.upstreamProtocol);
    const head = parseResponseHead(this.#heads.take(), exchange.head.method);
    if (head.refused) return this.#fail(exchange, FAULTS.upstreamProtocol);
    if (head.status === 101) {
      if (!exchange.onUpgraded(head)) return this.#fail(exchange, FAULTS.upstreamProtocol);
      this.#phase = 'tunnel';
      if (at < chunk.length) exchange.tunnelFromUpstream(chunk.subarray(at));
      else exchange.flushResponse();
      return chunk.length;
    }
    if (head.informational) {
      this.#informational += 1;
      if (this.#informational > INFORMATIONAL_MAX) return this.#fail(exchange, FAULTS.upstreamProtocol);
      exchange.onInformational(head);
      return at;
    }
    this.#keepAlive = head.keepAlive;
    if (head.keepAliveTimeoutMs >= 0) {
      this.peerIdleMs = Math.max(0, head.keepAliveTimeoutMs - PEER_IDLE_MARGIN_MS);
    }
    switch (head.framing) {
      case 'none':
        this.#framing = 'length';
        this.#phase = 'done';
        break;
      case 'length':
        this.#framing = 'length';
        this.#length.reset(head.contentLength);
        this.#phase = this.#length.done ? 'done' : 'body';
        break;
      case 'chunked':
        this.#framing = 'chunked';
        this.#chunked.reset();
        this.#phase = 'body';
        break;
      case 'close':
        this.#framing = 'close';
        this.#phase = 'body';
        break;
      default:
        return head.framing satisfies never;
    }
    exchange.onResponseHead(head);
    return at;
  }

  #readBody(exchange: Caller, chunk: Buffer, start: number): number {
    switch (this.#framing) {
      case 'close':
        exchange.onResponseData(start === 0 ? chunk : chunk.subarray(start));
        return chunk.length;
      case 'length': {
        const at = this.#length.read(chunk, start, this);
        if (this.#length.done) this.#phase = 'done';
        return at;
      }
      case 'chunked': {
        const at = this.#chunked.read(chunk, start, this);
        if (this.#chunked.fault !== '') return this.#fail(exchange, FAULTS.upstreamBadBody);
        if (this.#chunked.done) this.#phase = 'done';
        return at;
      }
      default:
        return this.#framing satisfies never;
    }
  }

  onBodyData(data: Buffer): void {
    this.exchange?.onResponseData(data);
  }

  #fail(exchange: Caller, fault: Fault): -1 {
    exchange.fail(fault);
    return -1;
  }

  #onEnd(): void {
    const exchange = this.exchange;
    if (exchange === null) {
      if (!this.#dead && this.reused) this.endpoint.onIdleEnd(performance.now() - this.idleSinceMs);
      this.destroy();
      return;
    }
    if (this.#phase === 'tunnel') {
      exchange.onTunnelUpstreamEnd();
      return;
    }
    if (this.#phase === 'body' && this.#framing === 'close') {
      this.#phase = 'done';
      this.#endResponse(exchange);
      return;
    }
    this.#lost(exchange);
  }

  #onClose(): void {
    socketRoom.closed();
    const exchange = this.exchange;
    if (exchange !== null) this.#lost(exchange);
    this.destroy();
  }

  /** The connection ended while an exchange still needed it. */
  #lost(exchange: Caller): void {
    if (this.#phase === 'tunnel') exchange.onTunnelLost(this.#error === null);
    else if (!this.connected) exchange.onConnectFailed(this.#error?.code ?? 'closed');
    else if (this.#phase === 'body') exchange.fail(FAULTS.upstreamCut);
    else exchange.onUpstreamLost();
  }
}
