/**
 * The change streams of OFREP: tell clients that answers may have changed, so that they ask again.
 *
 *     change ──▶ due? ──▶ every 20 ms a twentieth of the streams ──▶ socket buffer (bounded) ──▶ client
 *
 * A stream carries no values: who may know which is decided when the client asks. Clients are told over 400 ms and not at
 * once, because each of them asks at once, and a thousand questions in one moment would make the judge late. Changes that come
 * closer together than that are told as one, after the round that is under way.
 *
 * Who opens a stream is told to ask at once, unless the `Last-Event-ID` is that of the present revision. For the client has asked
 * before it connects, and what changes between the two it would never hear of; its question is answered with 304 if nothing
 * has. That message has no `etag`, so that it is conditional.
 *
 * A client that has not taken anything for a whole heartbeat, or has too much in its buffer, is cut off and counted. Comments keep the
 * connection through proxies. `retry` differs from client to client, so that a restart does not bring all of them back in one moment.
 *
 * Sources: the HTML standard, section 9.2 (server-sent events); ADR 0008 of OFREP.
 */
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';

/** The bounds of change streams in time and memory; how many there may be is the config's. */
export interface ChangeStreamLimits {
  /** Between two comments on a stream. */
  readonly heartbeatMs: number;
  /** Bytes that wait for one client. */
  readonly bufferedBytesMax: number;
  /** Between two parts of a round. */
  readonly paceMs: number;
}

/** A round of twenty parts takes 400 ms, which leaves a client more than half of a second to ask again. */
export const CHANGE_STREAM_LIMITS: ChangeStreamLimits = {
  heartbeatMs: 15_000,
  bufferedBytesMax: 64 * 1024,
  paceMs: 20,
};

const PARTS = 20;
const HEARTBEAT = ':\n\n';
const RETRY_LEAST_MS = 1_000;
const RETRY_SPREAD_MS = 2_000;

/** What the streams have come to since the start. */
export interface ChangeStreamFigures {
  readonly open: number;
  /** Clients that were cut off because they did not read. */
  readonly dropped: number;
  /** Rounds in which all clients were told. */
  readonly rounds: number;
}

export class ChangeStreams {
  readonly #revision: () => string;
  readonly #limits: ChangeStreamLimits;
  readonly #log: Logger;
  readonly #random: () => number;
  readonly #stalled = new Map<ServerResponse, boolean>();
  readonly #heartbeat: NodeJS.Timeout;
  /** Who has yet to be told in the round that is under way. */
  #round: ServerResponse[] = [];
  #roundTimer: NodeJS.Timeout | null = null;
  #isDue = false;
  #dropped = 0;
  #rounds = 0;

  /** `revision` says which one is in force; it stands in the id of a message and so on one line. */
  constructor(
    revision: () => string,
    log: Logger,
    limits: ChangeStreamLimits = CHANGE_STREAM_LIMITS,
    random: () => number = Math.random,
  ) {
    this.#revision = revision;
    this.#limits = limits;
    this.#log = log;
    this.#random = random;
    this.#heartbeat = setInterval(() => this.#beat(), limits.heartbeatMs).unref();
  }

  figures(): ChangeStreamFigures {
    return { open: this.#stalled.size, dropped: this.#dropped, rounds: this.#rounds };
  }

  /** Takes over a response whose head is sent; `lastEventId` is what the client says it has seen, '' for nothing. */
  open(res: ServerResponse, lastEventId: string): void {
    this.#stalled.set(res, false);
    res.on('close', () => this.#stalled.delete(res));
    res.on('error', () => res.destroy());
    const retryMs = RETRY_LEAST_MS + Math.round(this.#random() * RETRY_SPREAD_MS);
    const revision = this.#revision();
    this.#write(res, `retry: ${retryMs}\n${lastEventId === revision ? ':' : message(revision, false)}\n\n`);
  }

  /** Tells all clients, soon. */
  changed(): void {
    this.#isDue = true;
    if (this.#roundTimer === null) this.#begin();
  }

  /** Ends all streams. */
  close(): void {
    clearInterval(this.#heartbeat);
    if (this.#roundTimer !== null) clearInterval(this.#roundTimer);
    this.#isDue = false;
    for (const res of this.#stalled.keys()) res.end();
    this.#stalled.clear();
  }

  #begin(): void {
    this.#isDue = false;
    this.#rounds += 1;
    this.#round = [...this.#stalled.keys()];
    const part = Math.ceil(this.#round.length / PARTS);
    const frame = `${message(this.#revision(), true)}\n\n`;
    const tell = (): void => {
      for (const res of this.#round.splice(0, part)) if (this.#stalled.has(res)) this.#write(res, frame);
      if (this.#round.length > 0) return;
      clearInterval(this.#roundTimer!);
      this.#roundTimer = null;
      if (this.#isDue) this.#begin();
    };
    this.#roundTimer = setInterval(tell, this.#limits.paceMs).unref();
  }

  #beat(): void {
    for (const [res, wasStalled] of this.#stalled) {
      const isStalled = res.writableNeedDrain;
      if (isStalled && wasStalled) this.#drop(res);
      else {
        this.#stalled.set(res, isStalled);
        if (!isStalled) res.write(HEARTBEAT);
      }
    }
  }

  #write(res: ServerResponse, text: string): void {
    res.write(text);
    if (res.writableLength > this.#limits.bufferedBytesMax) this.#drop(res);
  }

  #drop(res: ServerResponse): void {
    if (!this.#stalled.delete(res)) return;
    this.#dropped += 1;
    this.#log.warn({ dropped: this.#dropped }, 'change stream cut off: its client does not read');
    res.destroy();
  }
}

function message(revision: string, isConfigEtagGiven: boolean): string {
  const data = { type: 'refetchEvaluation', ...(isConfigEtagGiven ? { etag: revision } : {}) };
  return `id: ${revision}\nevent: message\ndata: ${JSON.stringify(data)}`;
}
