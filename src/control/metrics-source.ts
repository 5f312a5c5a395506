/**
 * Collects what /metrics publishes from the parts that own it, at the moment of the call.
 *
 * Nothing is counted here and nothing is kept: the parts and the board have the numbers, `admin/` gives them their names.
 */
import type { Config } from '../config/schema.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { ProcessOwner } from '../stats/process-cells.ts';
import type { Board } from './board.ts';
import type { Configuration } from './configuration.ts';
import { crowds } from './crowds.ts';
import type { EjectionWatch } from './ejection-watch.ts';
import type { Exposures } from './exposures.ts';
import { flagTraffic } from './flag-traffic.ts';
import type { Flags } from './flags.ts';
import type { Gates } from './gates.ts';
import type { NameWatch } from './name-watch.ts';
import type { MetricsSource } from './operations.ts';
import type { Rollouts } from './rollouts.ts';
import { refusingRoutes } from './rule-specs.ts';
import type { SignalBooks } from './signal-books.ts';
import { sharesOf } from './views.ts';

/** The parts that know something that is published, and what is passed on as it is. */
export interface MetricsParts
  extends Pick<
    MetricsSource,
    'generation' | 'threadReplacements' | 'logDropped' | 'stateStoreErrors' | 'state' | 'webhooks' | 'confirmations'
  > {
  readonly config: Config;
  readonly snapshot: Snapshot | null;
  readonly configuration: Pick<Configuration, 'reloads' | 'lastReloadSuccess'>;
  readonly board: Board;
  readonly owner: ProcessOwner;
  readonly gates: Gates;
  readonly ejection: EjectionWatch;
  readonly names: NameWatch;
  readonly rollouts: Pick<Rollouts, 'figures'>;
  readonly flags: Pick<Flags, 'figures'>;
  readonly signals: SignalBooks;
  readonly exposures: Exposures;
}

/** Everything that /metrics needs. */
export function metricsSource(parts: MetricsParts): MetricsSource {
  const {
    config,
    snapshot,
    configuration,
    board,
    owner,
    gates,
    ejection,
    names,
    rollouts,
    flags,
    signals,
    exposures,
    ...rest
  } = parts;
  return {
    ...rest,
    names: names.figures(),
    rollouts: rollouts.figures(),
    flags: flags.figures(),
    signals: signals.figures(config),
    series: board.publishedSeries(),
    endpoints: board.endpoints(),
    listeners: snapshot?.listeners.map((listener) => ({ name: listener.name, board: listener.board })) ?? [],
    ...crowds(snapshot, board),
    flagTraffic: flagTraffic(snapshot, exposures),
    routes: refusingRoutes(snapshot),
    services: gates.all().map((gate) => {
      const shares = sharesOf(gate.weights);
      const pools = [...config.services.get(gate.service)!.pools.values()];
      return {
        name: gate.service,
        epoch: gate.epoch,
        pools: pools.map(({ name, version }) => ({
          name,
          version,
          share: shares[name] ?? 0,
          panic: ejection.isInPanic(gate.service, name),
        })),
      };
    }),
    gateMoves: gates.moveCounts(),
    reloads: configuration.reloads,
    lastReloadSuccess: configuration.lastReloadSuccess,
    threads: Array.from({ length: owner.threads }, (_, thread) => ({
      thread,
      utilization: owner.utilization(thread),
      lagMs: owner.lagMs(thread),
      accessLogDropped: owner.accessLogDropped(thread),
      replayBytes: owner.replayBytes(thread),
      replayRefused: owner.replayRefused(thread),
    })),
  };
}
