/**
 * The snapshot: the immutable routing configuration that the data plane reads, one generation of it.
 *
 * It is what crosses from the control plane to the data threads, so it is plain data that survives a structured clone.
 * Blocks of shared memory travel in it by reference: a service's gate, and the board's record of each series, endpoint
 * and listener. An identity that lives on from one generation to the next brings the same block again; that, and not
 * any copying, is how counters, health and in-flight counts survive a reload.
 *
 * Everything in it has been validated. A data thread asserts and never repairs.
 */
import type { FlagContextSpec } from '../flags/context-spec.ts';
import type { FlagSpec } from '../flags/flag.ts';
import type { Outcome } from '../stats/series.ts';
import type { Group } from './group.ts';
import type { ValueMatch } from './pattern.ts';
import type { RetryPolicy } from './retry.ts';
import type { RouteMatch } from './route-match.ts';
import type { ForwardAuthSpec, PassRules, RateLimitSpec, UserSpec } from './rules.ts';

/** Which key makes a client stay with its pool, or chooses its endpoint. */
export type KeySource =
  | { readonly kind: 'cookie'; readonly name: string; readonly maxAgeS: number }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'client-address' };

export type BalancePolicy = 'round-robin' | 'least-request' | 'random' | 'hash';

/** All in milliseconds. `idle` is the longest silence on a body or a tunnel. */
export interface Timeouts {
  readonly connectMs: number;
  readonly responseMs: number;
  readonly idleMs: number;
  readonly queueMs: number;
}

export interface ListenerSpec {
  /** The listener's identity from one generation to the next. */
  readonly key: string;
  /** What logs and metrics call it. */
  readonly name: string;
  readonly host: string;
  /** Never 0, unless it is a Unix socket: the control plane has chosen a port by now. */
  readonly port: number;
  /** The file of a Unix socket, which then stands for host and port; else null. */
  readonly path: string | null;
  /** The rights of that file, or null for what the umask leaves. */
  readonly mode: number | null;
  readonly trustedProxies: readonly string[];
  /** Whether whoever connects to the Unix socket is trusted. */
  readonly trustsUnix: boolean;
  /** Whether a trusted peer may or must begin with a PROXY header. */
  readonly proxyProtocol: 'off' | 'accept' | 'require';
  readonly headMs: number;
  readonly keepAliveMs: number;
  /** The most connections at once, on each data thread. */
  readonly connectionsMax: number;
  /** The most of them for one client address that is no trusted proxy, or null for no such limit. */
  readonly perClientMax: number | null;
  readonly board: SharedArrayBuffer;
}

export interface EndpointSpec {
  /** `host:port`, `unix:/path` or `name:port/address`: the endpoint's identity within its pool. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** The path of a Unix socket, which then stands for host and port; else null. */
  readonly path: string | null;
  /** The Host of requests that have none. */
  readonly authority: string;
  readonly weight: number;
  readonly board: SharedArrayBuffer;
}

/** What makes an exchange a bad event for the judge, and where the judge's tables are. */
export interface EvidenceSpec {
  /** 1 for each status that is bad; 600 cells. */
  readonly badStatuses: Uint8Array;
  /** Outcomes of attempts that are bad. */
  readonly badOutcomes: readonly Outcome[];
  /** Exchanges that take so long are bad, in microseconds; null for none. */
  readonly slowerThanUs: number | null;
  /** The level of each bucket of the histogram (see `evidence-cells.ts`). */
  readonly levels: SharedArrayBuffer;
  /** Where users that stick to their pool are known by, or null where nobody sticks. */
  readonly ledgers: { readonly failures: SharedArrayBuffer; readonly delays: SharedArrayBuffer } | null;
  readonly signals: readonly RequestSignalSpec[];
}

/** How many exchanges may be under way in one place, all threads together, and the memory that counts them. */
export interface InFlightSpec {
  /** Null for no limit. */
  readonly max: number | null;
  readonly board: SharedArrayBuffer;
}

/** When data threads refuse new work because they are behind. */
export interface OverloadSpec {
  /** How late the event loop may be; null for never refusing anything for that. */
  readonly lagMs: number | null;
  /** The counters of everything that is shed. */
  readonly board: SharedArrayBuffer;
}

/** What an answer must be like: all of it must hold. */
export interface AnswerMatch {
  /** 1 for each status that fits, 600 cells; null for any. */
  readonly statuses: Uint8Array | null;
  /** Fields of the answer, names in any case. */
  readonly headers: readonly (readonly [name: string, match: ValueMatch])[];
}

/** A signal of the business: which exchanges it is about, and which of them are bad. */
export interface RequestSignalSpec {
  readonly name: string;
  readonly match: RouteMatch;
  /** An exchange whose answer fits one of these is bad. */
  readonly bad: readonly AnswerMatch[];
  /** One whose answer fits one of these, and none of `bad`, is good. */
  readonly good: readonly AnswerMatch[];
  /** What every other answer is; null for neither. */
  readonly rest: 'good' | 'bad' | null;
  /** Where users that stick to their pool are known by, or null where nobody sticks. */
  readonly ledger: SharedArrayBuffer | null;
}

export interface PoolSpec {
  readonly name: string;
  readonly version: string;
  readonly inFlight: InFlightSpec;
  readonly endpoints: readonly EndpointSpec[];
  readonly rules: PassRules | null;
  /** The series of (service, pool, version). */
  readonly board: SharedArrayBuffer;
  /** Its evidence for the judge, and that of each of the service's signals, in their order. */
  readonly evidence: SharedArrayBuffer;
  readonly signals: readonly SharedArrayBuffer[];
  /** What becomes of the variants of flags here, by the flag's index and the variant's; nothing for flags of other services. */
  readonly flags: readonly (readonly SharedArrayBuffer[])[];
}

export interface ServiceSpec {
  readonly name: string;
  /** In the order of the gate's cells. */
  readonly pools: readonly PoolSpec[];
  readonly gate: SharedArrayBuffer;
  /** The groups of users that steps of a rollout let in; which one is on, the gate says. */
  readonly groups: readonly Group[];
  /** The series of exchanges that no pool could be chosen for. */
  readonly board: SharedArrayBuffer;
  readonly balance: BalancePolicy;
  readonly hashOn: KeySource;
  readonly sticky: KeySource | null;
  readonly preview: { readonly header: string; readonly token: string } | null;
  readonly timeouts: Timeouts;
  readonly retries: RetryPolicy;
  readonly evidence: EvidenceSpec;
  /** Per endpoint and data thread. */
  readonly connectionsMax: number;
  readonly queueMax: number;
  /** How long an idle upstream connection is kept. */
  readonly upstreamIdleMs: number;
  /** Whether endpoints that fail are taken out of use for a while, and then probed by a request. */
  readonly ejects: boolean;
  /** How long exchanges may go on at an endpoint that has left the configuration. */
  readonly drainMs: number;
  /** So many exchanges a second are ended at most, over all threads, when their time is over; and the pace of that. */
  readonly drainPerSecond: number;
  readonly pace: SharedArrayBuffer;
  /** The version of the PROXY header that begins each connection to an endpoint, or null for none. */
  readonly proxyProtocol: 'v1' | 'v2' | null;
  /** The response field that names the version that served, or null for none. */
  readonly versionHeader: string | null;
}

export interface RouteSpec {
  readonly name: string;
  readonly match: RouteMatch;
  /** Index into `services`; null for a route that Tidegate answers itself, by its rules. */
  readonly service: number | null;
  readonly rules: PassRules | null;
  readonly rateLimit: RateLimitSpec | null;
  readonly basicAuth: {
    readonly realm: string;
    readonly users: readonly UserSpec[];
    /** The request field that names the user to the endpoint, or null for none. */
    readonly userHeader: string | null;
  } | null;
  readonly forwardAuth: ForwardAuthSpec | null;
  /** The counters of what its rules refuse, or null where nothing can be refused. */
  readonly board: SharedArrayBuffer | null;
  /** Protocols that may be upgraded to, lower case. */
  readonly upgrade: readonly string[];
  /** Whether what becomes of its requests speaks for or against a version. */
  readonly isJudged: boolean;
  /** Indexes into the snapshot's flags, in the order in which the route names them. */
  readonly flags: readonly number[];
  /** The service's timeouts with the route's own in their place. */
  readonly timeouts: Timeouts;
}

export interface WireLimits {
  readonly headBytes: number;
  readonly targetBytes: number;
  readonly fields: number;
  /** The largest request body, or null for no limit. */
  readonly bodyBytes: number | null;
  readonly strictPaths: boolean;
}

export interface Snapshot {
  readonly generation: number;
  readonly listeners: readonly ListenerSpec[];
  readonly services: readonly ServiceSpec[];
  readonly routes: readonly RouteSpec[];
  readonly limits: WireLimits;
  /** Exchanges on their way to or from endpoints, of the whole process. */
  readonly inFlight: InFlightSpec;
  readonly overload: OverloadSpec;
  readonly accessLog: AccessLogMode;
  /** The flags that routes name, and those that these require. */
  readonly flags: readonly FlagSpec[];
  /** The counters of each of them (see `flag-cells.ts`). */
  readonly flagCells: readonly SharedArrayBuffer[];
  /** The sample of the keys that each of them was drawn for (see `key-sample.ts`). */
  readonly flagSamples: readonly SharedArrayBuffer[];
  /** Null when the config has no flags. */
  readonly flagContext: FlagContextSpec | null;
  /** The series of exchanges that no route was found for, and of refused requests. */
  readonly unrouted: SharedArrayBuffer;
}

/** `share` is the sampled part of the exchanges, from 0 to 1; errors are always written unless the log is off. */
export type AccessLogMode =
  | { readonly kind: 'off' }
  | { readonly kind: 'errors' }
  | { readonly kind: 'sampled'; readonly share: number }
  | { readonly kind: 'all' };
