/**
 * One endpoint as one data thread sees it: its connections and the queue in front of them.
 *
 *     exchange ──▶ idle connection?  ──▶ taken, last in first out
 *                  fewer than `connections`? ──▶ dialled, if the thread has a socket to spare (`socket-room.ts`)
 *                  fewer than `queue` waiting? ──▶ waits, first in first out, until `timeouts.queue`
 *                  else ──▶ refused at once
 *
 * Last in first out keeps few connections warm and lets the rest grow old and close. A queue belongs to an endpoint and
 * a thread, so no thread ever waits for another. An endpoint that leaves the configuration is `retired`: it takes
 * nothing new, keeps what it has until the drain deadline, and then cuts it.
 *
 * Where endpoints are told of the client by a PROXY header, a connection belongs to that client's connection (`owner`):
 * only its later requests reuse it, it is closed soon after the client has gone, and an idle one of somebody else makes
 * room when all places are taken. A pool of connections for each address of a client was rejected: the header names a port
 * too, and whoever logs or filters by it would see another client's.
 */
import { buildProxyHeader, type ProxyVersion } from '../http1/proxy-protocol.ts';
import type { EndpointSpec, ServiceSpec } from '../routing/snapshot.ts';
import { EndpointCells, type Verdict } from '../stats/endpoint-cells.ts';
import type { Exchange } from './exchange.ts';
import { FAULTS } from './fault.ts';
import { IdleLesson } from './idle-lesson.ts';
import { socketRoom } from './socket-room.ts';
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
  /** The exchange that probes the endpoint for all threads while it is ejected, and what the probe is ended with. */
  #prober: Exchange | null = null;
  #probe = 0;
  readonly #lesson = new IdleLesson();
  #connectionsMax: number;
  #queueMax: number;
  #idleMs: number;
  #drainMs: number;
  #proxyProtocol: ProxyVersion | null;
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
    this.#proxyProtocol = service.proxyProtocol;
  }

  /** Takes over the settings of a generation that has been committed. */
  configure(service: ServiceSpec): void {
    this.#connectionsMax = service.connectionsMax;
    this.#queueMax = service.queueMax;
    this.#idleMs = service.upstreamIdleMs;
    this.#drainMs = service.drainMs;
    if (this.#proxyProtocol !== service.proxyProtocol) {
      this.#proxyProtocol = service.proxyProtocol;
      for (const connection of this.#idle.splice(0)) connection.destroy();
    }
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
    for (;;) {
      const connection = fresh ? undefined : this.#takeIdle(exchange);
      if (connection === undefined) break;
      if (!connection.usable) continue;
      this.#assign(connection, exchange);
      return 'assigned';
    }
    if (this.#connections.size >= this.#connectionsMax && this.#proxyProtocol !== null) this.#idle[0]?.destroy();
    if (this.#mayDial()) {
      this.#assign(this.#dial(exchange), exchange);
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

  #takeIdle(exchange: Exchange): UpstreamConnection | undefined {
    if (this.#proxyProtocol === null) return this.#idle.pop();
    const at = this.#idle.findLastIndex(({ owner }) => owner === exchange.downstream);
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0];
  }

  /** Makes the exchange the probe of an ejected endpoint; false when none is wanted, or another has it. */
  takeProbe(exchange: Exchange): boolean {
    if (this.#prober !== null) return false;
    this.#probe = this.cells.takeProbe();
    if (this.#probe === 0) return false;
    this.#prober = exchange;
    return true;
  }

  /** The endpoint has answered with a head. That is a probe's answer; a body may take hours. */
  answered(exchange: Exchange, status: number): void {
    if (this.#prober === exchange) this.#endProbe(status >= 500 ? 'bad' : 'good');
  }

  /** An attempt that was counted as started is over. */
  attemptEnded(exchange: Exchange, verdict: Verdict): void {
    this.cells.attemptEnded(verdict);
    if (this.#prober === exchange) this.#endProbe(verdict);
  }

  #endProbe(verdict: Verdict): void {
    this.#prober = null;
    this.cells.endProbe(this.#probe, verdict);
  }

  /** A waiting exchange has given up. */
  leaveQueue(exchange: Exchange): void {
    this.#queue.delete(exchange);
    this.#publish();
  }

  /** A connection has done its exchange and may serve another. */
  release(connection: UpstreamConnection, nowMs: number): void {
    const isOwned = connection.owner !== null;
    if (this.retired || isOwned !== (this.#proxyProtocol !== null)) {
      connection.destroy();
      return;
    }
    const [next] = this.#queue;
    if (next !== undefined) {
      // Closing it makes room to dial.
      if (isOwned || this.#freshOnly.has(next)) connection.destroy();
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
    if (this.#proxyProtocol !== null) {
      for (const connection of [...this.#idle]) if (connection.owner?.gone === true) connection.destroy();
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

  /** Without a socket to spare, a request waits for a connection that is open; if there is none, it must be tried. */
  #mayDial(): boolean {
    const { size } = this.#connections;
    return size < this.#connectionsMax && (size === 0 || socketRoom.mayDial());
  }

  #dial({ downstream }: Exchange): UpstreamConnection {
    const version = this.#proxyProtocol;
    const connection = new UpstreamConnection(this, version === null ? null : downstream);
    if (version !== null) connection.out.data(buildProxyHeader(version, downstream.client.ends()));
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
    while (this.#queue.size > 0 && this.#mayDial()) {
      const next = this.#nextWaiting()!;
      this.#assign(this.#dial(next), next);
    }
  }

  #publish(): void {
    this.cells.setConnections(this.#connections.size, this.#idle.length, this.#queue.size);
  }
}
