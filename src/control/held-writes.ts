/**
 * Writes that may wait for something more urgent, in their order.
 *
 * Each write to the state file is on disk before it answers, which takes milliseconds on a busy disk, and the way back of a
 * release has several of them to make: what was seen, what was decided, who is told. Users fail meanwhile. So they are held
 * until the gate has moved. A process that is killed just then has kept less than it has done: it finds the rollout as it was
 * before the last look, and the traffic where the gate has kept it.
 */
export class HeldWrites {
  readonly #held: (() => void)[] = [];
  #isHolding = false;

  /** From here on, writes wait. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Writes now, or when what is held is released. */
  write(work: () => void): void {
    if (this.#isHolding) this.#held.push(work);
    else work();
  }

  /** Makes all writes that were held, and from here on each at once. */
  release(): void {
    this.#isHolding = false;
    for (const work of this.#held.splice(0)) work();
  }
}
