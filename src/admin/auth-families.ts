/**
 * The metrics of forward-auth: what came of the questions that routes asked, and how long they took. They are no requests of
 * the version that serves the route, nor of the one that answers the questions; all labels are from the config.
 */
import type { MetricsSource } from '../control/operations.ts';
import { AUTH_FAILURES, AUTH_RESULTS, type AuthResult, readAuth } from '../stats/auth-cells.ts';
import { addCells, addUp, groupBoards } from './board-groups.ts';
import { BOUND_LABELS, cumulativeCounts } from './latency-buckets.ts';
import { counter, type Family, histogram, histogramSamples, type Labels, type Sample } from './metric-family.ts';

const BOUNDS: readonly Labels[] = [...BOUND_LABELS, '+Inf'].map((le) => ({ le }));

/** The families of all routes that ask a forward-auth service; every result is published from the start. */
export function authFamilies(routes: MetricsSource['routes']): Family[] {
  const results: Sample[] = [];
  const failures: Sample[] = [];
  const durations: Sample[] = [];
  const asking = routes.flatMap(({ name, forwardAuth }) =>
    forwardAuth === null ? [] : [{ name, board: forwardAuth }],
  );
  for (const { labels, boards } of groupBoards(asking, ({ name }) => ({ route: name }))) {
    const totals = boards.map(readAuth);
    const counts = addCells(totals.map((total) => total.results));
    const count = (result: AuthResult): number => counts[AUTH_RESULTS.indexOf(result)]!;
    const failed = addUp(AUTH_FAILURES, count);
    for (const result of ['allowed', 'refused', 'cancelled'] as const) {
      results.push({ labels: { result }, sharedLabels: labels, value: count(result) });
    }
    results.push({ labels: { result: 'failed' }, sharedLabels: labels, value: failed });
    for (const reason of AUTH_FAILURES)
      failures.push({ labels: { reason }, sharedLabels: labels, value: count(reason) });
    durations.push(
      ...histogramSamples(
        'forward_auth_duration_seconds',
        labels,
        BOUNDS,
        cumulativeCounts(addCells(totals.map((total) => total.durations))),
        addUp(totals, (total) => total.durationSumUs) / 1e6,
      ),
    );
  }
  return [
    counter('forward_auth_total', 'Questions to a forward-auth service, by what came of them.', results),
    counter('forward_auth_failures_total', 'Questions to a forward-auth service that came to nothing.', failures),
    histogram('forward_auth_duration_seconds', 'Time from a question to what came of it.', durations),
  ];
}
