/**
 * The control plane: owns the configuration in force, the gates, the health of endpoints and the data threads, and does
 * what is asked through `Operations`.
 *
 * Changes run one at a time (`Serial`). A reload is all or nothing: text ─▶ config ─▶ differences ─▶ snapshot staged on
 * every thread ─▶ committed by one store ─▶ traffic moved where the file says so. When only weights differ no snapshot
 * is built. A thread that cannot take a snapshot (a port that somebody else has) makes the whole reload fail, and
 * nothing has changed.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { formatAddress } from '../config/address.ts';
import { differences } from '../config/differences.ts';
import type { Environment } from '../config/environment.ts';
import { fingerprint } from '../config/fingerprint.ts';
import { loadConfig } from '../config/load.ts';
import { type Parsed, parseConfig } from '../config/parse.ts';
import { formatProblem, type Problem } from '../config/problem.ts';
import type { Config, Service } from '../config/schema.ts';
import { HealthChecker, type HealthTarget } from '../health/checker.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { setAdmitting } from '../stats/endpoint-cells.ts';
import { createProcessMemory, ProcessOwner } from '../stats/process-cells.ts';
import { Board } from './board.ts';
import { DataThreads } from './data-threads.ts';
import { Drains } from './drains.ts';
import { EventLog } from './event-log.ts';
import { Gates, sameWeights } from './gates.ts';
import { LiveRates } from './live-rates.ts';
import type {
  ConfigView,
  Instruction,
  MetricsSource,
  MoveReason,
  Operations,
  Receipt,
  Refusal,
  ReloadAnswer,
  ServiceView,
  TidegateEvent,
  Weights,
} from './operations.ts';
import { canReusePort, probePort } from './ports.ts';
import { decideAtLoad } from './precedence.ts';
import { Serial } from './serial.ts';
import type { ServiceGate } from './service-gate.ts';
import { buildSnapshot } from './snapshot-builder.ts';
import { StateStore } from './state-store.ts';
import { healthKey, rateKey, serviceView, sharesOf, type ViewSources } from './views.ts';

/** How often receipts and drains are looked at, and how many of these make a second for the live figures. */
const HOUSEKEEPING_MS = 100;
const SAMPLE_EVERY = 10;
const GRACE_MS = 5000;

export interface ControlPlaneOptions {
  readonly file: string;
  readonly env: Environment;
  readonly log: Logger;
  /** Where finished lines of the access log go. */
  readonly accessLog: (lines: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Why Tidegate cannot start, as lines for people. */
export interface StartFailure {
  readonly failed: true;
  readonly lines: readonly string[];
}

interface InForce {
  readonly config: Config;
  readonly text: string;
  readonly redacted: string;
  readonly loadedAt: string;
}

type LastReload = ConfigView['lastReload'];

export class ControlPlane implements Operations {
  readonly #options: ControlPlaneOptions;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #store: StateStore;
  readonly #events: EventLog;
  readonly #board: Board;
  readonly #owner: ProcessOwner;
  readonly #gates: Gates;
  readonly #drains = new Drains();
  readonly #rates = new LiveRates();
  readonly #health: HealthChecker;
  readonly #serial = new Serial();
  readonly #reloads = { applied: 0, unchanged: 0, rejected: 0 };
  /** The port that stands for each listener's configured one. */
  readonly #ports = new Map<string, number>();
  readonly threads: DataThreads;
  #inForce: InForce;
  #snapshot: Snapshot | null = null;
  #lastReload: LastReload;
  #housekeeping: NodeJS.Timeout | undefined;
  #ticks = 0;
  #stopping = false;

  private constructor(options: ControlPlaneOptions, inForce: InForce, store: StateStore, reusePort: boolean) {
    const { config } = inForce;
    const count = config.workers === 'auto' ? availableParallelism() : config.workers;
    const threadCount = reusePort ? count : 1;
    const processMemory = createProcessMemory(threadCount);
    this.#options = options;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#inForce = inForce;
    this.#store = store;
    this.#events = new EventLog(store, { now: this.#now, log: options.log });
    this.#board = new Board(threadCount);
    this.#owner = new ProcessOwner(processMemory);
    this.#gates = new Gates({
      board: this.#board,
      owner: this.#owner,
      store,
      events: this.#events,
      drains: this.#drains,
      log: options.log,
      now: this.#now,
    });
    this.#health = new HealthChecker({
      onChange: (key, state, detail) => this.#onHealth(key, state.admitting, state.health, detail),
      log: options.log,
      now: this.#now,
    });
    this.#lastReload = { at: inForce.loadedAt, result: 'applied', changes: [], problems: [] };
    this.threads = new DataThreads({
      count: threadCount,
      processMemory,
      reusePort,
      events: {
        onDeath: (thread, cause) => this.#onThreadDeath(thread, cause),
        onReplaced: (thread) => this.#onThreadReplaced(thread),
        onAccessLog: options.accessLog,
        onWarning: (thread, message) => this.#log.warn({ thread }, message),
      },
    });
  }

  /** Reads the file and brings everything up; when that fails, nothing is left running. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane | StartFailure> {
    const { file, env, log } = options;
    const parsed = await loadConfig(file, env);
    if (parsed.config === undefined || parsed.text === undefined) {
      return { failed: true, lines: parsed.problems.map(formatProblem) };
    }
    const opened = StateStore.open(parsed.config.state);
    if (!opened.ok) return { failed: true, lines: [`the state file cannot be used: ${opened.error}`] };
    const { store, setAside } = opened.value;
    if (setAside !== null) {
      log.error({ setAside }, 'the state file was damaged and has been set aside; positions are what the config says');
    }
    const reusePort = await canReusePort();
    if (!reusePort) log.warn('this system cannot share a port between threads: one data thread serves all traffic');
    const inForce = {
      config: parsed.config,
      text: parsed.text,
      redacted: parsed.redacted,
      loadedAt: new Date((options.now ?? Date.now)()).toISOString(),
    };
    const plane = new ControlPlane(options, inForce, store, reusePort);
    const error = await plane.#begin(parsed.problems);
    if (error === null) return plane;
    await plane.terminate();
    return { failed: true, lines: [error] };
  }

  async #begin(problems: readonly Problem[]): Promise<string | null> {
    for (const problem of problems) this.#log.warn(formatProblem(problem));
    await this.threads.start();
    const error = await this.#serial.run(() => this.#apply(this.#inForce.config));
    if (error !== null) return error;
    this.#lastReload = { ...this.#lastReload, problems };
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    const services = this.#gates.all().length;
    this.#events.append('start', null, `Tidegate has started with ${services} services`, { services });
    return null;
  }

  /** Where each listener can be reached, with the real port. */
  listeners(): readonly { readonly name: string; readonly address: string }[] {
    return this.#inForce.config.listeners.map((listener) => ({
      name: listener.name,
      address: formatAddress({ host: listener.address.host, port: this.#ports.get(listener.name)! }),
    }));
  }

  get configInForce(): Config {
    return this.#inForce.config;
  }

  get textInForce(): string {
    return this.#inForce.text;
  }

  // ---- views

  services(): readonly ServiceView[] {
    const sources = this.#sources();
    return this.#gates.all().map((gate) => serviceView(gate, sources));
  }

  service(name: string): ServiceView | Refusal {
    const gate = this.#gates.get(name);
    return gate === undefined ? this.#unknownService(name) : serviceView(gate, this.#sources());
  }

  receipt(service: string, epoch: number): Receipt | Refusal {
    return this.#gates.receipt(service, epoch);
  }

  config(): ConfigView {
    return {
      file: this.#options.file,
      generation: this.#snapshot?.generation ?? 0,
      loadedAt: this.#inForce.loadedAt,
      text: this.#inForce.redacted,
      lastReload: this.#lastReload,
    };
  }

  validate(text: string): readonly Problem[] {
    return parseConfig(text, { file: this.#options.file, env: this.#options.env }).problems;
  }

  eventsSince(id: number, limit: number): readonly TidegateEvent[] {
    return this.#events.since(id, limit);
  }

  onEvent(listener: (event: TidegateEvent) => void): () => void {
    return this.#events.onEvent(listener);
  }

  readiness(): { readonly ready: boolean; readonly reasons: readonly string[] } {
    const reasons: string[] = [];
    if (this.#snapshot === null) reasons.push('no configuration is in force yet');
    if (this.#stopping) reasons.push('Tidegate is stopping');
    return { ready: reasons.length === 0, reasons };
  }

  metrics(): MetricsSource {
    const { config } = this.#inForce;
    return {
      series: this.#board.publishedSeries(),
      endpoints: this.#board.endpoints(),
      listeners: this.#board.listeners(),
      services: this.#gates.all().map((gate) => {
        const shares = sharesOf(gate.weights);
        const pools = [...config.services.get(gate.service)!.pools.values()];
        return {
          name: gate.service,
          epoch: gate.epoch,
          pools: pools.map(({ name, version }) => ({ name, version, share: shares[name] ?? 0 })),
        };
      }),
      gateMoves: this.#gates.moveCounts(),
      reloads: this.#reloads,
      lastReloadSuccess: this.#lastReload.result !== 'rejected',
      generation: this.#snapshot?.generation ?? 0,
      threads: Array.from({ length: this.#owner.threads }, (_, thread) => ({
        thread,
        utilization: this.#owner.utilization(thread),
        lagMs: this.#owner.lagMs(thread),
        accessLogDropped: this.#owner.accessLogDropped(thread),
      })),
      threadReplacements: this.threads.replacements,
      stateStoreErrors: this.#events.storeErrors + this.#gates.storeErrors,
    };
  }

  // ---- moving traffic

  setTraffic(name: string, weights: Weights, instruction: Instruction): Promise<Receipt | Refusal> {
    return this.#instructed(name, instruction, (gate, service) => {
      const unknown = Object.keys(weights).filter((pool) => !service.pools.has(pool));
      if (unknown.length > 0) return this.#unknownPool(service, unknown[0]!);
      const bad = Object.entries(weights).find(([, weight]) => !Number.isFinite(weight) || weight < 0);
      if (bad !== undefined) {
        return { refused: true, code: 'bad-weights', message: `the weight of ${bad[0]} must be a number from 0 up` };
      }
      if (!Object.values(weights).some((weight) => weight > 0)) {
        return { refused: true, code: 'bad-weights', message: 'at least one pool must have weight' };
      }
      return this.#move(gate, service, weights, 'traffic', instruction);
    });
  }

  flip(
    name: string,
    { to, verify }: { readonly to: string | null; readonly verify: boolean },
    instruction: Instruction,
  ): Promise<Receipt | Refusal> {
    return this.#instructed(name, instruction, (gate, service) => {
      const target = to ?? this.#onlyOther(gate, service);
      if (target === null) {
        const names = [...service.pools.keys()].join(', ');
        return { refused: true, code: 'ambiguous-target', message: `say which pool to flip to: ${names}` };
      }
      const pool = service.pools.get(target);
      if (pool === undefined) return this.#unknownPool(service, target);
      if (verify && !this.#canServe(service, target)) {
        const message = `no endpoint of ${name}/${target} is healthy; use --no-verify (verify: false) to flip all the same`;
        return { refused: true, code: 'no-healthy-endpoint', message };
      }
      return this.#move(gate, service, { [target]: 100 }, 'flip', instruction);
    });
  }

  rollback(name: string, instruction: Instruction): Promise<Receipt | Refusal> {
    return this.#instructed(name, instruction, (gate, service) => {
      const { previous } = gate;
      const kept = Object.entries(previous ?? {}).filter(([pool, weight]) => weight > 0 && service.pools.has(pool));
      if (kept.length === 0) {
        const message = `${name} has no earlier position that could be returned to`;
        return { refused: true, code: 'nothing-to-roll-back', message };
      }
      return this.#move(gate, service, Object.fromEntries(kept), 'rollback', instruction);
    });
  }

  #instructed(
    name: string,
    instruction: Instruction,
    act: (gate: ServiceGate, service: Service) => Promise<Receipt> | Refusal,
  ): Promise<Receipt | Refusal> {
    return this.#serial.run(async () => {
      if (this.#stopping) return { refused: true, code: 'stopping', message: 'Tidegate is stopping' };
      const gate = this.#gates.get(name);
      const service = this.#inForce.config.services.get(name);
      if (gate === undefined || service === undefined) return this.#unknownService(name);
      const { ifEpoch } = instruction;
      if (ifEpoch !== null && ifEpoch !== gate.epoch) {
        const message = `${name} stands at epoch ${gate.epoch}, not ${ifEpoch}`;
        return { refused: true, code: 'epoch-mismatch', message, details: { epoch: gate.epoch } };
      }
      return act(gate, service);
    });
  }

  #move(
    gate: ServiceGate,
    service: Service,
    weights: Weights,
    reason: MoveReason,
    { by, reason: note }: Pick<Instruction, 'by' | 'reason'>,
  ): Promise<Receipt> {
    return this.#gates.move({
      gate,
      weights,
      reason,
      by,
      note,
      fingerprint: fingerprint(service.traffic),
      drainMs: service.drainMs,
    });
  }

  #onlyOther(gate: ServiceGate, service: Service): string | null {
    const idle = [...service.pools.keys()].filter((pool) => (gate.weights[pool] ?? 0) === 0);
    const pools = [...service.pools.keys()];
    if (idle.length === 1) return idle[0]!;
    // Both of two pools have traffic: to flip means that the smaller one takes all.
    if (idle.length > 0 || pools.length !== 2) return null;
    const [first, second] = pools as [string, string];
    const difference = (gate.weights[first] ?? 0) - (gate.weights[second] ?? 0);
    return difference === 0 ? null : difference > 0 ? second : first;
  }

  #canServe(service: Service, pool: string): boolean {
    return service.pools.get(pool)!.endpoints.some((endpoint) => {
      const key = healthKey(service.name, pool, formatAddress(endpoint.address));
      return endpoint.weight > 0 && this.#health.stateOf(key).admitting;
    });
  }

  // ---- configuration

  /** Reads the file again and takes it over if it is good. */
  reload(instruction: Instruction): Promise<ReloadAnswer | Refusal> {
    return this.#serial.run(async () => {
      const parsed = await loadConfig(this.#options.file, this.#options.env);
      return this.#take(parsed, parsed.text ?? '', instruction.by);
    });
  }

  /** Takes over a text that the file has settled on. */
  reloadText(text: string): Promise<ReloadAnswer | Refusal> {
    return this.#serial.run(async () =>
      this.#take(parseConfig(text, { file: this.#options.file, env: this.#options.env }), text, 'file'),
    );
  }

  async #take(parsed: Parsed, text: string, by: string): Promise<ReloadAnswer | Refusal> {
    if (this.#stopping) return { refused: true, code: 'stopping', message: 'Tidegate is stopping' };
    const { config, problems } = parsed;
    if (config === undefined) return this.#reject(problems, by);
    const changes = differences(this.#inForce.config, config);
    const onlyTraffic = changes.every((change) => change.kind === 'traffic');
    if (changes.length > 0) {
      const error = onlyTraffic ? null : await this.#apply(config);
      if (error !== null) {
        const { file } = this.#options;
        return this.#reject([{ file, line: 1, column: 1, path: '', message: error, severity: 'error' }], by);
      }
    }
    const at = new Date(this.#now()).toISOString();
    this.#inForce = { config, text, redacted: parsed.redacted, loadedAt: at };
    await this.#followFile(config);
    this.#log.level = config.log.level;
    const result = changes.length === 0 ? 'unchanged' : 'applied';
    const texts = changes.map((change) => (change.needsRestart ? `${change.text} (after a restart)` : change.text));
    this.#lastReload = { at, result, changes: texts, problems };
    this.#reloads[result] += 1;
    if (result === 'applied') {
      this.#log.info({ by, changes: texts }, `config applied: ${texts.join('; ')}`);
      this.#events.append('reload', null, `config applied: ${texts.join('; ')}`, { result, by, changes: texts });
    }
    for (const problem of problems) this.#log.warn(formatProblem(problem));
    return { result, generation: this.#snapshot?.generation ?? 0, changes: texts, problems };
  }

  #reject(problems: readonly Problem[], by: string): Refusal {
    this.#reloads.rejected += 1;
    const at = new Date(this.#now()).toISOString();
    this.#lastReload = { at, result: 'rejected', changes: [], problems };
    const lines = problems.map(formatProblem);
    const message = `config not applied, the earlier one stays in force: ${lines.join('; ')}`;
    this.#log.error({ by }, message);
    this.#events.append('reload', null, message, { result: 'rejected', by, problems });
    return { refused: true, code: 'config-rejected', message: 'the config file has errors', details: { problems } };
  }

  /** Stages and commits a snapshot of the config. Null, or why it cannot be taken, in which case nothing has changed. */
  async #apply(config: Config): Promise<string | null> {
    const portError = await this.#choosePorts(config);
    if (portError !== null) return portError;
    const created = new Map<string, ServiceGate>();
    const gateOf = (name: string): ServiceGate => {
      const known = this.#gates.get(name) ?? created.get(name);
      if (known !== undefined) return known;
      const gate = this.#gates.create(name);
      created.set(name, gate);
      return gate;
    };
    const snapshot = buildSnapshot({
      config,
      generation: (this.#snapshot?.generation ?? 0) + 1,
      board: this.#board,
      gateOf: (name, pools) => gateOf(name).memoryFor(pools),
      portOf: (listener) => this.#ports.get(listener)!,
    });
    const error = await this.threads.stage(snapshot);
    if (error !== null) {
      this.threads.abandon(snapshot.generation);
      return error;
    }
    const moved: (() => void)[] = [];
    for (const spec of snapshot.services) {
      const gate = gateOf(spec.name);
      const isNew = created.has(spec.name);
      const otherPools = spec.gate !== gate.memory;
      gate.adopt(
        spec.gate,
        spec.pools.map((pool) => pool.name),
      );
      if (isNew) moved.push(this.#standWhereItStood(gate, config.services.get(spec.name)!));
      else if (otherPools) moved.push(this.#standWithOtherPools(gate, config.services.get(spec.name)!));
    }
    for (const gate of created.values()) this.#gates.add(gate);
    for (const gate of this.#gates.all()) if (!config.services.has(gate.service)) this.#gates.remove(gate.service);
    this.#snapshot = snapshot;
    this.#owner.commit(snapshot.generation);
    this.threads.committed(snapshot);
    await this.#owner.awaitGrace(GRACE_MS, () => performance.now());
    this.#board.keepOnly(blocksOf(snapshot));
    this.#watchHealth(config);
    for (const keep of moved) keep();
    return null;
  }

  /** A new gate is placed where the store says or, failing that, the file. Returns what is to be done after the commit. */
  #standWhereItStood(gate: ServiceGate, service: Service): () => void {
    const found = this.#store.position(service.name);
    if (!found.ok)
      this.#log.error({ error: found.error }, 'the state file cannot be read; traffic is what the config says');
    const stored = found.ok ? found.value : null;
    const decision = decideAtLoad({
      stored,
      fileWeights: service.traffic,
      fileFingerprint: fingerprint(service.traffic),
      pools: [...service.pools.keys()],
    });
    gate.fingerprint = fingerprint(service.traffic);
    if (stored !== null && decision.source === 'store') {
      gate.move(decision.weights, stored.epoch);
      gate.previous = stored.previous;
      gate.since = { at: stored.at, by: stored.by, reason: stored.reason, note: stored.note };
    } else {
      gate.move(decision.weights, (stored?.epoch ?? 0) + 1);
      gate.previous = stored === null || sameWeights(stored.weights, gate.weights) ? null : stored.weights;
      gate.since = { at: new Date(this.#now()).toISOString(), by: 'file', reason: 'start', note: decision.why };
    }
    return () => this.#gates.keepPosition(gate);
  }

  /** A service whose pools have changed keeps its weights for those that are left, unless the file says otherwise. */
  #standWithOtherPools(gate: ServiceGate, service: Service): () => void {
    const decision = decideAtLoad({
      stored: { weights: gate.weights, fingerprint: gate.fingerprint },
      fileWeights: service.traffic,
      fileFingerprint: fingerprint(service.traffic),
      pools: [...service.pools.keys()],
    });
    if (decision.source === 'store' && sameWeights(decision.weights, gate.weights)) {
      gate.restate();
      return () => this.#gates.keepPosition(gate);
    }
    const before = gate.weights;
    gate.move(decision.weights, gate.epoch + 1);
    gate.previous = before;
    gate.fingerprint = fingerprint(service.traffic);
    gate.since = { at: new Date(this.#now()).toISOString(), by: 'file', reason: 'file', note: decision.why };
    this.#drains.moved(gate.service, before, gate.weights, gate.epoch, this.#now() + service.drainMs);
    return () => this.#gates.keepPosition(gate);
  }

  /** The file's traffic is an instruction when it has changed. */
  async #followFile(config: Config): Promise<void> {
    for (const service of config.services.values()) {
      const gate = this.#gates.get(service.name)!;
      const wanted = fingerprint(service.traffic);
      if (gate.fingerprint === wanted) continue;
      if (sameWeights(normalised(service.traffic), normalised(gate.weights))) {
        gate.fingerprint = wanted;
        this.#gates.keepPosition(gate);
        continue;
      }
      await this.#move(gate, service, service.traffic, 'file', { by: 'file', reason: '' });
    }
  }

  async #choosePorts(config: Config): Promise<string | null> {
    const chosen = new Map<string, number>();
    const known = new Map(this.#snapshot?.listeners.map((listener) => [listener.name, listener]));
    for (const { name, address } of config.listeners) {
      const open = known.get(name);
      const samePort = address.port === 0 || open?.port === address.port;
      if (open !== undefined && open.host === address.host && samePort) {
        chosen.set(name, open.port);
        continue;
      }
      if (open !== undefined) return `listener ${name}: another address needs another name, or a restart`;
      const probe = await probePort(address.host, address.port);
      if ('error' in probe) return `listener ${formatAddress(address)}: ${probe.error}`;
      chosen.set(name, probe.port);
    }
    this.#ports.clear();
    for (const [name, port] of chosen) this.#ports.set(name, port);
    return null;
  }

  // ---- health, threads, time

  #watchHealth(config: Config): void {
    const targets: HealthTarget[] = [];
    for (const service of config.services.values()) {
      if (service.health === undefined) continue;
      const { path, intervalMs, timeoutMs, healthy, unhealthy, jitterShare, initial } = service.health;
      const status = service.health.status.map(({ from, to }) => [from, to] as const);
      const check = { path, intervalMs, timeoutMs, healthy, unhealthy, status, jitterShare, initial };
      for (const pool of service.pools.values()) {
        for (const { address } of pool.endpoints) {
          const key = healthKey(service.name, pool.name, formatAddress(address));
          const target = { key, host: address.host, port: address.port };
          targets.push({ ...target, check: { ...check, hostHeader: service.health.host ?? null } });
        }
      }
    }
    this.#health.update(targets);
    for (const { service, pool, endpoint, board } of this.#board.endpoints()) {
      setAdmitting(board, this.#health.stateOf(healthKey(service, pool, endpoint)).admitting);
    }
  }

  #onHealth(key: string, admitting: boolean, health: string, detail: string): void {
    const [service, pool, endpoint] = key.split(' ') as [string, string, string];
    const entry = this.#board
      .endpoints()
      .find((one) => one.service === service && one.pool === pool && one.endpoint === endpoint);
    if (entry === undefined) return;
    setAdmitting(entry.board, admitting);
    const text = `${service}/${pool}: ${endpoint} is ${health}: ${detail}`;
    this.#log[admitting ? 'info' : 'warn']({ service, pool, endpoint }, text);
    this.#events.append('health', service, text, { pool, endpoint, health, detail });
  }

  #onThreadDeath(thread: number, cause: string): void {
    const lost = this.#board.settle(thread);
    this.#owner.settleDeadThread(thread);
    this.#log.error({ thread, lost, cause }, 'a data thread has died and is being replaced');
    this.#events.append('thread', null, `data thread ${thread} has died with ${lost} exchanges in flight`, {
      thread,
      lost,
    });
  }

  #onThreadReplaced(thread: number): void {
    this.#log.info({ thread }, 'a data thread has been replaced');
    this.#events.append('thread', null, `data thread ${thread} has been replaced`, { thread });
  }

  #keepHouse(): void {
    this.#gates.settleReceipts();
    const nowMs = this.#now();
    for (const { service, pool, beforeEpoch } of this.#drains.due(nowMs)) {
      this.threads.cut(service, pool, beforeEpoch);
    }
    this.#ticks += 1;
    if (this.#ticks % SAMPLE_EVERY !== 0) return;
    const series = new Map(
      this.#board.publishedSeries().map((entry) => [rateKey(entry.service, entry.pool, entry.version), entry.board]),
    );
    this.#rates.sample(series, nowMs);
  }

  // ---- the end

  /**
   * Stops in order: readiness fails and responses say `Connection: close`; after the delay no connection is accepted; what
   * is in flight may finish until the deadline. Moves that are asked for from now on are refused.
   */
  async stop(): Promise<void> {
    const { delayMs, deadlineMs } = this.#inForce.config.shutdown;
    this.#stopping = true;
    this.#owner.beginStop();
    this.#log.info({ delayMs, deadlineMs }, 'stopping');
    this.#events.append('stop', null, 'Tidegate is stopping', {});
    await pause(delayMs);
    const deadline = new AbortController();
    const drained = this.threads.drain().then(() => true);
    const late = pause(deadlineMs, deadline.signal).then(() => false);
    if (!(await Promise.race([drained, late]))) {
      this.#log.warn('the shutdown deadline has passed: what is still in flight is cut');
      this.threads.endNow();
      await Promise.race([drained, pause(1000)]);
    }
    deadline.abort();
    await this.terminate();
  }

  /** Ends at once. */
  async terminate(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#housekeeping);
    await this.threads.terminate();
    await this.#health.close();
    this.#gates.settleReceipts();
    this.#store.close();
  }

  #sources(): ViewSources {
    return {
      config: this.#inForce.config,
      board: this.#board,
      health: this.#health,
      rates: this.#rates,
      drains: this.#drains,
    };
  }

  #unknownService(name: string): Refusal {
    return { refused: true, code: 'unknown-service', message: `there is no service ${name}` };
  }

  #unknownPool(service: Service, pool: string): Refusal {
    const names = [...service.pools.keys()].join(', ');
    return { refused: true, code: 'unknown-pool', message: `${service.name} has no pool ${pool}; it has ${names}` };
  }
}

function blocksOf(snapshot: Snapshot): Set<SharedArrayBuffer> {
  const blocks = new Set<SharedArrayBuffer>(snapshot.listeners.map((listener) => listener.board));
  for (const service of snapshot.services) {
    blocks.add(service.board);
    for (const pool of service.pools) {
      blocks.add(pool.board);
      for (const endpoint of pool.endpoints) blocks.add(endpoint.board);
    }
  }
  return blocks;
}

/** Weights as shares, so that 1/1 and 50/50 are the same. */
function normalised(weights: Weights): Weights {
  return sharesOf(weights);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
