/**
 * What people and scripts see of the control plane: its state as plain data, made at the moment of the question.
 */
import type { Config, Endpoint, Service } from '../config/schema.ts';
import { readEndpoint } from '../stats/endpoint-cells.ts';
import { CODES, SeriesReader } from '../stats/series.ts';
import type { Board } from './board.ts';
import type { Drains } from './drains.ts';
import type { EjectionWatch } from './ejection-watch.ts';
import type { HealthWatch } from './health-watch.ts';
import type { LiveRates } from './live-rates.ts';
import type { EndpointView, PoolView, RolloutGlance, ServiceView, Weights } from './operations.ts';
import type { ServiceGate } from './service-gate.ts';

export interface ViewSources {
  readonly config: Config;
  readonly board: Board;
  readonly health: HealthWatch;
  readonly ejection: EjectionWatch;
  readonly rates: LiveRates;
  readonly drains: Drains;
  /** Whether the state file has where a gate stands. */
  readonly isKept: (gate: ServiceGate) => boolean;
  /** The rollout of a service that runs, or null. */
  readonly rolloutOf: (service: string) => RolloutGlance | null;
}

/** The identity of a series for live figures. */
export function rateKey(service: string, pool: string, version: string): string {
  return JSON.stringify([service, pool, version]);
}

/** Each pool's part of the traffic, 0 to 1. */
export function sharesOf(weights: Weights): Record<string, number> {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  return Object.fromEntries(Object.entries(weights).map(([pool, weight]) => [pool, sum > 0 ? weight / sum : 0]));
}

export function serviceView(gate: ServiceGate, sources: ViewSources): ServiceView {
  const service = sources.config.services.get(gate.service)!;
  return {
    name: gate.service,
    epoch: gate.epoch,
    traffic: gate.weights,
    previous: gate.previous,
    active: gate.active,
    since: gate.since,
    stored: sources.isKept(gate),
    rollout: sources.rolloutOf(gate.service),
    pools: [...service.pools.keys()].map((pool) => poolView(service, pool, gate, sources)),
  };
}

function poolView(service: Service, name: string, gate: ServiceGate, sources: ViewSources): PoolView {
  const pool = service.pools.get(name)!;
  const series = new SeriesReader(sources.board.findSeries(service.name, name, pool.version)!);
  const codes = series.codes();
  const weight = gate.weights[name] ?? 0;
  const inFlight = series.inFlight();
  const state = gate.endpointsInUse(name) > 0 ? 'serving' : inFlight > 0 ? 'draining' : 'idle';
  const drain = state === 'draining' ? sources.drains.viewOf(service.name, name) : null;
  return {
    name,
    version: pool.version,
    weight,
    share: sharesOf(gate.weights)[name] ?? 0,
    state,
    inFlight,
    tunnels: series.tunnelsOpen(),
    panic: sources.ejection.isInPanic(service.name, name),
    drainDeadline: drain?.deadline ?? null,
    drainEnded: drain?.ended ?? 0,
    requests: series.ended(),
    errors: codes[CODES.indexOf('5xx')]!,
    live: sources.rates.figures(rateKey(service.name, name, pool.version)),
    endpoints: pool.endpoints.map((endpoint) => endpointView(service, name, endpoint, sources)),
  };
}

function endpointView(service: Service, pool: string, endpoint: Endpoint, sources: ViewSources): EndpointView {
  const address = endpoint.name;
  const totals = readEndpoint(sources.board.findEndpoint(service.name, pool, address)!.board);
  const state = sources.health.stateOf(service.name, pool, address);
  return {
    address,
    weight: endpoint.weight,
    effectiveWeight: endpoint.weight * totals.weightPart,
    health: state.health,
    admitting: totals.admitting,
    ejection: sources.ejection.view(service.name, pool, address),
    lastCheck: state.lastCheck,
    inFlight: totals.inFlight,
    connections: totals.connections,
    idle: totals.idle,
    queued: totals.queued,
  };
}
