/**
 * The handle on a crowd of burdensome clients: see `crowd-process.ts`.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import type { Child, Nursery } from '../../bench/processes.ts';
import { withoutHook } from '../scenario/stage/own-environment.ts';

const PROGRAM = join(import.meta.dirname, 'crowd-process.ts');

/** How its connections behave. */
export type Manner = 'idle' | 'served' | 'slow-head';

/** Connections that are open, that were opened so far, that were closed, and that never came to be. */
export interface CrowdReport {
  readonly open: number;
  readonly opened: number;
  readonly closed: number;
  readonly refused: number;
}

export interface CrowdPlan {
  readonly nursery: Nursery;
  readonly port: number;
  readonly count: number;
  readonly manner: Manner;
  readonly beatMs: number;
  readonly secondsMax: number;
  /** How many may be on their way in at a time, 100 unless given. */
  readonly atOnce?: number;
}

export class Crowd {
  readonly #nursery: Nursery;
  readonly #child: Child;
  /** What it has said last. */
  latest: CrowdReport = { open: 0, opened: 0, closed: 0, refused: 0 };

  constructor({ nursery, port, count, manner, beatMs, secondsMax, atOnce = 100 }: CrowdPlan) {
    const [command, args] = withoutHook(process.execPath, [
      PROGRAM,
      ...[port, count, manner, beatMs, atOnce].map(String),
    ]);
    this.#nursery = nursery;
    this.#child = nursery.start({ name: 'crowd', command, args, side: 'anywhere', secondsMax, messages: true });
    this.#child.process.on('message', (report) => {
      this.latest = report as CrowdReport;
    });
  }

  /** Resolves with the first report that fits; rejects when the crowd ends before. */
  async until(fits: (report: CrowdReport) => boolean): Promise<CrowdReport> {
    const { process: child, output } = this.#child;
    const ended = new AbortController();
    child.once('exit', () => ended.abort(new Error(`the crowd has ended: ${output().slice(-500)}`)));
    if (child.exitCode !== null || child.signalCode !== null) ended.abort();
    while (!fits(this.latest)) await once(child, 'message', { signal: ended.signal });
    return this.latest;
  }

  /** Goes away at once, as after a power cut. */
  async leave(): Promise<void> {
    if (this.#child.process.exitCode !== null || this.#child.process.signalCode !== null) return;
    const ended = once(this.#child.process, 'exit');
    this.#nursery.kill(this.#child);
    await ended;
  }
}
