/**
 * Everything that one run of one scenario has: its random numbers, its scale, its endpoints, the proxy in front of them,
 * and the load. Leaving it ends every process that it has started.
 */
import { join } from 'node:path';
import { freePorts } from '../../bench/free-ports.ts';
import { Nursery } from '../../bench/processes.ts';
import { Workspace } from '../../bench/workspace.ts';
import type { Cleaning, Tidegate } from '../scenario/stage/tidegate.ts';
import { type Account, accountOf, type Savable } from './account.ts';
import { Endpoint, readJournals } from './endpoint.ts';
import { Load, type LoadPlan } from './load.ts';
import { type Random, randomOf } from './random.ts';
import {
  LIMITS,
  type Pools,
  type Subject,
  type SubjectName,
  startRival,
  startTidegate,
  type Wants,
} from './subject.ts';

/** How large a run is. */
export interface Scale {
  /** How long a fault lasts, in seconds. */
  readonly seconds: number;
  /** Requests per second where the scenario names no rate. */
  readonly perSecond: number;
  /** How long the memory scenario lasts, in seconds. */
  readonly memorySeconds: number;
  /** How many connections stay idle, or send their heads slowly, where there are descriptors for so many. */
  readonly idleConnections: number;
  readonly slowHeads: number;
  /** Whether promises about time and memory are held. */
  readonly timed: boolean;
}

/** The short version: a few seconds each. */
export const SHORT: Scale = {
  seconds: 0.8,
  perSecond: 250,
  memorySeconds: 2,
  idleConnections: 300,
  slowHeads: 200,
  timed: false,
};

/** The full version, but for the minutes of the memory scenario. */
export const FULL: Scale = {
  seconds: 4,
  perSecond: 500,
  memorySeconds: 60,
  idleConnections: 20_000,
  slowHeads: 5_000,
  timed: true,
};

const PLAN: Omit<LoadPlan, 'port' | 'perSecond'> = { posts: 0.2, fresh: 0.1, bytesMax: 100_000, paceMs: 0 };

export class Scene implements AsyncDisposable, Cleaning {
  readonly seed: number;
  readonly scale: Scale;
  readonly random: Random;
  readonly nursery = new Nursery({ pinned: false, reason: 'faults are not timed by core' });
  readonly #workspace = new Workspace();
  readonly #subjectName: SubjectName;
  readonly #cleaners: (() => unknown)[] = [];
  readonly #endpoints: Endpoint[] = [];
  readonly #onExit = (): void => this.#subject?.tidegate?.signal('SIGKILL');
  #subject: Subject | null = null;
  #loads = 0;

  constructor(name: string, subject: SubjectName, seed: number, scale: Scale) {
    this.seed = seed;
    this.scale = scale;
    this.#subjectName = subject;
    this.random = randomOf(seed, name);
    process.on('exit', this.#onExit);
  }

  get subject(): Subject {
    if (this.#subject === null) throw new Error('the scene has no proxy yet');
    return this.#subject;
  }

  /** Tidegate, where the scenario is Tidegate's alone. */
  get tidegate(): Tidegate {
    const { tidegate } = this.subject;
    if (tidegate === null) throw new Error('the scenario needs Tidegate');
    return tidegate;
  }

  /** How long anything here may live. */
  get secondsMax(): number {
    return this.scale.memorySeconds + this.scale.seconds * 30 + 120;
  }

  get directory(): string {
    return this.#workspace.path;
  }

  teardown(clean: () => unknown): void {
    this.#cleaners.push(clean);
  }

  /** Starts so many endpoints for each pool and the proxy in front of them; gives the endpoints by pool. */
  async open<Pool extends string>(
    sizes: Readonly<Record<Pool, number>>,
    wants: Wants = {},
  ): Promise<Record<Pool, Endpoint[]>> {
    const names = Object.keys(sizes) as Pool[];
    const total = names.reduce((sum, name) => sum + sizes[name], 0);
    const ports = await freePorts(total);
    const started = await Promise.all(
      ports.map((port, index) =>
        Endpoint.start({
          nursery: this.nursery,
          host: `127.0.77.${index + 1}`,
          port,
          directory: this.directory,
          seed: this.seed,
          beatMs: LIMITS.attemptMs / 4,
          secondsMax: this.secondsMax,
        }),
      ),
    );
    this.#endpoints.push(...started);
    const left = [...started];
    const pools = Object.fromEntries(names.map((name) => [name, left.splice(0, sizes[name])])) as Record<
      Pool,
      Endpoint[]
    >;
    const addresses: Pools = Object.fromEntries(names.map((name) => [name, pools[name].map(({ address }) => address)]));
    const name = this.#subjectName;
    this.#subject =
      name === 'tidegate'
        ? await startTidegate(this, addresses, wants)
        : await startRival(name, addresses, this.nursery, this.#workspace.room(name), this.secondsMax);
    return pools;
  }

  /** A load on the proxy. */
  load(plan: Partial<LoadPlan> = {}): Load {
    this.#loads += 1;
    const whole = { ...PLAN, port: this.subject.port, perSecond: this.scale.perSecond, ...plan };
    return new Load(`s${this.seed}-${this.#loads}`, whole, randomOf(this.seed, `load ${this.#loads}`));
  }

  /** Ends the load and settles its account. */
  async settle(
    load: Load,
    savable: Savable,
    more: { measures?: Readonly<Record<string, number>>; notes?: readonly string[] } = {},
  ): Promise<Account> {
    await load.end();
    return accountOf({
      load,
      savable,
      journal: readJournals(this.#endpoints),
      retried: await this.#retried(),
      p99Ms: load.p99Ms(),
      ...more,
    });
  }

  /** Requests that Tidegate says it has saved by another attempt, races of reuse among them; null for others. */
  async #retried(): Promise<number | null> {
    const tidegate = this.#subject?.tidegate;
    if (tidegate == null || tidegate.child.exitCode !== null) return null;
    const metrics = await tidegate.admin.metrics();
    return metrics.sum('tidegate_retries_total', { result: 'saved' });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    for (const clean of this.#cleaners.reverse()) await clean();
    this.nursery[Symbol.dispose]();
    this.#workspace[Symbol.dispose]();
  }
}
