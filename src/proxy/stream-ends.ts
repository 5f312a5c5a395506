/**
 * When streams are ended before the deadline of a stop: one after the other, evenly over the time that is left, the last of
 * them at the deadline itself.
 *
 * A WebSocket or an event stream does not end by itself, so waiting for the deadline with all of them would send every
 * client to the next instance in the same moment. An ordinary response may still end and has all the time there is. Each
 * thread spreads its own streams; together they are as even as each of them, and nothing has to be agreed upon.
 *
 * Streams may come and go meanwhile (a request in flight may still become a tunnel), so the time left is divided anew by
 * what is left after each end. Pure: the caller has the clock and the streams.
 */
export class StreamEnds {
  /** When the last end was due, or the spreading began. */
  #lastMs: number;
  readonly #untilMs: number;

  /** Spreads from `fromMs` to `untilMs`, of the clock that `due` is asked by. */
  constructor(fromMs: number, untilMs: number) {
    this.#lastMs = fromMs;
    this.#untilMs = untilMs;
  }

  /** How many of `streams` open streams are to be ended now; they must then be. */
  due(streams: number, nowMs: number): number {
    for (let left = streams; left > 0; left -= 1) {
      const nextMs = this.#lastMs + (this.#untilMs - this.#lastMs) / left;
      if (nowMs < nextMs) return streams - left;
      this.#lastMs = nextMs;
    }
    return streams;
  }
}
