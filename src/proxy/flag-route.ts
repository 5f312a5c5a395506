/**
 * The flags of one route, made ready: everything that a variant means for a request is written out beforehand, so that a request looks up
 * and does not build.
 *
 * Where variants of several flags name a pool, a path or a redirect, the flag that the route names first decides. To the endpoint
 * they go in the order of their names, so that the same variants are always the same text.
 */
import { armAt } from '../flags/arm.ts';
import { bucketKeyOf } from '../flags/decider.ts';
import { isKilledIn, slotIn } from '../flags/dial.ts';
import type { Evaluation, FlagSpec, Variant } from '../flags/flag.ts';
import { withVary } from '../http1/member-lines.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { fieldItem } from '../http1/structured-value.ts';
import { type PathRewrite, Rewriter } from '../routing/path-rewrite.ts';
import type { OwnAnswerSpec } from '../routing/rules.ts';
import type { RouteSpec } from '../routing/snapshot.ts';
import { FlagSeriesWriter } from '../stats/flag-series.ts';
import { FLAGS_FIELD } from './flag-claims.ts';
import { FlagDecision } from './flag-decision.ts';
import type { ExposureNotes } from './flag-exposures.ts';
import { type ArmStanding, FlagGuard } from './flag-guard.ts';
import type { FlagsRuntime } from './flag-runtime.ts';
import { varyingFields } from './flag-vary.ts';
import { randomHex } from './ids.ts';
import type { ServiceRuntime } from './runtime.ts';

const KEY_BYTES = 16;
/** A redirect by a variant keeps the method, and no cache may keep it. */
const REDIRECT_STATUS = 307;

/** What a variant means on this route. */
export interface ReadyVariant {
  /** Its member of `Feature-Flags`, and of `baggage`. */
  readonly member: string;
  readonly baggage: string;
  /** The index of the pool that it names; -1 for none, or none of this service. */
  readonly pool: number;
  readonly rewriter: Rewriter | null;
  readonly redirect: OwnAnswerSpec | null;
  /** The answer when a tester chooses it. */
  readonly chosen: Evaluation;
  /** Where its requests are counted, by pool. */
  readonly series: readonly FlagSeriesWriter[];
}

interface ReadyFlag {
  /** The index in the snapshot. */
  readonly index: number;
  readonly spec: FlagSpec;
  readonly variants: readonly ReadyVariant[];
  /** Its guard in each pool; null for a flag without. */
  readonly guards: readonly FlagGuard[] | null;
}

export class RouteFlags {
  readonly shared: FlagsRuntime;
  readonly flags: readonly ReadyFlag[];
  /** The places in `flags` in the order of their names. */
  readonly byName: readonly number[];
  readonly #service: string;
  /** The fields of the request that decide what a response was made for. */
  readonly #fields: readonly string[];
  /** Whether a response differs by flags also where the endpoint knows nothing of them. */
  readonly #alwaysVaries: boolean;
  /** Whether a flag has a guard. */
  readonly #isGuarded: boolean;
  /** The word of each flag's dial by which the present request is decided. */
  readonly #words: number[];

  constructor(spec: RouteSpec, service: ServiceRuntime, shared: FlagsRuntime, thread: number) {
    this.shared = shared;
    this.#service = service.spec.name;
    this.flags = spec.flags.map((index) => {
      const flag = shared.specs[index]!;
      const variants = flag.variants.map((variant, at) =>
        readyVariant(variant, at, flag, spec, service, index, thread),
      );
      return { index, spec: flag, variants, guards: readyGuards(index, service, shared, thread) };
    });
    const names = this.flags.map((flag) => flag.spec.name);
    this.byName = [...names.keys()].sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
    this.#isGuarded = this.flags.some(({ guards }) => guards !== null);
    this.#words = this.flags.map(() => 0);
    this.#fields = varyingFields(spec.flags, shared.specs, shared.spec);
    this.#alwaysVaries = this.flags.some(({ variants }) =>
      variants.some((one) => one.pool >= 0 || one.rewriter !== null),
    );
  }

  /** What is decided for a request of this client. `nowMs`: since 1970. */
  decide(head: RequestHead, client: string, exposures: ExposureNotes, nowMs: number): FlagDecision {
    const { context, evaluator, overrides, cells } = this.shared;
    context.begin(head, client);
    const evaluations: Evaluation[] = [];
    for (let at = 0; at < this.flags.length; at += 1) {
      const { index } = this.flags[at]!;
      const word = evaluator.loadDialAt(index);
      this.#words[at] = word;
      evaluations.push(evaluator.evaluateAt(index, context, nowMs, word));
    }
    const newKey = this.#newKey(evaluations, nowMs);
    const chosen = overrides === null ? null : overrides.read(head, nowMs);
    const isTest = chosen !== null && this.#choose(chosen, evaluations);
    if (!isTest) {
      for (let at = 0; at < evaluations.length; at += 1) {
        const evaluation = evaluations[at]!;
        cells[this.flags[at]!.index]!.count(evaluation.index, evaluation.reason);
        if (evaluation.reason === 'SPLIT') this.#drawn(at, evaluation, exposures, nowMs);
      }
    }
    const arms = this.#isGuarded && !isTest ? this.#arms(evaluations, nowMs) : NO_ARMS;
    return new FlagDecision(this, evaluations, isTest, newKey, arms);
  }

  /** Where the request's key stands with each guarded flag, in the order of the flags; null for none. */
  #arms(evaluations: readonly Evaluation[], nowMs: number): (ArmStanding | null)[] {
    const { context, evaluator } = this.shared;
    return this.flags.map(({ index, spec, guards }, at) => {
      if (guards === null) return null;
      const word = this.#words[at]!;
      const arm = armAt(evaluator, index, evaluations[at]!, context, nowMs, word);
      return arm === null ? null : { arm, slot: slotIn(word), key: bucketKeyOf(spec.bucketBy, context)! };
    });
  }

  /** The lines of a response, whose cacheability is told by the fields that the variants came from. */
  varied(lines: string): string {
    return withVary(lines, FLAGS_FIELD, this.#fields, this.#alwaysVaries);
  }

  /** Gives a visitor without a key one, where a draw wants it, and evaluates anew with it; '' where none was given. */
  #newKey(evaluations: Evaluation[], nowMs: number): string {
    const { spec, context, evaluator, tally } = this.shared;
    if (spec.anonymous === null || !evaluations.some(isWithoutKey) || context.key !== undefined) return '';
    const key = randomHex(KEY_BYTES);
    context.giveKey(key);
    const again = this.flags.map(({ index }, at) => evaluator.evaluateAt(index, context, nowMs, this.#words[at]));
    // Who draws by an attribute is not helped by a key, and no cookie is given for nothing.
    if (!evaluations.some((before, at) => isWithoutKey(before) && !isWithoutKey(again[at]!))) return '';
    evaluations.splice(0, evaluations.length, ...again);
    tally.count('anonymous-key');
    return key;
  }

  /** Puts a tester's variants in place; whether there were any. A flag that was killed is off for testers too. */
  #choose(chosen: ReadonlyMap<string, string>, evaluations: Evaluation[]): boolean {
    const { evaluator, tally } = this.shared;
    let isTest = false;
    for (const [at, { index, spec, variants }] of this.flags.entries()) {
      const wanted = chosen.get(spec.name);
      const variant = wanted === undefined ? -1 : spec.variants.findIndex(({ name }) => name === wanted);
      if (variant < 0 || isKilledIn(evaluator.loadDialAt(index))) continue;
      evaluations[at] = variants[variant]!.chosen;
      isTest = true;
    }
    if (isTest) tally.count('override-used');
    return isTest;
  }

  /** A bucket was drawn for somebody: for previews, and for those who want to know who was exposed. */
  #drawn(at: number, evaluation: Evaluation, exposures: ExposureNotes, nowMs: number): void {
    const { context, samples, tally } = this.shared;
    const { index, spec } = this.flags[at]!;
    const unit = bucketKeyOf(spec.bucketBy, context);
    if (evaluation.rule === null) samples[index]!.saw(unit, nowMs);
    if (exposures.isWanted && unit !== undefined) exposures.drawn(evaluation, unit, this.#service, nowMs, tally);
  }
}

const NO_ARMS: readonly (ArmStanding | null)[] = [];

function readyGuards(index: number, service: ServiceRuntime, shared: FlagsRuntime, thread: number): FlagGuard[] | null {
  const ledgers = shared.guards[index]!;
  if (ledgers === null) return null;
  const { signals } = service.spec.evidence;
  return service.pools.map(({ spec }) => new FlagGuard(ledgers, spec.guards[index]!, signals, thread));
}

function isWithoutKey({ error }: Evaluation): boolean {
  return error === 'TARGETING_KEY_MISSING';
}

function readyVariant(
  { name, value, pool, rewrite, redirect }: Variant,
  index: number,
  flag: FlagSpec,
  route: RouteSpec,
  service: ServiceRuntime,
  flagIndex: number,
  thread: number,
): ReadyVariant {
  return {
    member: `${flag.name}=${fieldItem(value)}`,
    baggage: `feature_flag.${flag.name}=${encodeURIComponent(name)}`,
    pool: pool === null ? -1 : service.pools.findIndex(({ spec }) => spec.name === pool),
    rewriter: rewrite === null ? null : new Rewriter(rewriteOf(route, rewrite)),
    redirect: redirect === null ? null : redirectOf(redirect),
    chosen: Object.freeze({
      flag: flag.name,
      index,
      variant: name,
      value,
      reason: 'STATIC',
      error: null,
      rule: null,
      revision: flag.revision,
    }),
    series: service.pools.map(({ spec }) => new FlagSeriesWriter(spec.flags[flagIndex]![index]!, thread)),
  };
}

/** Where the route matches a prefix, that is replaced; else the whole path is. */
function rewriteOf({ match: { path } }: RouteSpec, to: string): PathRewrite {
  if (path === null) return { kind: 'prefix', from: '/', to };
  return path.kind === 'prefix' ? { kind: 'prefix', from: path.value, to } : { kind: 'whole', to };
}

/** An absolute URL, or a path on the same host; the query of the request goes along unless there is one already. */
function redirectOf(to: string): OwnAnswerSpec {
  const keepQuery = !to.includes('?');
  const status = REDIRECT_STATUS;
  if (to.startsWith('/'))
    return { kind: 'redirect', status, scheme: null, host: null, port: null, path: to, keepQuery };
  const { protocol, hostname, port, pathname, search } = new URL(to);
  return {
    kind: 'redirect',
    status,
    scheme: protocol === 'https:' ? 'https' : 'http',
    host: hostname,
    port: port === '' ? null : Number(port),
    path: pathname + search,
    keepQuery,
  };
}
