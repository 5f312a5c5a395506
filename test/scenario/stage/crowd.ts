/**
 * Two upstreams and a crowd of clients in a thread of their own: requests on kept and on new connections, bodies that take
 * their time, WebSockets that last and WebSockets that come and go.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Failure } from './load.ts';
import type { Cleaning } from './tidegate.ts';
import { until } from './until.ts';

/** When each request that reached an upstream had left, and when it arrived, on `clockUs`. */
export interface Arrivals {
  readonly startedUs: number[];
  readonly arrivedUs: number[];
}

/** How many clients of each kind there are. */
export interface CrowdSize {
  readonly keepAlive: number;
  readonly fresh: number;
  readonly posts: number;
  readonly sockets: number;
}

export interface CrowdAccount {
  readonly sent: number;
  readonly answered: number;
  readonly failures: readonly Failure[];
  readonly blue: Arrivals;
  readonly green: Arrivals;
  readonly echoes: number;
  /** WebSockets that were opened, echoed and closed. */
  readonly sockets: number;
  readonly socketFailures: readonly string[];
  /** Lasting WebSockets that were still open at the end. */
  readonly lastingOpen: number;
}

export type CrowdOrder =
  | ({ readonly kind: 'begin'; readonly port: number } & CrowdSize)
  | { readonly kind: 'answered' }
  | { readonly kind: 'end' };

export type CrowdReport =
  | { readonly kind: 'ready'; readonly blue: string; readonly green: string }
  | { readonly kind: 'begun' }
  | { readonly kind: 'answered'; readonly count: number }
  | { readonly kind: 'account'; readonly account: CrowdAccount }
  | { readonly kind: 'broken'; readonly message: string };

export class Crowd {
  readonly blue: string;
  readonly green: string;
  readonly #worker: Worker;

  private constructor(worker: Worker, blue: string, green: string) {
    this.#worker = worker;
    this.blue = blue;
    this.green = green;
  }

  /** Starts the upstreams; no client does anything yet. */
  static async gather(t: Cleaning): Promise<Crowd> {
    const worker = new Worker(new URL('./crowd-thread.ts', import.meta.url));
    t.teardown(() => worker.terminate());
    const [ready] = (await once(worker, 'message')) as [CrowdReport & { kind: 'ready' }];
    return new Crowd(worker, ready.blue, ready.green);
  }

  /** Sets the clients going; resolves when the lasting WebSockets are open. */
  async begin(port: number, size: CrowdSize): Promise<void> {
    await this.#ask({ kind: 'begin', port, ...size });
  }

  /** How many requests have been answered as they should be. */
  async answered(): Promise<number> {
    return ((await this.#ask({ kind: 'answered' })) as CrowdReport & { kind: 'answered' }).count;
  }

  /** Resolves when that many more requests have been answered. */
  async answers(count: number): Promise<void> {
    const wanted = (await this.answered()) + count;
    await until(`${count} more requests are answered`, async () => (await this.answered()) >= wanted);
  }

  /** Ends the load: everything that is owed is awaited, and then accounted for. */
  async end(): Promise<CrowdAccount> {
    return ((await this.#ask({ kind: 'end' })) as CrowdReport & { kind: 'account' }).account;
  }

  async #ask(order: CrowdOrder): Promise<CrowdReport> {
    this.#worker.postMessage(order);
    const [report] = (await once(this.#worker, 'message')) as [CrowdReport];
    if (report.kind === 'broken') throw new Error(report.message);
    return report;
  }
}
