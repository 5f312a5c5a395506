/**
 * The metrics of gates, config, threads and the process itself.
 *
 * Moves are published for each service and each reason, also at zero, so that the first rollback of a service is a step
 * that a rate can see. The three `process_` metrics have the names that every Prometheus client gives them.
 */
import type { MetricsSource, MoveReason } from '../control/operations.ts';
import { counter, type Family, gauge, type Sample } from './metric-family.ts';

const MOVE_REASONS = [
  'start',
  'file',
  'traffic',
  'flip',
  'rollback',
  'rollout',
] as const satisfies readonly MoveReason[];
const RELOAD_RESULTS = ['applied', 'unchanged', 'rejected'] as const;

/** The families of traffic: where each gate stands and how often it moved. */
export function gateFamilies({ services, gateMoves }: Pick<MetricsSource, 'services' | 'gateMoves'>): Family[] {
  const moves = new Map(gateMoves.map(({ service, reason, count }) => [`${service}\n${reason}`, count]));
  return [
    gauge(
      'traffic_share',
      'The share of a service that a pool gets, 0 to 1.',
      services.flatMap(({ name: service, pools }) =>
        pools.map(({ name: pool, version, share }) => ({ labels: { service, pool, version }, value: share })),
      ),
    ),
    gauge(
      'gate_epoch',
      'The number of the position that the gate stands at.',
      services.map(({ name: service, epoch }) => ({ labels: { service }, value: epoch })),
    ),
    gauge(
      'pool_panic',
      'Whether so little of the pool admits requests that its ejected endpoints are used all the same: 1 or 0.',
      services.flatMap(({ name: service, pools }) =>
        pools.map(({ name: pool, panic }) => ({ labels: { service, pool }, value: panic ? 1 : 0 })),
      ),
    ),
    counter(
      'gate_moves_total',
      'Moves of the gate since the start, by what moved it.',
      services.flatMap(({ name: service }) =>
        MOVE_REASONS.map((reason) => ({
          labels: { service, reason },
          value: moves.get(`${service}\n${reason}`) ?? 0,
        })),
      ),
    ),
  ];
}

/** The families of the config and of the threads. */
export function controlFamilies(source: MetricsSource): Family[] {
  const { threads } = source;
  const each = (figure: (thread: MetricsSource['threads'][number]) => number): Sample[] =>
    threads.map((thread) => ({ labels: { thread: String(thread.thread) }, value: figure(thread) }));
  return [
    counter(
      'config_reloads_total',
      'Times that the config file was read again, by what came of it.',
      RELOAD_RESULTS.map((result) => ({ labels: { result }, value: source.reloads[result] })),
    ),
    gauge('config_generation', 'The generation of the snapshot in force.', [{ value: source.generation }]),
    gauge('config_last_reload_success', 'Whether the file as it was last read is in force: 1 or 0.', [
      { value: source.lastReloadSuccess ? 1 : 0 },
    ]),
    gauge(
      'thread_utilization',
      'The share of the last second that the event loop of the data thread was busy, 0 to 1.',
      each((thread) => thread.utilization),
    ),
    gauge(
      'thread_lag_seconds',
      'By how much the last tick of the data thread came late.',
      each((thread) => thread.lagMs / 1e3),
    ),
    counter(
      'access_log_dropped_total',
      'Access log lines that the data thread dropped because they were not taken away quickly enough.',
      each((thread) => thread.accessLogDropped),
    ),
    gauge(
      'replay_bytes',
      'Bytes of request bodies that the data thread keeps for another attempt.',
      each((thread) => thread.replayBytes),
    ),
    counter(
      'replay_refused_total',
      'Request bodies that the data thread had no more room to keep for another attempt.',
      each((thread) => thread.replayRefused),
    ),
    counter('log_dropped_total', 'Pieces of the log that were dropped because standard output did not take them.', [
      { value: source.logDropped },
    ]),
    counter('thread_replacements_total', 'Data threads that died and were replaced.', [
      { value: source.threadReplacements },
    ]),
    ...stateFamilies(source),
  ];
}

function stateFamilies({ state, stateStoreErrors }: MetricsSource): Family[] {
  return [
    gauge('state_writable', 'Whether the last write to the state file succeeded: 1 or 0.', [
      { value: state.writable ? 1 : 0 },
    ]),
    gauge(
      'state_unkept',
      'Positions, receipts and events that are in memory only because the state file took them not.',
      [{ value: state.unkept }],
    ),
    counter('state_set_aside_total', 'Damaged state files that were set aside.', [{ value: state.setAside.length }]),
    counter(
      'state_store_errors_total',
      'Positions, receipts and events that the state file did not take when asked to.',
      [{ value: stateStoreErrors }],
    ),
  ];
}

/** The families of the admin API and of the process. */
export function processFamilies(
  version: string,
  streams: { readonly clients: number; readonly dropped: number },
): Family[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge('event_clients', 'Clients that listen to the event stream.', [{ value: streams.clients }]),
    counter('event_clients_dropped_total', 'Clients of the event stream that were cut off because they did not read.', [
      { value: streams.dropped },
    ]),
    gauge('build_info', 'Always 1; the labels say what runs.', [
      { labels: { version, node: process.versions.node }, value: 1 },
    ]),
    {
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time of the process, all threads.',
      type: 'counter',
      values: [{ value: (user + system) / 1e6 }],
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Memory of the process that is in RAM.',
      type: 'gauge',
      values: [{ value: process.memoryUsage.rss() }],
    },
    {
      name: 'process_start_time_seconds',
      help: 'When the process started, in seconds since 1970.',
      type: 'gauge',
      values: [{ value: Math.round(performance.timeOrigin) / 1e3 }],
    },
  ];
}
