/**
 * One scrape of /metrics, and what tests ask of it: values by labels, and that no counter has gone backwards.
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

  /** The counters (and cells of histograms) of `later` that are smaller than here, or gone, as sentences. */
  backwardsIn(later: Metrics): string[] {
    const wrong: string[] = [];
    for (const [name, metric] of this.#metrics) {
      if (metric.type !== 'counter' && metric.type !== 'histogram') continue;
      const others = later.#metrics.get(name)?.samples;
      for (const [key, value] of metric.samples) {
        const other = others?.get(key);
        if (other === undefined) wrong.push(`${key} has gone`);
        else if (other < value) wrong.push(`${key} went from ${value} to ${other}`);
      }
    }
    return wrong;
  }
}
