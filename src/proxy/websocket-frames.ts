/**
 * Knows where the frames of a WebSocket begin (RFC 6455 section 5.2) without looking into them, so that a tunnel that must end
 * can be told so with a close frame of its own: between two frames, never inside one.
 *
 * One tracker follows one direction. It keeps two numbers and costs a few steps a frame; payload is skipped.
 */

const HEADER = 0;
const LENGTH = 1;
const MASK = 2;
const PAYLOAD = 3;

export class FrameTracker {
  #phase = HEADER;
  #need = 2;
  #payload = 0;
  #masked = false;
  #lengthBytes = 0;
  #closed = false;

  /** True when the next byte would be the first of a frame, and no close frame has passed. */
  get between(): boolean {
    return this.#phase === HEADER && this.#need === 2 && !this.#closed;
  }

  /** Follows bytes that pass. */
  pass(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#phase === PAYLOAD) {
        const step = Math.min(this.#payload, chunk.length - at);
        this.#payload -= step;
        at += step;
        if (this.#payload === 0) this.#beginFrame();
        continue;
      }
      this.#headerByte(chunk[at++]!);
    }
  }

  #headerByte(byte: number): void {
    this.#need -= 1;
    if (this.#phase === HEADER) {
      if (this.#need === 1) {
        if ((byte & 0x0f) === 0x8) this.#closed = true;
        return;
      }
      this.#masked = (byte & 0x80) !== 0;
      const short = byte & 0x7f;
      this.#lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
      this.#payload = this.#lengthBytes === 0 ? short : 0;
      if (this.#lengthBytes > 0) this.#enter(LENGTH, this.#lengthBytes);
      else this.#afterLength();
      return;
    }
    if (this.#phase === LENGTH) {
      this.#payload = this.#payload * 256 + byte;
      if (this.#need === 0) this.#afterLength();
      return;
    }
    if (this.#need === 0) this.#afterMask();
  }

  #enter(phase: number, need: number): void {
    this.#phase = phase;
    this.#need = need;
  }

  #afterLength(): void {
    if (this.#masked) this.#enter(MASK, 4);
    else this.#afterMask();
  }

  #afterMask(): void {
    if (this.#payload === 0) this.#beginFrame();
    else this.#phase = PAYLOAD;
  }

  #beginFrame(): void {
    this.#enter(HEADER, 2);
  }
}

/** A close frame to a client, code 1012 "service restart" (IANA WebSocket close codes). */
export const CLOSE_TO_CLIENT = Buffer.from([0x88, 0x02, 0x03, 0xf4]);

/** A close frame to an endpoint, code 1001 "going away"; masked, as a client's frames must be. */
export const CLOSE_TO_ENDPOINT = Buffer.from([0x88, 0x82, 0x00, 0x00, 0x00, 0x00, 0x03, 0xe9]);
