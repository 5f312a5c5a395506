/** Webhooks, events and deliveries for tests, and a clock that goes as they say. */
import type { Webhook } from '../../../src/config/schema.ts';
import type { TidegateEvent } from '../../../src/control/operations.ts';
import type { RolloutNews } from '../../../src/control/rollout-news.ts';

/** A webhook with everything that the schema would add. */
export function webhook(rest: Partial<Webhook> & { readonly url: string }): Webhook {
  return {
    name: 'chat',
    on: ['started', 'step', 'ended', 'traffic'],
    services: undefined,
    format: 'json',
    secret: undefined,
    timeoutMs: 5_000,
    giveUpAfterMs: 3_600_000,
    ...rest,
  };
}

export const NEWS: RolloutNews = {
  rollout: 7,
  what: 'step',
  phase: 'holding',
  step: 1,
  steps: 5,
  active: 'blue',
  candidate: 'green',
  version: 'v2',
  plan: 'canary',
  share: 0.05,
  startedBy: 'ci',
  group: null,
  epoch: 12,
};

/** An event of a rollout. */
export function rolloutEvent(id: number, news: Partial<RolloutNews> = {}, text = `news ${id}`): TidegateEvent {
  return { id, at: '2026-01-01T00:00:00.000Z', kind: 'rollout', service: 'shop', text, data: { ...NEWS, ...news } };
}

/** A clock that stands still until it is moved. */
export class Clock {
  ms = 1_000_000;
  readonly read = (): number => this.ms;
}
