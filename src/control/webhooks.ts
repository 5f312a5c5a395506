/**
 * Tells webhooks what happens: takes events from the event log, keeps a message of each for whoever wants it, and has a line
 * for each webhook deliver them.
 *
 * Nothing is lost by a kill at any moment: beside the messages, the state file says up to which event each webhook has been
 * looked after, and a start catches up from there. What is delivered and not yet forgotten is delivered again under the
 * same id: at least once. A webhook that is new begins with what happens from now on; one that leaves the config is
 * forgotten with all that waits for it.
 *
 * A state file that takes nothing does not keep people from being told: messages then wait in memory, and go into the file
 * as soon as it takes them. Rejected: to post where events happen; a slow receiver would hold a rollout up.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Config, Webhook } from '../config/schema.ts';
import type { EventLog } from './event-log.ts';
import { linksFor } from './links.ts';
import type { Delivery, NotifyStore } from './notify-store.ts';
import type { TidegateEvent, WebhookFigures } from './operations.ts';
import { newsIn } from './rollout-news.ts';
import type { Stored } from './state-store.ts';
import { type LineWorld, WebhookLine } from './webhook-line.ts';
import { killOf, whatOf } from './webhook-message.ts';

/** Events that are read at a time when a start catches up. */
const PAGE = 1_000;
/** Between two tries to keep what the state file did not take. */
const KEEP_AGAIN_MS = 1_000;

export interface WebhooksOptions {
  readonly store: NotifyStore;
  readonly events: EventLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #lines = new Map<string, WebhookLine>();
  #links: Config['notify']['links'];
  /** Messages that are in memory only. */
  readonly #unkept = new Set<Delivery>();
  #keptAtMs = Number.NEGATIVE_INFINITY;
  storeErrors = 0;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    options.events.onEvent((event) => this.#hear(event));
  }

  /** Takes over what the config says: the first time, with what the state file still has. */
  follow({ notify }: Config): void {
    const { store } = this.#options;
    this.#links = notify.links;
    const wanted = new Map(notify.webhooks.map((webhook) => [webhook.name, webhook]));
    const known = this.#done(store.webhooks()) ?? new Map<string, number>();
    for (const name of new Set([...known.keys(), ...this.#lines.keys()])) if (!wanted.has(name)) this.#forget(name);
    for (const [name, webhook] of wanted) {
      const line = this.#lines.get(name);
      if (line === undefined) this.#begin(webhook, known.get(name));
      else line.follow(webhook);
    }
  }

  /** To be called often. */
  tick(): void {
    for (const line of this.#lines.values()) line.tick();
    if (this.#unkept.size > 0 && this.#options.clock() - this.#keptAtMs >= KEEP_AGAIN_MS) this.#keepUnkept();
  }

  figures(): readonly WebhookFigures[] {
    return [...this.#lines].map(([webhook, { length, results }]) => ({ webhook, waiting: length, results }));
  }

  /** Ends what is under way. What waits is delivered after the next start. */
  close(): void {
    for (const line of this.#lines.values()) line.close();
    this.#lines.clear();
  }

  #begin(webhook: Webhook, heard: number | undefined): void {
    const { store, events } = this.#options;
    const { name } = webhook;
    const line = new WebhookLine(webhook, this.#worldOf(name));
    this.#lines.set(name, line);
    const waiting = this.#done(store.deliveriesOf(name)) ?? [];
    for (const delivery of waiting) line.add(delivery, this.#ageOf(delivery.event));
    // A number that was never given out is of a history that is lost.
    if (heard === undefined || heard > events.lastId) {
      this.#done(store.enqueue([], [name], events.lastId));
      return;
    }
    for (let after = heard; ; ) {
      const page = events.since(after, PAGE);
      const missed = page.filter((event) => wants(webhook, event)).map((event) => deliveryOf(name, event));
      for (const delivery of missed) line.add(delivery, this.#ageOf(delivery.event));
      const last = page.at(-1)?.id;
      if (last === undefined) return;
      this.#done(store.enqueue(missed, [name], last));
      after = last;
    }
  }

  #forget(name: string): void {
    this.#lines.get(name)?.close();
    this.#lines.delete(name);
    for (const delivery of this.#unkept) if (delivery.webhook === name) this.#unkept.delete(delivery);
    this.#done(this.#options.store.forget(name));
  }

  #hear(event: TidegateEvent): void {
    if (this.#lines.size === 0 || whatOf(event) === null) return;
    const deliveries = [...this.#lines]
      .filter(([, { settings }]) => wants(settings, event))
      .map(([name]) => deliveryOf(name, event));
    const kept = this.#options.store.enqueue(deliveries, [...this.#lines.keys()], event.id);
    for (const delivery of deliveries) {
      if (!kept.ok) this.#unkept.add(delivery);
      this.#lines.get(delivery.webhook)!.add(delivery, 0);
    }
    this.#done(kept);
  }

  #keepUnkept(): void {
    const { store, clock, events } = this.#options;
    this.#keptAtMs = clock();
    const kept = store.enqueue([...this.#unkept], [...this.#lines.keys()], events.lastId);
    if (kept.ok) this.#unkept.clear();
    else this.#done(kept);
  }

  #worldOf(name: string): LineWorld {
    const { clock, now, random, log, events } = this.#options;
    return {
      clock,
      now,
      random,
      linksFor: (event) => (this.#links === undefined ? null : linksFor(event, this.#links)),
      left: (delivery, result, why) => {
        this.#unkept.delete(delivery);
        this.#done(this.#options.store.remove(delivery.id));
        if (result === 'delivered') return;
        const text = `webhook ${name}: a message was not delivered (${result}): ${why}`;
        log.warn({ webhook: name, event: delivery.event.id, result, why }, text);
        const { id, service } = delivery.event;
        events.append('webhook', service, text, { webhook: name, event: id, result, why });
      },
      turned: (isReached, why) => {
        const text = isReached ? `webhook ${name} takes messages again` : `webhook ${name} takes no messages: ${why}`;
        log[isReached ? 'info' : 'warn']({ webhook: name, why }, text);
        events.append('webhook', null, text, { webhook: name, reached: isReached, why });
      },
    };
  }

  /** Only for what an earlier process left: a calendar that was changed meanwhile may make it wrong. */
  #ageOf({ at }: TidegateEvent): number {
    return Math.max(0, this.#options.now() - Date.parse(at));
  }

  #done<T>(stored: Stored<T>): T | null {
    if (stored.ok) return stored.value;
    this.storeErrors += 1;
    this.#options.log.error({ error: stored.error }, 'the state file did not do what webhooks asked of it');
    return null;
  }
}

/** Whether a webhook is to be told of an event. */
function wants({ on, services }: Webhook, event: TidegateEvent): boolean {
  const what = whatOf(event);
  const isWanted = what !== null && (on as readonly string[]).includes(what);
  return isWanted && (services === undefined || servicesOf(event).some((service) => services.includes(service)));
}

/** The services that an event is about: a flag is about those whose users it treats. */
function servicesOf(event: TidegateEvent): readonly string[] {
  if (event.service !== null) return [event.service];
  return newsIn(event)?.services ?? killOf(event)?.table.map(({ service }) => service) ?? [];
}

/** The id is made from the event, so that a message that is queued a second time after a crash is the same one. */
function deliveryOf(webhook: string, event: TidegateEvent): Delivery {
  const digest = createHash('sha256').update(JSON.stringify([webhook, event.id, event.at, event.text]));
  return { id: `msg_${digest.digest('base64url').slice(0, 22)}`, webhook, event };
}
