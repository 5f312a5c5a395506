/**
 * The snapshot as one data thread uses it: compiled routes, views of the shared memory, and live endpoints.
 *
 * Configuration and live state are two things. What is configured is built anew for each generation and is immutable;
 * what is alive (connections, queues) belongs to an `Endpoint`, which is carried over by identity (service, pool,
 * address) and merely told its new settings when the generation takes effect.
 */
import { Balancer, type EndpointSet } from '../routing/balance.ts';
import { GateReader } from '../routing/gate.ts';
import { type Group, groupNumber } from '../routing/group.ts';
import { RetryBudget } from '../routing/retry-budget.ts';
import { RouteTable } from '../routing/route-table.ts';
import type { PoolSpec, RouteSpec, ServiceSpec, Snapshot } from '../routing/snapshot.ts';
import { poolSeedsOf } from '../routing/stick.ts';
import { endOfUse } from '../routing/terms.ts';
import { EvidenceWriter } from '../stats/evidence-cells.ts';
import { InFlightCells } from '../stats/in-flight-cells.ts';
import { SeriesWriter } from '../stats/series.ts';
import { SignalWriter } from '../stats/signal-cells.ts';
import type { Caller } from './caller.ts';
import { Endpoint } from './endpoint.ts';
import { FirstEndpoints } from './endpoint-sets.ts';
import { RouteFlags } from './flag-route.ts';
import { FlagsRuntime } from './flag-runtime.ts';
import { randomU32 } from './ids.ts';
import { PassRuntime } from './pass-rules.ts';
import { RouteGuard } from './route-guard.ts';
import { Witness } from './witness.ts';

export class PoolRuntime implements EndpointSet {
  readonly spec: PoolSpec;
  /** Among the pools of its service. */
  readonly index: number;
  readonly series: SeriesWriter;
  readonly evidence: EvidenceWriter;
  readonly signals: readonly SignalWriter[];
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  readonly pass: PassRuntime | null;
  /** The exchanges that are under way in the pool. */
  readonly places: InFlightCells;
  readonly count: number;
  readonly #ejects: boolean;

  constructor(
    spec: PoolSpec,
    index: number,
    service: ServiceSpec,
    thread: number,
    endpointOf: (service: ServiceSpec, pool: PoolSpec, index: number) => Endpoint,
  ) {
    this.spec = spec;
    this.index = index;
    this.series = new SeriesWriter(spec.board, thread);
    this.evidence = new EvidenceWriter(spec.evidence, thread);
    this.signals = spec.signals.map((memory) => new SignalWriter(memory, thread));
    this.endpoints = spec.endpoints.map((_, at) => endpointOf(service, spec, at));
    this.balancer = new Balancer(
      service.balance,
      `${service.name}/${spec.name}`,
      spec.endpoints.map((endpoint) => endpoint.address),
    );
    this.pass = spec.rules === null ? null : new PassRuntime(spec.rules);
    this.places = new InFlightCells(spec.inFlight.board, thread);
    this.count = this.endpoints.length;
    this.#ejects = service.ejects;
  }

  /**
   * The endpoint that takes the caller's attempt, or null when none admits it. An ejected one that asks for a probe goes
   * first. Only those before `end` are used, as the position of the gate wants it (`endOf`).
   */
  choose(caller: Caller, key: string, end: number): Endpoint | null {
    if (this.#ejects) {
      for (let index = 0; index < end; index += 1) {
        if (this.endpoints[index]!.takeProbe(caller)) return this.endpoints[index]!;
      }
    }
    const part = this.upTo(end);
    let index = this.balancer.choose(part, randomU32, key);
    // One endpoint may have come back behind the look that passed it, and another been left out ahead of it.
    if (index < 0) index = this.balancer.choose(part, randomU32, key);
    return index < 0 ? null : this.endpoints[index]!;
  }

  /** Before which index the endpoints in use end when a position uses `most` of them, 0 for all. */
  endOf(most: number): number {
    if (most === 0) return this.count;
    return endOfUse(
      this.spec.endpoints.map(({ weight }) => weight),
      most,
    );
  }

  /** The endpoints before `end`, for a balancer. */
  upTo(end: number): EndpointSet {
    return end === this.count ? this : new FirstEndpoints(this, end);
  }

  /** Whether the endpoint of this index may be chosen. */
  admits(index: number): boolean {
    return this.weightAt(index) > 0 && this.admitting(index);
  }

  /** The configured weight, or the part of it that a slow start has come to. */
  weightAt(index: number): number {
    return this.spec.endpoints[index]!.weight * this.endpoints[index]!.cells.weightPart;
  }

  admitting(index: number): boolean {
    const endpoint = this.endpoints[index]!;
    return endpoint.cells.admitting && !endpoint.retired;
  }

  inFlight(index: number): number {
    return this.endpoints[index]!.cells.inFlight;
  }
}

export class ServiceRuntime {
  readonly spec: ServiceSpec;
  readonly pools: readonly PoolRuntime[];
  readonly gate: GateReader;
  readonly poolSeeds: Uint32Array;
  readonly witness: Witness;
  /** Exchanges for which no pool could be chosen. */
  readonly series: SeriesWriter;
  /** Lives on from one generation to the next. */
  retryBudget = new RetryBudget();
  /** Lower-case names of fields that must not reach an endpoint. */
  readonly privateFields: ReadonlySet<string>;
  /** The groups of users by their number in the gate. */
  readonly groups: ReadonlyMap<number, Group>;

  constructor(
    spec: ServiceSpec,
    thread: number,
    endpointOf: (service: ServiceSpec, pool: PoolSpec, index: number) => Endpoint,
  ) {
    this.spec = spec;
    this.pools = spec.pools.map((pool, index) => new PoolRuntime(pool, index, spec, thread, endpointOf));
    this.gate = new GateReader(spec.gate, spec.pools.length);
    this.poolSeeds = poolSeedsOf(
      spec.name,
      spec.pools.map((pool) => pool.name),
    );
    this.series = new SeriesWriter(spec.board, thread);
    this.witness = new Witness(spec.evidence);
    this.privateFields = new Set(spec.preview === null ? [] : [spec.preview.header.toLowerCase()]);
    this.groups = new Map(spec.groups.map((group) => [groupNumber(group), group]));
  }
}

/** What a matched request is handled by. */
export interface RouteRuntime {
  readonly spec: RouteSpec;
  /** Null for a route that Tidegate answers itself. */
  readonly service: ServiceRuntime | null;
  /** Rules that refuse, or null where there are none, and rules for what passes. */
  readonly guard: RouteGuard | null;
  readonly pass: PassRuntime | null;
  /** Null where the route names no flags. */
  readonly flags: RouteFlags | null;
}

export class Runtime {
  readonly generation: number;
  readonly snapshot: Snapshot;
  readonly routes: RouteTable<RouteRuntime>;
  readonly services: readonly ServiceRuntime[];
  readonly unrouted: SeriesWriter;
  /** Null when the config has no flags. */
  readonly flags: FlagsRuntime | null;
  /** The exchanges that are under way in the process. */
  readonly places: InFlightCells;
  /** By identity; see `endpointKey`. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;

  /** Endpoints whose identity is in `live` are carried over, settings untouched until `activate`. */
  constructor(snapshot: Snapshot, thread: number, live: ReadonlyMap<string, Endpoint>) {
    const endpoints = new Map<string, Endpoint>();
    const endpointOf = (service: ServiceSpec, pool: PoolSpec, index: number): Endpoint => {
      const spec = pool.endpoints[index]!;
      const key = endpointKey(service.name, pool.name, spec.address);
      const endpoint = live.get(key) ?? new Endpoint(key, spec, service, thread);
      endpoints.set(key, endpoint);
      return endpoint;
    };
    this.generation = snapshot.generation;
    this.snapshot = snapshot;
    this.services = snapshot.services.map((service) => new ServiceRuntime(service, thread, endpointOf));
    this.flags = snapshot.flagContext === null ? null : new FlagsRuntime(snapshot, snapshot.flagContext, thread);
    this.routes = new RouteTable(
      snapshot.routes.map((spec) => {
        const service = spec.service === null ? null : this.services[spec.service]!;
        const pass = spec.rules === null ? null : new PassRuntime(spec.rules);
        const guard = spec.board === null ? null : new RouteGuard(spec, spec.board, pass, thread, this.services);
        const hasFlags = spec.flags.length > 0 && service !== null;
        const flags = hasFlags ? new RouteFlags(spec, service, this.flags!, thread) : null;
        return { match: spec.match, target: { spec, service, guard, pass, flags } };
      }),
    );
    this.unrouted = new SeriesWriter(snapshot.unrouted, thread);
    this.places = new InFlightCells(snapshot.inFlight.board, thread);
    this.endpoints = endpoints;
  }

  /** Gives the endpoints this generation's settings and retires those that it no longer names. */
  activate(before: Runtime, nowMs: number): readonly Endpoint[] {
    for (const service of this.services) {
      for (const pool of service.pools) for (const endpoint of pool.endpoints) endpoint.configure(service.spec);
    }
    const budgets = new Map(before.services.map(({ spec, retryBudget }) => [spec.name, retryBudget]));
    for (const service of this.services) service.retryBudget = budgets.get(service.spec.name) ?? service.retryBudget;
    const retired: Endpoint[] = [];
    for (const [key, endpoint] of before.endpoints) {
      if (this.endpoints.get(key) === endpoint) continue;
      endpoint.retire(nowMs);
      retired.push(endpoint);
    }
    return retired;
  }
}

/** The identity of an endpoint: names and addresses cannot contain spaces. */
export function endpointKey(service: string, pool: string, address: string): string {
  return `${service} ${pool} ${address}`;
}
