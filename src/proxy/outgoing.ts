/**
 * Collects what one event produces for one socket, so that it leaves in one system call.
 *
 * A head and a small body together cost one `write`; each further `write` costs more than all of head parsing. Small
 * pieces are copied into one buffer; large ones are handed on as they are, in one `writev`.
 */
import type { Socket } from 'node:net';

/** Up to this many bytes are copied together; above it, copying costs more than a vectored write. */
const COPY_MAX_BYTES = 16 * 1024;

/** Up to this many bytes go as latin1 text, which is exact: one write of one string then serves head and body. */
const AS_TEXT_MAX_BYTES = 1024;

export class Outgoing {
  readonly #socket: Socket;
  #parts: (string | Buffer)[] = [];
  #bytes = 0;
  readonly #borrowed: boolean;
  /** Bytes that have been handed over, since the socket was opened. */
  sentBytes = 0;

  /** `borrowed`: the bytes that are added are only good until the flush, which therefore copies them. */
  constructor(socket: Socket, borrowed: boolean) {
    this.#socket = socket;
    this.#borrowed = borrowed;
  }

  /** Adds text of code points below 256. */
  text(text: string): void {
    this.#parts.push(text);
    this.#bytes += text.length;
  }

  /** Adds bytes; unless they are borrowed, they must not change afterwards. */
  data(data: Buffer): void {
    const isShort = data.length <= AS_TEXT_MAX_BYTES;
    this.#parts.push(isShort ? data.toString('latin1') : data);
    this.#bytes += data.length;
  }

  get empty(): boolean {
    return this.#bytes === 0;
  }

  /** Forgets what was collected and not handed over. */
  discard(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  /** Writes what was collected. False asks the producer to wait for the socket's `drain`. */
  flush(): boolean {
    const parts = this.#parts;
    const bytes = this.#bytes;
    if (bytes === 0) return true;
    this.#parts = [];
    this.#bytes = 0;
    this.sentBytes += bytes;
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return true;
    const text = textOf(parts);
    if (text !== null) return socket.write(text, 'latin1');
    if (parts.length === 1 && !this.#borrowed) return socket.write(parts[0]!);
    if (this.#borrowed || bytes <= COPY_MAX_BYTES) return socket.write(together(parts, bytes));
    socket.cork();
    let ready = true;
    for (const part of parts) ready = typeof part === 'string' ? socket.write(part, 'latin1') : socket.write(part);
    socket.uncork();
    return ready;
  }
}

/** All parts as one text, or null when one of them is bytes. */
function textOf(parts: readonly (string | Buffer)[]): string | null {
  let text = '';
  for (const part of parts) {
    if (typeof part !== 'string') return null;
    text += part;
  }
  return text;
}

function together(parts: readonly (string | Buffer)[], bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) {
    at += typeof part === 'string' ? buffer.write(part, at, 'latin1') : part.copy(buffer, at);
  }
  return buffer;
}
