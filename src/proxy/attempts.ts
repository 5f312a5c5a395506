/**
 * The attempts of one exchange: where each goes, what each came to, and whether another follows.
 *
 *     begin ─▶ (an endpoint, or none) ┄▶ end, recorded once ─▶ decide ─┬▶ begin
 *                                                                      └▶ settle: what became of it all
 *
 * Every attempt is counted under the pool that it was made against, whatever becomes of the user: that is what the version
 * did. The exchange itself stays from start to finish in the series of the pool that it was routed to, also when another
 * pool saved it: that is what the user saw of being sent there, and it keeps the in-flight account exact. The decision is
 * `routing/retry.ts`; here its facts are collected.
 *
 * A further attempt goes by the config that is in force when it is made: its endpoint may have left, and come back under
 * another address, since the exchange was routed.
 */
import type { ResponseHead } from '../http1/response-head.ts';
import {
  decideRetry,
  isIdempotent,
  type Reach,
  type RetryDecision,
  type RetryPolicy,
  type Where,
  type WhyNot,
} from '../routing/retry.ts';
import { OUTCOMES, RETRY_RESULTS } from '../stats/series.ts';
import type { Endpoint } from './endpoint.ts';
import { Untried } from './endpoint-sets.ts';
import type { Exchange } from './exchange.ts';
import { FAULTS, type Fault, verdictOf } from './fault.ts';
import { randomU32 } from './ids.ts';
import type { PoolRuntime, ServiceRuntime } from './runtime.ts';
import type { UpstreamConnection } from './upstream.ts';

const OUTCOME_OK = OUTCOMES.indexOf('ok');
const OUTCOME_5XX = OUTCOMES.indexOf('5xx');
const SAVED = RETRY_RESULTS.indexOf('saved');
const FAILED = RETRY_RESULTS.indexOf('failed');

/** What the exchange knows about an attempt that has failed. */
export interface Failure {
  readonly fault: Fault;
  /** Null when the attempt was given none. */
  readonly connection: UpstreamConnection | null;
  readonly isReplayable: boolean;
  readonly leftMs: number;
  readonly retryAfterMs: number;
}

export class Attempts {
  readonly #exchange: Exchange;
  #service: ServiceRuntime;
  readonly #policy: RetryPolicy;
  /** Whose endpoints the present attempt, or the last one, goes to. */
  pool: PoolRuntime;
  endpoint: Endpoint | null = null;
  /** How many attempts were begun. */
  count = 0;
  /** Whether a used connection has died under the exchange before. */
  hasRaced = false;
  /** Whether that was what ended the last one. */
  #isRace = false;
  /** Whether the judge has been told what this exchange says about the version that the gate gave it to. */
  #isJudged = false;
  /** The head of the present attempt's answer, where a signal wants to see it. */
  #answer: ResponseHead | null = null;
  #isOpen = false;
  #retries = 0;
  #hasMoved = false;
  #whyNot: WhyNot | null = null;
  #tried: Endpoint[] = NONE;
  /** What became of the attempts that were followed by another, for the access log. */
  notes: string[] = NO_NOTES;

  constructor(exchange: Exchange, service: ServiceRuntime, pool: PoolRuntime) {
    this.#exchange = exchange;
    this.#service = service;
    this.#policy = service.spec.retries;
    this.pool = pool;
    service.retryBudget.request(exchange.context.nowMs);
  }

  /** Begins an attempt; null when no endpoint admits it. */
  begin(where: Where | 'first'): Endpoint | null {
    this.count += 1;
    this.#isOpen = true;
    this.#answer = null;
    if (where === 'first') {
      this.endpoint = this.pool.choose(this.#exchange, this.#key(), this.#endOf(this.pool));
    } else {
      const { service, pool } = this.#inForce();
      // Traffic may have moved while the exchange paused before it asks the same endpoint again.
      const mayMove = where === 'rescue' || (where === 'same' && !this.#isRace);
      const rescuer = mayMove ? this.#rescuer(service, pool) : null;
      this.#service = service;
      this.#hasMoved ||= rescuer !== null;
      this.pool = rescuer ?? pool;
      if (where !== 'same' || !this.#isStillThere()) this.endpoint = this.#chooseOther();
    }
    this.endpoint?.cells.attemptStarted();
    return this.endpoint;
  }

  /** The head of the answer has come. */
  answered(head: ResponseHead): void {
    if (!this.#isJudged && this.#exchange.admission.service!.witness.wantsHeads) this.#answer = head;
  }

  /** Ends the present attempt, if there is one: by a fault, or with a whole response of this status. */
  end(fault: Fault | null, status: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const failed = status >= 500;
    const outcome = fault !== null ? fault.outcomeIndex : failed ? OUTCOME_5XX : OUTCOME_OK;
    const isBad = fault !== null ? fault.counts : failed;
    const { admission } = this.#exchange;
    this.pool.series.attempt(admission.slot, outcome, isBad && !admission.forced);
    if (!this.#isJudged) this.#testify(outcome, status);
    if (this.endpoint === null) return;
    if (fault !== null) this.endpoint.leaveQueue(this.#exchange);
    this.endpoint.attemptEnded(this.#exchange, verdictOf(fault, status));
  }

  /** How long this attempt may take to its response head; without end where no other could follow it. */
  tryMs(isReplayable: boolean): number {
    const { perTryMs, attempts } = this.#policy;
    if (perTryMs === null || this.#retries >= attempts || !isReplayable) return Number.POSITIVE_INFINITY;
    return isIdempotent(this.#exchange.head.method) ? perTryMs : Number.POSITIVE_INFINITY;
  }

  /** Whether this response status counts as a failed attempt. */
  isUnwanted(status: number): boolean {
    return status >= 500 && this.#policy.statuses.includes(status);
  }

  /** Decides what follows the present attempt, which has failed; if it is another one, this one is over. */
  decide({ fault, connection, isReplayable, leftMs, retryAfterMs }: Failure): RetryDecision {
    const reach = this.#reach(fault, connection);
    const { context, head } = this.#exchange;
    const { retryBudget } = this.#service;
    const tried = this.endpoint === null ? this.#tried : [...this.#tried, this.endpoint];
    const { service, pool } = this.#inForce();
    const decision = decideRetry(
      this.#policy,
      {
        reach,
        method: head.method,
        isReplayable,
        retries: this.#retries,
        hasRaced: this.hasRaced,
        hasOther: this.#admitting(pool).some((endpoint) => !tried.includes(endpoint)),
        hasRescue: this.#rescuer(service, pool) !== null,
        isAffordable: retryBudget.allows(this.#policy.budget, context.nowMs),
        leftMs,
        retryAfterMs,
      },
      randomU32() / 2 ** 32,
    );
    if (!decision.again) {
      this.#whyNot = decision.why;
      return decision;
    }
    this.end(fault, 0);
    this.#note(fault);
    this.#isRace = reach === 'raced';
    if (this.#isRace) {
      this.hasRaced = true;
      this.endpoint!.cells.reuseRace();
    } else {
      this.#tried = tried;
    }
    if (decision.isRetry) this.#retries += 1;
    if (decision.isCharged) retryBudget.spend(context.nowMs);
    return decision;
  }

  /** The exchange is over, and so is its attempt: counts what further attempts came to, or why there was none. */
  settle(fault: Fault | null, status: number): void {
    this.end(fault, status);
    if (fault?.source === 'downstream') return;
    const isWhole = fault === null && status < 500;
    const result = this.count > 1 ? (isWhole ? SAVED : FAILED) : isWhole ? -1 : indexOfResult(this.#whyNot);
    if (result >= 0) this.#exchange.admission.series.retried(result);
  }

  /** Tells the judge of the first attempt that says something about the version. */
  #testify(outcome: number, status: number): void {
    const { admission, startedAt } = this.#exchange;
    const { pool, service, route, slot, unit, flags } = admission;
    if (pool === null || service === null || !service.witness.counts(outcome)) return;
    this.#isJudged = true;
    // How long a tunnel is open is for its users to say.
    const durationUs = status === 101 ? 0 : (performance.now() - startedAt) * 1000;
    const { witness } = service;
    const { head, context } = this.#exchange;
    const { bell } = context.process;
    const { isJudged } = route!.spec;
    if (flags !== null && !admission.isPreview) {
      const isBad = witness.isBad(outcome, status, durationUs);
      flags.judged(pool, isBad);
      if (isJudged && flags.isGuarded) {
        const signal = (index: number) => witness.signalSays(index, outcome, head, status, this.#answer);
        if (flags.testify(pool, { isBad, durationUs, signal })) bell.ring();
      }
    }
    if (admission.forced || !isJudged || flags?.isTreatedInVain() === true) return;
    let isBad = witness.record(pool.evidence, slot, outcome, status, durationUs, unit);
    flags?.toldOfVersion(pool, slot, isBad);
    if (witness.wantsHeads) {
      if (witness.recordSignals(pool.signals, slot, outcome, head, status, this.#answer, unit)) isBad = true;
    }
    if (isBad && pool.evidence.isNews()) bell.ring();
  }

  #reach(fault: Fault, connection: UpstreamConnection | null): Reach {
    if (this.endpoint === null) return 'nowhere';
    if (connection === null || !connection.connected) return 'unsent';
    return fault === FAULTS.reuseRace ? 'raced' : 'sent';
  }

  /** The service and pool as the config in force has them, unless the service's pools are others: then as they were. */
  #inForce(): { readonly service: ServiceRuntime; readonly pool: PoolRuntime } {
    const before = this.#service;
    const { context } = this.#exchange;
    const now = context.runtime.services.find(({ spec }) => spec.name === before.spec.name);
    if (now === undefined || now === before) return { service: before, pool: this.pool };
    const samePools =
      now.pools.length === before.pools.length &&
      now.pools.every(({ spec }, index) => spec.name === before.pools[index]!.spec.name);
    if (!samePools) return { service: before, pool: this.pool };
    return { service: now, pool: now.pools[before.pools.indexOf(this.pool)]! };
  }

  #isStillThere(): boolean {
    return this.endpoint !== null && this.#admitting(this.pool).includes(this.endpoint);
  }

  /** The endpoints of a pool that may be chosen. */
  #admitting(pool: PoolRuntime): readonly Endpoint[] {
    const end = this.#endOf(pool);
    return pool.endpoints.filter((_, at) => at < end && pool.admits(at));
  }

  /** Before which index the endpoints of a pool end that this exchange may use: the position that routed it says how many. */
  #endOf(pool: PoolRuntime): number {
    const { admission } = this.#exchange;
    return pool.endOf(pool.spec.name === admission.pool?.spec.name ? admission.endpointsMost : 0);
  }

  #note(fault: Fault): void {
    const where = this.endpoint === null ? this.pool.spec.name : this.endpoint.spec.address;
    if (this.notes === NO_NOTES) this.notes = [];
    this.notes.push(`${where} ${fault.kind}`);
  }

  /** What the balance `hash` goes by. */
  #key(): string {
    const { admission, head } = this.#exchange;
    const { balance, hashOn } = this.#service.spec;
    return balance === 'hash' ? admission.keyOf(hashOn, head) : '';
  }

  /** An endpoint that was not tried yet, or any when there is none; who has failed once is not spent on a probe. */
  #chooseOther(): Endpoint | null {
    const { pool } = this;
    const key = this.#key();
    const part = pool.upTo(this.#endOf(pool));
    let index = -1;
    if (this.#tried.length > 0) {
      index = pool.balancer.choose(new Untried(part, pool.endpoints, this.#tried), randomU32, key);
    }
    if (index < 0) index = pool.balancer.choose(part, randomU32, key);
    return index < 0 ? null : pool.endpoints[index]!;
  }

  /** The active pool, if it may take the request over from `failed`: once, and never when a preview asked for its pool. */
  #rescuer({ gate, pools }: ServiceRuntime, failed: PoolRuntime): PoolRuntime | null {
    const { admission, context } = this.#exchange;
    if (!this.#policy.fallback || this.#hasMoved || admission.isPreview) return null;
    // By the position in force, not by the one that routed it: that pool may have been emptied since.
    context.process.enter();
    const active = gate.activeAt(gate.slot());
    context.process.leave();
    const pool = active < 0 ? failed : pools[active]!;
    if (pool === failed || !pool.endpoints.some((_, at) => pool.admits(at))) return null;
    const { pass } = pool;
    return pass === null || (pass.answer === null && pass.admits(admission.client)) ? pool : null;
  }
}

const NONE: Endpoint[] = [];
const NO_NOTES: string[] = [];

function indexOfResult(whyNot: WhyNot | null): number {
  switch (whyNot) {
    case 'not-safe':
    case 'budget':
    case 'no-time':
      return RETRY_RESULTS.indexOf(whyNot);
    case 'off':
    case 'spent':
    case null:
      return -1;
    default:
      return whyNot satisfies never;
  }
}
