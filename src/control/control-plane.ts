/**
 * The control plane: puts its parts together, answers what is asked of it, and keeps time for them.
 *
 * The parts own their state: `Configuration` what is in force, `Committer` the snapshot, `Gates` where traffic stands,
 * `Board` the shared memory, `HealthWatch` and `EjectionWatch` what is known of endpoints, `DataThreads` the data plane. What changes
 * anything runs here one at a time (`Serial`), so that a reload never meets a flip half way.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { formatAddress } from '../config/address.ts';
import { loadConfig } from '../config/load.ts';
import { formatProblem, type Problem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { createProcessMemory, ProcessOwner } from '../stats/process-cells.ts';
import { Board } from './board.ts';
import { Committer } from './committer.ts';
import { type Accepted, Configuration } from './configuration.ts';
import type { ControlPlaneOptions, StartFailure } from './control-plane-options.ts';
import { DataThreads } from './data-threads.ts';
import { drainThreads } from './drain-threads.ts';
import { Drains } from './drains.ts';
import { EarlyLooks } from './early-looks.ts';
import { EjectionWatch } from './ejection-watch.ts';
import { EventLog } from './event-log.ts';
import { FlagStore } from './flag-store.ts';
import { Flags } from './flags.ts';
import type { Freezes } from './freezes.ts';
import { Gates } from './gates.ts';
import { HealthWatch } from './health-watch.ts';
import { Incidents } from './incidents.ts';
import { LiveRates } from './live-rates.ts';
import { metricsSource } from './metrics-source.ts';
import { systemResolver } from './name-resolver.ts';
import { NameWatch } from './name-watch.ts';
import type {
  ConfigView,
  Instruction,
  LinkOperations,
  MetricsSource,
  Operations,
  Receipt,
  Refusal,
  ReloadAnswer,
  ServiceView,
  StateView,
  TidegateEvent,
  Weights,
} from './operations.ts';
import { pause } from './pause.ts';
import { canReusePort } from './ports.ts';
import { ReleaseControl } from './release-control.ts';
import type { Releases } from './releases.ts';
import { RolloutStore } from './rollout-store.ts';
import { Serial } from './serial.ts';
import { StateStore } from './state-store.ts';
import { StateWatch } from './state-watch.ts';
import { Traffic, unknownService } from './traffic.ts';
import { rateKey, serviceView, type ViewSources } from './views.ts';

/** How often receipts and drains are looked at, and how many of these make a second for the live figures. */
const HOUSEKEEPING_MS = 100;
const SAMPLE_EVERY = 10;

const STOPPING: Refusal = { refused: true, code: 'stopping', message: 'Tidegate is stopping' };

export class ControlPlane implements Operations {
  readonly #log: Logger;
  readonly #logDropped: () => number;
  readonly #store: StateStore;
  readonly #state: StateWatch;
  readonly #events: EventLog;
  readonly #board: Board;
  readonly #owner: ProcessOwner;
  readonly #gates: Gates;
  readonly #drains: Drains;
  readonly #rates = new LiveRates();
  readonly #health: HealthWatch;
  readonly #names: NameWatch;
  readonly #ejection: EjectionWatch;
  readonly #committer: Committer;
  readonly #traffic: Traffic;
  readonly #configuration: Configuration;
  readonly #serial = new Serial();
  readonly #releases: ReleaseControl;
  readonly rollouts: Releases;
  readonly freezes: Freezes;
  readonly flags: Flags;
  readonly threads: DataThreads;
  #housekeeping: NodeJS.Timeout | undefined;
  #ticks = 0;
  #stopping = false;
  /** Aborted when everything is to end at once: an orderly stop that is waiting then waits no longer. */
  readonly #terminating = new AbortController();
  #terminated: Promise<void> | undefined;

  private constructor(options: ControlPlaneOptions, accepted: Accepted, store: StateStore, reusePort: boolean) {
    const { workers } = accepted.config;
    const threadCount = reusePort ? (workers === 'auto' ? availableParallelism() : workers) : 1;
    const processMemory = createProcessMemory(threadCount);
    const { log, now = Date.now } = options;
    const board = new Board(threadCount);
    const owner = new ProcessOwner(processMemory);
    const events = new EventLog(store, { now, log });
    const drains = new Drains({ board, now });
    const looks = new EarlyLooks({ bell: owner.bell });
    this.#drains = drains;
    this.#log = log;
    this.#logDropped = options.logDropped ?? (() => 0);
    this.#store = store;
    this.#events = events;
    this.#board = board;
    this.#owner = owner;
    const incidents = new Incidents({ board, owner, events, log });
    this.threads = new DataThreads({
      count: threadCount,
      processMemory,
      reusePort,
      events: {
        onDeath: (thread, cause) => incidents.threadDied(thread, cause),
        onEnd: (thread) => void this.#board.settle(thread),
        onReplaced: (thread) => incidents.threadReplaced(thread),
        onAccessLog: options.accessLog,
        onExposures: (exposures) => this.#releases.notifications.exposures.take(exposures),
        onWarning: (thread, message) => log.warn({ thread }, message),
      },
    });
    this.#gates = new Gates({ board, owner, store, events, drains, log, now });
    const rolloutStore = new RolloutStore(store);
    this.flags = new Flags({
      threads: threadCount,
      owner,
      store: new FlagStore(store),
      events,
      log,
      now,
      config: () => this.#configuration.config,
      besideOf: (flag) => this.#releases.besideFlag(flag),
      inTurn: (work) => this.#change(work),
      rebuild: () => this.#configuration.rebuild(),
    });
    this.#state = new StateWatch({
      store,
      gates: this.#gates,
      rollouts: rolloutStore,
      flags: this.flags,
      events,
      log,
      now,
    });
    this.#health = new HealthWatch({ events, log, now, onHealth: (service) => this.#ejection.settle(service) });
    this.#ejection = new EjectionWatch({
      board,
      events,
      log,
      now,
      isHealthy: (...endpoint) => this.#health.stateOf(...endpoint).admitting,
      inUse: (service, pool) => this.#gates.get(service)?.endpointsInUse(pool) ?? 0,
    });
    this.#traffic = new Traffic({
      gates: this.#gates,
      canServe: (service, pool) => this.#ejection.canServe(service, pool),
      config: () => this.#configuration.effective,
      onInstruction: (...move) => this.#releases.rollouts.superseded(...move),
    });
    this.#releases = new ReleaseControl({
      file: store,
      store: rolloutStore,
      looks,
      flags: this.flags,
      snapshot: () => this.#committer.snapshot,
      board,
      gates: this.#gates,
      traffic: this.#traffic,
      events,
      log,
      now,
      config: () => this.#configuration.effective,
      written: () => this.#configuration.config,
      unhealthy: (...endpoint) => this.#health.whyNot(...endpoint),
      inTurn: (work) => this.#serial.run(work),
      epochOf: (service) => this.#gates.get(service)?.epoch ?? null,
      returnTo: (...where) => this.#change(() => this.#traffic.returnTo(...where)),
      isStopping: () => this.#stopping,
    });
    this.#releases.notifications.follow(accepted.config);
    this.rollouts = this.#releases.releases;
    this.freezes = this.#releases.freezes;
    this.#names = new NameWatch({
      resolver: options.resolver ?? systemResolver,
      onChange: () => this.#refreshNames(),
      onLost: (name, why, addresses) => incidents.nameLost(name, why, addresses),
      log,
    });
    events.onEvent(({ kind, service, data }) => {
      if (kind === 'health' && service !== null) this.#names.hurry(service, (data as { pool: string }).pool);
    });
    this.#committer = new Committer({
      board,
      owner,
      threads: this.threads,
      gates: this.#gates,
      flags: this.flags,
      store,
      log,
      onInstruction: (...move) => this.#releases.rollouts.superseded(...move),
    });
    this.#configuration = new Configuration(accepted, {
      file: options.file,
      env: options.env,
      committer: this.#committer,
      gates: this.#gates,
      traffic: this.#traffic,
      flags: this.flags,
      names: this.#names,
      inTurn: (work) => this.#change(work),
      onApplied: (config) => {
        this.#health.follow(config);
        this.#ejection.follow(config);
        this.#releases.follow(config);
      },
      onReloaded: (before, after, by) => this.#releases.reloaded(before, after, by),
      events,
      log,
      now,
    });
  }

  /** Reads the file and brings everything up; when that fails, nothing is left running. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane | StartFailure> {
    const { file, env, log } = options;
    const { config, text, redacted, problems } = await loadConfig(file, env);
    if (config === undefined || text === undefined) return { failed: true, lines: problems.map(formatProblem) };
    const opened = StateStore.open(config.state, options.now);
    if (!opened.ok) return { failed: true, lines: [`the state file cannot be used: ${opened.error}`] };
    const { store } = opened.value;
    if (store.wasEmpty) log.error('the state file was empty: positions are what the config says');
    const reusePort = await canReusePort();
    if (!reusePort) log.warn('this system cannot share a port between threads: one data thread serves all traffic');
    const plane = new ControlPlane(options, { config, text, redacted, problems }, store, reusePort);
    const error = await plane.#begin();
    if (error === null) return plane;
    await plane.terminate();
    return { failed: true, lines: [error] };
  }

  async #begin(): Promise<string | null> {
    this.#state.tick();
    this.#gates.closeAbandoned();
    await this.threads.start();
    const error = await this.#serial.run(() => this.#configuration.begin());
    if (error !== null) return error;
    this.#releases.restore();
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    const services = this.#gates.all().length;
    const text = `Tidegate has started with ${services} ${services === 1 ? 'service' : 'services'}`;
    this.#events.append('start', null, text, { services });
    return null;
  }

  get links(): LinkOperations {
    return this.#releases.notifications.links;
  }

  get configInForce(): Config {
    return this.#configuration.config;
  }

  get textInForce(): string {
    return this.#configuration.text;
  }

  /** Where each listener can be reached, with its real port. */
  listeners(): readonly { readonly name: string; readonly address: string }[] {
    const listeners = this.#committer.snapshot?.listeners ?? [];
    return listeners.map(({ name, host, port, path }) => ({
      name,
      address: formatAddress(path === null ? { host, port } : { path }),
    }));
  }

  services(): readonly ServiceView[] {
    const sources = this.#sources();
    return this.#gates.all().map((gate) => serviceView(gate, sources));
  }

  service(name: string): ServiceView | Refusal {
    const gate = this.#gates.get(name);
    return gate === undefined ? unknownService(name) : serviceView(gate, this.#sources());
  }

  state(): StateView {
    return this.#state.view();
  }

  setTraffic(service: string, weights: Weights, instruction: Instruction): Promise<Receipt | Refusal> {
    return this.#change(() => this.#traffic.setWeights(service, weights, instruction));
  }

  flip(
    service: string,
    options: { readonly to: string | null; readonly verify: boolean },
    instruction: Instruction,
  ): Promise<Receipt | Refusal> {
    return this.#change(() => this.#traffic.flip(service, options, instruction));
  }

  /** Takes a rollout back that runs, or else returns to the position before. */
  async rollback(service: string, instruction: Instruction): Promise<Receipt | Refusal> {
    if (this.#stopping) return STOPPING;
    const taken = this.#releases.rollouts.takeBack(service, instruction);
    return taken ?? this.#change(() => this.#traffic.rollback(service, instruction));
  }

  receipt(service: string, epoch: number): Receipt | Refusal {
    return this.#gates.receipt(service, epoch);
  }

  config(): ConfigView {
    return this.#configuration.view();
  }

  validate(text: string): readonly Problem[] {
    return this.#configuration.validate(text);
  }

  reload({ by }: Instruction): Promise<ReloadAnswer | Refusal> {
    return this.#configuration.reload(by);
  }

  /** Takes over a text that the config file has settled on. */
  reloadText(text: string): Promise<ReloadAnswer | Refusal> {
    return this.#configuration.reloadText(text);
  }

  #change<T>(work: () => Promise<T | Refusal>): Promise<T | Refusal> {
    return this.#serial.run(async () => (this.#stopping ? STOPPING : work()));
  }

  eventsSince(id: number, limit: number): readonly TidegateEvent[] {
    return this.#events.since(id, limit);
  }

  onEvent(listener: (event: TidegateEvent) => void): () => void {
    return this.#events.onEvent(listener);
  }

  readiness(): ReturnType<Operations['readiness']> {
    const reasons: string[] = [];
    if (this.#committer.snapshot === null) reasons.push('no configuration is in force yet');
    if (this.#stopping) reasons.push(STOPPING.message);
    const { problem } = this.#state.view();
    const warnings = problem === null ? [] : [`the state file cannot be written: ${problem}`];
    return { ready: reasons.length === 0, reasons, warnings };
  }

  metrics(): MetricsSource {
    return metricsSource({
      config: this.#configuration.config,
      snapshot: this.#committer.snapshot,
      generation: this.#committer.generation,
      configuration: this.#configuration,
      rollouts: this.#releases.rollouts,
      flagRollouts: this.#releases.flagRollouts,
      flags: this.flags,
      guards: this.#releases.guards,
      board: this.#board,
      owner: this.#owner,
      gates: this.#gates,
      ejection: this.#ejection,
      names: this.#names,
      signals: this.#releases.rollouts.signals,
      exposures: this.#releases.notifications.exposures,
      threadReplacements: this.threads.replacements,
      logDropped: this.#logDropped(),
      stateStoreErrors:
        this.#events.storeErrors + this.#gates.storeErrors + this.#releases.storeErrors + this.flags.storeErrors,
      ...this.#releases.notifications.figures(),
      state: this.#state.view(),
    });
  }

  async #refreshNames(): Promise<boolean> {
    return (await this.#change(() => this.#configuration.refreshNames())) === true;
  }

  #keepHouse(): void {
    this.#ejection.tick();
    this.#gates.settleReceipts();
    this.#releases.tick();
    this.#drains.tick();
    this.#ticks += 1;
    if (this.#ticks % SAMPLE_EVERY !== 0) return;
    this.#state.tick();
    this.#releases.tickSlowly();
    this.#names.hurryWhereDialsFail(this.#board.publishedSeries());
    const series = new Map(
      this.#board.publishedSeries().map((entry) => [rateKey(entry.service, entry.pool, entry.version), entry.board]),
    );
    this.#rates.sample(series, performance.now());
  }

  /**
   * Stops in order: readiness fails and responses say `Connection: close`; after the delay no connection is accepted; what
   * is in flight may finish until the deadline, streams are ended one by one ahead of it. Changes that are asked for from now on are refused.
   */
  async stop(): Promise<void> {
    const { delayMs, ...end } = this.#configuration.config.shutdown;
    this.#stopping = true;
    this.#owner.beginStop();
    this.#log.info({ delayMs, deadlineMs: end.deadlineMs }, 'stopping');
    this.#events.append('stop', null, 'Tidegate is stopping', {});
    await pause(delayMs, this.#terminating.signal);
    const { signal } = this.#terminating;
    if (!signal.aborted) await drainThreads(this.threads, end, signal, this.#log);
    await this.terminate();
  }

  /** Ends at once, also when an orderly stop is under way. */
  terminate(): Promise<void> {
    this.#terminated ??= this.#terminate();
    return this.#terminated;
  }

  async #terminate(): Promise<void> {
    this.#stopping = true;
    this.#terminating.abort();
    clearInterval(this.#housekeeping);
    this.#names.close();
    await this.#releases.close();
    await this.threads.terminate();
    await this.#health.close();
    this.#gates.settleReceipts();
    this.#store.close();
  }

  #sources(): ViewSources {
    return {
      config: this.#configuration.effective,
      board: this.#board,
      health: this.#health,
      ejection: this.#ejection,
      rates: this.#rates,
      drains: this.#drains,
      isKept: (gate) => this.#gates.isKept(gate),
      rolloutOf: (service) => this.#releases.rollouts.glance(service),
    };
  }
}
