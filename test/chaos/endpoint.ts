/**
 * The handle on an endpoint's process: starts it at an address that stays the same, tells it how to answer, kills it with
 * signal 9 and starts it again.
 *
 * Endpoints listen on loopback addresses beside 127.0.0.1: nobody's outgoing connection can then take the port while the
 * process is down.
 */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Nursery } from '../../bench/processes.ts';
import { withoutHook } from '../scenario/stage/own-environment.ts';
import type { Mood } from './moods.ts';

const PROGRAM = join(import.meta.dirname, 'endpoint-process.ts');

/** How to answer from now on, and which share of the requests is answered so; the others are answered well. */
export interface EndpointOrder {
  readonly mood: Mood;
  readonly share: number;
}

/** The order is in force. */
export interface EndpointReport {
  readonly kind: 'is';
  readonly mood: Mood;
}

/** What the endpoints have written down about POSTs, by identity. */
export interface Journal {
  readonly arrived: ReadonlySet<string>;
  /** Done more than once. */
  readonly twice: readonly string[];
  /** With a body that was not the client's and had looked whole. */
  readonly wrong: readonly string[];
}

export interface EndpointPlan {
  readonly nursery: Nursery;
  readonly host: string;
  readonly port: number;
  readonly directory: string;
  readonly seed: number;
  readonly beatMs: number;
  readonly secondsMax: number;
}

export class Endpoint {
  readonly address: string;
  /** When the process ended, each time, on `performance.now`. */
  readonly deathsMs: number[] = [];
  readonly #plan: EndpointPlan;
  #child: Child | null = null;
  #lives = 0;

  private constructor(plan: EndpointPlan) {
    this.#plan = plan;
    this.address = `${plan.host}:${plan.port}`;
  }

  static async start(plan: EndpointPlan): Promise<Endpoint> {
    const endpoint = new Endpoint(plan);
    await endpoint.restart();
    return endpoint;
  }

  get isAlive(): boolean {
    return this.#child !== null;
  }

  /** Starts the process if it is down; resolves when it listens. */
  async restart(): Promise<void> {
    if (this.#child !== null) return;
    const { nursery, host, port, seed, beatMs, secondsMax } = this.#plan;
    this.#lives += 1;
    const words = [PROGRAM, host, port, this.#journalPath, seed + this.#lives, beatMs].map(String);
    const [command, args] = withoutHook(process.execPath, words);
    const child = nursery.start({ name: this.address, command, args, side: 'anywhere', secondsMax, messages: true });
    this.#child = child;
    child.process.once('exit', () => {
      this.deathsMs.push(performance.now());
      if (this.#child === child) this.#child = null;
    });
    await this.#reported(child);
  }

  /** Answers this share of requests so from now on; resolves when that is in force. */
  async be(mood: Mood, share = 1): Promise<void> {
    const child = this.#child;
    if (child === null) throw new Error(`${this.address} is down`);
    child.process.send({ mood, share } satisfies EndpointOrder);
    await this.#reported(child);
  }

  /** `kill -9`; resolves when the process has ended. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = once(child.process, 'exit');
    this.#plan.nursery.kill(child);
    await ended;
  }

  /** Resolves when the process has ended by itself. */
  async dies(): Promise<void> {
    if (this.#child !== null) await once(this.#child.process, 'exit');
  }

  get #journalPath(): string {
    return join(this.#plan.directory, `journal-${this.#plan.host}-${this.#plan.port}`);
  }

  /** The lines that it has written in all its lives. */
  journal(): readonly string[] {
    return existsSync(this.#journalPath) ? readFileSync(this.#journalPath, 'latin1').split('\n') : [];
  }

  async #reported(child: Child): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void) => (): void => {
        child.process.off('message', heard).off('exit', ended);
        act();
      };
      const heard = settle(resolve);
      const ended = settle(() => reject(new Error(`${this.address} has ended: ${child.output().slice(-500)}`)));
      child.process.on('message', heard).on('exit', ended);
    });
  }
}

/** Puts the journals of all endpoints together: a POST may have been done at two of them. */
export function readJournals(endpoints: readonly Endpoint[]): Journal {
  const arrived = new Set<string>();
  const done = new Map<string, number>();
  const wrong: string[] = [];
  for (const line of endpoints.flatMap((endpoint) => endpoint.journal())) {
    const [word, identity = ''] = line.split(' ');
    if (word === 'arrived') arrived.add(identity);
    else if (word === 'done') done.set(identity, (done.get(identity) ?? 0) + 1);
    else if (word === 'wrong') wrong.push(identity);
  }
  return { arrived, twice: [...done].flatMap(([identity, times]) => (times > 1 ? [identity] : [])), wrong };
}
