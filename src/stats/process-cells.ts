/**
 * The shared memory that all threads of the process have in common: which snapshot is in force, whether the process is
 * stopping, the bell that wakes the control plane, and for each data thread whether it is just now routing a request.
 *
 * The `ticket` makes a gate move exact. A thread makes its ticket odd before it reads the gate and even again after it
 * has counted the exchange under the position it read; both happen in one synchronous stretch of well under a
 * microsecond. Whoever has moved a gate waits until every odd ticket has changed (`awaitGrace`). From then on nobody
 * holds the earlier position without having counted itself under it, so the account of the earlier position can only
 * shrink. This is the grace period of read-copy-update (McKenney & Slingwine 1998), with one counter instead of a
 * scheduler.
 */

import { Bell } from './bell.ts';

const GENERATION = 0;
const STOPPING = 1;
const BELL = 2;
const LINE_INTS = 16;
const TICKET = 0;
const LINE_FLOATS = LINE_INTS / 2;
const UTILIZATION = 1;
const ACCESS_LOG_DROPPED = 2;
const HEARTBEAT_LAG = 3;
const REPLAY_BYTES = 4;
const REPLAY_REFUSED = 5;

/** Memory for a process of `threads` data threads. */
export function createProcessMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer((threads + 1) * LINE_INTS * 4);
}

/** What waiting needs from outside: a clock in milliseconds, and a turn of the event loop. */
export interface GraceClock {
  readonly now: () => number;
  readonly turn: () => Promise<void>;
}

/** The control plane's side of the process memory. */
export class ProcessOwner {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly threads: number;
  /** By which data threads wake the control plane. */
  readonly bell: Bell;

  constructor(memory: SharedArrayBuffer) {
    this.#ints = new Int32Array(memory);
    this.bell = new Bell(this.#ints, BELL);
    this.#floats = new Float64Array(memory);
    this.threads = this.#ints.length / LINE_INTS - 1;
  }

  /** Makes every thread use the snapshot of this generation from its next request on: the one store of a commit. */
  commit(generation: number): void {
    Atomics.store(this.#ints, GENERATION, generation);
  }

  /** Makes every thread answer with `Connection: close` from its next response on. */
  beginStop(): void {
    Atomics.store(this.#ints, STOPPING, 1);
  }

  /**
   * Returns once no thread can still act on a gate position or snapshot that it read before this call. Takes
   * microseconds; a thread that was suspended inside its routing section is waited for `timeoutMs`, and the answer says
   * whether all were seen to leave.
   */
  async awaitGrace(timeoutMs: number, { now, turn }: GraceClock): Promise<boolean> {
    const until = now() + timeoutMs;
    for (let thread = 1; thread <= this.threads; thread++) {
      const cell = thread * LINE_INTS + TICKET;
      const seen = Atomics.load(this.#ints, cell);
      if ((seen & 1) === 0) continue;
      for (let spins = 0; Atomics.load(this.#ints, cell) === seen; spins++) {
        if (spins < 1000) continue;
        if (now() > until) return false;
        await turn();
      }
    }
    return true;
  }

  /** A thread has died: it cannot be inside its routing section any more. */
  settleDeadThread(thread: number): void {
    const cell = (thread + 1) * LINE_INTS + TICKET;
    const ticket = Atomics.load(this.#ints, cell);
    if ((ticket & 1) === 1) Atomics.store(this.#ints, cell, ticket + 1);
    this.#floats[(thread + 1) * LINE_FLOATS + REPLAY_BYTES] = 0;
  }

  /** The share of the last second (0 to 1) that the thread's event loop was busy. */
  utilization(thread: number): number {
    return this.#floats[(thread + 1) * LINE_FLOATS + UTILIZATION]!;
  }

  /** By how many milliseconds the thread's last tick came late: what a request may have to wait for its turn. */
  lagMs(thread: number): number {
    return this.#floats[(thread + 1) * LINE_FLOATS + HEARTBEAT_LAG]!;
  }

  /** Access log lines that the thread dropped because they were not taken away quickly enough. */
  accessLogDropped(thread: number): number {
    return this.#floats[(thread + 1) * LINE_FLOATS + ACCESS_LOG_DROPPED]!;
  }

  /** Bytes of request bodies that the thread keeps for another attempt. */
  replayBytes(thread: number): number {
    return this.#floats[(thread + 1) * LINE_FLOATS + REPLAY_BYTES]!;
  }

  /** Request bodies that the thread had no more room to keep. */
  replayRefused(thread: number): number {
    return this.#floats[(thread + 1) * LINE_FLOATS + REPLAY_REFUSED]!;
  }
}

/** One data thread's side of the process memory. */
export class ProcessMember {
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #ticket: number;
  readonly #line: number;
  readonly bell: Bell;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#ints = new Int32Array(memory);
    this.bell = new Bell(this.#ints, BELL);
    this.#floats = new Float64Array(memory);
    this.#ticket = (thread + 1) * LINE_INTS + TICKET;
    this.#line = (thread + 1) * LINE_FLOATS;
  }

  /** The generation of the snapshot in force. */
  get generation(): number {
    return Atomics.load(this.#ints, GENERATION);
  }

  get stopping(): boolean {
    return Atomics.load(this.#ints, STOPPING) === 1;
  }

  /** Begins the routing section: from here to `leave` the thread may read gates. Must not be nested. */
  enter(): void {
    Atomics.add(this.#ints, this.#ticket, 1);
  }

  leave(): void {
    Atomics.add(this.#ints, this.#ticket, 1);
  }

  report(utilization: number, lagMs: number): void {
    this.#floats[this.#line + UTILIZATION] = utilization;
    this.#floats[this.#line + HEARTBEAT_LAG] = lagMs;
  }

  dropAccessLog(lines: number): void {
    this.#floats[this.#line + ACCESS_LOG_DROPPED]! += lines;
  }

  setReplayBytes(bytes: number): void {
    this.#floats[this.#line + REPLAY_BYTES] = bytes;
  }

  /** There was no room to keep a request's body. */
  refuseReplay(): void {
    this.#floats[this.#line + REPLAY_REFUSED]! += 1;
  }
}
