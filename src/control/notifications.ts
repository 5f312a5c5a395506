/**
 * Who is told, who is asked, and what their links do: the three put together for the control plane.
 *
 * They share the state file's tables and nothing else; none of them knows of the others.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { Confirmations } from './confirmations.ts';
import type { EventLog } from './event-log.ts';
import { LinkActions, type LinkActionsOptions } from './link-actions.ts';
import { NotifyStore } from './notify-store.ts';
import type { MetricsSource } from './operations.ts';
import type { StateStore } from './state-store.ts';
import { Webhooks } from './webhooks.ts';

export interface NotificationsOptions extends Omit<LinkActionsOptions, 'store'> {
  readonly store: StateStore;
  readonly events: EventLog;
  readonly log: Logger;
}

export class Notifications {
  readonly confirmations: Confirmations;
  readonly links: LinkActions;
  readonly #webhooks: Webhooks;

  constructor(options: NotificationsOptions) {
    const { events, log, now } = options;
    const store = new NotifyStore(options.store);
    const clock = (): number => performance.now();
    this.confirmations = new Confirmations({ events, log, now });
    this.links = new LinkActions({ ...options, store });
    this.#webhooks = new Webhooks({ store, events, log, now, clock, random: Math.random });
  }

  get storeErrors(): number {
    return this.#webhooks.storeErrors;
  }

  /** Takes over what the config says: the first time, with what the state file still has to deliver. */
  follow(config: Config): void {
    this.#webhooks.follow(config);
  }

  /** To be called often. */
  tick(): void {
    this.#webhooks.tick();
  }

  figures(): Pick<MetricsSource, 'webhooks' | 'confirmations'> {
    return { webhooks: this.#webhooks.figures(), confirmations: this.confirmations.figures() };
  }

  close(): void {
    this.#webhooks.close();
  }
}
