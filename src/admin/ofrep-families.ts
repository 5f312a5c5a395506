/**
 * The metrics of OFREP: what was asked, what was refused and why, and who listens for changes. What the flags answered is in
 * `tidegate_flag_evaluations_total`, together with what they answered to requests on their way.
 */
import { counter, type Family, gauge } from './metric-family.ts';
import type { OfrepFigures } from './ofrep-counts.ts';

/** The families of the answers about flags. */
export function ofrepFamilies({ answers, refusals, streams }: OfrepFigures): Family[] {
  return [
    counter(
      'ofrep_requests_total',
      'Requests about flags by what they asked and how they were answered; 3xx is "not modified".',
      answers.map(({ call, code, count }) => ({ labels: { call, code }, value: count })),
    ),
    counter(
      'ofrep_refused_total',
      'Requests about flags that were not answered as asked, by why; a flag that is not there is none of these.',
      refusals.map(({ reason, count }) => ({ labels: { reason }, value: count })),
    ),
    gauge('ofrep_streams', 'Clients that listen for changes of flags.', [{ value: streams.open }]),
    counter('ofrep_streams_dropped_total', 'Clients that listened and were cut off because they did not read.', [
      { value: streams.dropped },
    ]),
    counter('ofrep_streams_displaced_total', 'Clients that gave their place to one of an address with fewer.', [
      { value: streams.displaced },
    ]),
    counter('ofrep_changes_total', 'Times that all who listen were told to ask again.', [{ value: streams.rounds }]),
  ];
}
