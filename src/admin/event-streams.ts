/**
 * The server-sent events of GET /api/events: who listens, from where, and what happens to those who do not keep up.
 *
 *     onEvent ──▶ replaying? ── yes ─▶ held (bounded) ─┐ once the log has no more
 *                     │ no                             ▼
 *                     └──────────▶ socket buffer (bounded) ──▶ client
 *
 * A client first gets the events of the log after its id, page by page and only as fast as it reads, so replaying a
 * long log takes no memory. Events that come meanwhile are held; those that the log had as well are left out afterwards.
 * From then on, which the comment `: live` marks, events are written at once. A client whose buffer is full, or that has not read anything for a whole
 * heartbeat, is cut off and counted: it comes back with Last-Event-ID and has lost nothing, while waiting for it would
 * take memory without end.
 *
 * Events have no `event:` field, so that a browser hands all of them to `onmessage`, also kinds that it does not know
 * yet; the kind is in the data. Source: the HTML standard, section 9.2.
 */
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Operations, TidegateEvent } from '../control/operations.ts';

/** The bounds of event streams. */
export interface StreamLimits {
  /** Between two comments that keep the connection alive and show whether anybody reads. */
  readonly heartbeatMs: number;
  /** Bytes that wait for one client. */
  readonly bufferedBytesMax: number;
  /** Events that are held for one client while it is replaying. */
  readonly heldEventsMax: number;
  readonly clientsMax: number;
}

/** Bounds that suit a control plane with a few dashboards and scripts. */
export const STREAM_LIMITS: StreamLimits = {
  heartbeatMs: 15_000,
  bufferedBytesMax: 1024 * 1024,
  heldEventsMax: 1_000,
  clientsMax: 100,
};

const PAGE_EVENTS = 100;
const HEARTBEAT = ':\n\n';
const LIVE = ': live\n\n';

/** All clients that listen to events. */
export class EventStreams {
  readonly #operations: Operations;
  readonly #limits: StreamLimits;
  readonly #log: Logger;
  readonly #clients = new Set<EventStream>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #dropped = 0;

  constructor(operations: Operations, limits: StreamLimits, log: Logger) {
    this.#operations = operations;
    this.#limits = limits;
    this.#log = log;
    this.#unsubscribe = operations.onEvent((event) => this.#publish(event));
    this.#heartbeat = setInterval(() => this.#beat(), limits.heartbeatMs).unref();
  }

  /** Clients that listen now. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Clients that were cut off because they did not read, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  get full(): boolean {
    return this.#clients.size >= this.#limits.clientsMax;
  }

  /** Takes over a response whose head is sent: events after the id `after`, or from now on if it is null. */
  open(res: ServerResponse, after: number | null): void {
    const client = new EventStream(res, this.#operations, this.#limits, after);
    this.#clients.add(client);
    res.on('close', () => this.#clients.delete(client));
    res.on('error', () => res.destroy());
    res.on('drain', () => this.#reap(client, client.replay()));
    if (after === null) res.write(LIVE);
    this.#reap(client, client.replay());
  }

  /** Ends all streams, and listens to nothing any more. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#unsubscribe();
    for (const client of this.#clients) client.end();
    this.#clients.clear();
  }

  #publish(event: TidegateEvent): void {
    if (this.#clients.size === 0) return;
    const frame = frameOf(event);
    for (const client of this.#clients) this.#reap(client, client.offer(event, frame));
  }

  #beat(): void {
    for (const client of this.#clients) this.#reap(client, client.beat());
  }

  #reap(client: EventStream, keepsUp: boolean): void {
    if (keepsUp || !this.#clients.delete(client)) return;
    this.#dropped++;
    this.#log.warn({ dropped: this.#dropped }, 'event stream cut off: its client does not read');
    client.destroy();
  }
}

/** One client. Each method answers whether the client keeps up. */
class EventStream {
  readonly #res: ServerResponse;
  readonly #operations: Operations;
  readonly #limits: StreamLimits;
  /** The last id that was replayed; null once the stream is live. */
  #replayedId: number | null;
  #held: { readonly id: number; readonly frame: string }[] = [];
  #stalled = false;

  constructor(res: ServerResponse, operations: Operations, limits: StreamLimits, after: number | null) {
    this.#res = res;
    this.#operations = operations;
    this.#limits = limits;
    this.#replayedId = after;
  }

  /** Goes on replaying as far as the client reads. */
  replay(): boolean {
    while (this.#replayedId !== null && !this.#res.writableNeedDrain && !this.#res.destroyed) {
      const page = this.#operations.eventsSince(this.#replayedId, PAGE_EVENTS);
      if (page.length === 0) return this.#goLive(this.#replayedId);
      for (const event of page) {
        this.#replayedId = event.id;
        if (!this.#res.write(frameOf(event))) break;
      }
    }
    return true;
  }

  offer(event: TidegateEvent, frame: string): boolean {
    if (this.#replayedId === null) return this.#write(frame);
    this.#held.push({ id: event.id, frame });
    return this.#held.length <= this.#limits.heldEventsMax;
  }

  beat(): boolean {
    const stalled = this.#res.writableNeedDrain;
    if (stalled && this.#stalled) return false;
    this.#stalled = stalled;
    if (!stalled) this.#res.write(HEARTBEAT);
    return true;
  }

  end(): void {
    this.#res.end();
  }

  destroy(): void {
    this.#res.destroy();
  }

  #goLive(replayedId: number): boolean {
    this.#replayedId = null;
    const frames = this.#held.filter((held) => held.id > replayedId).map((held) => held.frame);
    this.#held = [];
    return this.#write(`${frames.join('')}${LIVE}`);
  }

  #write(text: string): boolean {
    this.#res.write(text);
    return this.#res.writableLength <= this.#limits.bufferedBytesMax;
  }
}

/** One event on the wire; JSON has no line breaks of its own, so one data line is enough. */
function frameOf(event: TidegateEvent): string {
  return `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
}
