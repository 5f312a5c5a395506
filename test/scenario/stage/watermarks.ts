/**
 * Remembers the highest value that each counter was ever seen at, and notices one that comes back lower. A series that is
 * out of sight for a while (its pool has left the config) must go on from where it was.
 */
import type { Metrics } from './metrics.ts';

export class Watermarks {
  /** Counters that were seen to go backwards, as sentences. */
  readonly wrong: string[] = [];
  scrapes = 0;
  readonly #highest = new Map<string, number>();

  /** Compares with everything that was seen before. */
  see(metrics: Metrics): Metrics {
    this.scrapes += 1;
    for (const [key, value] of metrics.counters()) {
      const highest = this.#highest.get(key) ?? 0;
      if (value < highest) this.wrong.push(`${key} went from ${highest} to ${value}`);
      else this.#highest.set(key, value);
    }
    return metrics;
  }
}
