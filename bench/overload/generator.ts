/**
 * The clients of the overload bench: requests begin at a fixed rate, whatever becomes of those before (open loop), and
 * each is timed from the moment at which it was due, so that a slow proxy cannot slow down its own judge (no coordinated
 * omission).
 *
 * A request takes the connection that has been idle for longest, or a new one, as another user would come with; beyond
 * `--connections` it fails here. At the deadline a client gives up and closes its connection, as HTTP/1.1 makes it. What
 * is not due within the measured time is made and not counted.
 */
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import type { Tally } from './tally.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    path: { type: 'string' },
    rate: { type: 'string' },
    connections: { type: 'string' },
    'settle-ms': { type: 'string' },
    'measure-ms': { type: 'string' },
    'deadline-ms': { type: 'string' },
  },
});
const port = Number(values.port);
const connectionsMax = Number(values.connections);
const settleMs = Number(values['settle-ms']);
const endMs = settleMs + Number(values['measure-ms']);
const deadlineMs = Number(values['deadline-ms']);
const everyMs = 1000 / Number(values.rate);
const request = Buffer.from(`GET ${values.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, 'latin1');

const tally: Tally = { due: 0, good: 0, late: 0, refused: 0, broken: 0, unsent: 0, goodMs: [] };
const idle = new Set<Client>();
/** Clients that wait for an answer, oldest first. */
const waiting = new Set<Client>();
let open = 0;
let startMs = 0;

function isCounted(dueMs: number): boolean {
  return dueMs >= settleMs && dueMs < endMs;
}

class Client {
  readonly #socket: Socket;
  dueMs = 0;

  constructor() {
    open += 1;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      open -= 1;
      idle.delete(this);
      if (waiting.delete(this) && isCounted(this.dueMs)) tally.broken += 1;
    });
  }

  ask(dueMs: number): void {
    this.dueMs = dueMs;
    waiting.add(this);
    this.#socket.write(request);
  }

  giveUp(): void {
    waiting.delete(this);
    if (isCounted(this.dueMs)) tally.late += 1;
    this.#socket.destroy();
  }

  /** Answers here are short, and each comes in one piece. */
  #receive(bytes: Buffer): void {
    if (!waiting.delete(this)) return;
    idle.add(this);
    if (!isCounted(this.dueMs)) return;
    const tookMs = performance.now() - startMs - this.dueMs;
    const status = bytes.toString('latin1', 9, 12);
    if (status === '503') tally.refused += 1;
    else if (status !== '200') tally.broken += 1;
    else if (tookMs > deadlineMs) tally.late += 1;
    else {
      tally.good += 1;
      tally.goodMs.push(tookMs);
    }
  }
}

let nextMs = 0;

function beat(): void {
  const nowMs = performance.now() - startMs;
  for (const client of waiting) {
    if (nowMs - client.dueMs < deadlineMs) break;
    client.giveUp();
  }
  for (; nextMs <= nowMs && nextMs < endMs; nextMs += everyMs) {
    if (isCounted(nextMs)) tally.due += 1;
    const [client] = idle;
    if (client !== undefined) {
      idle.delete(client);
      client.ask(nextMs);
    } else if (open < connectionsMax) new Client().ask(nextMs);
    else if (isCounted(nextMs)) tally.unsent += 1;
  }
  if (nowMs < endMs + deadlineMs + 100) setTimeout(beat, 1);
  else process.send?.(tally, () => process.exit(0));
}

process.once('message', () => {
  startMs = performance.now();
  beat();
});
