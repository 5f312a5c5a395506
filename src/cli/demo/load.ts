/**
 * The load of the demo: clients that keep their connections, at a bounded rate and with bounded concurrency, who check every
 * answer.
 *
 * A request is lost when it got no answer, an answer that is cut, one that is not its own, or one that no version gave: a
 * refusal by the proxy is a loss too. Nothing is tried again. An error that a version answers (the 500 of the bad one) is
 * not lost but failed, since the proxy has delivered it. Requests are counted in the period in which they were sent, so
 * that those sent after a change of traffic are told from those before. Periods keep counts only: a demo may run for days.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerPieces, type Kind, PATHS, POOL_FIELD, questionPieces, SEQUENCE_FIELD } from './answers.ts';

/** What became of the requests that were sent in one period. */
export interface Account {
  sent: number;
  /** Answered as they should be. */
  answered: number;
  /** Answered with an error by a version. */
  failed: number;
  lost: number;
  /** Requests that each pool answered, well or not. */
  readonly byPool: Map<string, number>;
}

/** How much load, and on which port of 127.0.0.1. */
export interface LoadOptions {
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly concurrencyMax: number;
}

const TICK_MS = 5;
const ANSWER_MS_MAX = 10_000;
const SETTLE_POLL_MS = 20;
const SETTLE_MS_MAX = ANSWER_MS_MAX + 2_000;
const BODY_CHARACTERS_MAX = 1_000_000;
/** Losses that are described; the others are counted. */
const REASONS_MAX = 5;
/** Of so many requests, one is streamed and one sends a body. */
const MIX = 20;

/** The clients, from `start` to the end of `stop`. */
export class Load {
  readonly total: Account = emptyAccount();
  readonly reasons: string[] = [];
  readonly #options: LoadOptions;
  readonly #agent: Agent;
  #period: Account = emptyAccount();
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastTickMs = 0;
  #due = 0;
  #onIdle: (() => void) | null = null;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.concurrencyMax });
  }

  start(): void {
    this.#lastTickMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Begins a period: requests that are sent from now on are counted in the account that is returned. */
  begin(): Account {
    this.#period = emptyAccount();
    return this.#period;
  }

  /** Sends nothing more; resolves when everything that was sent has been answered or lost. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#agent.destroy();
  }

  #tick(): void {
    const now = performance.now();
    const { requestsPerSecond, concurrencyMax } = this.#options;
    // What could not be sent in time is left out: a slow machine gets less load and not a burst.
    this.#due = Math.min(concurrencyMax, this.#due + ((now - this.#lastTickMs) / 1000) * requestsPerSecond);
    this.#lastTickMs = now;
    while (this.#due >= 1 && this.#inFlight < concurrencyMax) {
      this.#due -= 1;
      this.#send();
    }
  }

  #send(): void {
    this.#period.sent += 1;
    this.total.sent += 1;
    this.#inFlight += 1;
    const sequence = this.total.sent;
    const period = this.#period;
    const kind = kindOf(sequence);
    let ended = false;
    const end = (verdict: Verdict) => {
      if (ended) return;
      ended = true;
      this.#count(period, sequence, verdict);
    };
    const req = request({
      host: '127.0.0.1',
      port: this.#options.port,
      path: PATHS[kind],
      method: kind === 'echo' ? 'POST' : 'GET',
      headers: { [SEQUENCE_FIELD]: sequence },
      agent: this.#agent,
      timeout: ANSWER_MS_MAX,
    });
    req.on('response', (res) => void read(res).then((body) => end(judge(kind, sequence, res, body))));
    req.on('timeout', () => req.destroy(new Error('no answer in time')));
    req.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'lost', why: error.code ?? error.message }));
    const pieces = questionPieces(kind, sequence);
    if (pieces.length > 1) req.write(pieces[0]);
    // The second half in a later turn, so that bodies are on their way when traffic moves.
    if (pieces.length > 1) setTimeout(() => req.end(pieces[1]), TICK_MS);
    else req.end();
  }

  #count(period: Account, sequence: number, verdict: Verdict): void {
    this.#inFlight -= 1;
    for (const account of [period, this.total]) {
      if (verdict.kind === 'lost') account.lost += 1;
      else {
        account[verdict.kind] += 1;
        account.byPool.set(verdict.pool, (account.byPool.get(verdict.pool) ?? 0) + 1);
      }
    }
    if (verdict.kind === 'lost' && this.reasons.length < REASONS_MAX) {
      this.reasons.push(`request ${sequence}: ${verdict.why}`);
    }
    if (this.#inFlight === 0) this.#onIdle?.();
  }
}

/** Whether everything that was sent in the period has ended. */
export function isSettled(account: Account): boolean {
  return account.answered + account.failed + account.lost === account.sent;
}

/** Waits for the last answers of these periods, as long as the load does. */
export async function settle(periods: readonly Account[]): Promise<void> {
  const until = performance.now() + SETTLE_MS_MAX;
  while (!periods.every(isSettled) && performance.now() < until) await sleep(SETTLE_POLL_MS);
}

type Verdict =
  | { readonly kind: 'answered' | 'failed'; readonly pool: string }
  | { readonly kind: 'lost'; readonly why: string };

function judge(kind: Kind, sequence: number, res: IncomingMessage, body: string | null): Verdict {
  const status = res.statusCode ?? 0;
  const pool = res.headers[POOL_FIELD];
  if (body === null) return { kind: 'lost', why: `the answer (${status}) was cut` };
  if (typeof pool !== 'string') return { kind: 'lost', why: `${status} that no version gave: ${body.trim()}` };
  if (status === 500) return { kind: 'failed', pool };
  if (status !== 200) return { kind: 'lost', why: `${status} from ${pool}` };
  if (body !== answerPieces(kind, sequence, pool).join('')) return { kind: 'lost', why: 'not its own answer' };
  return { kind: 'answered', pool };
}

/** The whole body, or null when it was cut. */
async function read(res: IncomingMessage): Promise<string | null> {
  let body = '';
  try {
    for await (const text of res.setEncoding('utf8')) {
      if (body.length < BODY_CHARACTERS_MAX) body += text;
    }
  } catch {
    return null;
  }
  return res.complete ? body : null;
}

function kindOf(sequence: number): Kind {
  switch (sequence % MIX) {
    case 7:
      return 'stream';
    case 13:
      return 'echo';
    default:
      return 'page';
  }
}

function emptyAccount(): Account {
  return { sent: 0, answered: 0, failed: 0, lost: 0, byPool: new Map() };
}
