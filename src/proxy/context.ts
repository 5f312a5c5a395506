/**
 * What all objects of one data thread share: its number, its cells of the board, its coarse clock, and the runtime that
 * is made of the snapshot in force.
 *
 * The clock is read once for each tick of the sweeper (`TICK_MS`), not once for each event: a deadline of seconds does
 * not need better, and reading a clock costs as much as parsing a short head. Latencies are measured by the real clock.
 */
import type { ProcessMember } from '../stats/process-cells.ts';
import type { AccessLog } from './access-log.ts';
import type { Downstream } from './downstream.ts';
import type { ExposureNotes } from './flag-exposures.ts';
import { Overload } from './overload.ts';
import { PasswordChecks } from './password-checks.ts';
import { ReplayMemory } from './request-body.ts';
import type { Runtime } from './runtime.ts';
import { TICK_MS, WaitingClock } from './waiting-clock.ts';

export class ThreadContext {
  readonly thread: number;
  readonly process: ProcessMember;
  readonly accessLog: AccessLog;
  readonly exposures: ExposureNotes;
  /** What request bodies may be kept in. */
  readonly replays: ReplayMemory;
  readonly downstreams = new Set<Downstream>();
  readonly passwords = new PasswordChecks();
  readonly overload: Overload;
  /** Milliseconds of a monotonic clock as of the last tick. */
  nowMs: number;
  /** What others are waited for by. */
  readonly waiting: WaitingClock;
  /** The runtime in force. Read it through `currentRuntime`, which notices a commit. */
  runtime: Runtime;
  readonly #staged = new Map<number, Runtime>();
  readonly #onActivated: (before: Runtime, now: Runtime) => void;

  constructor(options: {
    readonly thread: number;
    readonly process: ProcessMember;
    readonly accessLog: AccessLog;
    readonly exposures: ExposureNotes;
    readonly nowMs: number;
    readonly runtime: Runtime;
    readonly onActivated: (before: Runtime, now: Runtime) => void;
  }) {
    this.thread = options.thread;
    this.process = options.process;
    this.accessLog = options.accessLog;
    this.exposures = options.exposures;
    this.replays = new ReplayMemory(options.process);
    this.nowMs = options.nowMs;
    this.waiting = new WaitingClock(options.nowMs);
    this.runtime = options.runtime;
    this.overload = new Overload(options.runtime.snapshot.overload, options.thread, TICK_MS);
    this.#onActivated = options.onActivated;
  }

  stage(runtime: Runtime): void {
    this.#staged.set(runtime.generation, runtime);
  }

  /** The runtime in force and those that are staged. */
  runtimes(): readonly Runtime[] {
    return [this.runtime, ...this.#staged.values()];
  }

  abandon(generation: number): void {
    this.#staged.delete(generation);
  }

  /** The runtime of the committed snapshot: one load and a comparison, unless a commit has just happened. */
  currentRuntime(): Runtime {
    const generation = this.process.generation;
    if (generation !== this.runtime.generation) this.#activate(generation);
    return this.runtime;
  }

  #activate(generation: number): void {
    const staged = this.#staged.get(generation);
    // A generation is committed only after every thread has acknowledged it; a thread that is just being started may
    // read one that it is about to be given.
    if (staged === undefined) return;
    const before = this.runtime;
    this.runtime = staged;
    for (const known of this.#staged.keys()) if (known <= generation) this.#staged.delete(known);
    this.#onActivated(before, staged);
  }
}
