/**
 * The second reader of requests: a server of `node:http` on loopback, asked through raw sockets.
 *
 * A sentinel request follows whatever is asked. Only a reader that ends the messages before it at the same byte sees it, and
 * it closes the connection, so that nobody waits for a deadline unless the two readers disagree.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { bytesOf } from './engine.ts';

const SENTINEL_TARGET = '/sentinel';
const SENTINEL = bytesOf(`GET ${SENTINEL_TARGET} HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n`);
const DEADLINE_MS = 3000;
const HEADER_BYTES_MAX = 128 * 1024;

/** A request as `node:http` reads it. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values by turns, as sent. */
  readonly fields: readonly string[];
  body: string;
  trailers: readonly string[];
  whole: boolean;
}

/** What was seen on one connection. */
export interface Sight {
  readonly requests: readonly SeenRequest[];
  /** Whether the sentinel was read after them. */
  readonly sentinel: boolean;
}

export class NodeServer {
  readonly #server: Server;
  readonly #seen = new Map<number, SeenRequest[]>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<NodeServer> {
    const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX });
    const node = new NodeServer(server);
    server.on('request', (request, response) => {
      const seen = node.#see(request);
      request.on('end', () => {
        seen.whole = true;
        seen.trailers = request.rawTrailers;
        // Its parser reads nothing after the head of a request that could upgrade, so nothing may wait for it.
        if (request.headers.upgrade !== undefined) response.setHeader('Connection', 'close');
        response.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return node;
  }

  #see(request: IncomingMessage): SeenRequest {
    const port = request.socket.remotePort!;
    const seen: SeenRequest = {
      method: request.method!,
      target: request.url!,
      fields: request.rawHeaders,
      body: '',
      trailers: [],
      whole: false,
    };
    const before = this.#seen.get(port);
    if (before === undefined) this.#seen.set(port, [seen]);
    else before.push(seen);
    request.setEncoding('latin1');
    request.on('data', (data: string) => {
      seen.body += data;
    });
    return seen;
  }

  /** Sends the bytes and the sentinel on a connection of their own. */
  ask(bytes: Buffer): Promise<Sight> {
    return new Promise((resolve) => {
      let port = 0;
      const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1', () => {
        port = socket.localPort!;
        socket.write(Buffer.concat([bytes, SENTINEL]));
      });
      socket.setTimeout(DEADLINE_MS, () => socket.destroy());
      socket.on('error', () => {});
      socket.on('end', () => socket.resetAndDestroy());
      socket.on('close', () => {
        const seen = this.#seen.get(port) ?? [];
        this.#seen.delete(port);
        const sentinel = seen.at(-1)?.target === SENTINEL_TARGET;
        resolve({ requests: sentinel ? seen.slice(0, -1) : seen, sentinel });
      });
      socket.resume();
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
