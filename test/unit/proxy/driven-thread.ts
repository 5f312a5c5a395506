/**
 * One data thread whose control plane is the test: it gets exactly the orders that the test gives, when it gives them, so
 * that what depends on the order of two things can be tried in each order.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { FromThread, ThreadStart, ToThread } from '../../../src/proxy/messages.ts';
import type { Snapshot } from '../../../src/routing/snapshot.ts';
import { createProcessMemory, ProcessOwner } from '../../../src/stats/process-cells.ts';
import { WireEnd } from '../../wire/stage/wire-end.ts';
import { Snapshots } from './snapshots.ts';

/** What a test needs of tap: a place to leave its cleaning up. */
export interface Cleaning {
  teardown(clean: () => unknown): void;
}

const ENTRY = new URL('../../../src/proxy/thread.ts', import.meta.url);

export class DrivenThread {
  readonly owner: ProcessOwner;
  readonly snapshots: Snapshots;
  /** Why the thread has ended; it does not end by itself. */
  death: Error | null = null;
  /** The generations that it has acknowledged, with its answers, in order. */
  readonly staged: { readonly generation: number; readonly error: string | null }[] = [];
  readonly #worker: Worker;
  readonly #clients = new Set<WireEnd>();
  #settled = 0;

  private constructor(worker: Worker, owner: ProcessOwner, snapshots: Snapshots) {
    this.#worker = worker;
    this.owner = owner;
    this.snapshots = snapshots;
    worker.on('error', (error) => {
      this.death = error as Error;
    });
    worker.on('message', (message: FromThread) => {
      if (message.kind === 'staged') this.staged.push(message);
    });
  }

  /** Starts a thread that has no snapshot yet; `endpoint` is where its requests will go. */
  static async start(t: Cleaning, endpoint: string): Promise<DrivenThread> {
    const processMemory = createProcessMemory(1);
    const workerData: ThreadStart = { thread: 0, processMemory, reusePort: true, socketsMax: Number.POSITIVE_INFINITY };
    const worker = new Worker(ENTRY, { workerData });
    const thread = new DrivenThread(worker, new ProcessOwner(processMemory), new Snapshots(1, endpoint));
    t.teardown(async () => {
      for (const { socket } of thread.#clients) socket.destroy();
      await worker.terminate();
    });
    await once(worker, 'message');
    return thread;
  }

  tell(order: ToThread): void {
    this.#worker.postMessage(order);
  }

  /** Gives snapshots, one right after the other; resolves when all are acknowledged. */
  async stage(...snapshots: readonly Snapshot[]): Promise<void> {
    const wanted = this.staged.length + snapshots.length;
    for (const snapshot of snapshots) this.tell({ kind: 'stage', snapshot });
    while (this.staged.length < wanted) await once(this.#worker, 'message');
  }

  /** Brings a generation into force, and says so. */
  commit(generation: number): void {
    this.owner.commit(generation);
    this.tell({ kind: 'commit', generation });
  }

  /** Resolves when every order so far has been carried out. */
  async settled(): Promise<void> {
    // Orders are carried out one by one: a generation without listeners, which is never committed, is the last of them.
    this.#settled += 1;
    await this.stage(await this.snapshots.of(1_000_000 + this.#settled, []));
  }

  /** Stops the thread; resolves when it says that nothing is left of what it had. */
  async stop(deadlineMs = 30_000, spreadMs = 0): Promise<void> {
    this.tell({ kind: 'stop', deadlineMs, spreadMs });
    for (;;) {
      const [message] = (await once(this.#worker, 'message')) as [FromThread];
      if (message.kind === 'drained') return;
    }
  }

  /** A connection to a listener; rejects when nobody accepts there. */
  async client(listener: string): Promise<WireEnd> {
    const client = new WireEnd(connect(await this.snapshots.port(listener), '127.0.0.1'));
    this.#clients.add(client);
    await once(client.socket, 'connect');
    return client;
  }

  /** Whether anybody accepts connections where a listener is, or was. */
  async accepts(listener: string): Promise<boolean> {
    return this.client(listener).then(
      ({ socket }) => {
        socket.destroy();
        return true;
      },
      () => false,
    );
  }
}
