/**
 * A client on bare sockets, which keeps what it gets and how the connection ended.
 */
import { connect, type Socket } from 'node:net';

export class RawClient {
  readonly socket: Socket;
  received = '';
  /** `open`; `end` after a FIN; `reset` when it was torn down. */
  ending: 'open' | 'end' | 'reset' = 'open';
  readonly closed: Promise<void>;
  readonly #waiting = new Set<() => void>();

  constructor(port: number, bytes: string) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.write(bytes, 'latin1');
    this.socket.on('data', (text: string) => {
      this.received += text;
      this.#wake();
    });
    this.socket.on('end', () => {
      if (this.ending === 'open') this.ending = 'end';
    });
    this.socket.on('error', () => {
      this.ending = 'reset';
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#wake();
        resolve();
      });
    });
  }

  /** What follows the head of the answer. */
  get body(): string {
    const end = this.received.indexOf('\r\n\r\n');
    return end < 0 ? '' : this.received.slice(end + 4);
  }

  /** Resolves when the text has come; rejects when the connection closes before it. */
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.socket.closed) throw new Error(`closed before ${JSON.stringify(text)}: ${this.received.slice(0, 500)}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
