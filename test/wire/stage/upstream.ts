/**
 * An upstream that says, byte by byte, what the test wants it to say, and keeps every byte that it is sent.
 *
 * It reads requests only as far as it must to know that one is complete. By default each is answered with `OK`; a test
 * puts its own script in `respond`, or leaves it empty and takes each request by `request()`.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { OK, requestEnd } from './messages.ts';
import { WireEnd } from './wire-end.ts';

/** What a test needs of tap: a place to leave its cleaning up. */
export interface Cleaning {
  teardown(clean: () => unknown): void;
}

/** A request that has come whole, and the connection that it came on. */
export interface Arrival {
  readonly bytes: string;
  readonly end: WireEnd;
  /** The number of the connection, counted from 0. */
  readonly connection: number;
}

export type Script = (arrival: Arrival) => void;

const ANSWER_OK: Script = ({ bytes, end }) => end.send(bytes.startsWith('HEAD ') ? OK.slice(0, -2) : OK);

export class Upstream {
  readonly ends: WireEnd[] = [];
  /** What becomes of a request that is complete. */
  respond: Script = ANSWER_OK;
  /** What becomes of a request whose head is complete, in place of `respond`; null to wait for the body. */
  respondToHead: Script | null = null;
  readonly #server: Server;
  #arrivals: Arrival[] = [];
  #waiting: ((arrival: Arrival) => void)[] = [];
  readonly #taken = new Map<WireEnd, number>();

  private constructor(server: Server, halfOpen: boolean) {
    this.#server = server;
    server.on('connection', (socket) => {
      const end = new WireEnd(socket);
      const connection = this.ends.push(end) - 1;
      let at = 0;
      let answeredFrom = -1;
      socket.on('data', () => {
        for (;;) {
          const headEnd = end.received.indexOf('\r\n\r\n', at);
          if (headEnd < 0) return;
          if (this.respondToHead !== null && answeredFrom !== at) {
            answeredFrom = at;
            this.#arrive({ bytes: end.received.slice(at, headEnd + 4), end, connection }, this.respondToHead);
          }
          const to = requestEnd(end.received, at);
          if (to < 0) return;
          const bytes = end.received.slice(at, to);
          const isAnswered = answeredFrom === at;
          at = to;
          if (!isAnswered) this.#arrive({ bytes, end, connection }, this.respond);
        }
      });
      if (!halfOpen) socket.on('end', () => socket.end());
    });
  }

  /** Opens a port of its own. With `halfOpen` it keeps its side of a connection open after the other has ended. */
  static async open(t: Cleaning, halfOpen = false): Promise<Upstream> {
    const server = createServer({ allowHalfOpen: true });
    const upstream = new Upstream(server, halfOpen);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      server.close();
      for (const { socket } of upstream.ends) socket.destroy();
    });
    return upstream;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers each request with these bytes, and then leaves the connection as `then` says. */
  answer(bytes: string, then: 'keep' | 'end' | 'reset' = 'keep'): void {
    this.respond = ({ end }) => {
      if (then === 'end') end.end(bytes);
      else end.send(bytes);
      if (then === 'reset') setImmediate(() => end.reset());
    };
  }

  /** Leaves requests unanswered from now on: the test takes them by `request()`. */
  hold(): void {
    this.take();
    this.respond = () => {};
  }

  /** Answers with `OK` again. */
  answerOk(): void {
    this.respond = ANSWER_OK;
    this.respondToHead = null;
  }

  /** The next request that has come, in the order of coming. */
  request(): Promise<Arrival> {
    const arrival = this.#arrivals.shift();
    if (arrival !== undefined) return Promise.resolve(arrival);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The requests that have come and were not taken yet; their bytes count as taken too. */
  take(): string[] {
    this.takeBytes();
    return this.#arrivals.splice(0).map(({ bytes }) => bytes);
  }

  /** All bytes that have come since this was asked last, by connection; those without are left out. */
  takeBytes(): string[] {
    return this.ends.flatMap((end) => {
      const bytes = end.received.slice(this.#taken.get(end) ?? 0);
      this.#taken.set(end, end.received.length);
      return bytes === '' ? [] : [bytes];
    });
  }

  #arrive(arrival: Arrival, script: Script): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrivals.push(arrival);
    else waiting(arrival);
    script(arrival);
  }
}
