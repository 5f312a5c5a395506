/**
 * Load: a fixed number of clients, each sending its next request as soon as the last one is answered, or after a rest, on
 * connections that are kept or on a new one for each request.
 *
 * Written on bare sockets, because it must know when the first byte of a request left, and because it must not retry: a
 * request whose answer is missing, cut or not as expected is a failure, with the reason. A connection that is closed
 * between two requests is opened anew and has failed nobody.
 */
import { connect, type Socket } from 'node:net';
import { clockUs } from './clock.ts';

const FAILURES_MAX = 1000;

/** One request as the load sends it. */
export interface Outgoing {
  readonly bytes: string;
  /** What is sent later, when `laterMs` have passed: a body that is in flight for a while. */
  readonly later?: string;
  readonly laterMs?: number;
}

/** A whole answer. */
export interface Incoming {
  readonly status: number;
  /** The head, with its fields in lower case. */
  readonly head: string;
  readonly body: string;
  readonly startedUs: number;
}

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  readonly keepAlive: boolean;
  /** How many requests are sent in all; without end if it is not given. */
  readonly requests?: number;
  /**
   * How long a client rests between an answer and its next request; it does not unless given. For tests that wait for
   * something else under load, and would otherwise take the whole machine for as long as they wait.
   */
  readonly restMs?: number;
  /** Makes the request with this number, from 0; `startedUs` is the moment at which it leaves. */
  readonly make?: (number: number, startedUs: number) => Outgoing;
  /** Whether the answer is as it should be: null, or what is wrong with it. */
  readonly judge?: (answer: Incoming, number: number) => string | null;
}

export interface Failure {
  readonly number: number;
  readonly startedUs: number;
  readonly atUs: number;
  readonly reason: string;
}

export class Load {
  readonly options: LoadOptions;
  readonly failures: Failure[] = [];
  sent = 0;
  answered = 0;
  failed = 0;
  /** Connections that were opened. */
  dials = 0;
  #open = 0;
  #stopping = false;
  #done: () => void = () => {};
  readonly finished: Promise<void>;
  readonly #waiters = new Set<{ readonly answers: number; readonly resolve: () => void }>();

  constructor(options: LoadOptions) {
    this.options = options;
    this.finished = new Promise((resolve) => {
      this.#done = resolve;
    });
    for (let client = 0; client < options.clients; client++) {
      this.#open += 1;
      new Client(this);
    }
  }

  /** Resolves when `count` more requests than now have been answered. */
  answers(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.add({ answers: this.answered + count, resolve });
    });
  }

  /** Sends nothing more, waits for the answers that are owed, and closes all connections. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.finished;
  }

  /** The number of the next request, or -1 when there is none. */
  take(): number {
    const max = this.options.requests ?? Number.POSITIVE_INFINITY;
    if (this.#stopping || this.sent >= max) return -1;
    this.sent += 1;
    return this.sent - 1;
  }

  get over(): boolean {
    return this.#stopping || this.sent >= (this.options.requests ?? Number.POSITIVE_INFINITY);
  }

  succeed(): void {
    this.answered += 1;
    for (const waiter of this.#waiters) {
      if (this.answered < waiter.answers) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  fail(failure: Failure): void {
    this.failed += 1;
    if (this.failures.length < FAILURES_MAX) this.failures.push(failure);
  }

  leave(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#done();
  }
}

class Client {
  readonly #load: Load;
  #socket: Socket;
  #number = -1;
  #startedUs = 0;
  #received = '';
  #left = false;

  constructor(load: Load) {
    this.#load = load;
    this.#socket = this.#dial();
  }

  #dial(): Socket {
    this.#load.dials += 1;
    const socket = connect({ host: '127.0.0.1', port: this.#load.options.port, noDelay: true });
    socket.setEncoding('latin1');
    if (this.#load.options.keepAlive) socket.on('connect', () => this.#next());
    else this.#next(socket);
    socket.on('data', (text: string) => this.#receive(text));
    let cause = 'closed before the answer was whole';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      cause = error.code ?? error.message;
    });
    socket.on('close', () => {
      this.#lose(cause);
      if (this.#load.over) this.#leave();
      // The next turn of the event loop, so that a refused port is tried at a bounded pace.
      else setTimeout(() => (this.#socket = this.#dial()), 1);
    });
    return socket;
  }

  #next(socket = this.#socket): void {
    const { make = plain } = this.#load.options;
    this.#number = this.#load.take();
    if (this.#number < 0) {
      socket.destroy();
      return;
    }
    this.#received = '';
    this.#startedUs = clockUs();
    const { bytes, later, laterMs } = make(this.#number, this.#startedUs);
    socket.write(bytes, 'latin1');
    if (later !== undefined) {
      setTimeout(() => {
        if (!socket.destroyed) socket.write(later, 'latin1');
      }, laterMs);
    }
  }

  #receive(text: string): void {
    if (this.#number < 0) return;
    this.#received += text;
    const answer = wholeAnswer(this.#received, this.#startedUs);
    if (answer === null) return;
    const wrong = (this.#load.options.judge ?? mustBeOk)(answer, this.#number);
    if (wrong === null) this.#load.succeed();
    else this.#lose(wrong);
    this.#number = -1;
    if (!this.#load.options.keepAlive || answer.head.includes('\r\nconnection: close\r\n')) this.#socket.destroy();
    else this.#rest();
  }

  #rest(): void {
    const { restMs } = this.#load.options;
    const socket = this.#socket;
    if (restMs === undefined) this.#next();
    // One that has been closed meanwhile is followed by another.
    else setTimeout(() => socket.writable && this.#next(socket), restMs);
  }

  #lose(reason: string): void {
    if (this.#number < 0) return;
    this.#load.fail({ number: this.#number, startedUs: this.#startedUs, atUs: clockUs(), reason });
    this.#number = -1;
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#load.leave();
  }
}

function plain(number: number): Outgoing {
  return { bytes: `GET /${number} HTTP/1.1\r\nHost: shop.test\r\n\r\n` };
}

/** Only 200 is as it should be. */
export function mustBeOk(answer: Incoming): string | null {
  return answer.status === 200 ? null : `status ${answer.status}: ${answer.body.trim()}`;
}

/** The value of a field of an answer; '' when it has none. */
export function fieldOf(answer: Incoming, name: string): string {
  const start = answer.head.indexOf(`\r\n${name}: `);
  if (start < 0) return '';
  const from = start + name.length + 4;
  return answer.head.slice(from, answer.head.indexOf('\r\n', from));
}

/** The answer when all of it is there; the upstreams of these tests announce every length. */
function wholeAnswer(text: string, startedUs: number): Incoming | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = text.slice(0, end + 2).toLowerCase();
  const length = /\r\ncontent-length: (\d+)\r\n/.exec(head)?.[1];
  if (length === undefined) return { status: -1, head, body: 'no content-length', startedUs };
  if (text.length < end + 4 + Number(length)) return null;
  return { status: Number(text.slice(9, 12)), head, body: text.slice(end + 4, end + 4 + Number(length)), startedUs };
}
