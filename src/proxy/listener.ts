/**
 * An address that this data thread accepts clients on. Every thread opens each listener itself; with `reusePort` the
 * kernel spreads new connections over the threads, and no thread hands a connection to another.
 *
 * The file of a Unix socket cannot be opened twice, and a descriptor that several threads share is closed for all of them
 * by the first that ends. So a Unix socket is opened by one thread (`UNIX_THREAD`), which serves all its connections.
 */
import { chmod, chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { AddressSet } from '../routing/client-address.ts';
import type { ListenerSpec } from '../routing/snapshot.ts';
import { ListenerWriter } from '../stats/listener-cells.ts';
import { ClientCount } from './client-count.ts';
import type { Overload } from './overload.ts';
import { freeSocketPath } from './socket-path.ts';

/** Connections that the kernel keeps until they are accepted. */
const BACKLOG = 4096;

/** The data thread that opens Unix sockets. */
export const UNIX_THREAD = 0;

export class ListenerRuntime {
  spec: ListenerSpec;
  trusted: AddressSet;
  readonly cells: ListenerWriter;
  /** It accepts no more; its connections end after the request that they are at. */
  closed = false;
  /** It takes connections; else each is closed at once, because the thread is far behind. */
  #taking = true;
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
    overload: Overload,
  ): Promise<ListenerRuntime> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const listener = new ListenerRuntime(spec, thread, server);
    server.maxConnections = spec.connectionsMax;
    server.on('connection', (socket) => {
      overload.connected(true);
      if (listener.takes(socket, socket.remoteAddress ?? '')) onConnection(socket, listener);
    });
    server.on('drop', () => {
      if (listener.#taking) listener.cells.dropped();
      else overload.connected(false);
    });
    const { host, port, path } = spec;
    if (path !== null) await freeSocketPath(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const at = path === null ? { host, port, reusePort } : { path };
      server.listen({ ...at, backlog: BACKLOG }, () => {
        server.off('error', reject);
        // No error of a listener may end the thread. Descriptors do not run out here: `socket-room.ts`.
        server.on('error', () => {});
        resolve();
      });
    });
    try {
      if (path !== null && spec.mode !== null) chmodSync(path, spec.mode);
    } catch (cause) {
      listener.close();
      throw cause;
    }
    return listener;
  }

  /** Takes over the settings of a new generation. */
  configure(spec: ListenerSpec): void {
    if (this.spec === spec) return;
    const { path, mode } = spec;
    // It fails only when somebody has removed the file, and then nobody can come in by it.
    if (path !== null && mode !== null && mode !== this.spec.mode) chmod(path, mode, () => {});
    this.spec = spec;
    this.trusted = new AddressSet(spec.trustedProxies);
    this.#server.maxConnections = this.#taking ? spec.connectionsMax : 0;
  }

  /** Takes connections from now on, or closes each new one at once. */
  take(taking: boolean): void {
    if (this.#taking === taking) return;
    this.#taking = taking;
    this.#server.maxConnections = taking ? this.spec.connectionsMax : 0;
  }

  /**
   * Whether the client at this address may have one connection more; if not, this one is closed at once. Asked when a
   * connection is accepted, and again when a PROXY header has named another client.
   */
  takes(socket: Socket, address: string): boolean {
    const { perClientMax } = this.spec;
    if (perClientMax === null || address === '' || this.trusted.has(address)) return true;
    if (this.#clients.add(address, perClientMax)) {
      socket.once('close', () => this.#clients.remove(address));
      return true;
    }
    this.cells.clientLimited();
    socket.on('error', () => {});
    socket.resetAndDestroy();
    return false;
  }

  /** Accepts no more connections; those that are open stay. */
  close(): void {
    this.closed = true;
    this.#server.close();
  }
}
