/**
 * The metrics of too much: what was shed and why, which threads are shedding, and the limits on what is in flight. Every
 * reason is published from the start, also at zero.
 */
import type { MetricsSource } from '../control/operations.ts';
import { readInFlight } from '../stats/in-flight-cells.ts';
import { isShedding, readShed, SHED_REASONS } from '../stats/overload-cells.ts';
import { counter, type Family, gauge } from './metric-family.ts';

type OverloadSource = Pick<MetricsSource, 'inFlight' | 'overload' | 'threads'>;

/** The families of limits on what is in flight, and of overload. The process is the pool without a name. */
export function overloadFamilies({ inFlight, overload, threads }: OverloadSource): Family[] {
  const shed = readShed(overload);
  const limited = inFlight.filter(({ max }) => max !== null);
  const labelsOf = ({ service, pool }: OverloadSource['inFlight'][number]) => ({ service, pool });
  return [
    counter(
      'shed_total',
      'Requests, or connections before their first, that were turned away because there was too much to do, by why.',
      SHED_REASONS.map((reason, index) => ({ labels: { reason }, value: shed[index]! })),
    ),
    gauge(
      'thread_shedding',
      'Whether the data thread refuses new requests because it is behind: 1 or 0.',
      threads.map(({ thread }) => ({
        labels: { thread: String(thread) },
        value: isShedding(overload, thread) ? 1 : 0,
      })),
    ),
    gauge(
      'in_flight_limit',
      'The most requests that may be in flight in the pool, or in the process (no labels), where there is a limit.',
      limited.map((place) => ({ labels: labelsOf(place), value: place.max! })),
    ),
    gauge(
      'in_flight',
      'Requests that count for that limit.',
      inFlight.map((place) => ({ labels: labelsOf(place), value: readInFlight(place.board).inFlight })),
    ),
    counter(
      'in_flight_refused_total',
      'Requests that were refused because the pool, or the process (no labels), had as many in flight as it may.',
      inFlight.map((place) => ({ labels: labelsOf(place), value: readInFlight(place.board).refused })),
    ),
  ];
}
