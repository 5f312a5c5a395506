/**
 * Who is told what happens, and who is asked before a step: webhooks, the links in their messages, and the confirmation of
 * a service's rollouts.
 *
 * The URL of a webhook is a secret: whoever knows the one of a chat may write there. So these URLs are hidden wherever
 * tokens are. What a webhook is told by default is every turn of a rollout; moves by hand are asked for with `traffic`.
 */

import { z } from 'zod';
import { duration, name, oneOrMore, secret, webUrl } from './scalars.ts';

/** What a webhook can be told of: the turns of a rollout, `flag-killed` for a flag that its guard has killed, and `traffic` for every other move of a gate. */
export const NEWS = [
  'started',
  'step',
  'approval-needed',
  'paused',
  'resumed',
  'halted',
  'inconclusive',
  'baking',
  'rolling-back',
  'ended',
  'flag-killed',
  'traffic',
] as const;

const SIGNED = 'The secret that signs each message (HMAC-SHA256), as text or as `whsec_` and base64. Empty means none.';

const webhook = z
  .strictObject({
    name: name.describe('The name of the webhook in metrics and events.'),
    url: webUrl.describe('Where messages are posted to. It is hidden like a secret.'),
    on: z
      .array(z.enum(NEWS))
      .min(1)
      .prefault(NEWS.filter((one) => one !== 'traffic'))
      .describe(
        'What it is told of: turns of a rollout, `flag-killed` for a flag that its guard has killed, and `traffic` for a flip or another move that no rollout made.',
      ),
    services: z.array(name).min(1).optional().describe('The services that it is told of; without it, all.'),
    format: z
      .enum(['json', 'slack', 'teams'])
      .default('json')
      .describe('How messages are written: as data, or for a channel of Slack or Microsoft Teams.'),
    secret: secret.optional().describe(SIGNED),
    timeout: duration(100, 60_000).prefault('10s').describe('How long an answer may take.'),
    giveUpAfter: duration(0, 7 * 24 * 3_600_000)
      .prefault('24h')
      .describe('How old a message may get: one that fails then is not tried again.'),
  })
  .transform(({ timeout, giveUpAfter, ...rest }) => ({ ...rest, timeoutMs: timeout, giveUpAfterMs: giveUpAfter }));

const LINK_SECRET_CHARACTERS = 16;

const links = z
  .strictObject({
    baseUrl: webUrl
      .refine((url) => !url.includes('?'), { params: { allowed: 'a URL without a query' } })
      .transform((url) => url.replace(/\/+$/, ''))
      .describe('Under which URL people reach the admin API. Its name belongs into `admin.allowedHosts`.'),
    secret: secret
      .refine((value) => value === undefined || value.length >= LINK_SECRET_CHARACTERS, {
        message: 'is short enough to be guessed',
        params: { allowed: `at least ${LINK_SECRET_CHARACTERS} characters` },
      })
      .describe('The secret that signs links. Empty means no links; a new one makes all earlier links void.'),
    ttl: duration(1000, 30 * 24 * 3_600_000)
      .prefault('24h')
      .describe('How long a link may be used, from the event that it was made for.'),
  })
  .describe('Links to approve and to roll back, in the messages. Whoever has one may use it, once.');

/** What stands under `notify:`. */
export const notify = z
  .strictObject({
    webhooks: z.array(webhook).max(32).default([]).describe('Who is told, at most 32.'),
    links: links.optional(),
  })
  .transform(({ webhooks, links: written }) => {
    if (written?.secret === undefined) return { webhooks, links: undefined };
    const { baseUrl, secret: key, ttl } = written;
    return { webhooks, links: { baseUrl, secret: key, ttlMs: ttl } };
  })
  .prefault({})
  .describe('Who is told what happens.');

/** What stands under `confirm:` of a rollout. */
export const confirm = z
  .strictObject({
    url: webUrl.describe('What is asked before each step, the first one too. It is hidden like a secret.'),
    secret: secret.optional().describe(SIGNED),
    timeout: duration(0, 7 * 24 * 3_600_000)
      .prefault('10m')
      .describe('How long a step waits for an answer of 2xx; one that is under way then is still waited for.'),
    interval: duration(100, 3_600_000).prefault('5s').describe('How long after an answer it is asked again.'),
    answerWithin: duration(100, 60_000).prefault('10s').describe('How long one answer may take.'),
    onTimeout: z
      .enum(['pause', 'promote', 'rollback'])
      .default('pause')
      .describe('What is done when nobody has said yes in that time.'),
    refusedBy: oneOrMore(z.int().min(300).max(599).meta({ allowed: 'a status from 300 to 599' }))
      .optional()
      .describe('Statuses that are a no for good: the rollout goes back at once. Without it, every no is asked again.'),
  })
  .transform(({ timeout, interval, answerWithin, refusedBy, ...rest }) => ({
    ...rest,
    refusedBy: refusedBy ?? [],
    timeoutMs: timeout,
    intervalMs: interval,
    answerWithinMs: answerWithin,
  }));
