/**
 * Bytes both ways after an upgrade, until one side is done.
 *
 * A tunnel belongs to the pool it started on. Each side may close its half while the other goes on. When Tidegate must end
 * a WebSocket (the drain deadline, a stop), both sides get a close frame if the stream is between two frames just then;
 * a stream inside a frame cannot be told anything, and is simply closed.
 */
import type { Socket } from 'node:net';
import type { UpstreamConnection } from './upstream.ts';
import { CLOSE_TO_CLIENT, CLOSE_TO_ENDPOINT, FrameTracker } from './websocket-frames.ts';

export class Tunnel {
  readonly #downstream: Socket;
  readonly #upstream: Socket;
  readonly #toClient: FrameTracker | null;
  readonly #toEndpoint: FrameTracker | null;
  #ended = false;

  constructor(downstream: Socket, upstream: Socket, websocket: boolean) {
    this.#downstream = downstream;
    this.#upstream = upstream;
    this.#toClient = websocket ? new FrameTracker() : null;
    this.#toEndpoint = websocket ? new FrameTracker() : null;
  }

  fromUpstream(chunk: Buffer): void {
    this.#toClient?.pass(chunk);
    // The bytes lie in the thread's read buffer, which the next event overwrites.
    if (!this.#downstream.writableEnded && !this.#downstream.write(Buffer.from(chunk))) this.#upstream.pause();
  }

  fromDownstream(chunk: Buffer): void {
    this.#toEndpoint?.pass(chunk);
    if (!this.#upstream.writableEnded && !this.#upstream.write(chunk)) this.#downstream.pause();
  }

  /** The endpoint has closed its half. True when both are closed now. */
  upstreamEnded(): boolean {
    this.#downstream.end();
    return this.#downstream.readableEnded;
  }

  /** The client has closed its half. True when both are closed now. */
  downstreamEnded(): boolean {
    this.#upstream.end();
    return this.#upstream.readableEnded;
  }

  /** Ends both sides from our own will. */
  end(): void {
    this.#ended = true;
    if (this.#toClient?.between === true) this.#downstream.write(CLOSE_TO_CLIENT);
    if (this.#toEndpoint?.between === true) this.#upstream.write(CLOSE_TO_ENDPOINT);
  }

  /** The exchange is over: what is written still goes out, and nothing more is read. */
  release(connection: UpstreamConnection): void {
    if (!this.#upstream.destroyed && (this.#ended || this.#upstream.writable)) this.#upstream.end();
    connection.retire();
  }
}
