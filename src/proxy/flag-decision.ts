/**
 * What the flags of a route have come to for one request, and what follows from it: where it goes, what the endpoint is told, what the
 * client gets beside the response, and under which variants it is counted.
 *
 * It is made once, between `enter` and `leave` (see `admission.ts`), and holds for all attempts of the exchange, whatever becomes of the
 * flags meanwhile: an endpoint that is asked again is told the same.
 */
import { isKilledIn } from '../flags/dial.ts';
import type { Evaluation } from '../flags/flag.ts';
import { findField } from '../http1/field-lines.ts';
import { withBaggage, withCookie } from '../http1/member-lines.ts';
import type { Rewriter } from '../routing/path-rewrite.ts';
import type { OwnAnswerSpec } from '../routing/rules.ts';
import { BAGGAGE_PREFIX } from './flag-claims.ts';
import type { ArmStanding, FlagGuard, Testimony } from './flag-guard.ts';
import type { ReadyVariant, RouteFlags } from './flag-route.ts';
import type { PoolRuntime, ServiceRuntime } from './runtime.ts';

/** Responses that say this are for everybody, and a cookie is for one. */
const SHARED = /(?:^|[,\s])(?:public|s-maxage=)/i;

export class FlagDecision {
  readonly route: RouteFlags;
  /** In the order in which the route names its flags. */
  readonly evaluations: readonly Evaluation[];
  /** A tester has chosen: what becomes of the exchange speaks for nobody. */
  readonly isTest: boolean;
  /** The key that was given to a visitor who had none, or ''. */
  readonly newKey: string;
  /** Where the key stands with each guarded flag, in the order of the flags, or null; empty where no flag is guarded. */
  readonly #arms: readonly (ArmStanding | null)[];
  #fieldLine: string | null = null;

  constructor(
    route: RouteFlags,
    evaluations: readonly Evaluation[],
    isTest: boolean,
    newKey: string,
    arms: readonly (ArmStanding | null)[],
  ) {
    this.route = route;
    this.evaluations = evaluations;
    this.isTest = isTest;
    this.newKey = newKey;
    this.#arms = arms;
  }

  /**
   * The index of the pool that a variant names, or -1. Where that pool has no endpoint that admits anybody it is the active pool
   * (its index, -1 for none) in its place, and that is counted.
   */
  pool({ pools }: ServiceRuntime, active: number): number {
    for (let at = 0; at < this.evaluations.length; at += 1) {
      const { pool: wanted, series } = this.#variant(at);
      if (wanted < 0) continue;
      const pool = pools[wanted]!;
      if (wanted === active || active < 0 || pool.endpoints.some((_, index) => pool.admits(index))) return wanted;
      if (!this.isTest) series[wanted]!.fellBack();
      return active;
    }
    return -1;
  }

  /** What a variant makes of the path; null where none has to do with it. */
  rewriter(): Rewriter | null {
    for (let at = 0; at < this.evaluations.length; at += 1) {
      const { rewriter } = this.#variant(at);
      if (rewriter !== null) return rewriter;
    }
    return null;
  }

  /** The redirect that a variant answers with; null where an endpoint is asked. */
  redirect(): OwnAnswerSpec | null {
    for (let at = 0; at < this.evaluations.length; at += 1) {
      const { redirect } = this.#variant(at);
      if (redirect !== null) return redirect;
    }
    return null;
  }

  /** The lines of a request as the endpoint gets them: with the variants, and with the key of a new visitor. */
  told(lines: string): string {
    const { anonymous, baggage } = this.route.shared.spec;
    this.#fieldLine ??= this.#written();
    let all = lines;
    if (this.newKey !== '') all = withCookie(all, anonymous!.cookie, this.newKey);
    if (baggage) all = withBaggage(all, BAGGAGE_PREFIX, this.#members());
    return all + this.#fieldLine;
  }

  /** The line that gives a new visitor the key; '' where there is none, or the response with these lines is for everybody. */
  cookieLine(lines: string, isSecure: boolean): string {
    if (this.newKey === '' || SHARED.test(findField(lines, 0, 'cache-control') ?? '')) return '';
    const { cookie, maxAgeS } = this.route.shared.spec.anonymous!;
    const secure = isSecure ? '; Secure' : '';
    return `Set-Cookie: ${cookie}=${this.newKey}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure}\r\n`;
  }

  /** The exchange says something about its version: whether it was bad. */
  judged(pool: PoolRuntime, isBad: boolean): void {
    if (this.isTest) return;
    for (let at = 0; at < this.evaluations.length; at += 1) this.#variant(at).series[pool.index]!.judged(isBad);
  }

  /** Whether there are guards to be told. */
  get isGuarded(): boolean {
    return this.#arms.length > 0;
  }

  /** Tells the guards how the exchange went; true when whoever watches a treatment has to be woken for it. */
  testify(pool: PoolRuntime, testimony: Testimony): boolean {
    let isNews = false;
    for (let at = 0; at < this.#arms.length; at += 1) {
      const standing = this.#arms[at]!;
      if (standing !== null && this.#guard(at, pool).record(standing, testimony)) isNews = true;
    }
    return isNews;
  }

  /** Whether a flag that treats this exchange was killed since: then what became of it speaks against no version. */
  isTreatedInVain(): boolean {
    const { flags, shared } = this.route;
    return this.#arms.some(
      (standing, at) => standing?.arm === 'treatment' && isKilledIn(shared.evaluator.loadDialAt(flags[at]!.index)),
    );
  }

  /** The exchange was counted for its version, under a position of the gate. */
  toldOfVersion(pool: PoolRuntime, gateSlot: number, isBad: boolean): void {
    for (let at = 0; at < this.#arms.length; at += 1) {
      if (this.#arms[at]?.arm === 'treatment') this.#guard(at, pool).toldOfVersion(gateSlot, isBad);
    }
  }

  #guard(at: number, pool: PoolRuntime): FlagGuard {
    return this.route.flags[at]!.guards![pool.index]!;
  }

  /** The exchange that was routed to this pool has ended. */
  ended(pool: PoolRuntime, status: number, durationUs: number): void {
    if (this.isTest) return;
    for (let at = 0; at < this.evaluations.length; at += 1) {
      this.#variant(at).series[pool.index]!.ended(status, durationUs);
    }
  }

  /** What a line of the access log says of flags, in the names of OpenTelemetry: never a key, nor a value. */
  logged(): Readonly<Record<string, unknown>> {
    const flags = this.evaluations.map(({ flag, variant, reason, revision }) => ({
      'feature_flag.key': flag,
      'feature_flag.result.variant': variant,
      'feature_flag.result.reason': reason.toLowerCase(),
      'feature_flag.version': revision,
    }));
    return this.isTest ? { feature_flag: flags, flagsChosenByTester: true } : { feature_flag: flags };
  }

  #variant(at: number): ReadyVariant {
    return this.route.flags[at]!.variants[this.evaluations[at]!.index]!;
  }

  /** The line `Feature-Flags`; a flag that does not fit is left out and counted. */
  #written(): string {
    const { spec, tally } = this.route.shared;
    let value = '';
    for (const at of this.route.byName) {
      const { member } = this.#variant(at);
      if (value.length + member.length + 2 > spec.headerBytes) tally.count('header-left-out');
      else value += value === '' ? member : `, ${member}`;
    }
    return value === '' ? '' : `Feature-Flags: ${value}\r\n`;
  }

  #members(): string[] {
    return this.route.byName.map((at) => this.#variant(at).baggage);
  }
}
