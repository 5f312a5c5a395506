/**
 * One end of a connection in a test's hand: it sends exactly what it is told, and keeps every byte that comes.
 *
 * Bytes are latin1 strings, so that a test can show them as they are and compare them whole. All waiting is for events of
 * the socket; a deadline turns a wait that would never end into an error that shows what has come instead.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';

/** No promise: what takes longer never comes, however busy the machine is. */
const DEADLINE_MS = 60_000;
const PIECE_BYTES = 64 * 1024;

/** How the other side has ended the connection: in order, or with a reset. */
export type Ending = 'end' | 'reset';

export class WireEnd {
  readonly socket: Socket;
  /** Everything that has come so far. */
  received = '';
  /** How the other side has ended it, null as long as it has not. */
  ending: Ending | null = null;
  /** Bytes of what is streamed that the system has taken from this end. */
  taken = 0;
  #changed: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      this.ending ??= 'end';
      this.#wake();
    });
    socket.on('error', () => {
      this.ending ??= 'reset';
      this.#wake();
    });
    socket.on('close', () => {
      this.ending ??= 'end';
      this.#wake();
    });
  }

  /** Sends all of it in one write. */
  send(bytes: string): void {
    if (this.socket.writable) this.socket.write(bytes, 'latin1');
  }

  /** Sends the pieces in one write each, each after the system has taken the one before; stops when the other side ends. */
  async sendPieces(pieces: readonly string[]): Promise<void> {
    for (const piece of pieces) {
      if (this.ending !== null || !this.socket.writable) return;
      await new Promise<void>((resolve) => this.socket.write(piece, 'latin1', () => setImmediate(resolve)));
    }
  }

  /** Sends the bytes in pieces for as long as the other side takes them; resolves when it has taken all. */
  async stream(bytes: string): Promise<void> {
    for (let at = 0; at < bytes.length && this.socket.writable; at += PIECE_BYTES) {
      const piece = bytes.slice(at, at + PIECE_BYTES);
      await new Promise<void>((resolve) => this.socket.write(piece, 'latin1', () => resolve()));
      this.taken += piece.length;
    }
  }

  /** Ends this side in order. */
  end(bytes = ''): void {
    this.socket.end(bytes, 'latin1');
  }

  /** Ends both sides with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves with what has come as soon as it is what is waited for; rejects when the connection ends before. */
  until(what: string, fits: (received: string) => boolean): Promise<string> {
    return this.#wait(what, () => {
      if (fits(this.received)) return this.received;
      if (this.ending !== null) throw new Error(`the connection has ended (${this.ending}) before ${what}`);
      return null;
    });
  }

  /** Resolves as soon as these bytes have come. */
  untilHas(bytes: string): Promise<string> {
    return this.until(`the bytes ${JSON.stringify(bytes)}`, (received) => received.includes(bytes));
  }

  /** Resolves with how the other side has ended the connection. */
  ended(): Promise<Ending> {
    return this.#wait('the end', () => this.ending);
  }

  /** Resolves when nothing of the socket is left. */
  async gone(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }

  async #wait<T>(what: string, ask: () => T | null): Promise<T> {
    const late = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      try {
        const answer = ask();
        if (answer !== null) return answer;
      } catch (error) {
        throw new Error(`${(error as Error).message}; what has come: ${JSON.stringify(this.received.slice(-2000))}`);
      }
      if (late.aborted) {
        throw new Error(`${what} did not come; what has come: ${JSON.stringify(this.received.slice(-2000))}`);
      }
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve);
        late.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
