/**
 * One change at a time: traffic moves, reloads and the stop run one after the other, in the order in which they were
 * asked for, so that none of them ever sees another half done.
 */

export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` once everything before it has ended, whether it succeeded or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
