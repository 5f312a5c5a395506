/**
 * Who asks an endpoint and is told of its answer: an exchange for its client, or the question whether an exchange may go
 * on (`auth-call.ts`).
 *
 * Endpoints and their connections know no more of whom they serve than this, so that everything that wants an answer of an
 * endpoint has the same limits, queue, deadlines, idle connections and strict reading of answers. A second, simpler client
 * for questions was rejected: it would have none of them.
 */
import type { ResponseHead } from '../http1/response-head.ts';
import type { Downstream } from './downstream.ts';
import type { Fault } from './fault.ts';
import type { UpstreamConnection } from './upstream.ts';

/** One request to an endpoint and its answer, from the caller's side. */
export interface Caller {
  /** The client's connection for whose sake it calls. */
  readonly downstream: Downstream;
  /** What is asked: an answer is framed by the method of its request. */
  readonly head: { readonly method: string };
  /** The position of the gate that chose the pool. */
  readonly epoch: number;
  /** Its connection is there, perhaps still dialling. */
  onConnection(connection: UpstreamConnection): void;
  onConnected(): void;
  onConnectFailed(code: string): void;
  /** The connection takes more again. */
  onUpstreamDrain(): void;
  onFirstByte(): void;
  /** An interim answer other than 101 has come. */
  onInformational(head: ResponseHead): void;
  /** 101 has come; false when it was not asked for. */
  onUpgraded(head: ResponseHead): boolean;
  onResponseHead(head: ResponseHead): void;
  /** A piece of the body; the bytes are only good until the call returns. */
  onResponseData(data: Buffer): void;
  /** All that one event has brought has been told. */
  flushResponse(): void;
  /** The answer is whole; `reusable` says that its connection may serve another. */
  onResponseEnd(trailers: string, reusable: boolean): void;
  /** The connection died before the head of the answer was complete. */
  onUpstreamLost(): void;
  tunnelFromUpstream(chunk: Buffer): void;
  onTunnelUpstreamEnd(): void;
  onTunnelLost(clean: boolean): void;
  /** The attempt is over without a whole answer. */
  fail(fault: Fault): void;
}
