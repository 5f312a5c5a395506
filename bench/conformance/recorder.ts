/**
 * The upstream of the grid: a raw socket that keeps every byte it is sent and answers what the case says.
 *
 * It has the same port for the whole run, because a proxy's configuration names it once; each case gets connections of
 * its own, so that nothing one case did can be seen by the next. A request whose end it cannot find it answers when the
 * head is complete, as careless applications do: what then comes back is part of the evidence.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { WireEnd } from '../../test/wire/stage/wire-end.ts';
import { ordinaryBody, type Scripted } from './case.ts';
import type { Evidence } from './judgement.ts';
import { askedOf } from './judgement.ts';
import { type Message, readRequests } from './reading.ts';

/** How long bytes that were sent have to arrive before the connection is reset under them. */
const resetDelayMs = 60;
/** How long a proxy has to notice that its upstream connections have ended. */
const settleMs = 40;

/** The recording upstream of one proxy. */
export class Recorder {
  readonly port: number;
  #server: Server;
  #ends: WireEnd[] = [];
  #script: Scripted | null = null;
  #answered = 0;
  #scripted: WireEnd | null = null;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.#attend();
  }

  /** Opens a free port on the loopback interface. */
  static async open(): Promise<Recorder> {
    return new Recorder(await listen(0));
  }

  /** Begins a case: what comes from now on is its evidence. */
  async begin(script: Scripted | 'down' | undefined): Promise<void> {
    this.#script = script === 'down' ? null : (script ?? null);
    this.#answered = 0;
    this.#scripted = null;
    if (script === 'down') await this.close();
  }

  /** Ends a case: its connections are ended and forgotten, and the port is open. */
  async finish(): Promise<void> {
    for (const { socket } of this.#ends) socket.destroy();
    await delay(settleMs);
    for (const { socket } of this.#ends.splice(0)) socket.destroy();
    if (this.#server.listening) return;
    this.#server = await listen(this.port);
    this.#attend();
  }

  /** What has come in this case so far. */
  seen(): Evidence['upstream'] {
    return this.#ends
      .filter(({ received }) => received !== '')
      .map((end) => ({ bytes: end.received, ending: end.ending }));
  }

  /** Sends these bytes on the connection that the scripted answer went to, if it is still there. */
  sendLater(bytes: string): void {
    this.#scripted?.send(bytes);
  }

  /** Closes the port and all connections. */
  async close(): Promise<void> {
    for (const { socket } of this.#ends) socket.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #attend(): void {
    this.#server.on('connection', (socket) => {
      const end = new WireEnd(socket);
      this.#ends.push(end);
      let answered = 0;
      socket.on('data', () => {
        const requests = readRequests(end.received);
        for (const request of requests.slice(answered)) {
          if (!this.#isDue(request, end.received)) return;
          answered++;
          this.#answer(request, end);
        }
      });
      socket.on('end', () => socket.end());
    });
  }

  #isDue(request: Message, bytes: string): boolean {
    if (request.state === 'whole') return true;
    if (request.state === 'malformed') return bytes.includes('\r\n\r\n');
    return this.#script?.early === true && this.#answered === 0 && request.framing !== 'none';
  }

  #answer(request: Message, end: WireEnd): void {
    const script = this.#script;
    this.#answered++;
    if (script === null || (this.#answered > 1 && script.always !== true)) {
      const body = ordinaryBody(askedOf(request));
      const shown = request.line.startsWith('HEAD ') ? '' : body;
      end.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${shown}`);
      return;
    }
    this.#scripted = end;
    if (script.leaves === 'end') end.end(script.bytes);
    else end.send(script.bytes);
    if (script.leaves === 'reset') setTimeout(() => end.reset(), resetDelayMs);
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
