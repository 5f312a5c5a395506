/**
 * All rollouts: at most one of a service runs, and another may wait for its end.
 *
 * The owner of what runs, of how it is kept, and of who is told. A start is checked here against everything that may stand
 * in its way; the rest is `rollout-run.ts`, one for each service.
 */
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { chooseScale, levelTable } from '../judge/latency.ts';
import { leadsOf } from '../rollout/bond.ts';
import type { Command } from '../rollout/commands.ts';
import { shareIn } from '../rollout/plan.ts';
import { answerStart } from '../rollout/starting.ts';
import type { Told } from '../rollout/transition.ts';
import { SeriesReader } from '../stats/series.ts';
import type { Board } from './board.ts';
import { Bonds } from './bonds.ts';
import type { Confirmations } from './confirmations.ts';
import type { EarlyLooks, Looker } from './early-looks.ts';
import type { EventLog } from './event-log.ts';
import type { FlagGuards } from './flag-guards.ts';
import type { Gates } from './gates.ts';
import type {
  Instruction,
  MetricsSource,
  OpenQuestion,
  Receipt,
  Refusal,
  RolloutGlance,
  StartOrder,
  Weights,
} from './operations.ts';
import { budgetedAim, type Outlook } from './outlook.ts';
import { type PoolVerificationOptions, verifyPool } from './pool-verification.ts';
import { memoriesOf, RecentTraffic } from './recent-traffic.ts';
import { type Aim, aimOf, refuse } from './rollout-aim.ts';
import type { EarlierCounts, RolloutEvidence } from './rollout-evidence.ts';
import { RolloutOutcomes, rolloutFigures } from './rollout-figures.ts';
import { glanceOf } from './rollout-glance.ts';
import { earlierCounts, evidenceOf, forgetUnits } from './rollout-memory.ts';
import { newsOf } from './rollout-news.ts';
import { endedWithoutPool, type OpenedRollout, type Opening, openRollout } from './rollout-opening.ts';
import type { DecisionEntry, RolloutRecord } from './rollout-record.ts';
import { type CommandAnswer, RolloutRun } from './rollout-run.ts';
import { judgeSettingsFor, whyLost } from './rollout-settings.ts';
import { sourcesOf, standingOf } from './rollout-sources.ts';
import type { RolloutStore } from './rollout-store.ts';
import type { RunWorld } from './run-world.ts';
import { SignalBooks } from './signal-books.ts';
import type { Sides } from './signal-reader.ts';
import type { SignalSources } from './signal-sources.ts';
import type { StepFlags } from './step-flags.ts';
import { epochMismatch, type Traffic, unknownService } from './traffic.ts';
import type { Verification } from './verification.ts';

export interface RolloutsOptions extends PoolVerificationOptions {
  readonly board: Board;
  readonly gates: Gates;
  readonly traffic: Traffic;
  readonly store: RolloutStore;
  readonly events: EventLog;
  readonly confirmations: Confirmations;
  readonly stepFlags: StepFlags;
  /** Who knows when a flag and not the version is to blame. */
  readonly guards: Pick<FlagGuards, 'excuse'>;
  readonly looks: EarlyLooks;
  readonly log: Logger;
  /** Runs a change of traffic in its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Why nothing new is begun now, or null. */
  readonly frozen: () => string | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class Rollouts {
  readonly #options: RolloutsOptions;
  readonly #running = new Map<string, RolloutRun>();
  /** The last one of each service, running or ended. */
  readonly #last = new Map<string, RolloutRecord>();
  /** Services whose traffic the file has moved before the rollouts were read back, with why; null from then on. */
  #overruled: Map<string, { readonly why: string; readonly weights: Weights }> | null = new Map();
  readonly #outcomes = new RolloutOutcomes();
  readonly #recent = new RecentTraffic();
  readonly #earlyLooks: Looker;
  /** How the signals of all services were read. */
  readonly signals = new SignalBooks();
  /** What ties those that were started together. */
  readonly bonds: Bonds;

  constructor(options: RolloutsOptions) {
    this.#options = options;
    this.#earlyLooks = options.looks.join(() => {
      for (const run of [...this.#running.values()]) run.lookEarly();
    });
    this.bonds = new Bonds({
      ...options,
      last: (service) => this.last(service),
      running: (service) => this.#running.get(service),
      isWarm: (record) => this.warmUntil(record) !== null,
      keep: (record) => this.#keep(record),
      note: (record, text) => this.#note(record, { kind: 'told', what: 'rolling-back', text }),
    });
  }

  /** Goes on with what an earlier process left. To be called once, when the gates stand. */
  restore(): void {
    const overruled = this.#overruled!;
    this.#overruled = null;
    const kept = this.#options.store.last();
    if (!kept.ok) {
      this.#options.log.error({ error: kept.error }, 'the rollouts of the state file cannot be read');
      return;
    }
    const records = kept.value.filter(({ flag }) => flag === null);
    for (const record of records) this.#last.set(record.service, record);
    for (const record of records) if (record.endedAt === null) this.#goOn(record, overruled.get(record.service));
    // A kill may have come between the turn of one member of a bond and that of the next.
    for (const { service } of records) this.bonds.turned(this.last(service)!);
    for (const record of records) if (record.endedAt !== null) this.#startNext(record);
  }

  /** Goes on with a rollout; `overruled` is why the gate does not stand where it was left. */
  #goOn(record: RolloutRecord, overruled: { readonly why: string; readonly weights: Weights } | undefined): void {
    const service = this.#options.config().services.get(record.service);
    const run = this.#runOf(record, service, earlierCounts(record));
    if (run === null || service === undefined) return;
    this.#options.log.info({ service: record.service, rollout: record.id }, 'a rollout goes on after a restart');
    const why = whyLost(record, service);
    if (why === null && overruled !== undefined) {
      run.superseded(overruled.why, shareIn(overruled.weights, record.rollout));
      return;
    }
    run.resume();
    if (why !== null) run.lost(why);
  }

  running(service: string): RolloutRun | undefined {
    return this.#running.get(service);
  }

  /** The last rollout of a service, running or ended. */
  last(service: string): RolloutRecord | undefined {
    return this.#running.get(service)?.record ?? this.#last.get(service);
  }

  /** The services that belong to a group in the file. */
  groupOf(group: string): string[] {
    const services = [...this.#options.config().services.values()];
    return services.flatMap(({ name, rollout }) => (rollout.group === group ? [name] : []));
  }

  /** The last rollout of each service that has had one. */
  lastOfAll(): RolloutRecord[] {
    return [...this.#last.keys()].map((service) => this.last(service)!);
  }

  /** The confirmation that a rollout waits for; null when it waits for none. */
  questionOf({ id, endedAt }: RolloutRecord): OpenQuestion | null {
    return endedAt === null ? this.#options.confirmations.waiting(id) : null;
  }

  /** The one that runs, in a few words; null when none does. */
  glance(service: string): RolloutGlance | null {
    const run = this.#running.get(service);
    if (run === undefined) return null;
    const others = this.bonds.waitsFor(run.record).map((member) => member.service);
    const question = this.questionOf(run.record);
    const asks = question === null ? null : `step ${question.step} waits for its confirmation: ${question.why}`;
    return glanceOf(run.record, others.length > 0 ? `waits for ${others.join(', ')}` : asks);
  }

  /** Until when a single move goes back from this success to a warm pool, ISO 8601; null when that is over, or never was. */
  warmUntil({ id, service, endedAt, keepMs, rollout }: RolloutRecord): string | null {
    const { gates, now } = this.#options;
    if (rollout.phase !== 'succeeded' || endedAt === null || this.last(service)?.id !== id) return null;
    const gate = gates.get(service);
    const stands = gate?.active === rollout.candidate && gate.pools.includes(rollout.active);
    const untilMs = Date.parse(endedAt) + keepMs;
    return stands && now() < untilMs ? new Date(untilMs).toISOString() : null;
  }

  /** What /metrics says of each service. */
  figures(): MetricsSource['rollouts'] {
    const services = [...this.#options.config().services.keys()];
    return services.map((service) => rolloutFigures(service, this.last(service), this.#outcomes, this.bonds));
  }

  isQueued(service: string): boolean {
    return this.#running.get(service)?.record.next != null;
  }

  tick(ms: number): void {
    this.#recent.pass(ms, () => memoriesOf(this.#options.config(), this.#options.board));
    for (const run of [...this.#running.values()]) run.tick(ms);
  }

  /** Begins a rollout; resolves with its record, or why there is none. */
  async start(name: string, order: StartOrder, instruction: Instruction): Promise<RolloutRecord | Refusal> {
    const { config, gates } = this.#options;
    const service = config().services.get(name);
    const gate = gates.get(name);
    if (service === undefined || gate === undefined) return unknownService(name);
    const mismatch = epochMismatch(gate, instruction.ifEpoch);
    if (mismatch !== null) return mismatch;
    const outlook = this.outlook(name, order);
    if ('refused' in outlook) return outlook;
    const { aim, answer } = outlook;
    const running = this.#running.get(name);
    switch (answer.kind) {
      case 'refuse':
        return refuse(answer.code, answer.message);
      case 'begin':
        return this.#begin(this.#open(name, aim, instruction.by, null));
      case 'queue':
      case 'restart':
        running!.follow({ order, by: instruction.by, reason: instruction.reason });
        if (answer.kind === 'restart') running!.command('abort', instruction.by);
        return this.last(name)!;
      default:
        return answer satisfies never;
    }
  }

  /** Begins rollouts that were found to be possible, bonded to each other; all of them are kept before any begins. */
  startBonded(
    group: string,
    aims: readonly { readonly service: string; readonly aim: Aim }[],
    by: string,
  ): RolloutRecord[] {
    const id = this.#options.store.lastId + 1;
    const members = aims.map(({ service }, index) => ({ service, rollout: id + index }));
    const leads = leadsOf(aims.map(({ aim }) => aim.plan.steps.length));
    const opened = aims.map(({ service, aim }, index) =>
      this.#open(service, aim, by, aims.length === 1 ? null : { id, group, members, lead: leads[index]! }),
    );
    this.#options.store.save(...opened.map(({ record }) => record));
    return opened.map((one) => this.#begin(one));
  }

  /** What a start would do now, and what it can be foretold by; nothing is done. */
  outlook(name: string, order: StartOrder): Outlook | Refusal {
    const { board, gates, frozen } = this.#options;
    const service = this.#options.config().services.get(name);
    if (service === undefined) return unknownService(name);
    const running = this.#running.get(name)?.record;
    const aim = aimOf(service, running?.rollout.active ?? gates.get(name)?.active ?? null, order);
    if ('refused' in aim) return aim;
    const { active, candidate } = aim;
    const memoryOf = (pool: string) => board.evidence(name, pool, service.pools.get(pool)!.version);
    const traffic = this.#recent.of(memoryOf(active), memoryOf(candidate));
    const settings = judgeSettingsFor(service, { active, candidate }, this.#scaleOf(service, active));
    const budgeted = budgetedAim(service, aim, order, traffic, settings);
    if ('refused' in budgeted) return budgeted;
    const last = this.last(name);
    const apartFrom = order.alone === true ? null : (service.rollout.group ?? null);
    const request = { version: aim.version, again: order.again, apartFrom };
    const past = last === undefined ? null : { rollout: last.rollout, version: last.version };
    const answer = answerStart(request, past, frozen(), service.rollout.onNewVersion);
    return { ...budgeted, settings, traffic, answer };
  }

  command(service: string, command: Command, by: string): RolloutRecord | Refusal {
    const run = this.#running.get(service);
    if (run === undefined) return this.noRollout(service);
    const answer: CommandAnswer = run.command(command, by);
    return answer.ok ? this.last(service)! : refuse(answer.code, answer.message);
  }

  /** Takes a running rollout back in one move, and what waited for its end is forgotten; null when none runs. */
  takeBack(name: string, { by, ifEpoch }: Instruction): Promise<Receipt | Refusal> | null {
    const run = this.#running.get(name);
    const gate = this.#options.gates.get(name);
    if (run === undefined || gate === undefined) return null;
    const mismatch = epochMismatch(gate, ifEpoch);
    if (mismatch !== null) return Promise.resolve(mismatch);
    run.follow(null);
    for (const { service } of run.record.bond?.members ?? []) this.#running.get(service)?.hurry();
    return run.takeBack(by).then((receipt) => {
      if (receipt !== null) return receipt;
      const { phase, reason } = run.record.rollout;
      return refuse('nothing-to-roll-back', `the rollout of ${name} is ${phase}, and no traffic was moved: ${reason}`);
    });
  }

  /** Somebody else moves the gate of a service to these weights. */
  superseded(service: string, why: string, weights: Weights): void {
    this.#overruled?.set(service, { why, weights });
    const run = this.#running.get(service);
    run?.follow(null);
    if (run === undefined) this.bonds.undone(service, why, weights);
    else run.superseded(why, shareIn(weights, run.record.rollout));
  }

  /** The config has changed: a rollout whose pools are no longer what they were is lost. */
  follow(config: Config): void {
    for (const [name, run] of [...this.#running]) {
      const service = config.services.get(name);
      const why = service === undefined ? 'the service has left the file' : whyLost(run.record, service);
      if (why !== null) run.lost(why);
    }
  }

  close(): void {
    this.#earlyLooks.stop();
    for (const run of this.#running.values()) run.close();
  }

  /** Why nothing can be said or done about a rollout of this service. */
  noRollout(name: string): Refusal {
    if (!this.#options.config().services.has(name)) return unknownService(name);
    const last = this.#last.get(name);
    const message =
      last === undefined
        ? `${name} has no rollout`
        : `no rollout of ${name} runs; the last one ended as ${last.rollout.phase}: ${last.rollout.reason}`;
    return refuse('no-rollout', message);
  }

  #open(name: string, aim: Aim, by: string, bond: Opening['bond']): OpenedRollout {
    const { board, gates, config, store } = this.#options;
    const service = config().services.get(name)!;
    const scale = this.#scaleOf(service, aim.active);
    const id = bond?.members.find((member) => member.service === name)?.rollout ?? store.lastId + 1;
    return openRollout({ id, service, aim, gate: gates.get(name)!, board, scale, by, at: this.#at(), bond });
  }

  #begin({ record, effects }: OpenedRollout): RolloutRecord {
    this.#runOf(record, this.#options.config().services.get(record.service), null)!.begin(effects);
    return this.last(record.service)!;
  }

  /** Null when the service is not there any more, and the rollout is closed for good. */
  #runOf(record: RolloutRecord, service: Service | undefined, earlier: EarlierCounts | null): RolloutRun | null {
    const { board } = this.#options;
    const { active, candidate } = record.rollout;
    const pools = [active, candidate].map((name) => service?.pools.get(name));
    const [from, to] = pools;
    if (service === undefined || from === undefined || to === undefined) {
      const ended = endedWithoutPool(record, this.#at());
      this.#keep(ended);
      this.#tell(ended, 'ended', ended.rollout.reason);
      return null;
    }
    if (record.scale !== null) new Uint8Array(board.levels(service.name)).set(levelTable(record.scale));
    const versions = { active: from.version, candidate: to.version };
    const evidence = evidenceOf(board, record, versions, earlier);
    const sources = sourcesOf(record, this.#options, this.signals);
    const run = new RolloutRun(record, this.#worldOf(service.name, { active, candidate }, evidence, sources));
    this.#running.set(service.name, run);
    this.#earlyLooks.start();
    return run;
  }

  #worldOf(name: string, { active, candidate }: Sides, evidence: RolloutEvidence, sources: SignalSources): RunWorld {
    const { gates, traffic, inTurn, config, log, store, confirmations } = this.#options;
    const serviceNow = (): Service | undefined => config().services.get(name);
    return {
      evidence,
      judgement: null,
      flags: this.#options.stepFlags,
      sources,
      isCounted: (signal) => serviceNow()?.rollout.guard.signals[signal]?.kind === 'requests',
      log,
      warmUpMs: serviceNow()?.rollout.guard.warmUp ?? 0,
      at: () => this.#at(),
      excuse: () => this.#options.guards.excuse(name),
      forgetUnits: () => forgetUnits(this.#options.board, serviceNow()),
      frozen: this.#options.frozen,
      standing: () => standingOf(gates, name, { active, candidate }),
      isThere: (weights) =>
        Object.entries(weights).some(([pool, weight]) => weight > 0 && serviceNow()?.pools.has(pool) === true),
      move: ({ weights, terms, reason, note, previous }, stillWanted) =>
        inTurn(async () => {
          const service = serviceNow();
          const gate = gates.get(name);
          if (service === undefined || gate === undefined || !stillWanted()) return null;
          const left = Object.fromEntries(Object.entries(weights).filter(([pool]) => service.pools.has(pool)));
          return traffic.move(gate, service, left, reason, { by: 'rollout', reason: note, terms, previous });
        }),
      verify: (stop) => this.verify(name, candidate, stop),
      confirm: (step, askedMs, stop) => {
        const at = { step, askedMs, epoch: gates.get(name)?.epoch ?? 0 };
        return confirmations.ask(serviceNow()?.rollout.confirm, this.last(name)!, at, stop);
      },
      join: (mark, stop) => this.bonds.join(name, mark, stop),
      turned: (record) => this.bonds.turned(record),
      keep: (record) => this.#keep(record),
      note: (record, entry) => this.#note(record, entry),
      tell: (record, what, text) => this.#tell(record, what, text),
      ended: (record) => {
        this.#running.delete(name);
        if (this.#running.size === 0) this.#earlyLooks.stop();
        this.#last.set(name, record);
        this.#outcomes.ended(record);
        store.trim(name);
        this.#startNext(record);
      },
    };
  }

  /** Starts what has waited for the end of a rollout. What is refused now is told and forgotten. */
  #startNext(ended: RolloutRecord): void {
    const { next, service } = ended;
    if (next === null) return;
    void this.start(service, next.order, { by: next.by, reason: next.reason, ifEpoch: null }).then((started) => {
      if (!('refused' in started)) return;
      this.#keep({ ...ended, next: null });
      const text = `${service}: the rollout that waited was refused: ${started.message}`;
      this.#options.events.append('rollout', service, text, started);
    });
  }

  #tell(record: RolloutRecord, what: Told, text: string): void {
    const { log, events, gates } = this.#options;
    const { id, service } = record;
    log.info({ service, rollout: id, what }, `${service}: ${text}`);
    events.append('rollout', service, `${service}: ${text}`, newsOf(record, what, gates.get(service)?.epoch ?? 0));
  }

  /** Verifies a pool as its service says. */
  verify(name: string, pool: string, stop: AbortSignal): Promise<Verification> {
    return verifyPool(this.#options, name, pool, stop);
  }

  #scaleOf(service: Service, active: string): RolloutRecord['scale'] {
    if (service.rollout.guard.latency === null) return null;
    const board = this.#options.board.findSeries(service.name, active, service.pools.get(active)!.version);
    return board === undefined ? null : chooseScale(new SeriesReader(board).durations());
  }

  /** What the file does not take is with the store until it does, and whoever watches the file tells of that. */
  #keep(record: RolloutRecord): void {
    this.#last.set(record.service, record);
    this.#options.store.save(record);
  }

  #note(record: RolloutRecord, entry: DecisionEntry): void {
    this.#options.store.append(record.id, this.#at(), entry);
  }

  #at(): string {
    return new Date(this.#options.now()).toISOString();
  }
}
