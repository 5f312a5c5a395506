/**
 * One scrape of /metrics, and what tests ask of it: values by labels, and all that may only grow.
 */
import { type ParsedMetric, parsePrometheus } from '../../unit/admin/prometheus-text.ts';

export class Metrics {
  readonly #metrics: ReadonlyMap<string, ParsedMetric>;

  constructor(text: string) {
    this.#metrics = parsePrometheus(text);
  }

  /** The sum of the samples of a metric whose labels contain all of these; 0 when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
    let sum = 0;
    for (const [key, value] of this.#metrics.get(name)?.samples ?? []) {
      const parts = key.slice(key.indexOf('{') + 1, -1).split(',');
      if (wanted.every((part) => parts.includes(part))) sum += value;
    }
    return sum;
  }

  /** Every cell that may only grow: counters, and the cells of histograms. */
  counters(): Map<string, number> {
    const found = new Map<string, number>();
    for (const metric of this.#metrics.values()) {
      if (metric.type !== 'counter' && metric.type !== 'histogram') continue;
      for (const [key, value] of metric.samples) found.set(key, value);
    }
    return found;
  }
}
