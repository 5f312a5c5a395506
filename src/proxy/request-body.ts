/**
 * The body of one request on its way to an endpoint, and what is kept of it for another one.
 *
 * Pieces that come before there is a connection wait here, and those that a connection is given while it is being dialled
 * stay: nothing of them has been sent, and the client is not read from once the socket has enough. While another attempt
 * may need them, pieces that have been sent are kept too, up to the service's limit for each request and a limit for the
 * whole thread; beyond either, the body goes on as a stream, and the request can no longer be repeated. That is the
 * point of both limits: an upload is never a reason to collect it.
 */
import { CHUNK_END, chunkPrefix, LAST_CHUNK, lastChunkWithTrailers } from '../http1/body.ts';
import { isIdempotent } from '../routing/retry.ts';
import type { ServiceSpec } from '../routing/snapshot.ts';
import type { ProcessMember } from '../stats/process-cells.ts';
import type { Exchange } from './exchange.ts';
import { trailersForEndpoint } from './forwarded-head.ts';
import type { Outgoing } from './outgoing.ts';

/** What all bodies of one data thread may keep. */
const KEPT_MAX_BYTES = 16 * 1024 * 1024;

/** The memory of a data thread for bodies that are kept. */
export class ReplayMemory {
  readonly #process: ProcessMember;
  #bytes = 0;

  constructor(process: ProcessMember) {
    this.#process = process;
  }

  /** False, and counted, when there is no room for so many more. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > KEPT_MAX_BYTES) {
      this.#process.refuseReplay();
      return false;
    }
    this.#bytes += bytes;
    this.#process.setReplayBytes(this.#bytes);
    return true;
  }

  give(bytes: number): void {
    if (bytes === 0) return;
    this.#bytes -= bytes;
    this.#process.setReplayBytes(this.#bytes);
  }
}

export class RequestBody {
  readonly #exchange: Exchange;
  readonly #memory: ReplayMemory;
  readonly #isChunked: boolean;
  readonly #keepMax: number;
  #pieces: Buffer[] = [];
  #kept = 0;
  #isKeeping = true;
  #mayHaveArrived = false;
  #isHanded = false;
  #trailers = '';
  #isWhole = false;
  /** What has come of it. */
  bytes = 0;

  constructor(exchange: Exchange, { retries }: ServiceSpec) {
    this.#exchange = exchange;
    this.#isChunked = exchange.head.framing === 'chunked';
    this.#keepMax = retries.attempts > 0 ? retries.bodyBytes : 0;
    this.#memory = exchange.context.replays;
  }

  /** Whether a body of so many bytes is longer than requests may have. */
  exceeds(bytes: number): boolean {
    const max = this.#exchange.context.runtime.snapshot.limits.bodyBytes;
    return max !== null && bytes > max;
  }

  /** Whether the body can be sent from its first byte on. */
  get isReplayable(): boolean {
    return this.#isKeeping || !this.#isHanded;
  }

  /** A piece has come: it goes to `out`, or waits when there is no connection. */
  add(data: Buffer, out: Outgoing | null): void {
    this.bytes += data.length;
    if (out === null) {
      this.#pieces.push(data);
      return;
    }
    this.#isHanded = true;
    if (this.#isKeeping) this.#pieces.push(ownBytes(data));
    this.#write(data, out);
    this.#account();
  }

  /** The body is whole; `trailers` are its trailer lines, as they came: what of them goes on depends on the pool. */
  end(trailers: string, out: Outgoing | null): void {
    this.#isWhole = true;
    this.#trailers = trailers;
    if (out !== null) this.#writeEnd(out);
  }

  /** Sends to a new connection all that there is. */
  replay(out: Outgoing): void {
    for (const piece of this.#pieces) this.#write(piece, out);
    if (this.bytes > 0) this.#isHanded = true;
    if (this.#isKeeping) this.#account();
    else this.#pieces = [];
    if (this.#isWhole) this.#writeEnd(out);
  }

  /** From here on the endpoint may act on the request: one that may not be done twice will not be sent again. */
  mayArrive(): void {
    this.#mayHaveArrived = true;
    const { method, contentLength } = this.#exchange.head;
    if (!isIdempotent(method) || this.#keepMax === 0 || contentLength > this.#keepMax) this.forget();
    else this.#account();
  }

  /** No other attempt will need what has been sent. */
  forget(): void {
    this.#isKeeping = false;
    if (this.#isHanded) this.#pieces = [];
    this.#memory.give(this.#kept);
    this.#kept = 0;
  }

  /** What waits for a connection is bounded by the client being paused; what has been sent, by the limits. */
  #account(): void {
    if (!this.#isKeeping || !this.#mayHaveArrived) return;
    if (this.bytes <= this.#keepMax && this.#memory.take(this.bytes - this.#kept)) this.#kept = this.bytes;
    else this.forget();
  }

  #write(data: Buffer, out: Outgoing): void {
    if (!this.#isChunked) {
      out.data(data);
      return;
    }
    out.text(chunkPrefix(data.length));
    out.data(data);
    out.text(CHUNK_END);
  }

  #writeEnd(out: Outgoing): void {
    if (!this.#isChunked) return;
    this.#isHanded = true;
    const trailers = trailersForEndpoint(this.#exchange, this.#trailers);
    out.text(trailers === '' ? LAST_CHUNK : lastChunkWithTrailers(trailers));
  }
}

/** The piece without what it may be a small part of: a kept byte must not keep a whole read alive. */
function ownBytes(data: Buffer): Buffer {
  return data.length * 2 < data.buffer.byteLength ? Buffer.from(data) : data;
}
