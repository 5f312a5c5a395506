/**
 * A webhook's receiver: a real HTTP server that keeps what it was sent, and answers as it is told.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleaning } from './tidegate.ts';
import { until } from './until.ts';

/** A request that has arrived whole. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answering = (res: ServerResponse, received: Received, count: number) => void;

/** What our own format says, as far as tests look at it. */
export interface OwnMessage {
  readonly id: string;
  readonly event: number;
  readonly what: string;
  readonly service: string;
  readonly text: string;
  readonly rollout: {
    readonly id: number;
    readonly step: number;
    readonly phase: string;
    readonly share: number;
  } | null;
  readonly links: { readonly approve?: string; readonly rollback?: string; readonly expiresAt: string } | null;
}

export class Receiver {
  readonly received: Received[] = [];
  /** Set by a test; an answer of 204 unless it is. */
  answer: Answering = (res) => res.writeHead(204).end();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((req, res) => {
      let body = '';
      req.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      req.on('end', () => {
        const received = { method: req.method!, url: req.url!, headers: req.headers, body };
        this.received.push(received);
        this.answer(res, received, this.received.length);
      });
    });
  }

  static async start(t: Cleaning, answer?: Answering): Promise<Receiver> {
    const receiver = new Receiver();
    if (answer !== undefined) receiver.answer = answer;
    await once(receiver.#server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => receiver.stop());
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** What was received as messages in our own format. */
  get messages(): OwnMessage[] {
    return this.received.map(({ body }) => JSON.parse(body) as OwnMessage);
  }

  /** The first message that fits, as soon as it is there. */
  message(what: string, fits: (message: OwnMessage) => boolean): Promise<OwnMessage> {
    return until(`a message is received: ${what}`, () => this.messages.find(fits));
  }

  /** Resolves once so many requests have arrived. */
  async arrived(count: number): Promise<void> {
    await until(`${count} requests have arrived`, () => this.received.length >= count);
  }

  /** Closes everything at once; nothing listens on its port then. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
