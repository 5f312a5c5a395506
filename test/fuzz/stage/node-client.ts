/**
 * The second reader of responses: the client of `node:http`, asked through a raw server that answers with given bytes and
 * then ends the connection.
 *
 * The end of the bytes shows where the client thinks that the response ends: one that it ends later is incomplete, and one
 * that it ends earlier leaves bytes that it reports as an error.
 */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { bytesOf } from './engine.ts';

const DEADLINE_MS = 3000;
const HEADER_BYTES_MAX = 128 * 1024;

/** A response as `node:http` reads it. */
export interface SeenResponse {
  interim: number[];
  status: number;
  /** Names and values by turns, as sent. */
  fields: readonly string[];
  body: string;
  trailers: readonly string[];
  /** Whether it came to its end by its own framing. */
  whole: boolean;
  /** The code of the error that was reported, '' if none was. */
  error: string;
}

export class NodeClient {
  readonly #server: Server;
  readonly #answers = new Map<string, Buffer>();
  #count = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<NodeClient> {
    const server = createServer({ allowHalfOpen: true });
    const node = new NodeClient(server);
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('end', () => socket.destroy());
      socket.once('data', (chunk: Buffer) => {
        const key = chunk.toString('latin1').split(' ', 2)[1]!;
        socket.end(node.#answers.get(key) ?? bytesOf('HTTP/1.1 500 Unknown\r\n\r\n'));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return node;
  }

  /** What the client reads when its request with `method` is answered with these bytes. */
  ask(method: string, bytes: Buffer): Promise<SeenResponse> {
    const path = `/${++this.#count}`;
    this.#answers.set(path, bytes);
    const { port } = this.#server.address() as AddressInfo;
    const seen: SeenResponse = { interim: [], status: 0, fields: [], body: '', trailers: [], whole: false, error: '' };
    return new Promise((resolve) => {
      // Asked to keep the connection, a client reads on after the response and reports what follows it.
      const headers = { Connection: 'keep-alive' };
      const maxHeaderSize = HEADER_BYTES_MAX;
      const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false, maxHeaderSize });
      asked.setTimeout(DEADLINE_MS, () => asked.destroy(new Error('deadline')));
      asked.on('continue', () => seen.interim.push(100));
      asked.on('information', ({ statusCode }) => {
        if (statusCode !== 100) seen.interim.push(statusCode);
      });
      asked.on('response', (response) => this.#read(response, seen));
      asked.on('upgrade', (response, socket) => {
        seen.status = response.statusCode!;
        socket.destroy();
      });
      asked.on('error', (error: NodeJS.ErrnoException) => {
        seen.error = error.code ?? error.message;
      });
      asked.on('close', () => {
        this.#answers.delete(path);
        // Bytes after the response are reported in the same turn of the loop or not at all.
        setImmediate(resolve, seen);
      });
      asked.end();
    });
  }

  #read(response: IncomingMessage, seen: SeenResponse): void {
    seen.status = response.statusCode!;
    seen.fields = response.rawHeaders;
    response.setEncoding('latin1');
    response.on('data', (data: string) => {
      seen.body += data;
    });
    response.on('error', (error: NodeJS.ErrnoException) => {
      seen.error = error.code ?? error.message;
    });
    response.on('end', () => {
      seen.whole = response.complete;
      seen.trailers = response.rawTrailers;
    });
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}
