/**
 * The clients of the overload bench: requests begin at a fixed rate, whatever becomes of those before (open loop), and
 * each is timed from the moment at which it was due, so that a slow proxy cannot slow down its own judge (no coordinated
 * omission).
 *
 * All connections are opened before the first load and kept. A request takes the one that has been idle for longest; when
 * none is, it is not sent and lost. A client that has waited beyond the deadline counts as late and keeps its connection
 * until the answer comes. A client that closes it, as many do, would cost a proxy more, but most of all it would cost this
 * process more than the proxy: opening a connection is dearer than the request. With a body, requests are POSTs of JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { LoadOrder, Tally } from './tally.ts';

const { values } = parseArgs({
  options: { port: { type: 'string' }, path: { type: 'string' }, body: { type: 'string', default: '' } },
});
const port = Number(values.port);
const fields =
  values.body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(values.body)}\r\n`;
const head = `${values.body === '' ? 'GET' : 'POST'} ${values.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${fields}`;
const request = Buffer.from(`${head}\r\n${values.body}`);
/** Connections that are opened at once; a pause of a few milliseconds follows. */
const dialBatch = 10;

const idle = new Set<Client>();
let open = 0;
let load: Load | null = null;

class Client {
  readonly #socket: Socket;
  #dueMs = 0;

  constructor(socket: Socket) {
    open += 1;
    idle.add(this);
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      open -= 1;
      if (!idle.delete(this)) load?.ended(this.#dueMs, 'broken');
    });
  }

  ask(dueMs: number): void {
    this.#dueMs = dueMs;
    idle.delete(this);
    this.#socket.write(request);
  }

  /** Answers here are short, and each comes in one piece. */
  #receive(bytes: Buffer): void {
    if (idle.has(this)) return;
    idle.add(this);
    const status = bytes.toString('latin1', 9, 12);
    load?.ended(this.#dueMs, status === '200' ? 'good' : status === '503' ? 'refused' : 'broken');
  }
}

/** One load from its start to its tally; times are milliseconds since its start. */
class Load {
  readonly tally: Tally = { due: 0, good: 0, late: 0, refused: 0, broken: 0, unsent: 0, goodMs: [] };
  readonly #order: LoadOrder;
  readonly #endMs: number;
  readonly #startMs = performance.now();
  #nextMs = 0;

  constructor(order: LoadOrder) {
    this.#order = order;
    this.#endMs = order.settleMs + order.measureMs;
  }

  #isCounted(dueMs: number): boolean {
    return dueMs >= this.#order.settleMs && dueMs < this.#endMs;
  }

  ended(dueMs: number, how: 'good' | 'refused' | 'broken'): void {
    if (!this.#isCounted(dueMs)) return;
    const tookMs = performance.now() - this.#startMs - dueMs;
    if (tookMs > this.#order.deadlineMs) return;
    this.tally[how] += 1;
    if (how === 'good') this.tally.goodMs.push(tookMs);
  }

  beat(): void {
    const { tally } = this;
    const { rate, deadlineMs } = this.#order;
    const nowMs = performance.now() - this.#startMs;
    for (; this.#nextMs <= nowMs && this.#nextMs < this.#endMs; this.#nextMs += 1000 / rate) {
      const counted = this.#isCounted(this.#nextMs);
      if (counted) tally.due += 1;
      const [client] = idle;
      if (client !== undefined) client.ask(this.#nextMs);
      else if (counted) tally.unsent += 1;
    }
    if (nowMs < this.#endMs + deadlineMs) {
      setTimeout(() => this.beat(), 1);
      return;
    }
    tally.late = tally.due - tally.good - tally.refused - tally.broken - tally.unsent;
    load = null;
    process.send?.(tally);
  }
}

async function openUpTo(connections: number): Promise<void> {
  while (open < connections) {
    const sockets = Array.from({ length: Math.min(dialBatch, connections - open) }, () =>
      connect({ host: '127.0.0.1', port, noDelay: true }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) new Client(socket);
    await delay(2);
  }
}

process.on('message', async (order: LoadOrder) => {
  await openUpTo(order.connections);
  // What an earlier load still waits for belongs to no load any more.
  while (idle.size < open) await delay(20);
  load = new Load(order);
  load.beat();
});
