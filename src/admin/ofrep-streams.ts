/**
 * The change streams of OFREP: tell clients that answers may have changed, so that they ask again.
 *
 *     change ──▶ due? ──▶ every 20 ms a twentieth of the streams ──▶ socket buffer (bounded) ──▶ client
 *
 * A stream carries no values: who may know which is decided when the client asks. Clients are told over 400 ms and not at
 * once, because each of them asks at once, and a thousand questions in one moment would make the judge late. Changes that come
 * closer together than that are told as one, after the round that is under way.
 *
 * Who opens a stream is told to ask at once, for the client has asked before it connects, and what changes between the two it would
 * never hear of; its question is answered with 304 if nothing has. That message has no `etag`, so that it is conditional. Who comes
 * back is told too: a schedule or a ramp may have changed answers in the meantime, and leaves no trace in the revision.
 *
 * When all places are taken, a newcomer from an address with fewer streams takes the oldest place of the address that has most. So one
 * page that leaks streams, or one that hoards them, cannot keep everybody else out; and behind a proxy, where all have one
 * address, places are what they are. Rejected: a limit for each address, which would have to be as high as what a proxy needs.
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
  /** Streams that were ended for one of a client that has fewer. */
  readonly displaced: number;
  /** Rounds in which all clients were told. */
  readonly rounds: number;
}

interface Stream {
  /** The address that it comes from, as `clientKey` has it. */
  readonly client: string;
  /** Whether it took nothing at the last heartbeat. */
  isStalled: boolean;
}

export class ChangeStreams {
  readonly #revision: () => string;
  readonly #limits: ChangeStreamLimits;
  readonly #log: Logger;
  readonly #random: () => number;
  /** All that are open, the oldest first. */
  readonly #streams = new Map<ServerResponse, Stream>();
  readonly #heartbeat: NodeJS.Timeout;
  /** Who has yet to be told in the round that is under way. */
  #round: ServerResponse[] = [];
  #roundTimer: NodeJS.Timeout | null = null;
  #isDue = false;
  #dropped = 0;
  #displaced = 0;
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
    return { open: this.#streams.size, dropped: this.#dropped, displaced: this.#displaced, rounds: this.#rounds };
  }

  /** Whether there is a place for one more stream of this client, of `max` in all; makes one if the client has far fewer than another. */
  admit(client: string, max: number): boolean {
    if (this.#streams.size < max) return true;
    const counts = new Map<string, number>();
    for (const stream of this.#streams.values()) counts.set(stream.client, (counts.get(stream.client) ?? 0) + 1);
    const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0]);
    // After the change of places nobody may have a reason to change them back.
    if (this.#streams.size > max || count < (counts.get(client) ?? 0) + 2) return false;
    const [oldest] = [...this.#streams].find(([, stream]) => stream.client === most)!;
    this.#streams.delete(oldest);
    this.#displaced += 1;
    oldest.destroy();
    return true;
  }

  /** Takes over a response whose head is sent. */
  open(res: ServerResponse, client: string): void {
    this.#streams.set(res, { client, isStalled: false });
    res.on('close', () => this.#streams.delete(res));
    res.on('error', () => res.destroy());
    const retryMs = RETRY_LEAST_MS + Math.round(this.#random() * RETRY_SPREAD_MS);
    this.#write(res, `retry: ${retryMs}\n${message(this.#revision(), false)}\n\n`);
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
    for (const res of this.#streams.keys()) res.end();
    this.#streams.clear();
  }

  #begin(): void {
    this.#isDue = false;
    this.#rounds += 1;
    this.#round = [...this.#streams.keys()];
    const part = Math.ceil(this.#round.length / PARTS);
    const frame = `${message(this.#revision(), true)}\n\n`;
    const tell = (): void => {
      for (const res of this.#round.splice(0, part)) if (this.#streams.has(res)) this.#write(res, frame);
      if (this.#round.length > 0) return;
      clearInterval(this.#roundTimer!);
      this.#roundTimer = null;
      if (this.#isDue) this.#begin();
    };
    this.#roundTimer = setInterval(tell, this.#limits.paceMs).unref();
  }

  #beat(): void {
    for (const [res, stream] of this.#streams) {
      const isStalled = res.writableNeedDrain;
      if (isStalled && stream.isStalled) this.#drop(res);
      else {
        stream.isStalled = isStalled;
        if (!isStalled) res.write(HEARTBEAT);
      }
    }
  }

  #write(res: ServerResponse, text: string): void {
    res.write(text);
    if (res.writableLength > this.#limits.bufferedBytesMax) this.#drop(res);
  }

  #drop(res: ServerResponse): void {
    if (!this.#streams.delete(res)) return;
    this.#dropped += 1;
    this.#log.warn({ dropped: this.#dropped }, 'change stream cut off: its client does not read');
    res.destroy();
  }
}

function message(revision: string, isConfigEtagGiven: boolean): string {
  const data = { type: 'refetchEvaluation', ...(isConfigEtagGiven ? { etag: revision } : {}) };
  return `id: ${revision}\nevent: message\ndata: ${JSON.stringify(data)}`;
}
