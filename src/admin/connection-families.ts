/**
 * The metrics of connections: clients on listeners, and Tidegate on endpoints. Read from the board at the moment of the
 * scrape.
 *
 * Gauges that are derived by subtraction can come out below zero for an instant, because a thread may write between two
 * reads; they are cut off at zero.
 */
import type { MetricsSource } from '../control/operations.ts';
import { EJECTION_CAUSES, type EndpointTotals, readEndpoint } from '../stats/endpoint-cells.ts';
import { CLIENT_LIMITS, type ListenerTotals, readClientLimits, readListener } from '../stats/listener-cells.ts';
import { addCells, addUp, groupBoards } from './board-groups.ts';
import { counter, type Family, gauge, type Labels, type Sample } from './metric-family.ts';

const ACTIVE: Labels = { state: 'active' };
const IDLE: Labels = { state: 'idle' };

/** The families of all endpoints. */
export function endpointFamilies(endpoints: MetricsSource['endpoints']): Family[] {
  const groups = groupBoards(endpoints, ({ service, pool, endpoint }) => ({ service, pool, endpoint }));
  const all = groups.map(({ labels, boards }) => ({ labels, totals: boards.map(readEndpoint) }));
  const each = (figure: (totals: EndpointTotals) => number): Sample[] =>
    all.map(({ labels, totals }) => ({ sharedLabels: labels, value: addUp(totals, figure) }));
  return [
    gauge(
      'endpoint_up',
      'Whether the endpoint admits requests: 1 or 0.',
      all.map(({ labels, totals }) => ({ sharedLabels: labels, value: totals.some((one) => one.admitting) ? 1 : 0 })),
    ),
    gauge(
      'endpoint_ejected',
      'Whether the endpoint is out of use because it failed requests: 1 or 0; in a panic it is used all the same.',
      all.map(({ labels, totals }) => ({
        sharedLabels: labels,
        value: totals.some((one) => one.standing !== 'admitting') ? 1 : 0,
      })),
    ),
    counter(
      'endpoint_ejections_total',
      'Times that the endpoint was taken out of use, by why.',
      all.flatMap(({ labels, totals }) =>
        EJECTION_CAUSES.map((reason, index) => ({
          labels: { reason },
          sharedLabels: labels,
          value: addUp(totals, (one) => one.ejections[index]!),
        })),
      ),
    ),
    gauge(
      'upstream_connections',
      'Connections to the endpoint, by whether they carry a request.',
      all.flatMap(({ labels, totals }) => [
        {
          labels: ACTIVE,
          sharedLabels: labels,
          value: addUp(totals, (one) => Math.max(0, one.connections - one.idle)),
        },
        { labels: IDLE, sharedLabels: labels, value: addUp(totals, (one) => one.idle) },
      ]),
    ),
    counter(
      'upstream_dials_total',
      'Connections to the endpoint that were begun.',
      each((one) => one.dials),
    ),
    gauge(
      'upstream_queued',
      'Attempts that wait for a connection to the endpoint.',
      each((one) => one.queued),
    ),
    counter(
      'upstream_queue_overflows_total',
      'Attempts turned away because the queue to the endpoint was full or too slow.',
      each((one) => one.queueOverflows),
    ),
    counter(
      'upstream_desyncs_total',
      'Times that the endpoint sent bytes that no request had asked for.',
      each((one) => one.desyncs),
    ),
    counter(
      'upstream_reuse_races_total',
      'Times that the endpoint closed an idle connection at the moment of its reuse.',
      each((one) => one.reuseRaces),
    ),
  ];
}

/** The families of all listeners. */
export function listenerFamilies(listeners: MetricsSource['listeners']): Family[] {
  const groups = groupBoards(listeners, ({ name }) => ({ listener: name }));
  const all = groups.map(({ labels, boards }) => ({ labels, totals: boards.map(readListener) }));
  const each = (figure: (totals: ListenerTotals) => number): Sample[] =>
    all.map(({ labels, totals }) => ({ sharedLabels: labels, value: addUp(totals, figure) }));
  return [
    gauge(
      'connections',
      'Client connections of the listener, by whether a request is being worked on.',
      all.flatMap(({ labels, totals }) => [
        { labels: ACTIVE, sharedLabels: labels, value: addUp(totals, (one) => Math.max(0, one.active)) },
        { labels: IDLE, sharedLabels: labels, value: addUp(totals, (one) => Math.max(0, one.idle)) },
      ]),
    ),
    counter(
      'listener_accepted_total',
      'Client connections that the listener has accepted.',
      each((one) => one.accepted),
    ),
    counter(
      'listener_refused_total',
      'Requests that were refused on the listener before they were routed.',
      each((one) => one.refused),
    ),
    counter(
      'listener_dropped_total',
      'Client connections that were closed at once because the listener had too many.',
      each((one) => one.dropped),
    ),
    counter(
      'client_limits_total',
      'Times that a client has met a limit on what it sends or how long it takes, by which.',
      groups.flatMap(({ labels, boards }) => {
        const counts = addCells(boards.map(readClientLimits));
        return CLIENT_LIMITS.map((limit, index) => ({
          labels: { limit },
          sharedLabels: labels,
          value: counts[index]!,
        }));
      }),
    ),
    counter(
      'listener_client_limited_total',
      'Client connections that were closed at once because one client had too many.',
      each((one) => one.clientLimited),
    ),
    counter(
      'listener_turned_away_total',
      'Client connections that were closed at once because no file descriptor was left for them.',
      each((one) => one.turnedAway),
    ),
    counter(
      'listener_gave_way_total',
      'Idle client connections that were closed because others needed their file descriptors.',
      each((one) => one.gaveWay),
    ),
  ];
}
