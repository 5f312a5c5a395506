/**
 * Config in, snapshot out: every name resolved to an index, every identity to its block of shared memory.
 *
 * Building has no effect on what is in force. Blocks of new identities come to be here; if the snapshot is not committed
 * in the end, they are retired with the next one.
 */
import { formatAddress, isUnix } from '../config/address.ts';
import type { Config, Listener, Route, Service } from '../config/schema.ts';
import type { FlagSpec } from '../flags/flag.ts';
import { badEventTable } from '../judge/bad-event.ts';
import type { EvidenceSpec, KeySource, RouteSpec, ServiceSpec, Snapshot, Timeouts } from '../routing/snapshot.ts';
import type { Board } from './board.ts';
import { flagBlocks, flagSnapshot } from './flag-context-specs.ts';
import type { PreparedFlags } from './flags.ts';
import { routeMatch } from './match-specs.ts';
import { poolRules, routeRules } from './rule-specs.ts';
import { requestSignals } from './signal-specs.ts';

/** How long a sticky cookie lives when the file does not say: a year, for a client that comes back. */
const COOKIE_MAX_AGE_S = 365 * 24 * 3600;

export interface SnapshotParts {
  readonly config: Config;
  readonly generation: number;
  readonly board: Board;
  readonly gateOf: (service: string, pools: readonly string[]) => SharedArrayBuffer;
  /** The flags that routes name, and those that they require, with the memory that each is counted in. */
  readonly flags: Pick<PreparedFlags, 'specs' | 'countsOf' | 'sampleOf'>;
  /** The port that stands for a listener's configured one, which may be 0. */
  readonly portOf: (key: string) => number;
}

export function buildSnapshot(parts: SnapshotParts): Snapshot {
  const { config, board } = parts;
  const services = [...config.services.values()];
  const indexes = new Map(services.map((service, index) => [service.name, index]));
  const flags = flagSnapshot(config, parts.flags, board);
  const flagIndexes = new Map(flags.flags.map(({ name }, index) => [name, index]));
  return {
    ...flags,
    generation: parts.generation,
    listeners: config.listeners.map((listener) => ({
      key: listenerKey(listener),
      name: listener.name,
      host: isUnix(listener.address) ? '' : listener.address.host,
      port: parts.portOf(listenerKey(listener)),
      path: isUnix(listener.address) ? listener.address.path : null,
      mode: listener.mode ?? null,
      trustedProxies: listener.trustedProxies.flatMap((peer) =>
        peer === 'unix' ? [] : [`${peer.address}/${peer.bits}`],
      ),
      trustsUnix: listener.trustedProxies.includes('unix'),
      proxyProtocol: listener.proxyProtocol,
      headMs: listener.timeouts.headMs,
      keepAliveMs: listener.timeouts.keepAliveMs,
      connectionsMax: listener.connections,
      perClientMax: listener.connectionsPerClient ?? null,
      board: board.listener(listenerKey(listener)),
    })),
    services: services.map((service) => serviceSpec(service, parts, flags.flags)),
    routes: config.routes.map((route) => {
      const index = route.service === undefined ? null : indexes.get(route.service)!;
      const service = index === null ? null : services[index]!;
      const named = route.flags.map((name) => flagIndexes.get(name)!);
      return { ...routeSpec(route, index, service), ...routeRules(route, service, indexes, board), flags: named };
    }),
    limits: {
      headBytes: config.limits.headBytes,
      targetBytes: config.limits.targetBytes,
      fields: config.limits.fields,
      bodyBytes: Number.isFinite(config.limits.bodyBytes) ? config.limits.bodyBytes : null,
      strictPaths: config.limits.paths === 'strict',
    },
    inFlight: { max: config.limits.inFlight ?? null, board: board.inFlight('', '') },
    overload: { lagMs: Number.isFinite(config.overload.lagMs) ? config.overload.lagMs : null, board: board.overload },
    accessLog:
      config.log.access.mode === 'sampled'
        ? { kind: 'sampled', share: config.log.access.share }
        : { kind: config.log.access.mode },
    unrouted: board.unrouted,
  };
}

/** A listener is its address, whatever it is called; where the system chooses the port, it is its name. */
export function listenerKey({ name, address }: Listener): string {
  return !isUnix(address) && address.port === 0 ? name : formatAddress(address);
}

function serviceSpec(
  service: Service,
  { config, board, gateOf }: SnapshotParts,
  flags: readonly FlagSpec[],
): ServiceSpec {
  const pools = [...service.pools.values()];
  const admitting = service.health?.initial !== 'shut';
  return {
    name: service.name,
    pools: pools.map((pool) => ({
      name: pool.name,
      version: pool.version,
      inFlight: {
        max: pool.limits.inFlight ?? service.limits.inFlight ?? null,
        board: board.inFlight(service.name, pool.name),
      },
      rules: poolRules(pool),
      board: board.series(service.name, pool.name, pool.version),
      evidence: board.evidence(service.name, pool.name, pool.version),
      signals: requestSignals(service).map(({ name }) => board.signal(service.name, pool.name, pool.version, name)),
      flags: flagBlocks(config, { service: service.name, pool: pool.name }, flags, board),
      endpoints: pool.endpoints.map(({ name, address, weight }) => ({
        address: name,
        host: isUnix(address) ? '' : address.host,
        port: isUnix(address) ? 0 : address.port,
        path: isUnix(address) ? address.path : null,
        authority: authorityOf(name),
        weight,
        board: board.endpoint(service.name, pool.name, name, admitting),
      })),
    })),
    gate: gateOf(
      service.name,
      pools.map((pool) => pool.name),
    ),
    groups: service.rollout.steps?.flatMap(({ group }) => (group === null ? [] : [group])) ?? [],
    board: board.series(service.name, '', ''),
    balance: service.balance,
    hashOn: keySource(service.hashOn),
    sticky: service.sticky === undefined ? null : keySource(service.sticky),
    preview: service.preview ?? null,
    timeouts: service.timeouts,
    retries: service.retries,
    evidence: evidenceSpec(service, board),
    connectionsMax: service.limits.connections,
    queueMax: service.limits.queue,
    upstreamIdleMs: service.keepAlive.idleMs,
    ejects: service.ejection !== undefined,
    drainMs: service.drainMs,
    drainPerSecond: service.drainPerSecond,
    pace: board.pace(service.name),
    proxyProtocol: service.proxyProtocol ?? null,
    versionHeader: service.versionHeader ?? null,
  };
}

function evidenceSpec(service: Service, board: Board): EvidenceSpec {
  const { name, badEvents, sticky } = service;
  const { statuses, failures, slowerThanMs } = badEvents;
  const slowerThanUs = slowerThanMs === null ? null : slowerThanMs * 1000;
  const table = badEventTable({ statuses, failures, slowerThanUs });
  return {
    badStatuses: table.statuses,
    badOutcomes: failures,
    slowerThanUs,
    levels: board.levels(name),
    ledgers:
      sticky === undefined ? null : { failures: board.ledger(name, 'failures'), delays: board.ledger(name, 'delays') },
    signals: requestSignals(service).map((signal) => ({
      ...signal,
      ledger: sticky === undefined ? null : board.ledger(name, `signal ${signal.name}`),
    })),
  };
}

/** What a request without a Host is given for this endpoint: the name and port that the file says, or `localhost`. */
export function authorityOf(endpoint: string): string {
  return endpoint.startsWith('unix:') ? 'localhost' : endpoint.split('/', 1)[0]!;
}

function keySource(source: Service['hashOn']): KeySource {
  switch (source.kind) {
    case 'cookie': {
      const maxAgeS = source.maxAgeMs === undefined ? COOKIE_MAX_AGE_S : Math.ceil(source.maxAgeMs / 1000);
      return { kind: 'cookie', name: source.name, maxAgeS };
    }
    case 'header':
      return { kind: 'header', name: source.name };
    case 'clientIp':
      return { kind: 'client-address' };
    default:
      return source satisfies never;
  }
}

/** What a route without a service waits for: nothing. */
const NO_WAIT: Timeouts = { connectMs: 0, responseMs: 0, idleMs: 0, queueMs: 0 };

type Forwarding = Pick<RouteSpec, 'name' | 'match' | 'service' | 'isJudged' | 'upgrade' | 'timeouts'>;

function routeSpec(route: Route, index: number | null, service: Service | null): Forwarding {
  const timeouts = service?.timeouts ?? NO_WAIT;
  return {
    name: route.id,
    match: routeMatch(route),
    service: index,
    isJudged: route.judge,
    upgrade: route.upgrade.map((protocol) => protocol.toLowerCase()),
    timeouts: {
      connectMs: route.timeouts.connectMs ?? timeouts.connectMs,
      responseMs: route.timeouts.responseMs ?? timeouts.responseMs,
      idleMs: route.timeouts.idleMs ?? timeouts.idleMs,
      queueMs: route.timeouts.queueMs ?? timeouts.queueMs,
    },
  };
}
