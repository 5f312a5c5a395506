/**
 * Parts of a pool that a balancer may choose from, for the two occasions on which not all of it is wanted. They are made
 * only then: an exchange that may use the whole pool is given the pool itself.
 */
import type { EndpointSet } from '../routing/balance.ts';

/** The endpoints of a pool before an index: what a gate position leaves of it. */
export class FirstEndpoints implements EndpointSet {
  readonly #pool: EndpointSet;
  readonly #end: number;
  readonly count: number;

  constructor(pool: EndpointSet, end: number) {
    this.#pool = pool;
    this.#end = end;
    this.count = pool.count;
  }

  weightAt(index: number): number {
    return this.#pool.weightAt(index);
  }

  admitting(index: number): boolean {
    return index < this.#end && this.#pool.admitting(index);
  }

  inFlight(index: number): number {
    return this.#pool.inFlight(index);
  }
}

/** A part of a pool without the endpoints that an exchange has tried; `endpoints` are those of the pool, in its order. */
export class Untried<E> implements EndpointSet {
  readonly #part: EndpointSet;
  readonly #endpoints: readonly E[];
  readonly #tried: readonly E[];
  readonly count: number;

  constructor(part: EndpointSet, endpoints: readonly E[], tried: readonly E[]) {
    this.#part = part;
    this.#endpoints = endpoints;
    this.#tried = tried;
    this.count = part.count;
  }

  weightAt(index: number): number {
    return this.#part.weightAt(index);
  }

  admitting(index: number): boolean {
    return this.#part.admitting(index) && !this.#tried.includes(this.#endpoints[index]!);
  }

  inFlight(index: number): number {
    return this.#part.inFlight(index);
  }
}
