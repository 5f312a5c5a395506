/**
 * The metrics of versions: what users saw, what attempts came to, how long both took. Read from the series of the board
 * at the moment of the scrape.
 *
 * All codes and outcomes are published from the start, also at zero: a rate needs a first point, and the first 5xx of a
 * new version must not be invisible. Only 1xx, which is no final answer and hardly ever counted, waits for its first.
 */
import type { SeriesEntry } from '../control/operations.ts';
import { CODES, OUTCOMES, RETRY_RESULTS, SeriesReader } from '../stats/series.ts';
import { addCells, addUp, groupBoards } from './board-groups.ts';
import { BOUND_LABELS, cumulativeCounts } from './latency-buckets.ts';
import { counter, type Family, gauge, histogram, histogramSamples, type Labels, type Sample } from './metric-family.ts';
import type { RetainedCounts } from './retained-counts.ts';

const BOUNDS: readonly Labels[] = [...BOUND_LABELS, '+Inf'].map((le) => ({ le }));
const CODE_LABELS: readonly Labels[] = CODES.map((code) => ({ code }));
const RESULT_LABELS: readonly Labels[] = RETRY_RESULTS.map((result) => ({ result }));
const OUTCOME_LABELS: readonly Labels[] = OUTCOMES.map((outcome) => ({ outcome }));

/** The families of all series; `retries` remembers between scrapes what has left the board. */
export function seriesFamilies(series: readonly SeriesEntry[], retries: RetainedCounts): Family[] {
  const requests: Sample[] = [];
  const attempts: Sample[] = [];
  const durations: Sample[] = [];
  const firstBytes: Sample[] = [];
  const bytesIn: Sample[] = [];
  const bytesOut: Sample[] = [];
  const tunnels: Sample[] = [];

  const groups = groupBoards(series, ({ service, pool, version }) => ({ service, pool, version }));
  for (const { labels, boards } of groups) {
    const readers = boards.map((board) => new SeriesReader(board));
    const codes = addCells(readers.map((reader) => reader.codes()));
    CODE_LABELS.forEach((code, index) => {
      const value = codes[index]!;
      if (value > 0 || index > 0) requests.push({ labels: code, sharedLabels: labels, value });
    });
    const outcomes = addCells(readers.map((reader) => reader.outcomes()));
    OUTCOME_LABELS.forEach((outcome, index) => {
      attempts.push({ labels: outcome, sharedLabels: labels, value: outcomes[index]! });
    });
    durations.push(
      ...histogramSamples(
        'request_duration_seconds',
        labels,
        BOUNDS,
        cumulativeCounts(addCells(readers.map((reader) => reader.durations()))),
        addUp(readers, (reader) => reader.durationSumUs()) / 1e6,
      ),
    );
    firstBytes.push(
      ...histogramSamples(
        'upstream_first_byte_seconds',
        labels,
        BOUNDS,
        cumulativeCounts(addCells(readers.map((reader) => reader.firstBytes()))),
        addUp(readers, (reader) => reader.firstByteSumUs()) / 1e6,
      ),
    );
    bytesIn.push({ sharedLabels: labels, value: addUp(readers, (reader) => reader.bytesIn()) });
    bytesOut.push({ sharedLabels: labels, value: addUp(readers, (reader) => reader.bytesOut()) });
    tunnels.push({ sharedLabels: labels, value: addUp(readers, (reader) => Math.max(0, reader.tunnelsOpen())) });
  }

  const pools = groupBoards(series, ({ service, pool }) => ({ service, pool }));
  return [
    counter('requests_total', 'Exchanges that have ended, by what the user saw.', requests),
    histogram(
      'request_duration_seconds',
      'Time from the first byte of a request to the end of its exchange.',
      durations,
    ),
    counter('upstream_attempts_total', 'Attempts against endpoints that have ended, by what they came to.', attempts),
    histogram('upstream_first_byte_seconds', 'Time from an attempt being sent to its first response byte.', firstBytes),
    counter(
      'retries_total',
      'Exchanges with a failed attempt that might have been followed by another, by what became of them.',
      retried(pools, retries),
    ),
    gauge(
      'requests_in_flight',
      'Exchanges that were routed and have not ended.',
      pools.map(({ labels, boards }) => ({
        sharedLabels: labels,
        value: addUp(boards, (board) => Math.max(0, new SeriesReader(board).inFlight())),
      })),
    ),
    counter('request_bytes_total', 'Bytes that ended exchanges have received from clients.', bytesIn),
    counter('response_bytes_total', 'Bytes that ended exchanges have sent to clients.', bytesOut),
    gauge('tunnels_open', 'Upgraded connections, such as WebSockets, that are open.', tunnels),
  ];
}

function retried(pools: ReturnType<typeof groupBoards>, retries: RetainedCounts): Sample[] {
  const keyOf = (labels: Labels, result: string): string => `${labels.service}\n${labels.pool}\n${result}`;
  const parts = new Map<string, Map<SharedArrayBuffer, number>>();
  for (const { labels, boards } of pools) {
    const counts = boards.map((board) => [board, new SeriesReader(board).retries()] as const);
    RETRY_RESULTS.forEach((result, index) => {
      parts.set(keyOf(labels, result), new Map(counts.map(([board, cells]) => [board, cells[index]!])));
    });
  }
  const totals = retries.totals(parts);
  return pools.flatMap(({ labels }) =>
    RETRY_RESULTS.map((result, index) => ({
      labels: RESULT_LABELS[index]!,
      sharedLabels: labels,
      value: totals.get(keyOf(labels, result))!,
    })),
  );
}
