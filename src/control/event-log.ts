/**
 * The event log: everything that changed, in order, for people and for whoever listens.
 *
 * An event gets its number here, is kept in the state store, and only then is told to the listeners. An event that the
 * store does not take (a full disk) is told all the same and stays in memory, because the fault must not hide what
 * happened, until the store takes it (`keepUnkept`); a change of traffic is different and is not told unless it is kept
 * (`appendWithPosition`). Numbers grow by one, across restarts, whatever the calendar says; a number whose event was lost
 * with the process is given out again. Whoever asks for what came after a number that was never given out, because the
 * file with that history is lost, gets everything: silence until the numbers have caught up would hide what happens now.
 *
 * Listeners are called in the order of the events, even when one of them causes another event. One that throws is
 * logged and hurts nobody. Rejected: node:events, where a listener that throws keeps the rest from hearing.
 */
import type { TidegateEvent } from './operations.ts';
import type { PositionRecord, StateStore, Stored } from './state-store.ts';

/** Listeners at one time. */
export const LISTENERS_MAX = 256;
/** Events in memory that the store did not take; the oldest give way. */
export const UNKEPT_MAX = 1_000;

/** What an event log is given from outside. */
export interface EventLogOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: { warn(fields: object, text: string): void };
}

/** Gives events their numbers, keeps them and tells of them. */
export class EventLog {
  readonly #store: StateStore;
  readonly #options: EventLogOptions;
  readonly #listeners = new Set<(event: TidegateEvent) => void>();
  readonly #untold: TidegateEvent[] = [];
  #unkept: TidegateEvent[] = [];
  #telling = false;
  #lastId = 0;
  #storeErrors = 0;

  constructor(store: StateStore, options: EventLogOptions) {
    this.#store = store;
    this.#options = options;
    const lastId = store.lastEventId();
    if (lastId.ok) this.#lastId = lastId.value;
    else this.#storeFailed(lastId.error);
  }

  /** The number of the last event; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  /** How often the store did not do what was asked of it, since the process started. */
  get storeErrors(): number {
    return this.#storeErrors;
  }

  /** Keeps and tells an event that is about `service` (null: about none). `data` must be plain data for JSON. */
  append(kind: string, service: string | null, text: string, data: unknown): TidegateEvent {
    const event = this.#draft(kind, service, text, data);
    this.#lastId = event.id;
    const stored = this.#store.appendEvent(event);
    if (!stored.ok) {
      this.#storeFailed(stored.error);
      this.#unkept = [...this.#unkept, event].slice(-UNKEPT_MAX);
    }
    this.#tell(event);
    return event;
  }

  /** Keeps a position together with its event, and tells of it. When the store fails, neither exists. */
  appendWithPosition(position: PositionRecord, kind: string, text: string, data: unknown): Stored<TidegateEvent> {
    const event = this.#draft(kind, position.service, text, data);
    const stored = this.#store.savePositionAndEvent(position, event);
    if (!stored.ok) {
      this.#storeFailed(stored.error);
      return stored;
    }
    this.#lastId = event.id;
    this.#tell(event);
    return { ok: true, value: event };
  }

  /**
   * Tries again to keep what the store did not take; false when it still takes nothing. An event that no store can keep,
   * because it cannot be written as JSON, stays in memory.
   */
  keepUnkept(): boolean {
    for (const event of [...this.#unkept]) {
      if (this.#store.appendEvent(event).ok) this.#unkept = this.#unkept.filter((one) => one !== event);
      else if (this.#store.fault !== null) return false;
    }
    return true;
  }

  /** Events that are in memory only. */
  get unkept(): number {
    return this.#unkept.length;
  }

  /**
   * The store writes to another file, which may know of events that were never heard of here. Numbers go on after all of
   * them, and events that are not kept yet get new ones where theirs are taken.
   */
  joinHistory(): void {
    const last = this.#store.lastEventId();
    if (!last.ok) return;
    const first = this.#unkept[0]?.id ?? Number.POSITIVE_INFINITY;
    const shift = Math.max(0, last.value - first + 1);
    if (shift > 0) this.#unkept = this.#unkept.map((event) => ({ ...event, id: event.id + shift }));
    this.#lastId = Math.max(this.#lastId, last.value, this.#unkept.at(-1)?.id ?? 0);
  }

  /** Events after `id`, oldest first, at most `limit`; forgotten ones are missing without a sign. */
  since(after: number, limit: number): readonly TidegateEvent[] {
    const id = after > this.#lastId ? 0 : after;
    const kept = this.#store.eventsSince(id, limit);
    if (!kept.ok) this.#storeFailed(kept.error);
    const unkept = this.#unkept.filter((event) => event.id > id);
    const events = kept.ok ? [...kept.value, ...unkept] : unkept;
    return events.sort((one, other) => one.id - other.id).slice(0, limit);
  }

  /**
   * Calls back for each new event until the returned function is called. Throws a RangeError when LISTENERS_MAX listen
   * already, so whoever listens for strangers has to have a lower limit of its own.
   */
  onEvent(listener: (event: TidegateEvent) => void): () => void {
    if (this.#listeners.size >= LISTENERS_MAX) throw new RangeError(`at most ${LISTENERS_MAX} may listen for events`);
    // The same function may listen twice; each time is a listener of its own.
    const own = (event: TidegateEvent): void => listener(event);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  #draft(kind: string, service: string | null, text: string, data: unknown): TidegateEvent {
    return { id: this.#lastId + 1, at: new Date(this.#options.now()).toISOString(), kind, service, text, data };
  }

  #storeFailed(error: string): void {
    this.#storeErrors++;
    this.#options.log.warn({ error }, 'the state store failed');
  }

  #tell(event: TidegateEvent): void {
    this.#untold.push(event);
    if (this.#telling) return;
    this.#telling = true;
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) {
      for (const listener of [...this.#listeners]) this.#tellOne(listener, next);
    }
    this.#telling = false;
  }

  #tellOne(listener: (event: TidegateEvent) => void, event: TidegateEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#options.log.warn({ err: error, event: event.id }, 'a listener failed on an event');
    }
  }
}
