/**
 * The metrics of webhooks and confirmations. Every result is published, also at zero, so that the first message that was
 * given up is a step that a rate can see. `failed` counts tries; each of the others ends a message.
 */
import type { MetricsSource } from '../control/operations.ts';
import { counter, type Family, gauge } from './metric-family.ts';

const RESULTS = ['delivered', 'failed', 'refused', 'given-up', 'dropped'] as const;
const ANSWERS = ['yes', 'no', 'unanswered'] as const;

/** The families of those who are told and asked. */
export function notifyFamilies({
  webhooks,
  confirmations,
}: Pick<MetricsSource, 'webhooks' | 'confirmations'>): Family[] {
  return [
    counter(
      'webhook_deliveries_total',
      'Messages to a webhook by what came of them; failed ones are tries, after which the message is tried again.',
      webhooks.flatMap(({ webhook, results }) =>
        RESULTS.map((result) => ({ labels: { webhook, result }, value: results[result] })),
      ),
    ),
    gauge(
      'webhook_queue',
      'Messages that wait for a webhook.',
      webhooks.map(({ webhook, waiting }) => ({ labels: { webhook }, value: waiting })),
    ),
    counter(
      'rollout_confirmations_total',
      'Answers to the question whether a step may be taken.',
      confirmations.flatMap(({ service, answers }) =>
        ANSWERS.map((answer) => ({ labels: { service, answer }, value: answers[answer] })),
      ),
    ),
  ];
}
