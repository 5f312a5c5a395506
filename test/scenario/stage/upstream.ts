/**
 * An application behind Tidegate: an HTTP server of this process on a port of the system's choice, which counts what
 * reaches it.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Cleaning } from './tidegate.ts';

/** What an upstream does with a request; without it, it answers with its version after the whole body. */
export type Handler = (req: IncomingMessage, res: ServerResponse, upstream: Upstream) => void;

export class Upstream {
  readonly version: string;
  readonly server: Server;
  /** Requests that have arrived, health checks left out. */
  requests = 0;
  /** Connections that have been accepted. */
  connections = 0;
  /** Health checks that have arrived, and the status that they get. */
  checks = 0;
  healthStatus = 200;
  readonly sockets = new Set<Socket>();

  private constructor(version: string, handler: Handler) {
    this.version = version;
    this.server = createServer((req, res) => {
      if (req.url === '/healthz') {
        this.checks += 1;
        res.writeHead(this.healthStatus).end();
        return;
      }
      this.requests += 1;
      handler(req, res, this);
    });
    this.server.on('connection', (socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    // A test decides itself when an idle connection is closed.
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(t: Cleaning, version: string, handler: Handler = sayVersion): Promise<Upstream> {
    const upstream = new Upstream(version, handler);
    await once(upstream.server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }), 'listening');
    t.teardown(() => upstream.stop());
    return upstream;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Closes everything at once. */
  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** Reads the body, and answers with the version and the bytes that it had. */
export function sayVersion(req: IncomingMessage, res: ServerResponse, upstream: Upstream): void {
  let bytes = 0;
  req.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  req.on('end', () => {
    const body = `${upstream.version}\n`;
    res.writeHead(200, {
      'content-type': 'text/plain',
      'content-length': body.length,
      'x-version': upstream.version,
      'x-body-bytes': bytes,
    });
    res.end(body);
  });
}
