/**
 * Who is told, who is asked, what their links do, and who analyses exposures: put together for the control plane.
 *
 * They share the state file's tables and nothing else; none of them knows of the others.
 */
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { Confirmations } from './confirmations.ts';
import type { EventLog } from './event-log.ts';
import { Exposures } from './exposures.ts';
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
  readonly exposures: Exposures;
  readonly #webhooks: Webhooks;

  constructor(options: NotificationsOptions) {
    const { events, log, now } = options;
    const store = new NotifyStore(options.store);
    const clock = (): number => performance.now();
    this.confirmations = new Confirmations({ events, log, now });
    this.links = new LinkActions({ ...options, store });
    this.exposures = new Exposures({ log, now, clock, random: Math.random });
    this.#webhooks = new Webhooks({ store, events, log, now, clock, random: Math.random });
  }

  get storeErrors(): number {
    return this.#webhooks.storeErrors;
  }

  /** Takes over what the config says: the first time, with what the state file still has to deliver. */
  follow(config: Config): void {
    this.#webhooks.follow(config);
    this.exposures.follow(config);
  }

  /** To be called often. */
  tick(): void {
    this.#webhooks.tick();
    this.exposures.tick();
  }

  figures(): Pick<MetricsSource, 'webhooks' | 'confirmations'> {
    return { webhooks: this.#webhooks.figures(), confirmations: this.confirmations.figures() };
  }

  /** Resolves when what is under way has ended. */
  close(): Promise<void> {
    this.#webhooks.close();
    return this.exposures.close();
  }
}
