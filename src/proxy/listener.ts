/**
 * An address that this data thread accepts clients on. Every thread opens each listener itself; with `reusePort` the
 * kernel spreads new connections over the threads, and no thread hands a connection to another.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { AddressSet } from '../routing/client-address.ts';
import type { ListenerSpec } from '../routing/snapshot.ts';
import { ListenerWriter } from '../stats/listener-cells.ts';
import { ClientCount } from './client-count.ts';

/** Connections that the kernel keeps until they are accepted. */
const BACKLOG = 4096;

export class ListenerRuntime {
  spec: ListenerSpec;
  trusted: AddressSet;
  readonly cells: ListenerWriter;
  /** It accepts no more; its connections end after the request that they are at. */
  closed = false;
  readonly #clients = new ClientCount();
  readonly #server: Server;

  private constructor(spec: ListenerSpec, thread: number, server: Server) {
    this.spec = spec;
    this.trusted = new AddressSet(spec.trustedProxies);
    this.cells = new ListenerWriter(spec.board, thread);
    this.#server = server;
  }

  /** Opens the address; rejects with the system's error when it cannot be opened. */
  static async open(
    spec: ListenerSpec,
    thread: number,
    reusePort: boolean,
    onConnection: (socket: Socket, listener: ListenerRuntime) => void,
  ): Promise<ListenerRuntime> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const listener = new ListenerRuntime(spec, thread, server);
    server.maxConnections = spec.connectionsMax;
    server.on('connection', (socket) => {
      if (listener.#takes(socket)) onConnection(socket, listener);
    });
    server.on('drop', () => listener.cells.dropped());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: spec.host, port: spec.port, reusePort, backlog: BACKLOG }, () => {
        server.off('error', reject);
        // A failed accept (no file descriptors left) must not end the thread; the kernel keeps the connection.
        server.on('error', () => {});
        resolve();
      });
    });
    return listener;
  }

  /** Takes over the settings of a new generation. */
  configure(spec: ListenerSpec): void {
    if (this.spec === spec) return;
    this.spec = spec;
    this.trusted = new AddressSet(spec.trustedProxies);
    this.#server.maxConnections = spec.connectionsMax;
  }

  /** Whether the client may have one connection more; if not, this one is closed at once. */
  #takes(socket: Socket): boolean {
    const { perClientMax } = this.spec;
    const peer = socket.remoteAddress;
    if (perClientMax === null || peer === undefined || this.trusts(peer)) return true;
    if (this.#clients.add(peer, perClientMax)) {
      socket.once('close', () => this.#clients.remove(peer));
      return true;
    }
    this.cells.clientLimited();
    socket.on('error', () => {});
    socket.resetAndDestroy();
    return false;
  }

  /** Whether what the peer says about earlier hops is believed. */
  trusts(peer: string): boolean {
    return this.trusted.has(peer);
  }

  /** Accepts no more connections; those that are open stay. */
  close(): void {
    this.closed = true;
    this.#server.close();
  }
}
