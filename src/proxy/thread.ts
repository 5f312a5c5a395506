/**
 * A data thread: the entry of each worker. It owns listeners, connections and the runtime in force, and takes orders from
 * the control plane by message.
 *
 * One timer does all that has to do with time: deadlines of connections, idle upstream connections, the access log's
 * batches. How late that timer comes is the thread's lag, which it publishes.
 */

import type { Socket } from 'node:net';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import type { Snapshot } from '../routing/snapshot.ts';
import { createInFlightMemory } from '../stats/in-flight-cells.ts';
import { createOverloadMemory } from '../stats/overload-cells.ts';
import { ProcessMember } from '../stats/process-cells.ts';
import { createSeriesMemory } from '../stats/series.ts';
import { AccessLog } from './access-log.ts';
import { ThreadContext } from './context.ts';
import { Downstream } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { FAULTS } from './fault.ts';
import { ExposureNotes } from './flag-exposures.ts';
import { ListenerRuntime, UNIX_THREAD } from './listener.ts';
import type { FromThread, ThreadStart, ToThread } from './messages.ts';
import { Runtime } from './runtime.ts';
import { socketRoom } from './socket-room.ts';
import { StreamEnds } from './stream-ends.ts';
import { TICK_MS } from './waiting-clock.ts';

const REPORT_EVERY_TICKS = 20;

/** Connections that may wait for the first snapshot; more are turned away. */
const EARLY_MAX = 1024;

class DataThread {
  readonly #start: ThreadStart;
  readonly #send: (message: FromThread) => void;
  readonly #context: ThreadContext;
  readonly #listeners = new Map<string, ListenerRuntime>();
  /** Connections that were accepted before there was anything to route by. */
  readonly #early: { readonly socket: Socket; readonly listener: ListenerRuntime }[] = [];
  #retired: Endpoint[] = [];
  #ticks = 0;
  #lastTickMs: number;
  #lagMs = 0;
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
  #stopped = false;
  #streamEnds: StreamEnds | null = null;
  #draining = false;

  constructor(start: ThreadStart, send: (message: FromThread) => void) {
    this.#start = start;
    this.#send = send;
    this.#lastTickMs = performance.now();
    const process = new ProcessMember(start.processMemory, start.thread);
    this.#context = new ThreadContext({
      thread: start.thread,
      process,
      accessLog: new AccessLog(process, (lines) => send({ kind: 'access-log', lines })),
      exposures: new ExposureNotes((exposures) => send({ kind: 'exposures', exposures })),
      nowMs: this.#lastTickMs,
      runtime: new Runtime(EMPTY, start.thread, new Map()),
      onActivated: (before, now) => this.#onActivated(before, now),
    });
    socketRoom.limit(start.socketsMax);
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** Carries out one order; the next is given only when this one is done. */
  async receive(message: ToThread): Promise<void> {
    switch (message.kind) {
      case 'stage':
        return this.#stage(message.snapshot);
      case 'commit':
        this.#context.currentRuntime();
        return;
      case 'abandon':
        this.#context.abandon(message.generation);
        this.#closeUnused();
        return;
      case 'stop':
        this.#stop(message.deadlineMs, message.spreadMs);
        return;
      case 'end':
        for (const downstream of [...this.#context.downstreams]) {
          downstream.exchange?.fail(FAULTS.stopped);
          downstream.destroy();
        }
        return;
      default:
        return message satisfies never;
    }
  }

  /** Keeps a snapshot ready, and says so, or why that is not possible. */
  async #stage(snapshot: Snapshot): Promise<void> {
    const error = this.#stopped ? 'the thread is stopping' : await this.#prepare(snapshot);
    this.#send({ kind: 'staged', generation: snapshot.generation, error });
  }

  /** Null, or why the snapshot cannot be used; nothing of it is left then, and whoever waits for it must hear of it. */
  async #prepare(snapshot: Snapshot): Promise<string | null> {
    try {
      // Before its listeners: a replaced thread is given a generation that is already in force.
      this.#context.stage(new Runtime(snapshot, this.#start.thread, this.#liveEndpoints()));
      await this.#openListeners(snapshot);
      return null;
    } catch (cause) {
      this.#context.abandon(snapshot.generation);
      this.#closeUnused();
      return cause instanceof Error ? cause.message : String(cause);
    }
  }

  /** Opens what the snapshot listens on beyond what is open. Listeners are shared by generations. */
  async #openListeners(snapshot: Snapshot): Promise<void> {
    const { thread, reusePort } = this.#start;
    const accept = (socket: Socket, listener: ListenerRuntime): void => this.#onConnection(socket, listener);
    const { overload } = this.#context;
    for (const spec of snapshot.listeners) {
      if (this.#listeners.has(spec.key) || (spec.path !== null && thread !== UNIX_THREAD)) continue;
      this.#listeners.set(spec.key, await ListenerRuntime.open(spec, thread, reusePort, accept, overload));
    }
  }

  /** Endpoints that another generation may carry over: those in force, and those that still drain. */
  #liveEndpoints(): Map<string, Endpoint> {
    const live = new Map<string, Endpoint>();
    for (const endpoint of this.#retired) if (!endpoint.gone) live.set(endpoint.key, endpoint);
    for (const runtime of this.#context.runtimes()) {
      for (const [key, endpoint] of runtime.endpoints) live.set(key, endpoint);
    }
    return live;
  }

  #onConnection(socket: Socket, listener: ListenerRuntime): void {
    if (!socketRoom.mayCome(this.#context.downstreams)) {
      listener.cells.turnedAway();
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    if (this.#context.currentRuntime().generation !== EMPTY.generation) {
      new Downstream(socket, listener, this.#context);
      return;
    }
    // Without a listener for it, the error of a client that has gone already would end the thread.
    socket.on('error', () => {});
    if (this.#early.length < EARLY_MAX) this.#early.push({ socket, listener });
    else socket.destroy();
  }

  #onActivated(before: Runtime, now: Runtime): void {
    const context = this.#context;
    context.accessLog.mode = now.snapshot.accessLog;
    context.overload.configure(now.snapshot.overload);
    context.exposures.configure(now.snapshot.flagContext?.exposures ?? null);
    this.#retired.push(...now.activate(before, context.nowMs));
    for (const spec of now.snapshot.listeners) this.#listeners.get(spec.key)?.configure(spec);
    for (const { socket, listener } of this.#early.splice(0)) {
      if (!socket.destroyed) new Downstream(socket, listener, context);
    }
    this.#closeUnused();
  }

  /** Closes the listeners that neither the generation in force nor a staged one names. */
  #closeUnused(): void {
    const used = new Set<string>();
    for (const { snapshot } of this.#context.runtimes()) for (const { key } of snapshot.listeners) used.add(key);
    for (const [key, listener] of this.#listeners) {
      if (used.has(key)) continue;
      listener.close();
      this.#listeners.delete(key);
      for (const downstream of [...this.#context.downstreams]) {
        if (downstream.listener === listener) downstream.stop();
      }
    }
  }

  #stop(deadlineMs: number, spreadMs: number): void {
    const untilMs = performance.now() + deadlineMs;
    this.#streamEnds = new StreamEnds(untilMs - spreadMs, untilMs);
    this.#stopped = true;
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    for (const downstream of [...this.#context.downstreams]) downstream.stop();
    this.#draining = true;
  }

  #tick(): void {
    const nowMs = performance.now();
    const context = this.#context;
    this.#lagMs = Math.max(this.#lagMs, nowMs - this.#lastTickMs - TICK_MS);
    this.#lastTickMs = nowMs;
    context.nowMs = nowMs;
    context.waiting.tick(nowMs);
    const takesConnections = context.overload.tick(nowMs);
    for (const listener of this.#listeners.values()) listener.take(takesConnections);
    // What came in time may still lie in the kernel: the loop reads it before it comes to this, and nobody is judged late for it.
    setImmediate(() => this.#sweep(nowMs));
    context.accessLog.flush();
    context.exposures.flush();
    const shortage = socketRoom.news(nowMs);
    if (shortage !== null) this.#send({ kind: 'warning', message: shortage });
    this.#ticks += 1;
    if (this.#ticks % REPORT_EVERY_TICKS === 0) this.#report();
    if (this.#streamEnds !== null) this.#endStreams(this.#streamEnds, nowMs);
    if (this.#draining && context.downstreams.size === 0) {
      this.#draining = false;
      for (const endpoint of context.runtime.endpoints.values()) endpoint.destroy();
      this.#send({ kind: 'drained' });
    }
  }

  #sweep(nowMs: number): void {
    const { downstreams, waiting } = this.#context;
    for (const downstream of downstreams) downstream.sweep(waiting.nowMs);
    for (const endpoint of this.#context.runtime.endpoints.values()) endpoint.sweep(nowMs);
    if (this.#retired.length === 0) return;
    for (const endpoint of this.#retired) if (endpoint.retired) endpoint.sweep(nowMs);
    this.#retired = this.#retired.filter((endpoint) => endpoint.retired && !endpoint.gone);
  }

  #endStreams(ends: StreamEnds, nowMs: number): void {
    const streams: Exchange[] = [];
    for (const { exchange } of this.#context.downstreams) {
      if (exchange !== null && (exchange.tunnel !== null || exchange.response.isEventStream)) streams.push(exchange);
    }
    for (const exchange of streams.slice(0, ends.due(streams.length, nowMs))) exchange.fail(FAULTS.stopped);
  }

  #report(): void {
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    this.#context.process.report(since.utilization, this.#lagMs);
    this.#lagMs = 0;
  }
}

/** What is in force before the first snapshot is committed: nothing, on no address. */
const EMPTY: Snapshot = {
  generation: 0,
  listeners: [],
  services: [],
  routes: [],
  limits: { headBytes: 16384, targetBytes: 8192, fields: 128, bodyBytes: null, strictPaths: true },
  inFlight: { max: null, board: createInFlightMemory(64) },
  overload: { lagMs: null, board: createOverloadMemory(64) },
  accessLog: { kind: 'off' },
  flags: [],
  flagCells: [],
  flagGuards: [],
  flagSamples: [],
  flagContext: null,
  unrouted: createSeriesMemory(64),
};

const port = parentPort;
if (port === null) throw new Error('a data thread is started as a worker');
const thread = new DataThread(workerData as ThreadStart, (message) => port.postMessage(message));
let orders: Promise<void> = Promise.resolve();
port.on('message', (message: ToThread) => {
  orders = orders
    .then(() => thread.receive(message))
    .catch((error: unknown) => port.postMessage({ kind: 'warning', message: String(error) } satisfies FromThread));
});
port.postMessage({ kind: 'ready' } satisfies FromThread);
