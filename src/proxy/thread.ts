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
import { ProcessMember } from '../stats/process-cells.ts';
import { createSeriesMemory } from '../stats/series.ts';
import { AccessLog } from './access-log.ts';
import { ThreadContext, TICK_MS } from './context.ts';
import { Downstream } from './downstream.ts';
import type { Endpoint } from './endpoint.ts';
import { FAULTS } from './fault.ts';
import { ListenerRuntime } from './listener.ts';
import type { FromThread, ThreadStart, ToThread } from './messages.ts';
import { endpointKey, Runtime } from './runtime.ts';

const REPORT_EVERY_TICKS = 20;

class DataThread {
  readonly #start: ThreadStart;
  readonly #send: (message: FromThread) => void;
  readonly #context: ThreadContext;
  readonly #listeners = new Map<string, ListenerRuntime>();
  /** Listeners of a staged generation, until it is committed or abandoned. */
  readonly #staged = new Map<number, readonly ListenerRuntime[]>();
  /** Connections that were accepted before there was anything to route by. */
  readonly #early: { readonly socket: Socket; readonly listener: ListenerRuntime }[] = [];
  #retired: Endpoint[] = [];
  #ticks = 0;
  #lastTickMs: number;
  #lagMs = 0;
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();
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
      nowMs: this.#lastTickMs,
      runtime: new Runtime(EMPTY, start.thread, new Map()),
      onActivated: (before, now) => this.#onActivated(before, now),
    });
    setInterval(() => this.#tick(), TICK_MS);
  }

  async receive(message: ToThread): Promise<void> {
    switch (message.kind) {
      case 'stage':
        return this.#stage(message.snapshot);
      case 'commit':
        this.#context.currentRuntime();
        return;
      case 'abandon':
        this.#context.abandon(message.generation);
        for (const listener of this.#staged.get(message.generation) ?? []) listener.close();
        this.#staged.delete(message.generation);
        return;
      case 'cut':
        this.#cut(message.service, message.pool, message.beforeEpoch);
        return;
      case 'stop':
        this.#stop();
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

  async #stage(snapshot: Snapshot): Promise<void> {
    const opened: ListenerRuntime[] = [];
    let error: string | null = null;
    try {
      // Before its listeners: a replaced thread is given a generation that is already in force.
      this.#context.stage(new Runtime(snapshot, this.#start.thread, this.#context.runtime.endpoints));
      for (const spec of snapshot.listeners) {
        if (this.#listeners.has(spec.key)) continue;
        opened.push(
          await ListenerRuntime.open(spec, this.#start.thread, this.#start.reusePort, (socket, listener) =>
            this.#onConnection(socket, listener),
          ),
        );
      }
      this.#staged.set(snapshot.generation, opened);
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
      this.#context.abandon(snapshot.generation);
      for (const listener of opened) listener.close();
    }
    this.#send({ kind: 'staged', generation: snapshot.generation, error });
  }

  #onConnection(socket: Socket, listener: ListenerRuntime): void {
    if (this.#context.currentRuntime().generation === EMPTY.generation) this.#early.push({ socket, listener });
    else new Downstream(socket, listener, this.#context);
  }

  #onActivated(before: Runtime, now: Runtime): void {
    const context = this.#context;
    context.accessLog.mode = now.snapshot.accessLog;
    this.#retired.push(...now.activate(before, context.nowMs));
    for (const listener of this.#staged.get(now.generation) ?? []) this.#listeners.set(listener.spec.key, listener);
    this.#staged.clear();
    for (const { socket, listener } of this.#early.splice(0)) new Downstream(socket, listener, context);
    const kept = new Map(now.snapshot.listeners.map((spec) => [spec.key, spec]));
    for (const [key, listener] of this.#listeners) {
      const spec = kept.get(key);
      if (spec !== undefined) {
        listener.configure(spec);
        continue;
      }
      listener.close();
      this.#listeners.delete(key);
      for (const downstream of context.downstreams) if (downstream.listener === listener) downstream.stop();
    }
  }

  #cut(service: string, pool: string, beforeEpoch: number): void {
    const scope = endpointKey(service, pool, '');
    for (const [key, endpoint] of this.#context.runtime.endpoints) {
      if (key.startsWith(scope)) endpoint.cut(beforeEpoch);
    }
  }

  #stop(): void {
    this.#context.stoppedListening = true;
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
    for (const downstream of context.downstreams) downstream.sweep(nowMs);
    for (const endpoint of context.runtime.endpoints.values()) endpoint.sweep(nowMs);
    if (this.#retired.length > 0) {
      for (const endpoint of this.#retired) endpoint.sweep(nowMs);
      this.#retired = this.#retired.filter((endpoint) => endpoint.retired && !endpoint.gone);
    }
    context.accessLog.flush();
    this.#ticks += 1;
    if (this.#ticks % REPORT_EVERY_TICKS === 0) this.#report();
    if (this.#draining && context.downstreams.size === 0) {
      this.#draining = false;
      for (const endpoint of context.runtime.endpoints.values()) endpoint.destroy();
      this.#send({ kind: 'drained' });
    }
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
  accessLog: { kind: 'off' },
  unrouted: createSeriesMemory(64),
};

const port = parentPort;
if (port === null) throw new Error('a data thread is started as a worker');
const thread = new DataThread(workerData as ThreadStart, (message) => port.postMessage(message));
port.on('message', (message: ToThread) => {
  thread.receive(message).catch((error: unknown) => {
    port.postMessage({ kind: 'warning', message: String(error) } satisfies FromThread);
  });
});
port.postMessage({ kind: 'ready' } satisfies FromThread);
