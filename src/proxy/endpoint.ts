/**
 * One endpoint as one data thread sees it: its connections and the queue in front of them.
 *
 *     exchange ──▶ idle connection?  ──▶ taken, last in first out
 *                  fewer than `connections`? ──▶ dialled
 *                  fewer than `queue` waiting? ──▶ waits, first in first out, until `timeouts.queue`
 *                  else ──▶ refused at once
 *
 * Last in first out keeps few connections warm and lets the rest grow old and close. A queue belongs to an endpoint and
 * a thread, so no thread ever waits for another. An endpoint that leaves the configuration is `retired`: it takes
 * nothing new, keeps what it has until the drain deadline, and then cuts it.
 */
import type { EndpointSpec, ServiceSpec } from '../routing/snapshot.ts';
import { EndpointCells } from '../stats/endpoint-cells.ts';
import type { Exchange } from './exchange.ts';
import { FAULTS } from './fault.ts';
import { IdleLesson } from './idle-lesson.ts';
import { UpstreamConnection } from './upstream.ts';

export class Endpoint {
  /** Its identity: see `endpointKey`. */
  readonly key: string;
  readonly spec: EndpointSpec;
  readonly cells: EndpointCells;
  readonly #idle: UpstreamConnection[] = [];
  readonly #connections = new Set<UpstreamConnection>();
  /** A Set keeps the order of arrival and lets a waiter leave from the middle. */
  readonly #queue = new Set<Exchange>();
  /** Those in the queue under which a used connection has died before. */
  readonly #freshOnly = new WeakSet<Exchange>();
  readonly #lesson = new IdleLesson();
  #connectionsMax: number;
  #queueMax: number;
  #idleMs: number;
  #drainMs: number;
  /** When the remaining exchanges are cut, once retired. */
  #cutAtMs = 0;
  retired = false;

  constructor(key: string, spec: EndpointSpec, service: ServiceSpec, thread: number) {
    this.key = key;
    this.spec = spec;
    this.cells = new EndpointCells(spec.board, thread);
    this.#connectionsMax = service.connectionsMax;
    this.#queueMax = service.queueMax;
    this.#idleMs = service.upstreamIdleMs;
    this.#drainMs = service.drainMs;
  }

  /** Takes over the settings of a generation that has been committed. */
  configure(service: ServiceSpec): void {
    this.#connectionsMax = service.connectionsMax;
    this.#queueMax = service.queueMax;
    this.#idleMs = service.upstreamIdleMs;
    this.#drainMs = service.drainMs;
    this.retired = false;
    this.#cutAtMs = 0;
    this.#serveQueue();
  }

  retire(nowMs: number): void {
    this.retired = true;
    this.#cutAtMs = nowMs + this.#drainMs;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    this.#publish();
  }

  /** Nothing is left of a retired endpoint. */
  get gone(): boolean {
    return this.retired && this.#connections.size === 0 && this.#queue.size === 0;
  }

  /**
   * Gives the exchange a connection now (it is told by `onConnection`), or puts it into the queue, or answers `full`.
   * With `fresh`, no connection that was used before is given, not even after a wait.
   */
  acquire(exchange: Exchange, fresh: boolean): 'assigned' | 'queued' | 'full' {
    while (!fresh && this.#idle.length > 0) {
      const connection = this.#idle.pop()!;
      if (!connection.usable) continue;
      this.#assign(connection, exchange);
      return 'assigned';
    }
    if (this.#connections.size < this.#connectionsMax) {
      this.#assign(this.#dial(), exchange);
      return 'assigned';
    }
    if (this.#queue.size >= this.#queueMax) {
      this.cells.queueOverflow();
      return 'full';
    }
    this.#queue.add(exchange);
    if (fresh) this.#freshOnly.add(exchange);
    this.#publish();
    return 'queued';
  }

  /** A waiting exchange has given up. */
  leaveQueue(exchange: Exchange): void {
    this.#queue.delete(exchange);
    this.#publish();
  }

  /** A connection has done its exchange and may serve another. */
  release(connection: UpstreamConnection, nowMs: number): void {
    if (this.retired) {
      connection.destroy();
      return;
    }
    const [next] = this.#queue;
    if (next !== undefined) {
      // Closing it makes room to dial.
      if (this.#freshOnly.has(next)) connection.destroy();
      else this.#assign(connection, this.#nextWaiting()!);
      return;
    }
    connection.idleSinceMs = nowMs;
    this.#idle.push(connection);
    this.#publish();
  }

  /** The endpoint has ended a connection that was idle, or that had been idle until a request met the end. */
  onIdleEnd(ageMs: number): void {
    this.#lesson.closed(ageMs, performance.now());
  }

  /** A connection is closed, for whatever reason. */
  onClosed(connection: UpstreamConnection): void {
    if (!this.#connections.delete(connection)) return;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#publish();
    this.#serveQueue();
  }

  /** Closes connections that were idle for too long, and all of a retired endpoint whose time is over. */
  sweep(nowMs: number): void {
    while (this.#idle.length > 0) {
      const oldest = this.#idle[0]!;
      const idleMs = Math.min(this.#idleMs, oldest.peerIdleMs, this.#lesson.limitMs(nowMs));
      if (nowMs - oldest.idleSinceMs < idleMs) break;
      this.#idle.shift();
      oldest.destroy();
    }
    if (this.retired && nowMs >= this.#cutAtMs) this.cut(Number.POSITIVE_INFINITY);
  }

  /** Ends what earlier positions of the gate (before `beforeEpoch`) still have in flight here. */
  cut(beforeEpoch: number): void {
    for (const exchange of [...this.#queue]) if (exchange.epoch < beforeEpoch) exchange.fail(FAULTS.drained);
    for (const connection of [...this.#connections]) {
      const exchange = connection.exchange;
      if (exchange !== null && exchange.epoch < beforeEpoch) exchange.fail(FAULTS.drained);
    }
  }

  /** Destroys every connection; only for the end of the thread. */
  destroy(): void {
    for (const connection of [...this.#connections]) connection.destroy();
  }

  #dial(): UpstreamConnection {
    const connection = new UpstreamConnection(this);
    this.#connections.add(connection);
    this.cells.dialled();
    return connection;
  }

  #assign(connection: UpstreamConnection, exchange: Exchange): void {
    this.#publish();
    connection.exchange = exchange;
    exchange.onConnection(connection);
  }

  #nextWaiting(): Exchange | null {
    for (const exchange of this.#queue) {
      this.#queue.delete(exchange);
      return exchange;
    }
    return null;
  }

  #serveQueue(): void {
    while (this.#queue.size > 0 && this.#connections.size < this.#connectionsMax) {
      this.#assign(this.#dial(), this.#nextWaiting()!);
    }
  }

  #publish(): void {
    this.cells.setConnections(this.#connections.size, this.#idle.length, this.#queue.size);
  }
}
