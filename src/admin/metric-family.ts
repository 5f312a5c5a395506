/**
 * A metric with all its values at one moment, in the form that prom-client's registry writes as text.
 *
 * prom-client's own Counter and Histogram are made to be counted up; ours are absolute values that stand on the board. So
 * only the registry is used: it asks whatever is registered for `get()`, and writes and escapes what that gives. Keeping
 * prom-client's metrics and setting them before each scrape was rejected: histograms cannot be set, and series that have
 * left the config would have to be hunted down and removed.
 *
 * `sharedLabels` are written once for each object and reused, which is what makes histograms cheap: all lines of a
 * series must share one object.
 */

/** Label names and values; values come from the config or from constants. */
export type Labels = Readonly<Record<string, string>>;

/** One line of a metric. */
export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
  readonly sharedLabels?: Labels;
  /** Where it is not the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** One metric. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Sample[];
}

/** A metric whose value grows until the process ends. */
export function counter(name: string, help: string, values: readonly Sample[]): Family {
  return { name: `tidegate_${name}`, help, type: 'counter', values };
}

/** A metric whose value goes up and down. */
export function gauge(name: string, help: string, values: readonly Sample[]): Family {
  return { name: `tidegate_${name}`, help, type: 'gauge', values };
}

/** A distribution; `values` hold its buckets, sum and count (see `histogramSamples`). */
export function histogram(name: string, help: string, values: readonly Sample[]): Family {
  return { name: `tidegate_${name}`, help, type: 'histogram', values };
}

/** The lines of one series of a histogram: cumulative counts of all bounds and +Inf, and the sum in seconds. */
export function histogramSamples(
  name: string,
  labels: Labels,
  bounds: readonly Labels[],
  cumulative: readonly number[],
  sumSeconds: number,
): Sample[] {
  const bucketName = `tidegate_${name}_bucket`;
  const samples: Sample[] = bounds.map((bound, index) => ({
    metricName: bucketName,
    labels: bound,
    sharedLabels: labels,
    value: cumulative[index]!,
  }));
  samples.push({ metricName: `tidegate_${name}_sum`, sharedLabels: labels, value: sumSeconds });
  samples.push({ metricName: `tidegate_${name}_count`, sharedLabels: labels, value: cumulative.at(-1)! });
  return samples;
}
