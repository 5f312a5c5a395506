/**
 * The data threads as the control plane sees them: started, given snapshots, replaced when they die, stopped.
 *
 * A snapshot is staged on all threads; only when every one of them has acknowledged it does the owner commit it by one
 * store in shared memory. A thread that dies takes nothing along but its own exchanges: the board's books are closed for
 * it, and its replacement gets the same number, the snapshot in force and, if one is being staged, that one too. A
 * thread that dies again and again is replaced ever more slowly, so that it cannot busy the machine.
 */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { Exposure, FromThread, ThreadStart, ToThread } from '../proxy/messages.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { socketsPerThread } from './descriptor-limit.ts';

const REPLACE_FIRST_MS = 20;
const REPLACE_SLOWEST_MS = 5000;
/** A thread that takes longer to take a snapshot is stuck; traffic must not wait for it. */
const STAGE_MS = 10_000;
/** A thread that has lived this long is replaced at once again. */
const STEADY_MS = 60_000;

/** What the owner of the threads wants to know. */
export interface ThreadEvents {
  /** A thread has died: its books must be closed before this returns. */
  readonly onDeath: (thread: number, cause: string) => void;
  /** A thread has ended because it was to. */
  readonly onEnd: (thread: number) => void;
  readonly onReplaced: (thread: number) => void;
  readonly onAccessLog: (lines: string) => void;
  readonly onExposures: (exposures: readonly Exposure[]) => void;
  readonly onWarning: (thread: number, message: string) => void;
}

interface Member {
  worker: Worker;
  /** By the monotonic clock, in milliseconds. */
  startedAt: number;
  failures: number;
  drained: boolean;
}

interface Staging {
  readonly snapshot: Snapshot;
  readonly waiting: Set<number>;
  readonly done: (error: string | null) => void;
}

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? '../proxy/thread.ts' : '../proxy/thread.js', import.meta.url);

export class DataThreads {
  readonly count: number;
  readonly #processMemory: SharedArrayBuffer;
  readonly #reusePort: boolean;
  readonly #events: ThreadEvents;
  readonly #members: Member[] = [];
  #current: Snapshot | null = null;
  #staging: Staging | null = null;
  #ending = false;
  #onDrained: (() => void) | null = null;
  replacements = 0;

  constructor(options: {
    readonly count: number;
    readonly processMemory: SharedArrayBuffer;
    readonly reusePort: boolean;
    readonly events: ThreadEvents;
  }) {
    this.count = options.count;
    this.#processMemory = options.processMemory;
    this.#reusePort = options.reusePort;
    this.#events = options.events;
  }

  /** Starts all threads; rejects when one does not come up. */
  async start(): Promise<void> {
    for (let thread = 0; thread < this.count; thread++) this.#members.push(this.#spawn(thread, 0));
    await Promise.all(this.#members.map(({ worker }) => once(worker, 'message')));
  }

  /**
   * Gives a snapshot to all threads. The answer is null when all have it, else why one of them cannot take it. Its
   * generation must be one that was never staged before.
   */
  stage(snapshot: Snapshot): Promise<string | null> {
    return new Promise((resolve) => {
      const waiting = new Set(this.#members.keys());
      const late = `the data threads did not take the snapshot within ${STAGE_MS / 1000} s`;
      const timer = setTimeout(() => this.#staging?.done(late), STAGE_MS);
      this.#staging = {
        snapshot,
        waiting,
        done: (error) => {
          clearTimeout(timer);
          this.#staging = null;
          resolve(error);
        },
      };
      this.#tellAll({ kind: 'stage', snapshot });
    });
  }

  /** The snapshot has been committed in shared memory. */
  committed(snapshot: Snapshot): void {
    this.#current = snapshot;
    this.#tellAll({ kind: 'commit', generation: snapshot.generation });
  }

  abandon(generation: number): void {
    this.#tellAll({ kind: 'abandon', generation });
  }

  /**
   * Closes the listeners; resolves when every thread has finished what it had. Streams are ended over the last `spreadMs`
   * of `deadlineMs`; the rest is the caller's to end (`endNow`).
   */
  async drain(deadlineMs: number, spreadMs: number): Promise<void> {
    this.#ending = true;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      this.#tellAll({ kind: 'stop', deadlineMs, spreadMs });
    });
  }

  /** Ends everything that is still going on. */
  endNow(): void {
    this.#ending = true;
    this.#tellAll({ kind: 'end' });
  }

  /** Ends the threads themselves. */
  async terminate(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  /** Ends one thread as a crash would: it is then replaced. */
  async kill(thread: number): Promise<void> {
    await this.#members[thread]!.worker.terminate();
  }

  #spawn(thread: number, failures: number): Member {
    const start: ThreadStart = {
      thread,
      processMemory: this.#processMemory,
      reusePort: this.#reusePort,
      socketsMax: socketsPerThread(this.count),
    };
    const worker = new Worker(ENTRY, { workerData: start, name: `data-${thread}` });
    let cause = 'it ended';
    worker.on('message', (message: FromThread) => this.#receive(thread, message));
    worker.on('error', (error) => {
      cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.on('exit', () => this.#onExit(thread, cause));
    return { worker, startedAt: performance.now(), failures, drained: false };
  }

  #receive(thread: number, message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#welcome(thread);
        return;
      case 'staged':
        this.#onStaged(thread, message.generation, message.error);
        return;
      case 'access-log':
        this.#events.onAccessLog(message.lines);
        return;
      case 'exposures':
        this.#events.onExposures(message.exposures);
        return;
      case 'warning':
        this.#events.onWarning(thread, message.message);
        return;
      case 'drained':
        this.#members[thread]!.drained = true;
        this.#checkDrained();
        return;
      default:
        message satisfies never;
    }
  }

  /** A thread that has just started gets what the others have. */
  #welcome(thread: number): void {
    if (this.#current !== null) this.#tell(thread, { kind: 'stage', snapshot: this.#current });
    if (this.#staging !== null) this.#tell(thread, { kind: 'stage', snapshot: this.#staging.snapshot });
  }

  #onStaged(thread: number, generation: number, error: string | null): void {
    const staging = this.#staging;
    if (staging !== null && staging.snapshot.generation === generation) {
      staging.waiting.delete(thread);
      if (error !== null) staging.done(error);
      else if (staging.waiting.size === 0) staging.done(null);
      return;
    }
    if (this.#current?.generation !== generation) return;
    if (error !== null) {
      this.#events.onWarning(thread, `the replaced thread cannot take the snapshot: ${error}`);
      void this.kill(thread);
      return;
    }
    this.#tell(thread, { kind: 'commit', generation });
    this.#events.onReplaced(thread);
  }

  #onExit(thread: number, cause: string): void {
    const member = this.#members[thread]!;
    member.drained = true;
    if (this.#ending) {
      this.#events.onEnd(thread);
      this.#checkDrained();
      return;
    }
    this.#events.onDeath(thread, cause);
    // It may have had the snapshot already; its replacement has not.
    this.#staging?.waiting.add(thread);
    this.replacements += 1;
    const failures = performance.now() - member.startedAt > STEADY_MS ? 0 : member.failures + 1;
    const delayMs = failures <= 1 ? 0 : Math.min(REPLACE_SLOWEST_MS, REPLACE_FIRST_MS * 2 ** failures);
    setTimeout(() => {
      if (!this.#ending) this.#members[thread] = this.#spawn(thread, failures);
    }, delayMs);
  }

  #checkDrained(): void {
    if (this.#members.every((member) => member.drained)) this.#onDrained?.();
  }

  #tell(thread: number, message: ToThread): void {
    this.#members[thread]!.worker.postMessage(message);
  }

  #tellAll(message: ToThread): void {
    for (const { worker } of this.#members) worker.postMessage(message);
  }
}
