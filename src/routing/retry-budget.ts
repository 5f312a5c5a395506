/**
 * How many requests may be sent a second time: a share of the requests of the last ten seconds.
 *
 * A fixed number of retries for each request multiplies the load just when there is too much of it. A share cannot: with
 * 20%, endpoints never get more than 1.2 times what clients ask for. The window is a ring of ten slices of a second, which
 * forgets exactly and needs no timer; an average that fades was rejected because nobody can say what it still remembers.
 * A floor of one a second lets a service with little traffic retry at all.
 *
 * One for each service and data thread: threads share nothing, and a share of each part is a share of the whole.
 */

const SLICES = 10;
const SLICE_MS = 1000;
/** So many in a window are always allowed. */
const FLOOR = 10;

export class RetryBudget {
  readonly #requests = new Float64Array(SLICES);
  readonly #retries = new Float64Array(SLICES);
  #slice = 0;
  #requestsSum = 0;
  #retriesSum = 0;

  /** A request has come; `nowMs` is a monotonic clock, the same in all calls. */
  request(nowMs: number): void {
    this.#turn(nowMs);
    this.#requests[this.#slice % SLICES]! += 1;
    this.#requestsSum += 1;
  }

  /** Whether another retry fits into `share` (0 to 1) of the requests of the window. A share of 0 allows none at all. */
  allows(share: number, nowMs: number): boolean {
    this.#turn(nowMs);
    return share > 0 && this.#retriesSum < Math.max(FLOOR, share * this.#requestsSum);
  }

  /** A retry is made. */
  spend(nowMs: number): void {
    this.#turn(nowMs);
    this.#retries[this.#slice % SLICES]! += 1;
    this.#retriesSum += 1;
  }

  /** Empties the slices that have been left behind. */
  #turn(nowMs: number): void {
    const slice = Math.floor(nowMs / SLICE_MS);
    if (slice <= this.#slice) return;
    const from = Math.max(this.#slice + 1, slice - SLICES + 1);
    for (let passed = from; passed <= slice; passed += 1) {
      const at = passed % SLICES;
      this.#requestsSum -= this.#requests[at]!;
      this.#retriesSum -= this.#retries[at]!;
      this.#requests[at] = 0;
      this.#retries[at] = 0;
    }
    this.#slice = slice;
  }
}
