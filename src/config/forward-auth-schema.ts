/**
 * Forward-auth as it is configured: which service is asked about a route's requests, what it is told, and what of its answer
 * goes on.
 *
 * Who is asked is a service of the same file and no address of its own: so it has pools, names, health checks, limits and
 * keep-alive as every service has, and not a second, poorer way of saying the same. There is no switch for what happens when
 * it cannot answer: requests that nobody has judged do not go on.
 */

import { z } from 'zod';
import { isAboutRequest, isForwardable } from './rule-checks.ts';
import { duration, name, TOKEN } from './scalars.ts';

const FIELDS_MAX = 64;

/** Names of fields that fit, each once and in lower case. */
function fieldNames(fits: (name: string) => boolean, allowed: string) {
  const one = z
    .string()
    .regex(TOKEN)
    .refine(fits)
    .meta({ allowed })
    .transform((value) => value.toLowerCase());
  return z
    .array(one)
    .max(FIELDS_MAX)
    .transform((names) => [...new Set(names)]);
}

/** Forward-auth of a route. */
export const forwardAuth = z
  .strictObject({
    service: name.describe('The service that is asked. It needs no route of its own.'),
    path: z
      .string()
      .regex(/^\/[\x21\x22\x24-\x7e]*$/)
      .max(2048)
      .meta({ allowed: 'a path that starts with /, with or without a query, without # or spaces' })
      .default('/')
      .describe('What is asked for there, with a query if it needs one.'),
    timeout: duration(10, 60_000)
      .prefault('5s')
      .describe('How long an answer may take, with all waiting; without one by then, the request gets a 503.'),
    copyRequest: fieldNames(
      isForwardable,
      'a header name that is not of framing, of one connection, or of forwarding, such as x-api-key',
    )
      .prefault(['accept', 'authorization', 'cookie'])
      .describe(
        'The fields of the request that the service gets to see, beside X-Forwarded-Method, -Uri, -Host, -Proto and -For.',
      ),
    copyResponse: fieldNames(
      isAboutRequest,
      'a header name that is not of framing, of one connection, of forwarding, or about the answer, such as x-user',
    )
      .prefault([])
      .describe(
        'The fields of an answer that allows which the endpoint gets. What a client sends of these names never passes.',
      ),
    cookies: z
      .boolean()
      .default(false)
      .describe("Whether cookies that an answer sets which allows go to the client with the endpoint's response."),
  })
  .transform(({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }))
  .describe(
    'Asks a service about each request, after every other rule that refuses: a status of 2xx lets it go on, any other answer goes to the client.',
  );
