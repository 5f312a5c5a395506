/**
 * The engine as the data plane uses it, without sockets: bytes in any pieces in, what was read out.
 *
 * These machines go from head to body to head as `Downstream` and `UpstreamConnection` do, so what they say of a stream is
 * what the proxy would act on.
 */
import { type BodySink, ChunkedReader, LengthReader } from '../../../src/http1/body.ts';
import { HEAD_UNFINISHED, HeadReader, refusalOfHead } from '../../../src/http1/head-reader.ts';
import { parseRequestHead, type RequestHead } from '../../../src/http1/request-head.ts';
import { parseResponseHead, type ResponseHead } from '../../../src/http1/response-head.ts';

const HEAD_BYTES_MAX = 16_384;
const RESPONSE_HEAD_BYTES_MAX = 65_536;
const LIMITS = { targetBytes: 8192, fields: 128 };

/** A request that was read to its end. */
export interface RequestReading {
  readonly head: RequestHead;
  /** The head as it came, with its empty line. */
  readonly headText: string;
  readonly body: string;
  /** The body as it came, with what frames it. */
  readonly bodyText: string;
  /** The trailer lines that may be passed on. */
  readonly trailers: string;
  /** The offset in the stream after its last byte. */
  readonly end: number;
}

/**
 * How a stream of requests ended: `open` after whole requests, `unfinished` inside one, `closed` after one that closes,
 * `upgrade` after one that asks for another protocol, or the kind of a refusal.
 */
export type StreamEnd = 'open' | 'unfinished' | 'closed' | 'upgrade' | { readonly refused: string };

export class RequestMachine implements BodySink {
  readonly messages: RequestReading[] = [];
  /** The head of the request whose body is being read or was refused. */
  head: RequestHead | null = null;
  /** What has come of that body. */
  body = '';
  #refused = '';
  #last: 'closed' | 'upgrade' | null = null;
  #headText = '';
  #raw = '';
  #offset = 0;
  #started = false;
  readonly #heads = new HeadReader(HEAD_BYTES_MAX, LIMITS.targetBytes);
  readonly #length = new LengthReader();
  readonly #chunked = new ChunkedReader();

  get end(): StreamEnd {
    if (this.#refused !== '') return { refused: this.#refused };
    return this.#last ?? (this.head === null && !this.#started ? 'open' : 'unfinished');
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#refused === '' && this.#last === null) {
      at = this.head === null ? this.#pushHead(chunk, at) : this.#pushBody(this.head, chunk, at);
    }
    this.#offset += chunk.length;
  }

  onBodyData(data: Buffer): void {
    this.body += data.toString('latin1');
  }

  #pushHead(chunk: Buffer, start: number): number {
    this.#started = true;
    const at = this.#heads.push(chunk, start);
    if (at === HEAD_UNFINISHED) return chunk.length;
    if (at < 0) {
      this.#refused = refusalOfHead(at).kind;
      return chunk.length;
    }
    this.#headText = this.#heads.take();
    const head = parseRequestHead(this.#headText, LIMITS);
    if (head.refused) {
      this.#refused = head.kind;
      return chunk.length;
    }
    this.head = head;
    this.body = '';
    this.#raw = '';
    if (head.framing === 'length') this.#length.reset(head.contentLength);
    else if (head.framing === 'chunked') this.#chunked.reset();
    if (head.framing === 'none' || (head.framing === 'length' && this.#length.done)) this.#complete(head, at, '');
    return at;
  }

  #pushBody(head: RequestHead, chunk: Buffer, start: number): number {
    const reader = head.framing === 'chunked' ? this.#chunked : this.#length;
    const at = reader.read(chunk, start, this);
    this.#raw += chunk.toString('latin1', start, at);
    if (head.framing === 'chunked' && this.#chunked.fault !== '') this.#refused = this.#chunked.fault;
    else if (reader.done) this.#complete(head, at, head.framing === 'chunked' ? this.#chunked.trailers : '');
    return at;
  }

  #complete(head: RequestHead, at: number, trailers: string): void {
    const end = this.#offset + at;
    this.messages.push({ head, headText: this.#headText, body: this.body, bodyText: this.#raw, trailers, end });
    this.head = null;
    this.#started = false;
    if (!head.keepAlive) this.#last = 'closed';
    else if (head.field('upgrade') !== undefined) this.#last = 'upgrade';
  }
}

/** What the engine reads in a stream of requests that comes in these pieces. */
export function readRequests(...pieces: readonly Buffer[]): RequestMachine {
  const machine = new RequestMachine();
  for (const piece of pieces) machine.push(piece);
  return machine;
}

/** How a response ended: whole, cut short, or refused for this reason. A 101 is not read any further. */
export type ResponseEnd = 'whole' | 'cut' | 'switched' | { readonly refused: string };

export class ResponseMachine implements BodySink {
  /** The interim heads. */
  readonly interim: ResponseHead[] = [];
  head: ResponseHead | null = null;
  body = '';
  trailers = '';
  /** The offset after the last byte of the response. */
  after = 0;
  end: ResponseEnd = 'cut';
  readonly #method: string;
  #over = false;
  #offset = 0;
  readonly #heads = new HeadReader(RESPONSE_HEAD_BYTES_MAX);
  readonly #length = new LengthReader();
  readonly #chunked = new ChunkedReader();

  constructor(method: string) {
    this.#method = method;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#over) {
      at = this.head === null ? this.#pushHead(chunk, at) : this.#pushBody(this.head, chunk, at);
    }
    this.#offset += chunk.length;
  }

  /** The connection has ended in order. */
  finish(): void {
    if (!this.#over && this.head?.framing === 'close') this.#stop('whole', this.#offset);
  }

  onBodyData(data: Buffer): void {
    this.body += data.toString('latin1');
  }

  #pushHead(chunk: Buffer, start: number): number {
    const at = this.#heads.push(chunk, start);
    if (at === HEAD_UNFINISHED) return chunk.length;
    if (at < 0) return this.#refuse(refusalOfHead(at).kind, chunk);
    const head = parseResponseHead(this.#heads.take(), this.#method);
    if (head.refused) return this.#refuse(head.kind, chunk);
    if (head.informational) {
      this.interim.push(head);
      if (head.status === 101) this.#stop('switched', this.#offset + at);
      return at;
    }
    this.head = head;
    if (head.framing === 'length') this.#length.reset(head.contentLength);
    const isOver = head.framing === 'none' || (head.framing === 'length' && this.#length.done);
    if (isOver) this.#stop('whole', this.#offset + at);
    return at;
  }

  #pushBody(head: ResponseHead, chunk: Buffer, start: number): number {
    if (head.framing === 'close') {
      this.onBodyData(chunk.subarray(start));
      return chunk.length;
    }
    const reader = head.framing === 'chunked' ? this.#chunked : this.#length;
    const at = reader.read(chunk, start, this);
    if (reader === this.#chunked && this.#chunked.fault !== '') return this.#refuse(this.#chunked.fault, chunk);
    if (reader.done) {
      if (reader === this.#chunked) this.trailers = this.#chunked.trailers;
      this.#stop('whole', this.#offset + at);
    }
    return at;
  }

  #refuse(kind: string, chunk: Buffer): number {
    this.end = { refused: kind };
    this.#over = true;
    return chunk.length;
  }

  #stop(end: ResponseEnd, after: number): void {
    this.end = end;
    this.after = after;
    this.#over = true;
  }
}

/** What the engine reads in a response to `method` that comes in these pieces and then ends. */
export function readResponse(method: string, ...pieces: readonly Buffer[]): ResponseMachine {
  const machine = new ResponseMachine(method);
  for (const piece of pieces) machine.push(piece);
  machine.finish();
  return machine;
}

/** The bytes of a latin1 string. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
