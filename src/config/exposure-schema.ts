/**
 * Who is told which variant a user met, for whoever analyses experiments elsewhere.
 *
 * Off unless it is asked for. A key is a person, so it leaves as a hash only; with a secret nobody can find it by trying all
 * addresses there are, and whoever knows the secret can join the events with records of their own.
 */

import { z } from 'zod';
import { duration, secret, size, text, webUrl, whole } from './scalars.ts';

const webhook = z.strictObject({
  url: webUrl.describe('Where batches are posted to, as JSON. It is hidden like a secret.'),
  secret: secret
    .optional()
    .describe('The secret that signs each batch (HMAC-SHA256), as text or as `whsec_` and base64.'),
  timeout: duration(100, 60_000).prefault('10s').describe('How long an answer may take.'),
});

/** What stands under `exposures:`. */
export const exposures = z
  .strictObject({
    file: text('a path of a file', 4096).optional().describe('The file that gets a line of JSON for each exposure.'),
    fileLimit: size(64 * 1024, 1024 ** 4)
      .prefault('256MiB')
      .describe('How long the file may get; then it becomes FILE.1, in place of the one before.'),
    webhook: webhook
      .transform(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }))
      .optional()
      .describe('Who gets batches of them by HTTP instead.'),
    secret: secret
      .optional()
      .describe('What keys are hashed with (HMAC-SHA256); without it, anybody who guesses a key can recognise it.'),
    window: duration(1000, 30 * 24 * 3_600_000)
      .prefault('24h')
      .describe('The same user, flag and variant are told once in this time, as far as the memory goes.'),
    memory: whole(1024, 4_194_304)
      .default(65_536)
      .describe('So many of the last exposures are remembered, on each data thread and for all of them.'),
  })
  .check((context) => {
    const { file, webhook: hook } = context.value;
    if ((file === undefined) !== (hook === undefined)) return;
    const message = file === undefined ? 'are told to nobody' : 'are told twice';
    context.issues.push({
      code: 'custom',
      message,
      input: context.value,
      params: { allowed: 'exactly one of file or webhook' },
    });
  })
  .transform(({ fileLimit, window, memory, ...rest }) => ({
    ...rest,
    fileLimitBytes: fileLimit,
    windowMs: window,
    memory,
  }))
  .describe('Who is told which variant a user was given by a draw.');
