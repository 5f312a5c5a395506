/**
 * The access log of one data thread: one JSON line for each finished exchange that the configuration asks for.
 *
 * Lines are made here by pino and sent to the control plane in batches, at each tick of the sweeper: one writer for all
 * threads, so lines never mix, and a slow disk or terminal never stops a request. What is not taken away in time is
 * dropped and counted, never kept without limit. Client bytes appear as JSON strings only, with control characters
 * escaped; the query is left out because it is where secrets are.
 */
import { pino } from 'pino';
import type { AccessLogMode } from '../routing/snapshot.ts';
import type { ProcessMember } from '../stats/process-cells.ts';
import type { Downstream } from './downstream.ts';
import type { Exchange } from './exchange.ts';
import type { Fault } from './fault.ts';
import { randomU32 } from './ids.ts';

/** Characters of finished lines that wait for the next tick. */
const WAITING_MAX = 4 * 1024 * 1024;

export class AccessLog {
  mode: AccessLogMode = { kind: 'off' };
  #waiting = '';
  readonly #process: ProcessMember;
  readonly #send: (lines: string) => void;
  readonly #log = pino(
    { base: { log: 'access' }, level: 'info', timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => this.#keep(line) },
  );

  constructor(process: ProcessMember, send: (lines: string) => void) {
    this.#process = process;
    this.#send = send;
  }

  /** An exchange has ended; `fault` is why, or null when its response is whole. */
  finished(exchange: Exchange, fault: Fault | null, totalUs: number): void {
    if (!this.#wanted(fault !== null || exchange.status >= 500)) return;
    const { admission, attempts, head } = exchange;
    this.#log.info({
      client: admission.client,
      method: head.method,
      host: head.host,
      path: head.path,
      route: admission.route?.spec.name ?? null,
      service: admission.service?.spec.name ?? null,
      pool: admission.pool?.spec.name ?? null,
      version: admission.pool?.spec.version ?? null,
      endpoint: exchange.endpoint?.spec.address ?? null,
      epoch: admission.epoch,
      attempts: attempts === null ? 0 : attempts.count,
      ...(attempts === null || attempts.notes.length === 0 ? {} : { retried: attempts.notes }),
      ...(attempts === null || attempts.pool.spec.name === admission.pool?.spec.name
        ? {}
        : { servedBy: attempts.pool.spec.name }),
      status: exchange.status,
      bytesIn: exchange.bytesIn,
      bytesOut: exchange.bytesOut,
      queueMs: exchange.sentAt === 0 ? null : rounded(exchange.sentAt - exchange.startedAt),
      connectMs: exchange.connectedAt === 0 ? null : rounded(exchange.connectedAt - exchange.sentAt),
      firstByteMs: exchange.firstByteAt === 0 ? null : rounded(exchange.firstByteAt - exchange.startedAt),
      totalMs: rounded(totalUs / 1000),
      termination: fault === null ? 'whole' : `${fault.source}/${fault.phase}/${fault.kind}`,
      ...(admission.user === '' ? {} : { user: admission.user }),
      ...(admission.authMs === 0 ? {} : { authMs: rounded(admission.authMs) }),
      ...(admission.wouldLimit ? { wouldLimit: true } : {}),
      ...(admission.flags === null ? {} : admission.flags.logged()),
      ...(exchange.connectError === '' ? {} : { connectError: exchange.connectError }),
      requestId: exchange.requestId,
    });
  }

  /** A request, or a connection before its first (`status` 0), was refused before anything was routed. */
  refused(downstream: Downstream, refusal: { readonly status: number; readonly kind: string }): void {
    if (!this.#wanted(true)) return;
    this.#log.info({
      client: downstream.client.address,
      listener: downstream.listener.spec.name,
      status: refusal.status,
      termination: `downstream/admit/${refusal.kind}`,
    });
  }

  /** Hands over what has been collected. */
  flush(): void {
    if (this.#waiting === '') return;
    const lines = this.#waiting;
    this.#waiting = '';
    this.#send(lines);
  }

  #wanted(isError: boolean): boolean {
    switch (this.mode.kind) {
      case 'off':
        return false;
      case 'errors':
        return isError;
      case 'sampled':
        return isError || randomU32() < this.mode.share * 2 ** 32;
      case 'all':
        return true;
      default:
        return this.mode satisfies never;
    }
  }

  #keep(line: string): void {
    if (this.#waiting.length + line.length > WAITING_MAX) this.#process.dropAccessLog(1);
    else this.#waiting += line;
  }
}

/** Milliseconds with three decimals. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
