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
 * nothing new, keeps what it has until the drain deadline, and then ends it.
 *
 * What must end, because the pool has lost its traffic (the control plane says so in the endpoint's head) or because the
 * endpoint is retired, is ended one exchange after the other, at the pace that the endpoints of the service and all threads
 * share. It is asked for each exchange anew, so that a pool that gets traffic again is spared from then on.
 *
 * Where endpoints are told of the client by a PROXY header, a connection belongs to that client's connection (`owner`):
 * only its later requests reuse it, it is closed soon after the client has gone, and an idle one of somebody else makes
 * room when all places are taken. A pool of connections for each address of a client was rejected: the header names a port
 * too, and whoever logs or filters by it would see another client's.
 */
import { buildProxyHeader, type ProxyVersion } from '../http1/proxy-protocol.ts';
import type { EndpointSpec, ServiceSpec } from '../routing/snapshot.ts';
import { EndpointCells, type Verdict } from '../stats/endpoint-cells.ts';
import { Pace } from '../stats/pace.ts';
import type { Caller } from './caller.ts';
import { FAULTS } from './fault.ts';
import { IdleLesson } from './idle-lesson.ts';
import { socketRoom } from './socket-room.ts';
import { UpstreamConnection } from './upstream.ts';
import { TICK_MS } from './waiting-clock.ts';

export class Endpoint {
  /** Its identity: see `endpointKey`. */
  readonly key: string;
  readonly spec: EndpointSpec;
  readonly cells: EndpointCells;
  readonly #idle: UpstreamConnection[] = [];
  readonly #connections = new Set<UpstreamConnection>();
  /** A Set keeps the order of arrival and lets a waiter leave from the middle. */
  readonly #queue = new Set<Caller>();
  /** Those in the queue under which a used connection has died before. */
  readonly #freshOnly = new WeakSet<Caller>();
  /** The exchange that probes the endpoint for all threads while it is ejected, and what the probe is ended with. */
  #prober: Caller | null = null;
  #probe = 0;
  readonly #lesson = new IdleLesson();
  #connectionsMax: number;
  #queueMax: number;
  #idleMs: number;
  #drainMs: number;
  #proxyProtocol: ProxyVersion | null;
  readonly #pace: Pace;
  /** From when on the remaining exchanges are ended, once retired. */
  #endFromMs = 0;
  retired = false;

  constructor(key: string, spec: EndpointSpec, service: ServiceSpec, thread: number) {
    this.key = key;
    this.spec = spec;
    this.cells = new EndpointCells(spec.board, thread);
    this.#connectionsMax = service.connectionsMax;
    this.#queueMax = service.queueMax;
    this.#idleMs = service.upstreamIdleMs;
    this.#drainMs = service.drainMs;
    this.#pace = new Pace(service.pace, service.drainPerSecond);
    this.#proxyProtocol = service.proxyProtocol;
  }

  /** Takes over the settings of a generation that has been committed. */
  configure(service: ServiceSpec): void {
    this.#connectionsMax = service.connectionsMax;
    this.#queueMax = service.queueMax;
    this.#idleMs = service.upstreamIdleMs;
    this.#drainMs = service.drainMs;
    this.#pace.set(service.drainPerSecond, process.hrtime.bigint());
    if (this.#proxyProtocol !== service.proxyProtocol) {
      this.#proxyProtocol = service.proxyProtocol;
      for (const connection of this.#idle.splice(0)) connection.destroy();
    }
    this.retired = false;
    this.#endFromMs = 0;
    this.#serveQueue();
  }

  retire(nowMs: number): void {
    this.retired = true;
    // The clock may be a whole tick behind: without it, the time would be over early.
    this.#endFromMs = nowMs + TICK_MS + this.#drainMs;
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
  acquire(exchange: Caller, fresh: boolean): 'assigned' | 'queued' | 'full' {
    const connection = this.#connectionFor(exchange, fresh);
    if (connection !== null) {
      this.#assign(connection, exchange);
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

  /** An idle connection, or one that is dialled: an idle one that does not serve gives way to it. Null when it has to wait. */
  #connectionFor(exchange: Caller, fresh: boolean): UpstreamConnection | null {
    for (;;) {
      const idle = fresh ? undefined : this.#takeIdle(exchange);
      if (idle === undefined) break;
      if (idle.usable) return idle;
    }
    if (!this.#mayDial()) this.#giveUpOldest();
    return this.#mayDial() ? this.#dial(exchange) : null;
  }

  /** Ends the connection that has been idle for longest. Its place is free at once, and is not for who waits already. */
  #giveUpOldest(): void {
    const oldest = this.#idle.shift();
    if (oldest === undefined) return;
    this.#connections.delete(oldest);
    oldest.destroy();
  }

  #takeIdle(exchange: Caller): UpstreamConnection | undefined {
    if (this.#proxyProtocol === null) return this.#idle.pop();
    const at = this.#idle.findLastIndex(({ owner }) => owner === exchange.downstream);
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0];
  }

  /**
   * Makes the exchange the probe of an ejected endpoint; false when none is wanted, or another has it. One that is offered
   * while an exchange here still has an earlier one takes its place: that one has been given up.
   */
  takeProbe(exchange: Caller): boolean {
    const taken = this.cells.takeProbe();
    if (taken === 0) return false;
    this.#probe = taken;
    this.#prober = exchange;
    return true;
  }

  /** The endpoint has answered with a head. That is a probe's answer; a body may take hours. */
  answered(exchange: Caller, status: number): void {
    if (this.#prober === exchange) this.#endProbe(status >= 500 ? 'bad' : 'good');
  }

  /** An attempt that was counted as started is over. */
  attemptEnded(exchange: Caller, verdict: Verdict): void {
    this.cells.attemptEnded(verdict);
    if (this.#prober === exchange) this.#endProbe(verdict);
  }

  #endProbe(verdict: Verdict): void {
    this.#prober = null;
    this.cells.endProbe(this.#probe, verdict);
  }

  /** A waiting exchange has given up. */
  leaveQueue(exchange: Caller): void {
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

  /** Closes connections that were idle for too long, and ends, in turn, exchanges whose time is over. */
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
    if (this.#endBefore(nowMs) > 0) this.#endInTurn(nowMs);
    // Room for a socket comes back without a word to anybody, and so does an idle connection that did not serve.
    this.#serveQueue();
  }

  /** Exchanges of positions before this one are to be ended now; 0 for none. */
  #endBefore(nowMs: number): number {
    return this.retired && nowMs >= this.#endFromMs ? Number.POSITIVE_INFINITY : this.cells.endBefore;
  }

  /** Ends as many exchanges as there are turns. */
  #endInTurn(nowMs: number): void {
    for (const exchange of this.#queue) if (!this.#endOrKeep(exchange, nowMs)) return;
    for (const { exchange } of this.#connections) {
      if (exchange !== null && !this.#endOrKeep(exchange, nowMs)) return;
    }
  }

  /** Ends the exchange if its time is over; false when there is no turn for it yet. */
  #endOrKeep(exchange: Caller, nowMs: number): boolean {
    if (exchange.epoch >= this.#endBefore(nowMs)) return true;
    if (!this.#pace.take(process.hrtime.bigint())) return false;
    exchange.fail(FAULTS.drained);
    return true;
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

  #dial({ downstream }: Caller): UpstreamConnection {
    const version = this.#proxyProtocol;
    const connection = new UpstreamConnection(this, version === null ? null : downstream);
    if (version !== null) connection.out.data(buildProxyHeader(version, downstream.client.ends()));
    this.#connections.add(connection);
    this.cells.dialled();
    return connection;
  }

  #assign(connection: UpstreamConnection, exchange: Caller): void {
    this.#publish();
    connection.exchange = exchange;
    exchange.onConnection(connection);
  }

  #nextWaiting(): Caller | null {
    for (const exchange of this.#queue) {
      this.#queue.delete(exchange);
      return exchange;
    }
    return null;
  }

  #serveQueue(): void {
    for (const next of this.#queue) {
      const connection = this.#connectionFor(next, this.#freshOnly.has(next));
      if (connection === null) return;
      this.#queue.delete(next);
      this.#assign(connection, next);
    }
  }

  #publish(): void {
    this.cells.setConnections(this.#connections.size, this.#idle.length, this.#queue.size);
  }
}
