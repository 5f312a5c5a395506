/**
 * What the state file keeps for those who are told: messages that are not delivered yet, up to which event each webhook has
 * been looked after, and links that have been used.
 *
 * A message is kept as the event that it tells of, and written out when it is sent: links are credentials, and a file that
 * holds none cannot leak them.
 */
import type { TidegateEvent } from './operations.ts';
import { DamagedRow } from './state-fault.ts';
import type { StateStore, Stored } from './state-store.ts';

/** The statements for the tables of webhooks and links. */
export const NOTIFY_SQL = {
  webhooks: 'SELECT name, heard FROM webhooks',
  saveWebhook: 'INSERT OR REPLACE INTO webhooks (name, heard) VALUES (?, ?)',
  deleteWebhook: 'DELETE FROM webhooks WHERE name = ?',
  deliveriesOf: 'SELECT id, body FROM deliveries WHERE webhook = ? ORDER BY event',
  saveDelivery: 'INSERT OR IGNORE INTO deliveries (id, webhook, event, body) VALUES (?, ?, ?, ?)',
  deleteDelivery: 'DELETE FROM deliveries WHERE id = ?',
  deleteDeliveriesOf: 'DELETE FROM deliveries WHERE webhook = ?',
  saveUsedLink: 'INSERT OR IGNORE INTO used_links (id, expires_s) VALUES (?, ?)',
  usedLink: 'SELECT id FROM used_links WHERE id = ?',
  deleteUsedLink: 'DELETE FROM used_links WHERE id = ?',
  trimUsedLinks: 'DELETE FROM used_links WHERE expires_s < ?',
} as const;

/** A message for one webhook. */
export interface Delivery {
  /** The same for each try, also after a restart: what a receiver knows a repetition by. */
  readonly id: string;
  readonly webhook: string;
  readonly event: TidegateEvent;
}

export class NotifyStore {
  readonly #file: StateStore;

  constructor(file: StateStore) {
    this.#file = file;
  }

  /** Up to which event each webhook has been looked after. */
  webhooks(): Stored<ReadonlyMap<string, number>> {
    return this.#file.read(
      ({ webhooks }) => new Map(webhooks.all().map((row) => [String(row.name), Number(row.heard)])),
    );
  }

  /** Keeps messages, and that these webhooks have been looked after up to `heard`: all of it or nothing. */
  enqueue(deliveries: readonly Delivery[], webhooks: readonly string[], heard: number): Stored<null> {
    return this.#file.write(({ saveDelivery, saveWebhook }) => {
      for (const { id, webhook, event } of deliveries) saveDelivery.run(id, webhook, event.id, JSON.stringify(event));
      for (const webhook of webhooks) saveWebhook.run(webhook, heard);
      return null;
    });
  }

  /** The messages that wait for a webhook, oldest first. */
  deliveriesOf(webhook: string): Stored<readonly Delivery[]> {
    return this.#file.read(({ deliveriesOf }) =>
      deliveriesOf.all(webhook).map(({ id, body }) => ({ id: String(id), webhook, event: eventOf(body) })),
    );
  }

  /** Forgets a message, delivered or not. */
  remove(delivery: string): Stored<null> {
    return this.#file.write(({ deleteDelivery }) => {
      deleteDelivery.run(delivery);
      return null;
    });
  }

  /** Forgets a webhook with all that waits for it. */
  forget(webhook: string): Stored<null> {
    return this.#file.write(({ deleteWebhook, deleteDeliveriesOf }) => {
      deleteWebhook.run(webhook);
      deleteDeliveriesOf.run(webhook);
      return null;
    });
  }

  /** Keeps that a link has been used, until it expires. Those that have expired by `nowS` are forgotten. */
  useLink(id: string, expiresS: number, nowS: number): Stored<null> {
    return this.#file.write(({ saveUsedLink, trimUsedLinks }) => {
      trimUsedLinks.run(nowS);
      saveUsedLink.run(id, expiresS);
      return null;
    });
  }

  /** Whether a link has been used. */
  isUsed(id: string): Stored<boolean> {
    return this.#file.read(({ usedLink }) => usedLink.get(id) !== undefined);
  }

  /** The use of a link came to nothing, so it may be used again. */
  releaseLink(id: string): Stored<null> {
    return this.#file.write(({ deleteUsedLink }) => {
      deleteUsedLink.run(id);
      return null;
    });
  }
}

function eventOf(body: unknown): TidegateEvent {
  try {
    return JSON.parse(String(body)) as TidegateEvent;
  } catch {
    throw new DamagedRow('a message is damaged');
  }
}
