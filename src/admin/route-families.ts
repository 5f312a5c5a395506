/**
 * The metrics of rules: what routes refused, and why. Every reason is published from the start, also at zero, for the
 * routes that can refuse anything; all labels are from the config.
 */
import type { MetricsSource } from '../control/operations.ts';
import { RULE_RESULTS, readRoute } from '../stats/route-cells.ts';
import { addCells, groupBoards } from './board-groups.ts';
import { counter, type Family } from './metric-family.ts';

/** The family of all routes with rules that refuse. */
export function routeFamilies(routes: MetricsSource['routes']): Family[] {
  const groups = groupBoards(routes, ({ name }) => ({ route: name }));
  return [
    counter(
      'route_refusals_total',
      'Requests that a rule of the route or of a pool refused; would-limit is a rate limit that only counts.',
      groups.flatMap(({ labels, boards }) => {
        const counts = addCells(boards.map(readRoute));
        return RULE_RESULTS.map((reason, index) => ({
          labels: { reason },
          sharedLabels: labels,
          value: counts[index]!,
        }));
      }),
    ),
  ];
}
