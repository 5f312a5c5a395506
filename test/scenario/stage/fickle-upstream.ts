/**
 * An endpoint that is good or bad as the test says, at one address for all of its life.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Cleaning } from './tidegate.ts';

/** `half` fails every second request; `hanging` accepts and says nothing. */
export type Mood = 'good' | 'failing' | 'half' | 'hanging' | 'refusing';

export class FickleUpstream {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<ServerResponse>();
  #port = 0;
  #mood: Mood = 'good';
  /** Requests that have arrived, health checks left out. */
  requests = 0;
  /** What health checks are answered with. */
  healthStatus = 200;

  private constructor() {
    this.#server = createServer((req, res) => this.#answer(req, res));
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(t: Cleaning, mood: Mood = 'good'): Promise<FickleUpstream> {
    const upstream = new FickleUpstream();
    await upstream.#listen();
    t.teardown(() => upstream.#close());
    await upstream.be(mood);
    return upstream;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Becomes good or bad. */
  async be(mood: Mood): Promise<void> {
    this.#mood = mood;
    if (mood === 'refusing') await this.#close();
    else if (!this.#server.listening) await this.#listen();
    if (mood === 'hanging') return;
    for (const res of this.#held) res.destroy();
    this.#held.clear();
  }

  async #listen(): Promise<void> {
    await once(this.#server.listen({ host: '127.0.0.1', port: this.#port }), 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    if (req.url === '/healthz') {
      res.writeHead(this.healthStatus, { 'content-length': 0 }).end();
      return;
    }
    this.requests += 1;
    if (this.#mood === 'hanging') {
      this.#held.add(res);
      return;
    }
    const isBad = this.#mood === 'failing' || (this.#mood === 'half' && this.requests % 2 === 0);
    const body = isBad ? 'broken\n' : 'fine\n';
    res.writeHead(isBad ? 500 : 200, { 'content-length': body.length }).end(body);
  }
}
