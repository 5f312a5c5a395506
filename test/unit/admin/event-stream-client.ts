/** A reader of GET /api/events on a raw socket, which hands out what comes, one frame at a time. */
import type { Socket } from 'node:net';
import type { TidegateEvent } from '../../../src/control/operations.ts';
import type { Harness } from './harness.ts';

/** One frame: an event with its `id:` line, or a comment. */
export interface Frame {
  readonly id: number | null;
  readonly event: TidegateEvent | null;
  readonly comment: string | null;
}

export class EventStreamClient {
  readonly socket: Socket;
  head = '';
  readonly closed: Promise<void>;
  #text = '';
  #wake: () => void = () => {};
  #ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ended = true;
        this.#wake();
        resolve();
      });
    });
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('utf8');
      this.#wake();
    });
  }

  /** The next frame; null once the stream has ended. */
  async next(): Promise<Frame | null> {
    if (this.head === '') this.head = (await this.#until('\r\n\r\n')) ?? '';
    const raw = await this.#until('\n\n');
    if (raw === null) return null;
    // HTTP/1.0 in the request makes the body come without chunks, so frames can be cut at blank lines.
    const lines = raw.split('\n');
    const field = (name: string): string | null => {
      const line = lines.find((one) => one.startsWith(`${name}:`));
      return line === undefined ? null : line.slice(name.length + 1).trim();
    };
    const data = field('data');
    const id = field('id');
    return { id: id === null ? null : Number(id), event: data === null ? null : JSON.parse(data), comment: field('') };
  }

  /** The next event, comments left out. */
  async event(): Promise<TidegateEvent | null> {
    for (;;) {
      const frame = await this.next();
      if (frame === null || frame.event !== null) return frame?.event ?? null;
    }
  }

  /** Returns when the stream says that it is live. */
  async live(): Promise<TidegateEvent[]> {
    const replayed: TidegateEvent[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame === null || frame.comment === 'live') return replayed;
      if (frame.event !== null) replayed.push(frame.event);
    }
  }

  async #until(end: string): Promise<string | null> {
    for (;;) {
      const index = this.#text.indexOf(end);
      if (index >= 0) {
        const part = this.#text.slice(0, index);
        this.#text = this.#text.slice(index + end.length);
        return part;
      }
      if (this.#ended) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Opens a stream. */
export async function listen(
  admin: Harness,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStreamClient> {
  const socket = await admin.connect();
  const client = new EventStreamClient(socket);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.0\r\nHost: ${admin.own}\r\n${lines.join('')}\r\n`);
  return client;
}
