/**
 * The metrics of requests by the variants of flags: what users saw, how long it took, what failed, and what flags do beside that.
 *
 * Names of flags, variants, services and pools are of the config; a key never is a label. All codes are published from the start,
 * also at zero, as for versions.
 */
import type { MetricsSource } from '../control/operations.ts';
import { readFlagSeries } from '../stats/flag-series.ts';
import { FLAG_TALLIES, readFlagTally } from '../stats/flag-tally.ts';
import { CODES } from '../stats/series.ts';
import { BOUND_LABELS, cumulativeCounts } from './latency-buckets.ts';
import { counter, type Family, gauge, histogram, histogramSamples, type Labels, type Sample } from './metric-family.ts';

const BOUNDS: readonly Labels[] = [...BOUND_LABELS, '+Inf'].map((le) => ({ le }));
const CODE_LABELS: readonly Labels[] = CODES.map((code) => ({ code }));

/** The families of flags at the proxy; none where the config has no flags. */
export function flagTrafficFamilies(traffic: MetricsSource['flagTraffic']): Family[] {
  if (traffic === null) return [];
  const requests: Sample[] = [];
  const errors: Sample[] = [];
  const fallbacks: Sample[] = [];
  const durations: Sample[] = [];
  for (const { board, ...labels } of traffic.series) {
    const { codes, errors: bad, fallbacks: fell, durations: counts, durationSumUs } = readFlagSeries(board);
    CODE_LABELS.forEach((code, index) => {
      const value = codes[index]!;
      if (value > 0 || index > 0) requests.push({ labels: code, sharedLabels: labels, value });
    });
    errors.push({ sharedLabels: labels, value: bad });
    fallbacks.push({ sharedLabels: labels, value: fell });
    const name = 'flag_request_duration_seconds';
    durations.push(...histogramSamples(name, labels, BOUNDS, cumulativeCounts(counts), durationSumUs / 1e6));
  }
  const tally = readFlagTally(traffic.tally);
  const { waiting, results } = traffic.exposures;
  return [
    counter(
      'flag_requests_total',
      'Exchanges with a variant of a flag that have ended, by what the user saw.',
      requests,
    ),
    histogram('flag_request_duration_seconds', 'Time of whole exchanges, by the variant of a flag.', durations),
    counter(
      'flag_errors_total',
      'Exchanges with a variant of a flag that were bad, by what a version is judged by.',
      errors,
    ),
    counter(
      'flag_fallbacks_total',
      'Exchanges whose variant names this pool and that went to the active pool, because it admitted nobody.',
      fallbacks,
    ),
    counter(
      'flag_incidents_total',
      'What happened about flags that is not about one of them, such as choices and tokens that were not believed.',
      FLAG_TALLIES.map((what) => ({ labels: { what }, value: tally[what] })),
    ),
    counter(
      'flag_exposures_total',
      'Exposures that the control plane has told, that another thread had told, or that were dropped.',
      Object.entries(results).map(([result, value]) => ({ labels: { result }, value })),
    ),
    gauge('flag_exposures_waiting', 'Exposures that wait to be told.', [{ value: waiting }]),
  ];
}
