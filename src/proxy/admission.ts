/**
 * Where a request goes: its route, its pool, and which position of the gate says so.
 *
 * Everything here happens in one synchronous stretch between `enter` and `leave` (see `process-cells.ts`): the runtime and
 * the gate are read once, and the exchange is counted under the position it was routed by before anybody who waits for
 * that position to be over can go on. What cannot be routed is counted too, under the series of its service or of none,
 * so that the sum over all series is the number of requests.
 */
import { timingSafeEqual } from 'node:crypto';
import { normalisePath } from '../http1/path.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { clientAddress } from '../routing/client-address.ts';
import { isMember } from '../routing/group.ts';
import type { KeySource } from '../routing/snapshot.ts';
import { chooseAt } from '../routing/split.ts';
import { stickAt } from '../routing/stick.ts';
import type { InFlightCells } from '../stats/in-flight-cells.ts';
import type { ShedReason } from '../stats/overload-cells.ts';
import type { SeriesWriter } from '../stats/series.ts';
import type { ThreadContext } from './context.ts';
import type { Downstream } from './downstream.ts';
import { FAULTS, type Fault } from './fault.ts';
import type { FlagDecision } from './flag-decision.ts';
import { randomHex, randomU32 } from './ids.ts';
import { RETRY_AFTER } from './overload.ts';
import type { OwnAnswer } from './own-answer.ts';
import type { PasswordCheck } from './password-checks.ts';
import type { PoolRuntime, RouteRuntime, ServiceRuntime } from './runtime.ts';

/** What was decided about a request. `fault` is null when there is a pool to serve it, or a route that answers itself. */
export class Admission {
  route: RouteRuntime | null = null;
  /** Null when there is no route, or one without a service. */
  service: ServiceRuntime | null = null;
  pool: PoolRuntime | null = null;
  /** Where the exchange is counted. */
  series: SeriesWriter;
  slot = 0;
  epoch = 0;
  /** The key by which the user sticks to the pool; '' where nobody sticks. */
  unit = '';
  /** The pool was not assigned by chance: a preview asked for it, or a group of users is let in. */
  forced = false;
  /** A preview asked for the pool, and wants to see no other. */
  isPreview = false;
  /** What the flags of the route have come to; null where it has none. */
  flags: FlagDecision | null = null;
  /** How many endpoints of the pool this position of the gate uses, or 0 for all. */
  endpointsMost = 0;
  /** Set-Cookie lines for the client: of a sticky key that is new, and of a forward-auth service. */
  setCookie = '';
  /** The address that the request is from, as far as trusted proxies vouch for it. */
  readonly client: string;
  fault: Fault | null = null;
  /** Lines of the answer that tells the fault, each with its CRLF. */
  faultLines = '';
  /** The answer that tells the fault in place of our own words, when another server gave it. */
  refusal: OwnAnswer | null = null;
  /** What a forward-auth service wants the endpoint to be told, each line with its CRLF. */
  grantedLines = '';
  /** How long that service took to answer, in milliseconds; 0 when it was not asked. */
  authMs = 0;
  /** A password that has to be checked before the request may go on. */
  unproven: PasswordCheck | null = null;
  /** The user as far as the password proves it, or ''. */
  user = '';
  /** A rate limit that only counts would have refused the request. */
  wouldLimit = false;
  /** `OPTIONS *`, and an OPTIONS that may go no further (RFC 9110 section 7.6.2): Tidegate itself is asked. */
  readonly isAnsweredHere: boolean;
  /** Where the exchange is counted as in flight, so that it is counted out at the same places, whatever is reloaded. */
  #places: InFlightCells | null = null;
  #poolPlaces: InFlightCells | null = null;

  constructor(context: ThreadContext, downstream: Downstream, head: RequestHead, nowMs: number) {
    const process = context.process;
    const { client, listener } = downstream;
    this.client = client.trusted ? clientAddress(client.address, head.xForwardedFor, listener.trusted) : client.address;
    this.isAnsweredHere = head.method === 'OPTIONS' && (head.form === 'asterisk' || head.maxForwards === 0);
    process.enter();
    try {
      const runtime = context.currentRuntime();
      this.series = runtime.unrouted;
      if (!this.isAnsweredHere && context.overload.refuses(nowMs)) {
        this.fault = FAULTS.overloaded;
        this.faultLines = RETRY_AFTER;
      } else if (!this.isAnsweredHere) {
        this.fault =
          this.#match(runtime.routes, runtime.snapshot.limits.strictPaths, head) ??
          this.route!.guard?.check(this, head, context.passwords) ??
          (this.#waitsForPermission ? null : this.#route(head, context));
      }
      this.series.start(this.slot);
    } finally {
      process.leave();
    }
  }

  /** Whether the request has been let in by everything but what takes its time, and there is such a thing. */
  get needsPermission(): boolean {
    return this.unproven !== null || (this.route?.guard?.forwardAuth ?? null) !== null;
  }

  /**
   * Routes a request whose flags had to wait for the permission, by config, gate and flags as they are now; nothing for any other.
   * Until now it was counted as in flight under its service.
   */
  routeLate(context: ThreadContext, head: RequestHead): Fault | null {
    if (!this.#waitsForPermission) return null;
    const route = this.route!;
    const { process } = context;
    process.enter();
    try {
      this.series.withdraw(this.slot);
      const { routes, snapshot } = context.currentRuntime();
      // A route that is there no longer, or leads elsewhere now, is followed as it was when it let the request in.
      const isLost = this.#match(routes, snapshot.limits.strictPaths, head) !== null;
      if (isLost || this.route!.spec.name !== route.spec.name || this.route!.service === null) this.#take(route);
      const fault = this.#route(head, context);
      this.series.start(this.slot);
      return fault;
    } finally {
      process.leave();
    }
  }

  /** Flags are decided by who asks, and hold for what starts now: neither is known before the permission. */
  get #waitsForPermission(): boolean {
    return this.needsPermission && this.route!.flags !== null;
  }

  /** Counts the exchange in, once, before its first attempt: the fault when its pool or the process has enough in flight. */
  enter(context: ThreadContext): Fault | null {
    const { places, snapshot } = context.runtime;
    const { places: poolPlaces, spec } = this.pool!;
    if (!places.enter(snapshot.inFlight.max)) return this.#crowded(context, FAULTS.inFlight, 'in-flight');
    this.#places = places;
    if (!poolPlaces.enter(spec.inFlight.max)) return this.#crowded(context, FAULTS.poolInFlight, 'pool-in-flight');
    this.#poolPlaces = poolPlaces;
    return null;
  }

  #crowded(context: ThreadContext, fault: Fault, reason: ShedReason): Fault {
    context.overload.count(reason);
    this.faultLines = RETRY_AFTER;
    return fault;
  }

  /** The exchange has ended: counts it under the variants of its flags. A preview was asked for, and is no user's. */
  ended(status: number, durationUs: number): void {
    if (this.flags !== null && this.pool !== null && !this.isPreview) this.flags.ended(this.pool, status, durationUs);
  }

  /** The exchange has ended: counts it out of wherever it was counted in. */
  leave(): void {
    this.#places?.leave();
    this.#poolPlaces?.leave();
  }

  #match(routes: RoutesOf, strict: boolean, head: RequestHead): Fault | null {
    const normalised = normalisePath(head.path);
    if (normalised === null) return FAULTS.badPath;
    if (!strict || !normalised.changed) {
      this.route = routes.find(head, normalised.path) ?? null;
    } else {
      const found = routes.findStrict(head, head.path, normalised.path);
      if (found.kind === 'ambiguous') return FAULTS.ambiguousPath;
      this.route = found.kind === 'match' ? found.target : null;
    }
    if (this.route === null) return FAULTS.noRoute;
    this.#take(this.route);
    return null;
  }

  #take(route: RouteRuntime): void {
    this.route = route;
    const { service } = route;
    if (service === null) return;
    this.service = service;
    this.series = service.series;
    this.slot = service.gate.slot();
    this.epoch = service.gate.epochAt(this.slot);
  }

  /** Flags come before the split, since a variant may name the pool. */
  #route(head: RequestHead, { exposures }: ThreadContext): Fault | null {
    const { route, service } = this;
    if (service === null) return null;
    const { flags, guard } = route!;
    if (flags !== null) {
      const fields = guard === null ? head : guard.fieldsOf(head, this);
      // Who previews a pool sees what they asked for, whatever a draw would have given them.
      const { preview } = service.spec;
      const isExposed = preview === null || head.field(preview.header) === undefined;
      this.flags = flags.decide(head, fields, this.client, isExposed ? exposures : null, Date.now());
    }
    const fault = this.#split(head, service);
    if (this.flags?.isTest) this.forced = true;
    return fault;
  }

  #split(head: RequestHead, service: ServiceRuntime): Fault | null {
    const gate = service.gate;
    const count = service.pools.length;

    let index = -1;
    const preview = service.spec.preview;
    const asked = preview === null ? undefined : head.field(preview.header);
    if (preview !== null && asked !== undefined) {
      const [name, token] = previewOf(asked);
      if (!sameSecret(token, preview.token)) return FAULTS.previewRefused;
      index = service.pools.findIndex((pool) => pool.spec.name === name);
      if (index < 0) return FAULTS.previewUnknown;
      this.forced = true;
      this.isPreview = true;
    } else {
      index = this.#pinned(service, head);
      this.forced = index >= 0;
    }
    if (index < 0 && service.spec.sticky !== null) {
      this.unit = this.keyOf(service.spec.sticky, head) || this.#newKey(service.spec.sticky);
      index = stickAt(gate.cells, gate.weightsAt(this.slot), count, service.poolSeeds, this.unit);
    } else if (index < 0) {
      index = chooseAt(gate.cells, gate.boundsAt(this.slot), count, randomU32());
    }
    if (index < 0) return FAULTS.noTraffic;
    const pool = service.pools[index]!;
    if (pool.pass !== null && !pool.pass.admits(this.client)) return this.route!.guard!.denied();
    this.pool = pool;
    this.endpointsMost = gate.endpointsAt(this.slot, index);
    this.series = pool.series;
    return null;
  }

  /** The pool that somebody is sent to and not assigned to by chance: by a variant of a flag, else by a group; or -1. */
  #pinned(service: ServiceRuntime, head: RequestHead): number {
    const { gate } = service;
    const byFlag = this.flags === null ? -1 : this.flags.pool(service, gate.activeAt(this.slot));
    return byFlag < 0 && this.#isLetIn(service, head) ? gate.groupPoolAt(this.slot) : byFlag;
  }

  /** Whether a group of users is on in this position of the gate, and the request is of a member. */
  #isLetIn({ gate, groups }: ServiceRuntime, head: RequestHead): boolean {
    const number = gate.groupAt(this.slot);
    if (number === 0) return false;
    const group = groups.get(number);
    return group !== undefined && isMember(group, head);
  }

  /** The key that the source finds in the request, or ''. */
  keyOf(source: KeySource, head: RequestHead): string {
    switch (source.kind) {
      case 'cookie':
        return head.cookie(source.name) ?? '';
      case 'header':
        return head.field(source.name) ?? '';
      case 'client-address':
        return this.client;
      default:
        return source satisfies never;
    }
  }

  /** A client without a key gets one; where the key is not ours to give, this request is assigned at random. */
  #newKey(source: KeySource): string {
    const key = randomHex(16);
    if (source.kind === 'cookie') {
      this.setCookie += `Set-Cookie: ${source.name}=${key}; Path=/; Max-Age=${source.maxAgeS}; HttpOnly; SameSite=Lax\r\n`;
    }
    return key;
  }
}

type RoutesOf = ThreadContext['runtime']['routes'];

/** `green; token=SECRET`, as the two parts; a missing part is ''. */
function previewOf(value: string): readonly [name: string, token: string] {
  const semicolon = value.indexOf(';');
  if (semicolon < 0) return [value.trim(), ''];
  const parameter = value.slice(semicolon + 1).trim();
  return [value.slice(0, semicolon).trim(), parameter.startsWith('token=') ? parameter.slice(6) : ''];
}

function sameSecret(given: string, secret: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(secret);
  return a.length === b.length && timingSafeEqual(a, b);
}
