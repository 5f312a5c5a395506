/**
 * How a service retries, as it is configured. What each key means for one failed attempt is decided in
 * `routing/retry.ts`; the defaults are chosen so that they can only help: one more attempt, where that is known to be safe.
 */
import { z } from 'zod';
import { duration, share, size, whole } from './scalars.ts';

const status = z.int().min(500).max(599).meta({ allowed: 'a status from 500 to 599' });

/** The key `retries` of a service, normalised. */
export const retries = z
  .strictObject({
    attempts: whole(0, 10)
      .default(1)
      .describe('How many further attempts a request may have, where repeating it is safe.'),
    budget: share
      .prefault('20%')
      .describe('The share of requests of the last 10s that may be sent a second time; 10 of them always may.'),
    fallback: z
      .boolean()
      .default(true)
      .describe('Whether the active pool may take a request that another pool has failed; never the other way round.'),
    perTry: duration()
      .optional()
      .describe(
        'How long one attempt may take to its response head before another is made; `timeouts.response` is the time of all.',
      ),
    body: size(0, 16 * 1024 * 1024)
      .prefault('64KiB')
      .describe(
        'The longest request body that is kept for another attempt; a longer one is streamed and not repeated.',
      ),
    statuses: z
      .array(status)
      .default([])
      .describe('Response statuses after which a request is repeated if its method is idempotent.'),
    backoff: duration(0)
      .prefault('25ms')
      .describe('The pause before the same endpoint is asked again, doubled each time; another one is asked at once.'),
  })
  .transform((value) => ({
    attempts: value.attempts,
    budget: value.budget,
    fallback: value.fallback,
    perTryMs: value.perTry ?? null,
    bodyBytes: value.body,
    statuses: value.statuses,
    backoffMs: value.backoff,
  }))
  .prefault({});
