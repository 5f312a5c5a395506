/**
 * All rollouts: at most one of a service runs, and another may wait for its end.
 *
 * The owner of what runs, of how it is kept, and of who is told. A start is checked here against everything that may stand
 * in its way; the rest is `rollout-run.ts`, one for each service.
 */
import type { Logger } from 'pino';
import type { Config, Service } from '../config/schema.ts';
import { buildLocalProxyHeader } from '../http1/proxy-protocol.ts';
import { shareOf } from '../judge/evidence.ts';
import { openJudgement } from '../judge/judgement.ts';
import { chooseScale, levelTable } from '../judge/latency.ts';
import type { Command } from '../rollout/commands.ts';
import { begin } from '../rollout/machine.ts';
import { answerStart } from '../rollout/starting.ts';
import { SeriesReader } from '../stats/series.ts';
import { clearUnits } from '../stats/unit-ledger.ts';
import type { Board } from './board.ts';
import type { EventLog } from './event-log.ts';
import type { Gates } from './gates.ts';
import type { Instruction, Receipt, Refusal, RolloutGlance, StartOrder } from './operations.ts';
import { budgetedAim, type Outlook } from './outlook.ts';
import { RecentTraffic } from './recent-traffic.ts';
import { type Aim, aimOf, refuse } from './rollout-aim.ts';
import { RolloutEvidence } from './rollout-evidence.ts';
import { glanceOf } from './rollout-glance.ts';
import type { DecisionEntry, RolloutRecord } from './rollout-record.ts';
import { type CommandAnswer, RolloutRun, type RunWorld } from './rollout-run.ts';
import { judgeSettingsFor } from './rollout-settings.ts';
import type { RolloutStore } from './rollout-store.ts';
import { authorityOf } from './snapshot-builder.ts';
import { type Traffic, unknownService } from './traffic.ts';
import { verify } from './verification.ts';

export interface RolloutsOptions {
  readonly board: Board;
  readonly gates: Gates;
  readonly traffic: Traffic;
  readonly store: RolloutStore;
  readonly events: EventLog;
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

interface Waiting {
  readonly order: StartOrder;
  readonly instruction: Instruction;
}

export class Rollouts {
  readonly #options: RolloutsOptions;
  readonly #running = new Map<string, RolloutRun>();
  /** The last one of each service, running or ended. */
  readonly #last = new Map<string, RolloutRecord>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #recent = new RecentTraffic();
  #lastId = 0;
  storeErrors = 0;

  constructor(options: RolloutsOptions) {
    this.#options = options;
  }

  /** Goes on with what an earlier process left. To be called once, when the gates stand. */
  restore(): void {
    const { store, log } = this.#options;
    const kept = store.last();
    if (!kept.ok) {
      this.#storeFailed(kept.error);
      return;
    }
    for (const record of kept.value) {
      this.#lastId = Math.max(this.#lastId, record.id);
      this.#last.set(record.service, record);
      if (record.endedAt !== null) continue;
      const service = this.#options.config().services.get(record.service);
      const why = service === undefined ? 'the service has left the file' : this.#whyLost(record, service);
      const run = this.#runOf(record, service);
      if (run === null) continue;
      log.info({ service: record.service, rollout: record.id }, 'a rollout goes on after a restart');
      if (why === null) run.resume();
      else run.lost(why);
    }
  }

  running(service: string): RolloutRun | undefined {
    return this.#running.get(service);
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

  isQueued(service: string): boolean {
    return this.#waiting.has(service);
  }

  tick(ms: number): void {
    this.#recent.pass(ms, () => this.#evidenceMemories());
    for (const run of [...this.#running.values()]) run.tick(ms);
  }

  /** Begins a rollout; resolves with its record, or why there is none. */
  async start(name: string, order: StartOrder, instruction: Instruction): Promise<RolloutRecord | Refusal> {
    const { config, gates } = this.#options;
    const service = config().services.get(name);
    const gate = gates.get(name);
    if (service === undefined || gate === undefined) return unknownService(name);
    if (instruction.ifEpoch !== null && instruction.ifEpoch !== gate.epoch) {
      const message = `${name} stands at epoch ${gate.epoch}, not ${instruction.ifEpoch}`;
      return { refused: true, code: 'epoch-mismatch', message, details: { epoch: gate.epoch } };
    }
    const outlook = this.outlook(name, order);
    if ('refused' in outlook) return outlook;
    const { aim, answer } = outlook;
    switch (answer.kind) {
      case 'refuse':
        return refuse(answer.code, answer.message);
      case 'begin':
        return this.#begin(service, aim, instruction.by);
      case 'queue':
      case 'restart':
        this.#waiting.set(name, { order, instruction });
        if (answer.kind === 'restart') this.#running.get(name)!.command('abort', instruction.by);
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
    const evidenceOf = (pool: string) => board.evidence(name, pool, service.pools.get(pool)!.version);
    const traffic = this.#recent.of(evidenceOf(active), evidenceOf(candidate));
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

  /** Takes a running rollout back at once; null when none runs. */
  takeBack(service: string, by: string): Promise<Receipt | null> | null {
    this.#waiting.delete(service);
    return this.#running.get(service)?.takeBack(by) ?? null;
  }

  /** Somebody else moves the gate of a service. */
  superseded(service: string, why: string): void {
    this.#waiting.delete(service);
    this.#running.get(service)?.superseded(why);
  }

  /** The config has changed: a rollout whose pools are no longer what they were is lost. */
  follow(config: Config): void {
    for (const [name, run] of [...this.#running]) {
      const service = config.services.get(name);
      const why = service === undefined ? 'the service has left the file' : this.#whyLost(run.record, service);
      if (why !== null) run.lost(why);
    }
  }

  close(): void {
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
    if (service.sticky !== undefined) {
      for (const about of ['failures', 'delays'] as const) clearUnits(board.ledger(service.name, about));
    }
    const settings = judgeSettingsFor(service, { active, candidate }, scale);
    const begun = begin({ plan, active, candidate, before: gate.weights, by });
    if (!begun.ok) throw new Error(begun.message);
    this.#lastId += 1;
    const record: RolloutRecord = {
      id: this.#lastId,
      service: service.name,
      version,
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
      verification: null,
    };
    const run = this.#runOf(record, service)!;
    run.begin(begun.effects);
    return this.last(service.name)!;
  }

  /** Null when the service is not there any more, and the rollout is closed for good. */
  #runOf(record: RolloutRecord, service: Service | undefined): RolloutRun | null {
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
      return null;
    }
    if (record.scale !== null) new Uint8Array(board.levels(service.name)).set(levelTable(record.scale));
    const evidence = new RolloutEvidence(
      board.evidence(service.name, active, from.version),
      board.evidence(service.name, candidate, to.version),
      record.scale?.buckets.length ?? 0,
    );
    const run = new RolloutRun(record, this.#worldOf(service.name, { active, candidate }, evidence));
    this.#running.set(service.name, run);
    return run;
  }

  #worldOf(
    name: string,
    { active, candidate }: { readonly active: string; readonly candidate: string },
    evidence: RolloutEvidence,
  ): RunWorld {
    const { gates, traffic, inTurn, config, log, events, store } = this.#options;
    const serviceNow = (): Service | undefined => config().services.get(name);
    return {
      evidence,
      log,
      warmUpMs: serviceNow()?.rollout.guard.warmUp ?? 0,
      at: () => this.#at(),
      frozen: this.#options.frozen,
      standing: () => {
        const gate = gates.get(name);
        if (gate === undefined) return { epoch: 0, slot: 0, share: 0 };
        const share = shareOf(gate.weights[candidate] ?? 0, gate.weights[active] ?? 0);
        return { epoch: gate.epoch, slot: gate.slot, share };
      },
      move: (weights, reason, note, stillWanted) =>
        inTurn(async () => {
          const service = serviceNow();
          const gate = gates.get(name);
          const arePoolsThere = Object.entries(weights).every(
            ([pool, weight]) => weight === 0 || service?.pools.has(pool),
          );
          if (service === undefined || gate === undefined || !arePoolsThere || !stillWanted()) return null;
          return traffic.move(gate, service, weights, reason, { by: 'rollout', reason: note });
        }),
      verify: (stop) => this.#verify(name, candidate, stop),
      confirm: async () => ({ result: 'ok', why: '' }),
      keep: (record) => this.#keep(record),
      note: (record, entry) => this.#note(record, entry),
      tell: (record, what, text) => {
        log.info({ service: name, rollout: record.id, what }, `${name}: ${text}`);
        const { phase, step } = record.rollout;
        events.append('rollout', name, `${name}: ${text}`, { rollout: record.id, what, phase, step });
      },
      ended: (record) => {
        this.#running.delete(name);
        this.#last.set(name, record);
        store.trim(name);
        const waiting = this.#waiting.get(name);
        if (waiting === undefined) return;
        this.#waiting.delete(name);
        void this.start(name, waiting.order, waiting.instruction).then((started) => {
          if ('refused' in started)
            events.append('rollout', name, `${name}: the rollout that waited was refused: ${started.message}`, started);
        });
      },
    };
  }

  async #verify(name: string, candidate: string, stop: AbortSignal): ReturnType<typeof verify> {
    const service = this.#options.config().services.get(name);
    const pool = service?.pools.get(candidate);
    if (service === undefined || pool === undefined)
      return { ok: false, results: [], text: `${candidate} has left the file` };
    const { smoke, version, timeoutMs } = service.rollout.verify;
    const preface = service.proxyProtocol === undefined ? null : buildLocalProxyHeader(service.proxyProtocol);
    const endpoints = pool.endpoints.map(({ name: address, address: place }) => ({
      name: address,
      place,
      authority: service.health?.host ?? authorityOf(address),
      preface,
      unhealthy: () => this.#options.unhealthy(name, candidate, address),
    }));
    return verify({ endpoints, smoke, version, expectedVersion: pool.version, timeoutMs }, stop);
  }

  #scaleOf(service: Service, active: string): RolloutRecord['scale'] {
    if (service.rollout.guard.latency === null) return null;
    const board = this.#options.board.findSeries(service.name, active, service.pools.get(active)!.version);
    return board === undefined ? null : chooseScale(new SeriesReader(board).durations());
  }

  *#evidenceMemories(): Iterable<SharedArrayBuffer> {
    for (const { name, pools } of this.#options.config().services.values()) {
      for (const [pool, { version }] of pools) yield this.#options.board.evidence(name, pool, version);
    }
  }

  #whyLost({ rollout, version }: RolloutRecord, service: Service): string | null {
    for (const name of [rollout.active, rollout.candidate]) {
      if (!service.pools.has(name)) return `the pool ${name} has left the file`;
    }
    const now = service.pools.get(rollout.candidate)!.version;
    return now === version ? null : `${rollout.candidate} runs ${now} now and not ${version}`;
  }

  #keep(record: RolloutRecord): void {
    this.#last.set(record.service, record);
    const kept = this.#options.store.save(record);
    if (!kept.ok) this.#storeFailed(kept.error);
  }

  #note(record: RolloutRecord, entry: DecisionEntry): void {
    const kept = this.#options.store.append(record.id, this.#at(), entry);
    if (!kept.ok) this.#storeFailed(kept.error);
  }

  #storeFailed(error: string): void {
    this.storeErrors += 1;
    this.#options.log.error({ error }, 'the state file did not take what a rollout has come to');
  }

  #at(): string {
    return new Date(this.#options.now()).toISOString();
  }
}
