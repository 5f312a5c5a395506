/**
 * Which endpoint of a pool takes an attempt.
 *
 * Four policies, chosen by `balance:` in the file; all of them respect weights, see only admitting endpoints, and keep the
 * ratio among the others when one is shut:
 *   - round-robin: smooth weighted round robin (as in nginx): each endpoint earns its weight per turn, the richest is
 *     taken and pays for all. The order is as even as weights allow. Caddy's table of repeated indices was rejected
 *     because a shut endpoint's turns all fall to its neighbour.
 *   - least-request: two different endpoints are drawn by weight and the one with fewer exchanges in flight for its
 *     weight is taken (Mitzenmacher, "The power of two choices"). Taking the least of all was rejected: every thread
 *     then sends its next request to the same endpoint, the one that was just let in.
 *   - random: drawn by weight.
 *   - hash: weighted rendezvous on a key (`rendezvous.ts`), so only the keys of an endpoint that is lost move.
 * A choice reads every endpoint's state once, into an array that is kept for it, and allocates nothing. Pools have tens
 * of endpoints (a hundred cost a few microseconds); an index over thousands would have to follow each change of health
 * and weight on every thread.
 */
import { keyHigh, keyLow, nodeSeed, score } from './rendezvous.ts';
import type { BalancePolicy } from './snapshot.ts';

/** What a balancer sees of a pool's endpoints, numbered from 0; read anew at each choice. */
export interface EndpointSet {
  readonly count: number;
  /** From 0 up; an endpoint without weight takes nothing. */
  weightAt(index: number): number;
  /** Whether health and ejection let it take new attempts. */
  admitting(index: number): boolean;
  /** Exchanges in flight, on all threads. */
  inFlight(index: number): number;
}

/** The balancer of one pool on one thread; what it remembers (the turns of round robin) is its own. */
export class Balancer {
  readonly #policy: BalancePolicy;
  readonly #seeds: Uint32Array;
  readonly #earned: Float64Array;
  /** What each endpoint stands in with at the choice that is being made; 0 when it may not be chosen. */
  readonly #weights: Float64Array;
  #isPlaced = false;

  /** `scope` and `names` are the identities of pool and endpoints: a key keeps its endpoint when the file reorders them. */
  constructor(policy: BalancePolicy, scope: string, names: readonly string[]) {
    this.#policy = policy;
    this.#seeds = Uint32Array.from(names, (name) => nodeSeed(scope, name));
    this.#earned = new Float64Array(names.length);
    this.#weights = new Float64Array(names.length);
  }

  /**
   * The index of an admitting endpoint with weight other than `exclude`, or -1 when there is none.
   *
   * `set` numbers the endpoints as `names` did. `random` gives uniform u32s and is called at most twice. `key` matters
   * to the policy `hash` only; an empty key belongs to nobody, and is drawn by weight instead of heaping all such
   * requests on one endpoint.
   */
  choose(set: EndpointSet, random: () => number, key: string, exclude = -1): number {
    const total = this.#weigh(set, exclude);
    if (total === 0) return -1;
    switch (this.#policy) {
      case 'round-robin':
        return this.#roundRobin(total, random);
      case 'least-request':
        return this.#leastRequest(set, total, random);
      case 'random':
        return this.#draw(total, random());
      case 'hash':
        return key === '' ? this.#draw(total, random()) : this.#byKey(key);
      default:
        return this.#policy satisfies never;
    }
  }

  #weigh(set: EndpointSet, exclude: number): number {
    const weights = this.#weights;
    if (set.count !== weights.length) throw new RangeError('a balancer chooses among the endpoints it was made for');
    let total = 0;
    for (let i = 0; i < weights.length; i += 1) {
      const weight = i === exclude || !set.admitting(i) ? 0 : set.weightAt(i);
      weights[i] = weight;
      total += weight;
    }
    return total;
  }

  #roundRobin(total: number, random: () => number): number {
    if (!this.#isPlaced) {
      // Threads begin at different turns; otherwise each would send its first request to the same endpoint.
      this.#isPlaced = true;
      for (let turns = random() % this.#weights.length; turns > 0; turns -= 1) this.#turn(total);
    }
    return this.#turn(total);
  }

  #turn(total: number): number {
    const earned = this.#earned;
    let best = -1;
    for (let i = 0; i < earned.length; i += 1) {
      const weight = this.#weights[i]!;
      if (weight === 0) continue;
      earned[i]! += weight;
      if (best === -1 || earned[i]! > earned[best]!) best = i;
    }
    earned[best]! -= total;
    return best;
  }

  #leastRequest(set: EndpointSet, total: number, random: () => number): number {
    const weights = this.#weights;
    const first = this.#draw(total, random());
    const weight = weights[first]!;
    weights[first] = 0;
    const second = this.#draw(total - weight, random());
    if (second === -1) return first;
    // Multiplied crosswise, because a product of small numbers is exact and a quotient is not. Evens go to the first
    // draw, which keeps the shares at their weights while nothing is busy.
    return set.inFlight(second) * weight < set.inFlight(first) * weights[second]! ? second : first;
  }

  /** An endpoint drawn by weight with one uniform u32; -1 when none has any. */
  #draw(total: number, u32: number): number {
    const weights = this.#weights;
    let rest = (u32 / 2 ** 32) * total;
    let last = -1;
    for (let i = 0; i < weights.length; i += 1) {
      const weight = weights[i]!;
      if (weight === 0) continue;
      if (rest < weight) return i;
      rest -= weight;
      // Subtraction may leave a grain of the sum over; it belongs to the last endpoint.
      last = i;
    }
    return last;
  }

  #byKey(key: string): number {
    const low = keyLow(key);
    const high = keyHigh(key);
    let best = -1;
    let bestScore = -1;
    for (let i = 0; i < this.#weights.length; i += 1) {
      const weight = this.#weights[i]!;
      if (weight === 0) continue;
      const own = score(weight, this.#seeds[i]!, low, high);
      if (own > bestScore) {
        best = i;
        bestScore = own;
      }
    }
    return best;
  }
}
