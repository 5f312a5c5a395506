/**
 * The bell: how data threads wake the control plane for what should not wait for its next tick.
 *
 * One word for the whole process. It is 1 while the next ring is to be heard, and 0 once it has rung:
 *
 *     1 listening ──ring()──▶ 0 has rung ──listen()──▶ 1 listening
 *
 * Only who finds it listening notifies, so a storm of rings costs one notification for each time that somebody listens, and a
 * ring between `listen` and `rung` is not lost: `rung` finds it. Both sides exchange the word and never just store it, so
 * whoever listens sees all that was written before the rings it has taken away.
 *
 * Rejected: a message to the control plane, which is an object, a queue and a wake-up for each; a file descriptor, which
 * threads of one process do not need. A wait that nobody ever ends keeps no process alive (V8 holds it, not libuv).
 */
const LISTENING = 1;
const HAS_RUNG = 0;

export class Bell {
  readonly #ints: Int32Array;
  readonly #index: number;

  /** The bell in this cell, which is 0 while nobody has ever listened. */
  constructor(ints: Int32Array, index: number) {
    this.#ints = ints;
    this.#index = index;
  }

  /** Wakes who listens. For any thread, and for the listener itself to end its own wait. */
  ring(): void {
    if (Atomics.exchange(this.#ints, this.#index, HAS_RUNG) === LISTENING) Atomics.notify(this.#ints, this.#index);
  }

  /** From here on a ring is heard. To be called before what the rings are about is read. */
  listen(): void {
    Atomics.exchange(this.#ints, this.#index, LISTENING);
  }

  /** Resolves when it has rung since `listen`. Only one thread may wait, once at a time. */
  async rung(): Promise<void> {
    await Atomics.waitAsync(this.#ints, this.#index, LISTENING).value;
  }
}
