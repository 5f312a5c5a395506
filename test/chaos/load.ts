/**
 * The clients: requests that leave at a fixed rate, whatever becomes of the earlier ones (an open loop), each with an
 * identity of its own, and each judged by every byte of its answer.
 *
 * Written on `node:http`, whose parser is not ours. Nothing is sent twice: what a browser would try again is a failure here,
 * with its reason. The number of requests under way is bounded; those that would be beyond it are not sent, and counted
 * as `held`. Latencies count from the moment when a request was due, so a stall is not hidden by the requests that it
 * kept from being sent.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { contentOf, IDENTITY_FIELD, targetOf, type Wish } from './content.ts';
import type { Random } from './random.ts';

const TICK_MS = 2;
const UNDER_WAY_MAX = 3000;
/** What takes longer than this hangs: no promise of any proxy is that slow here. */
const HANGS_MS = 15_000;

/** What leaves, and how often. */
export interface LoadPlan {
  readonly port: number;
  readonly perSecond: number;
  /** The share of requests that are POSTs. */
  readonly posts: number;
  /** The share of requests that come on a connection of their own. */
  readonly fresh: number;
  /** The longest body of an answer or a POST; most are far smaller. */
  readonly bytesMax: number;
  /** Bodies of answers are sent over up to this time. */
  readonly paceMs: number;
}

/**
 * How a request has ended otherwise than well. `status`: answered with another status than 200. `closed`: the connection
 * ended before a byte of the answer. `cut`: it ended in the answer, or the answer could not be read. `wrong`: an answer that
 * looks whole and is not the one that was asked for. `hung`: no end was in sight.
 */
export type FailureKind = 'status' | 'closed' | 'cut' | 'wrong' | 'hung';

export interface Failure {
  readonly identity: string;
  readonly method: 'GET' | 'POST';
  readonly kind: FailureKind;
  /** The status that came, 0 for none. */
  readonly status: number;
  /** What was seen: the body of an error, or the client's own error. */
  readonly reason: string;
  /** From the first byte to the end, on `performance.now`. */
  readonly startedMs: number;
  readonly endedMs: number;
}

/** Requests of one method. */
export interface Counts {
  sent: number;
  answered: number;
}

export class Load {
  readonly plan: LoadPlan;
  readonly counts = { GET: { sent: 0, answered: 0 } as Counts, POST: { sent: 0, answered: 0 } as Counts };
  readonly failures: Failure[] = [];
  held = 0;
  underWay = 0;
  readonly #random: Random;
  readonly #name: string;
  readonly #kept = new Agent({ keepAlive: true, maxSockets: UNDER_WAY_MAX, maxFreeSockets: UNDER_WAY_MAX });
  readonly #fresh = new Agent({ keepAlive: false, maxSockets: UNDER_WAY_MAX });
  readonly #latenciesMs: number[] = [];
  #number = 0;
  #onIdle: () => void = () => {};

  /** `name` begins the identities; a run has no two loads of the same name. */
  constructor(name: string, plan: LoadPlan, random: Random) {
    this.#name = name;
    this.plan = plan;
    this.#random = random;
  }

  /** Sends for so many seconds. */
  async run(seconds: number): Promise<void> {
    const { perSecond } = this.plan;
    const startedMs = performance.now();
    const total = Math.round(perSecond * seconds);
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - startedMs) * perSecond) / 1000) + 1);
      for (; sent < due; sent++) this.#send(startedMs + (sent * 1000) / perSecond);
      await pause(TICK_MS);
    }
  }

  /** Sends for as long as `act` takes, and gives what it gives. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    let isOver = false;
    const acting = act().finally(() => {
      isOver = true;
    });
    acting.catch(() => {});
    while (!isOver) await this.run(0.1);
    return acting;
  }

  /** Resolves when everything that was sent has ended, and closes the connections. */
  async end(): Promise<void> {
    if (this.underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#kept.destroy();
    this.#fresh.destroy();
  }

  /** How many answers there were so far. */
  get answers(): number {
    return this.#latenciesMs.length;
  }

  /** The latency in milliseconds that 99 of 100 answers did not exceed, of all answers but the first `from`; 0 for none. */
  p99Ms(from = 0): number {
    const sorted = this.#latenciesMs.slice(from).sort((left, right) => left - right);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
  }

  #send(dueMs: number): void {
    if (this.underWay >= UNDER_WAY_MAX) {
      this.held += 1;
      return;
    }
    const random = this.#random;
    this.#number += 1;
    const identity = `${this.#name}-${this.#number}`;
    const isPost = random.chance(this.plan.posts);
    const paceMs = this.plan.paceMs === 0 ? 0 : 1 + random.below(this.plan.paceMs);
    const wish = { identity, bytes: this.#size(), paceMs };
    const body = isPost ? contentOf('request', identity, this.#size()) : null;
    const agent = random.chance(this.plan.fresh) ? this.#fresh : this.#kept;
    this.underWay += 1;
    this.counts[isPost ? 'POST' : 'GET'].sent += 1;
    new Trial(this, { wish, body, agent, dueMs });
  }

  /** Most are small, some are large: the square of a uniform number, squared again. */
  #size(): number {
    return 16 + Math.floor((this.plan.bytesMax - 16) * this.#random.next() ** 4);
  }

  /** One request has ended. */
  settle(method: 'GET' | 'POST', failure: Failure | null, latencyMs: number): void {
    this.underWay -= 1;
    if (failure === null) {
      this.counts[method].answered += 1;
      this.#latenciesMs.push(latencyMs);
    } else {
      this.failures.push(failure);
    }
    if (this.underWay === 0) this.#onIdle();
  }
}

interface Asking {
  readonly wish: Wish;
  readonly body: Buffer | null;
  readonly agent: Agent;
  readonly dueMs: number;
}

/** One request, from its first byte to the judgement of its answer. */
class Trial {
  readonly #load: Load;
  readonly #asking: Asking;
  readonly #method: 'GET' | 'POST';
  readonly #startedMs = performance.now();
  readonly #request: ClientRequest;
  readonly #timer: NodeJS.Timeout;
  #status = 0;
  #pieces: Buffer[] = [];
  #isOver = false;

  constructor(load: Load, asking: Asking) {
    this.#load = load;
    this.#asking = asking;
    const { wish, body, agent } = asking;
    this.#method = body === null ? 'GET' : 'POST';
    const length = body === null ? {} : { 'content-length': body.length, 'x-chaos-bytes': body.length };
    this.#request = request({
      host: '127.0.0.1',
      port: load.plan.port,
      method: this.#method,
      path: targetOf(wish),
      headers: { host: 'shop.test', ...length },
      agent,
    });
    this.#timer = setTimeout(() => {
      this.#end('hung', `nothing after ${HANGS_MS} ms`);
      this.#request.destroy();
    }, HANGS_MS);
    this.#request.on('response', (response) => this.#onResponse(response));
    this.#request.on('error', (error: NodeJS.ErrnoException) => {
      const isUnreadable = error.code?.startsWith('HPE_') === true;
      this.#end(
        isUnreadable ? 'cut' : 'closed',
        isUnreadable ? `unreadable: ${error.code}` : (error.code ?? error.message),
      );
    });
    this.#request.end(body ?? undefined);
  }

  #onResponse(response: IncomingMessage): void {
    this.#status = response.statusCode!;
    response.on('data', (piece: Buffer) => this.#pieces.push(piece));
    response.on('error', (error: NodeJS.ErrnoException) => this.#end('cut', error.code ?? error.message));
    response.on('end', () => {
      if (!response.complete) this.#end('cut', 'the answer ended early');
      else this.#judge(response);
    });
  }

  #judge(response: IncomingMessage): void {
    const { wish } = this.#asking;
    const body = Buffer.concat(this.#pieces);
    if (this.#status !== 200) {
      const words = body.toString('utf8', 0, 400).replaceAll(/<head>.*<\/head>|<[^>]*>|\s+/gs, ' ');
      this.#end('status', words.trim().slice(0, 120));
    } else if (response.headers[IDENTITY_FIELD] !== wish.identity) {
      this.#end('wrong', `the answer of ${response.headers[IDENTITY_FIELD] ?? 'nobody'}`);
    } else if (!body.equals(contentOf('response', wish.identity, wish.bytes))) {
      this.#end('wrong', `${body.length} bytes that differ from the ${wish.bytes} that were asked for`);
    } else {
      this.#end(null, '');
    }
  }

  #end(kind: FailureKind | null, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#pieces = [];
    const endedMs = performance.now();
    const failure =
      kind === null
        ? null
        : {
            identity: this.#asking.wish.identity,
            method: this.#method,
            kind,
            status: this.#status,
            reason,
            startedMs: this.#startedMs,
            endedMs,
          };
    this.#load.settle(this.#method, failure, endedMs - this.#asking.dueMs);
  }
}
