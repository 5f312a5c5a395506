/**
 * All rollouts: at most one of a service runs, and another may wait for its end.
 *
 * The owner of what runs, of how it is kept, and of who is told. A start is checked here against everything that may stand
 * in its way; the rest is `rollout-run.ts`, one for each service.
 */
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { openJudgement } from '../judge/judgement.ts';
import { chooseScale, levelTable } from '../judge/latency.ts';
import type { Command } from '../rollout/commands.ts';
import { begin } from '../rollout/machine.ts';
import { answerStart } from '../rollout/starting.ts';
import type { Told } from '../rollout/transition.ts';
import { SeriesReader } from '../stats/series.ts';
import { askedEndpoints } from './asked-endpoints.ts';
import type { Board } from './board.ts';
import type { Confirmations } from './confirmations.ts';
import type { EarlyLooks, Looker } from './early-looks.ts';
import type { EventLog } from './event-log.ts';
import type { RunningRelease } from './flag-blame.ts';
import type { FlagGuards } from './flag-guards.ts';
import type { Gates } from './gates.ts';
import type { Instruction, MetricsSource, Receipt, Refusal, RolloutGlance, StartOrder } from './operations.ts';
import { budgetedAim, type Outlook } from './outlook.ts';
import { memoriesOf, RecentTraffic } from './recent-traffic.ts';
import { type Aim, aimOf, refuse } from './rollout-aim.ts';
import type { EarlierCounts, RolloutEvidence } from './rollout-evidence.ts';
import { RolloutOutcomes, rolloutFigures } from './rollout-figures.ts';
import { glanceOf, releaseOf } from './rollout-glance.ts';
import { earlierCounts, evidenceOf, forgetUnits } from './rollout-memory.ts';
import { newsOf } from './rollout-news.ts';
import type { DecisionEntry, RolloutRecord } from './rollout-record.ts';
import { type CommandAnswer, RolloutRun, type RunWorld } from './rollout-run.ts';
import { judgeSettingsFor } from './rollout-settings.ts';
import { sourcesOf, standingOf } from './rollout-sources.ts';
import type { RolloutStore } from './rollout-store.ts';
import { SignalBooks } from './signal-books.ts';
import type { Sides } from './signal-reader.ts';
import type { SignalSources } from './signal-sources.ts';
import { epochMismatch, type Traffic, unknownService } from './traffic.ts';
import { verify } from './verification.ts';
import { whyLost } from './why-lost.ts';

export interface RolloutsOptions {
  readonly board: Board;
  readonly gates: Gates;
  readonly traffic: Traffic;
  readonly store: RolloutStore;
  readonly events: EventLog;
  readonly confirmations: Confirmations;
  /** Who knows when a flag and not the version is to blame. */
  readonly guards: Pick<FlagGuards, 'excuse'>;
  /** Looks between two ticks, for bad events of a candidate. */
  readonly looks: EarlyLooks;
  readonly log: Logger;
  readonly config: () => Config;
  /** Why health checks say that an endpoint should not be used; null when they do not. */
  readonly unhealthy: (service: string, pool: string, endpoint: string) => string | null;
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
  #overruled: Map<string, string> | null = new Map();
  readonly #outcomes = new RolloutOutcomes();
  readonly #recent = new RecentTraffic();
  readonly #earlyLooks: Looker;
  #lastId = 0;
  /** How the signals of all services were read. */
  readonly signals = new SignalBooks();

  constructor(options: RolloutsOptions) {
    this.#options = options;
    this.#earlyLooks = options.looks.join(() => {
      for (const run of [...this.#running.values()]) run.lookEarly();
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
    for (const record of kept.value) {
      this.#lastId = Math.max(this.#lastId, record.id);
      this.#last.set(record.service, record);
    }
    for (const record of kept.value) {
      if (record.endedAt === null) this.#goOn(record, overruled.get(record.service));
      else this.#startNext(record);
    }
  }

  /** Goes on with a rollout; `overruled` is why the gate does not stand where it was left. */
  #goOn(record: RolloutRecord, overruled: string | undefined): void {
    const service = this.#options.config().services.get(record.service);
    const run = this.#runOf(record, service, earlierCounts(record));
    if (run === null || service === undefined) return;
    this.#options.log.info({ service: record.service, rollout: record.id }, 'a rollout goes on after a restart');
    const why = whyLost(record, service);
    if (why === null && overruled !== undefined) {
      run.superseded(overruled);
      return;
    }
    run.resume();
    if (why !== null) run.lost(why);
  }

  running(service: string): RolloutRun | undefined {
    return this.#running.get(service);
  }

  /** The one that runs, as far as it may have to do with a flag; null when none does. */
  release(service: string): RunningRelease | null {
    const record = this.#running.get(service)?.record;
    return record === undefined ? null : releaseOf(record);
  }

  /** A part of what was counted of a release that runs is not the version's doing. */
  startOver(service: string, why: string): void {
    this.#forgetUnits(service);
    this.#running.get(service)?.startOver(why);
  }

  /** The last rollout of a service, running or ended. */
  last(service: string): RolloutRecord | undefined {
    return this.#running.get(service)?.record ?? this.#last.get(service);
  }

  /** The one that runs, in a few words; null when none does. */
  glance(service: string): RolloutGlance | null {
    const run = this.#running.get(service);
    return run === undefined ? null : glanceOf(run.record);
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
    return services.map((service) => rolloutFigures(service, this.last(service), this.#outcomes));
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
        return this.#begin(service, aim, instruction.by);
      case 'queue':
      case 'restart':
        running!.follow({ order, by: instruction.by, reason: instruction.reason });
        if (answer.kind === 'restart') running!.command('abort', instruction.by);
        return this.last(name)!;
      default:
        return answer satisfies never;
    }
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
    const request = { version: aim.version, again: order.again };
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
    return run.takeBack(by).then((receipt) => {
      if (receipt !== null) return receipt;
      const { phase, reason } = run.record.rollout;
      return refuse('nothing-to-roll-back', `the rollout of ${name} is ${phase}, and no traffic was moved: ${reason}`);
    });
  }

  /** Somebody else moves the gate of a service. */
  superseded(service: string, why: string): void {
    this.#overruled?.set(service, why);
    const run = this.#running.get(service);
    run?.follow(null);
    run?.superseded(why);
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

  #begin(service: Service, { active, candidate, version, plan }: Aim, by: string): RolloutRecord {
    const { board, gates } = this.#options;
    const gate = gates.get(service.name)!;
    const scale = this.#scaleOf(service, active);
    const levels = new Uint8Array(board.levels(service.name));
    if (scale === null) levels.fill(0);
    else levels.set(levelTable(scale));
    this.#forgetUnits(service.name);
    const settings = judgeSettingsFor(service, { active, candidate }, scale);
    const begun = begin({ plan, active, candidate, before: gate.weights, by });
    if (!begun.ok) throw new Error(begun.message);
    this.#lastId += 1;
    const record: RolloutRecord = {
      id: this.#lastId,
      service: service.name,
      version,
      activeVersion: service.pools.get(active)!.version,
      previous: gate.previous,
      startedAt: this.#at(),
      startedBy: by,
      endedAt: null,
      rollout: begun.rollout,
      settings,
      scale,
      judge: openJudgement(settings),
      verdict: null,
      ranMs: 0,
      stepEpoch: gate.epoch,
      keepMs: service.rollout.keepMs,
      verification: null,
      next: null,
    };
    const run = this.#runOf(record, service, null)!;
    run.begin(begun.effects);
    return this.last(service.name)!;
  }

  /** Null when the service is not there any more, and the rollout is closed for good. */
  #runOf(record: RolloutRecord, service: Service | undefined, earlier: EarlierCounts | null): RolloutRun | null {
    const { board } = this.#options;
    const { active, candidate } = record.rollout;
    const pools = [active, candidate].map((name) => service?.pools.get(name));
    const [from, to] = pools;
    if (service === undefined || from === undefined || to === undefined) {
      const reason = 'a pool of it has left the file while Tidegate was not running';
      const ended = {
        ...record,
        endedAt: this.#at(),
        rollout: { ...record.rollout, phase: 'failed', errand: null, reason },
      } as const;
      this.#keep(ended);
      this.#tell(ended, 'ended', reason);
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
      sources,
      isCounted: (signal) => serviceNow()?.rollout.guard.signals[signal]?.kind === 'requests',
      log,
      warmUpMs: serviceNow()?.rollout.guard.warmUp ?? 0,
      at: () => this.#at(),
      excuse: () => {
        const why = this.#options.guards.excuse(name);
        if (why !== null) this.#forgetUnits(name);
        return why;
      },
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
      confirm: (step, stop) => {
        const epoch = gates.get(name)?.epoch ?? 0;
        return confirmations.ask(serviceNow()?.rollout.confirm, this.last(name)!, { step, epoch }, stop);
      },
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

  /** Verifies a pool as its service says, by the version that the file gives it. */
  async verify(name: string, poolName: string, stop: AbortSignal): ReturnType<typeof verify> {
    const service = this.#options.config().services.get(name);
    const pool = service?.pools.get(poolName);
    if (service === undefined || pool === undefined)
      return { ok: false, results: [], text: `${poolName} has left the file` };
    const { smoke, version, timeoutMs } = service.rollout.verify;
    const endpoints = askedEndpoints(service, pool).map((endpoint) => ({
      ...endpoint,
      unhealthy: () => this.#options.unhealthy(name, poolName, endpoint.name),
    }));
    return verify({ endpoints, smoke, version, expectedVersion: pool.version, timeoutMs }, stop);
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

  #forgetUnits(name: string): void {
    const service = this.#options.config().services.get(name);
    if (service !== undefined) forgetUnits(this.#options.board, service);
  }

  #at(): string {
    return new Date(this.#options.now()).toISOString();
  }
}
