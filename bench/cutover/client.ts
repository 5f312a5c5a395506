/**
 * The client of the cutover scenario: a fixed number of connections, each sending its next request as soon as the last
 * one is answered, until told to stop or until the limit.
 *
 * It is our own and not wrk because it must know when the first byte of each request left: the moment is written down
 * just before the write, so that a request is never taken to have started later than it did. A request whose answer is
 * cut, malformed or not 200 is lost; it is not tried again, because a proxy that needs its clients to retry has lost
 * it. Connections that are closed after a complete answer are opened anew and lose nothing.
 */
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { monotonicUs } from './clock.ts';
import { type ClientAccount, hand, type Loss, requestsMax } from './messages.ts';

const lossesMax = 100_000;
const lastAnswersMs = 2_000;
const { values } = parseArgs({ options: { port: { type: 'string' }, connections: { type: 'string' } } });
const port = Number(values.port);

const startedUs = new Float64Array(requestsMax);
const losses: Loss[] = [];
let requests = 0;
let answered = 0;
let stopping = false;
let open = 0;

/** The length of the complete answer at the start of `text`, null while it is not complete. */
function answerLength(text: string): number | null {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = text.slice(0, headEnd + 2);
  const bodyBytes = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  if (bodyBytes !== undefined) {
    const length = headEnd + 4 + Number(bodyBytes);
    return text.length >= length ? length : null;
  }
  const bodyEnd = text.indexOf('0\r\n\r\n', headEnd + 4);
  return bodyEnd < 0 ? null : bodyEnd + 5;
}

class Connection {
  #socket: Socket;
  #request = -1;
  #received = '';

  constructor() {
    open++;
    this.#socket = this.#dial();
  }

  #dial(): Socket {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.on('connect', () => this.#next());
    socket.on('data', (bytes: Buffer) => this.#receive(bytes.toString('latin1')));
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('close', () => {
      this.#lose('closed before the answer was complete');
      if (stopping || requests >= requestsMax) end();
      // The next turn of the event loop, so that a refused port is tried at a bounded pace.
      else setTimeout(() => (this.#socket = this.#dial()), 1);
    });
    return socket;
  }

  #next(): void {
    if (stopping || requests >= requestsMax) {
      this.#socket.destroy();
      return;
    }
    this.#request = requests++;
    this.#received = '';
    startedUs[this.#request] = monotonicUs();
    this.#socket.write(`GET /${this.#request} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  }

  #receive(text: string): void {
    this.#received += text;
    if (answerLength(this.#received) === null) return;
    const status = this.#received.slice(9, 12);
    if (status === '200') {
      answered++;
      this.#request = -1;
    } else this.#lose(`status ${status}`);
    if (/\r\nconnection: *close\r\n/i.test(this.#received)) this.#socket.destroy();
    else this.#next();
  }

  #lose(reason: string): void {
    if (this.#request >= 0 && losses.length < lossesMax)
      losses.push({ request: this.#request, atUs: monotonicUs(), reason });
    this.#request = -1;
  }

  giveUp(): void {
    this.#socket.destroy();
  }
}

const connections = Array.from({ length: Number(values.connections) }, () => new Connection());

function giveUp(): void {
  for (const connection of connections) connection.giveUp();
}

function end(): void {
  open--;
  if (open > 0 || !stopping) return;
  const account: ClientAccount = { startedUs: startedUs.slice(0, requests), answered, losses };
  hand(account);
}

process.once('message', () => {
  stopping = true;
  if (open === 0) {
    open = 1;
    end();
  }
  setTimeout(giveUp, lastAnswersMs).unref();
});
