/**
 * The messages that wait for one webhook, in a line: the first is tried until it is taken or given up, then the next.
 *
 *     added ─▶ [ oldest … newest ] ─▶ POST ─▶ 2xx: delivered
 *                  ▲                   │
 *                  └── later ◀─────────┴─▶ 400, 413, 415, 422: refused;   too old: given up
 *
 * One after the other, because "ended" before "step 3" helps nobody, and because a receiver that is in trouble should not
 * be asked a hundred things at once. What waits behind a message that is never taken waits at most until that one is given
 * up; an answer that speaks of this very message gives it up at once. Every other answer may be mended on the other side (a
 * password, a path, an outage) and is tried again, ever later, with jitter.
 */
import type { Webhook } from '../config/schema.ts';
import type { MessageLinks } from './links.ts';
import type { Delivery } from './notify-store.ts';
import type { TidegateEvent } from './operations.ts';
import { type CallAnswer, post } from './webhook-call.ts';
import { messageOf } from './webhook-message.ts';
import { signatureFields } from './webhook-signature.ts';

/** Messages that wait for one webhook; beyond, the oldest that is not under way is dropped. */
export const WAITING_MAX = 1_000;
/** The pauses between tries grow from the first to the last. */
export const FIRST_PAUSE_MS = 1_000;
export const LAST_PAUSE_MS = 300_000;
/** More than a receiver that asks for patience gets. */
const RETRY_AFTER_MAX_MS = 3_600_000;
/** The receiver has read this message and will not take it, whenever it comes. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** What came of a try, or of a message without one, as the metric label `result`. */
export const DELIVERY_RESULTS = ['delivered', 'failed', 'refused', 'given-up', 'dropped'] as const;
export type DeliveryResult = (typeof DELIVERY_RESULTS)[number];

/** What a line needs of its surroundings. */
export interface LineWorld {
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly linksFor: (event: TidegateEvent) => MessageLinks | null;
  /** A message is no longer in the line; `why` says in words what the last try came to. */
  readonly left: (delivery: Delivery, result: Exclude<DeliveryResult, 'failed'>, why: string) => void;
  /** The first try after a good one has failed, or the first after bad ones was good. */
  readonly turned: (isReached: boolean, why: string) => void;
}

interface Waiting {
  readonly delivery: Delivery;
  /** When it began to wait, by the clock; before the process began, for one that was read back. */
  readonly sinceMs: number;
}

export class WebhookLine {
  #settings: Webhook;
  readonly #world: LineWorld;
  #waiting: Waiting[] = [];
  #failures = 0;
  #dueMs = Number.NEGATIVE_INFINITY;
  #sending: AbortController | null = null;
  readonly results: Record<DeliveryResult, number> = { delivered: 0, failed: 0, refused: 0, 'given-up': 0, dropped: 0 };

  constructor(settings: Webhook, world: LineWorld) {
    this.#settings = settings;
    this.#world = world;
  }

  get settings(): Webhook {
    return this.#settings;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Goes on with other settings, which may be what was wrong: it is tried again at once. */
  follow(settings: Webhook): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#settings = settings;
    this.#failures = 0;
    this.#dueMs = Number.NEGATIVE_INFINITY;
  }

  /** Adds a message that is `ageMs` old. */
  add(delivery: Delivery, ageMs: number): void {
    this.#waiting.push({ delivery, sinceMs: this.#world.clock() - ageMs });
    if (this.#waiting.length <= WAITING_MAX) return;
    const [dropped] = this.#waiting.splice(this.#sending === null ? 0 : 1, 1);
    this.#leave(dropped!.delivery, 'dropped', `${WAITING_MAX} messages wait already`);
  }

  /** Tries the first message if that is due. To be called often. */
  tick(): void {
    const first = this.#waiting[0];
    if (first === undefined || this.#sending !== null || this.#world.clock() < this.#dueMs) return;
    const stop = new AbortController();
    this.#sending = stop;
    // It never rejects: `post` gives every failure as a value.
    void this.#send(first.delivery, stop.signal).then((answer) => {
      if (stop.signal.aborted) return;
      this.#sending = null;
      this.#took(first, answer);
      this.tick();
    });
  }

  /** Ends a try that is under way; what waits is still kept. */
  close(): void {
    this.#sending?.abort();
    this.#waiting = [];
  }

  #send({ id, event }: Delivery, stop: AbortSignal): Promise<CallAnswer> {
    const { url, format, secret, timeoutMs } = this.#settings;
    const body = messageOf(format, { id, event, links: this.#world.linksFor(event) });
    const atS = Math.floor(this.#world.now() / 1000);
    return post({ url, headers: signatureFields({ id, atS, body }, secret), body, timeoutMs }, stop);
  }

  #took(first: Waiting, answer: CallAnswer): void {
    const why = answer.kind === 'answered' ? `status ${answer.status}` : answer.detail;
    if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) {
      if (this.#failures > 0) this.#world.turned(true, why);
      this.#next('delivered', why);
      return;
    }
    if (answer.kind === 'answered' && REFUSALS.has(answer.status)) {
      this.#next('refused', why);
      return;
    }
    this.results.failed += 1;
    this.#failures += 1;
    if (this.#failures === 1) this.#world.turned(false, why);
    const askedMs = answer.kind === 'answered' ? (answer.retryAfterS ?? 0) * 1000 : 0;
    const pauseMs = Math.max(pauseAfter(this.#failures, this.#world.random()), Math.min(askedMs, RETRY_AFTER_MAX_MS));
    this.#dueMs = this.#world.clock() + pauseMs;
    if (this.#world.clock() - first.sinceMs < this.#settings.giveUpAfterMs) return;
    this.#waiting.shift();
    this.#leave(first.delivery, 'given-up', why);
  }

  #next(result: 'delivered' | 'refused', why: string): void {
    this.#failures = 0;
    this.#dueMs = Number.NEGATIVE_INFINITY;
    this.#leave(this.#waiting.shift()!.delivery, result, why);
  }

  #leave(delivery: Delivery, result: Exclude<DeliveryResult, 'failed'>, why: string): void {
    this.results[result] += 1;
    this.#world.left(delivery, result, why);
  }
}

/** How long to wait after so many failures in a row, in milliseconds: half of it is by chance. `random`: 0 to below 1. */
export function pauseAfter(failures: number, random: number): number {
  const wholeMs = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LAST_PAUSE_MS);
  return wholeMs * (0.5 + random / 2);
}
