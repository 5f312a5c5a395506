/**
 * The response as the client gets it: its head rebuilt, its body framed for the version that the client speaks.
 *
 * A body whose length is known keeps it. One that came in chunks, or that ends with the endpoint's connection, leaves in
 * chunks to a client of HTTP/1.1; a client of HTTP/1.0 knows no chunks and gets it until the connection closes. Pieces go
 * on as they are; they are collected and leave with the flush at the end of the event that brought them.
 */
import { CHUNK_END, chunkPrefix, LAST_CHUNK, lastChunkWithTrailers } from '../http1/body.ts';
import { buildResponseHead } from '../http1/forward.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Outgoing } from './outgoing.ts';

const EVENT_STREAM = /^content-type:[ \t]*text\/event-stream[ \t]*(?:;|\r)/im;

export class ResponseRelay {
  readonly #out: Outgoing;
  readonly #request: RequestHead;
  #framing: 'none' | 'length' | 'chunked' | 'close' = 'none';
  /** Whether the response is a stream of server-sent events, which goes on until somebody ends it. */
  isEventStream = false;
  /** What had left for the client when the head was written, -1 before that. */
  #sentBefore = -1;

  constructor(out: Outgoing, request: RequestHead) {
    this.#out = out;
    this.#request = request;
  }

  /** Whether only the end of the connection will tell the client where the body ends. */
  get endsWithConnection(): boolean {
    return this.#framing === 'close';
  }

  /** Writes the final head; answers whether the client was told that the connection stays open. */
  begin(head: ResponseHead, mayKeepAlive: boolean, extra: string, passOn: string): boolean {
    const clientMinor = this.#request.minor;
    const isDelimited = head.framing === 'chunked' || head.framing === 'close';
    this.#framing = isDelimited ? (clientMinor === 1 ? 'chunked' : 'close') : head.framing;
    this.isEventStream = isDelimited && EVENT_STREAM.test(head.passOn);
    const keepAlive = mayKeepAlive && this.#framing !== 'close';
    this.#sentBefore = this.#out.sentBytes;
    this.#out.text(buildResponseHead(head, { clientMinor, framing: this.#framing, close: !keepAlive, extra, passOn }));
    return keepAlive;
  }

  /** Forgets the response if none of it has left for the client yet; false if some has, or there is none. */
  takeBack(): boolean {
    if (this.#sentBefore !== this.#out.sentBytes) return false;
    this.#sentBefore = -1;
    this.#out.discard();
    return true;
  }

  data(data: Buffer): void {
    if (this.#framing !== 'chunked') {
      this.#out.data(data);
      return;
    }
    this.#out.text(chunkPrefix(data.length));
    this.#out.data(data);
    this.#out.text(CHUNK_END);
  }

  /** The body is complete; trailers go to a client that said it takes them. */
  end(trailers: string): void {
    if (this.#framing !== 'chunked') return;
    this.#out.text(trailers !== '' && this.#request.teTrailers ? lastChunkWithTrailers(trailers) : LAST_CHUNK);
  }
}
