/**
 * How endpoints that fail requests are taken out of use, and how gently they come back, as it is configured.
 *
 * Ejection is off unless the key is there, even if only as `ejection: {}`: it changes who serves, and nobody should learn
 * of it from an incident. The decisions themselves are in `src/health/`.
 */

import { z } from 'zod';
import { duration, share, whole } from './scalars.ts';

/** What stands under `ejection:` of a service. */
export const ejection = z
  .strictObject({
    consecutiveFailures: whole(1, 10_000).default(5).describe('So many failures in a row eject an endpoint.'),
    successRatio: share
      .optional()
      .describe('A smaller share of successes than this ejects it too; no rule without it.'),
    minRequests: whole(1, 1_000_000)
      .default(20)
      .describe('With fewer requests in the window, the share of successes says nothing.'),
    window: duration(10).prefault('10s').describe('The time over which that share is taken, in ten slices.'),
    base: duration().prefault('30s').describe('How long the first ejection lasts; each further one twice as long.'),
    max: duration().prefault('5m').describe('The longest that an ejection lasts.'),
    maxShare: share
      .prefault('50%')
      .describe('The largest part of a pool that is ejected at once; of two or more endpoints at least one may be.'),
    panic: share
      .prefault('50%')
      .describe('If less than this part of a pool admits requests, its ejected endpoints are used again.'),
  })
  .transform((value, context) => {
    if (value.max < value.base) {
      const params = { allowed: 'a duration that is not shorter than base' };
      context.issues.push({ code: 'custom', message: 'is shorter than base', input: value, path: ['max'], params });
    }
    return {
      consecutiveFailures: value.consecutiveFailures,
      successRatio: value.successRatio,
      minRequests: value.minRequests,
      windowMs: value.window,
      baseMs: value.base,
      maxMs: value.max,
      maxShare: value.maxShare,
      panic: value.panic,
    };
  });

/** What stands after `slowStart:` of a service. */
export const slowStart = duration(0).prefault('0s');
