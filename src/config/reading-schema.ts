/**
 * Signals that read a number from time to time, as they are configured: from the endpoints' own Prometheus pages, by a query, or
 * from a JSON document. Each has one condition on the number, on the candidate's alone or on its ratio to the active pool's.
 *
 * What is asked over the network can fail, and then nobody knows. So each has a policy for that, and no policy says that
 * all is well.
 */

import { z } from 'zod';
import { escapeForAddress, fill, tellsSidesApart, unknownWord } from '../signals/template.ts';
import { duration, fieldName, ratio, secret, text, whole } from './scalars.ts';

const number = z.number().meta({ allowed: 'a number' });

/** What all signals that read a number have: how it is asked for, and the condition on it. */
const reading = {
  headers: z.record(fieldName, text('a text', 4096)).prefault({}).describe('Fields of the request.'),
  token: secret.optional().describe('A bearer token that is sent with the request.'),
  atMost: number.optional().describe('It is fine up to this.'),
  atLeast: number.optional().describe('It is fine from this on.'),
  atMostRatio: ratio.optional().describe("It is fine up to so many times the active pool's number."),
  atLeastRatio: ratio.optional().describe("It is fine from so many times the active pool's number on."),
  interval: duration(1_000, 3_600_000).prefault('10s').describe('The time from one reading to the next.'),
  timeout: duration(1, 300_000).prefault('5s').describe('How long a reading may take.'),
  failures: whole(1, 100)
    .default(3)
    .describe('So many readings in a row beyond the condition are bad; so many that fail make it unknown.'),
  noData: z
    .enum(['wait', 'halt', 'rollback'])
    .default('wait')
    .describe('What is done while it is unknown: wait, stop the ramp, or go back. It never counts as healthy.'),
};

type Reading = {
  readonly [K in (typeof CONDITIONS)[number]]?: number | undefined;
} & { readonly interval: number; readonly timeout: number };

const CONDITIONS = ['atMost', 'atLeast', 'atMostRatio', 'atLeastRatio'] as const;

/** Reports a condition that is missing, or one too many. */
function checkCondition(context: z.core.ParsePayload<Partial<Reading>>): void {
  const given = CONDITIONS.filter((key) => context.value[key] !== undefined);
  if (given.length === 1) return;
  const message = given.length === 0 ? 'has no condition' : 'has more than one condition';
  const params = { allowed: `exactly one of ${CONDITIONS.join(', ')}` };
  context.issues.push({ code: 'custom', message, input: context.value, params });
}

function isRatio({ atMostRatio, atLeastRatio }: Partial<Reading>): boolean {
  return atMostRatio !== undefined || atLeastRatio !== undefined;
}

function withRule<T extends Reading>({ atMost, atLeast, atMostRatio, atLeastRatio, interval, timeout, ...rest }: T) {
  return {
    ...rest,
    fine: atMost === undefined && atMostRatio === undefined ? ('at-least' as const) : ('at-most' as const),
    limit: atMost ?? atLeast ?? atMostRatio ?? atLeastRatio ?? 0,
    isRatio: isRatio({ atMostRatio, atLeastRatio }),
    intervalMs: interval,
    timeoutMs: timeout,
  };
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const QUANTILE = /^p(?:[1-9][0-9]?|0)(?:\.[0-9]{1,3})?$/;

const figure = z.union([
  z.enum(['value', 'rate', 'mean']).transform((kind) => ({ kind })),
  z
    .string()
    .regex(QUANTILE)
    .meta({ allowed: 'a quantile such as p99 or p99.9' })
    .transform((written, context) => {
      const percent = Number(written.slice(1));
      if (percent > 0) return { kind: 'quantile' as const, quantile: percent / 100 };
      context.issues.push({ code: 'custom', message: '', input: written });
      return z.NEVER;
    }),
]);

/** A number from the pages of a pool's endpoints. */
export const scrape = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/)
      .max(2048)
      .meta({ allowed: 'a path that starts with /' })
      .prefault('/metrics')
      .describe('Where every endpoint of a pool has its page, in the Prometheus text format.'),
    metric: z
      .string()
      .regex(METRIC)
      .max(256)
      .meta({ allowed: 'the name of a metric such as process_resident_memory_bytes' })
      .describe('The metric; of a histogram or summary the name without _bucket, _sum or _count.'),
    labels: z
      .record(z.string().regex(LABEL).meta({ allowed: 'the name of a label' }), z.string().max(1024))
      .prefault({})
      .describe('Labels that its series must have; those of one page are added up.'),
    value: figure
      .prefault('value')
      .describe(
        'What is made of it: `value` as it is and `rate` per second are means over the endpoints; `mean` and a quantile such as `p99` are of what a histogram has seen since the last reading, on all endpoints.',
      ),
    ...reading,
  })
  .check(checkCondition)
  .transform((value) => ({ kind: 'scrape' as const, ...withRule(value) }));

/** An address with names of a rollout in it. */
const address = text('an address such as https://prometheus.internal:9090', 2048).check((context) => {
  const example = Object.fromEntries(['service', 'active', 'candidate', 'pool', 'version'].map((key) => [key, 'x']));
  const url = URL.parse(fill(context.value, example as Parameters<typeof fill>[1], escapeForAddress));
  const params = { allowed: 'an http or https address without user, password and fragment' };
  const isFit = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  if (!isFit || context.value.includes('#')) {
    context.issues.push({ code: 'custom', message: 'is no address that can be asked', input: context.value, params });
  }
});

/** Reports a name in braces that is not known, or that is missing where both sides are asked. */
function checkTemplate(key: string) {
  return (context: z.core.ParsePayload<Partial<Reading> & { readonly [key: string]: unknown }>): void => {
    const template = String(context.value[key]);
    const unknown = unknownWord(template);
    if (unknown !== undefined) {
      const params = { allowed: '{service}, {active}, {candidate}, {pool}, {version}' };
      context.issues.push({ code: 'custom', message: 'names what is not known', input: template, path: [key], params });
    }
    if (isRatio(context.value) && !tellsSidesApart(template)) {
      const params = { allowed: '{pool} or {version} in it, or a condition without a ratio' };
      const message = 'asks the same of both pools, so their ratio is always 1';
      context.issues.push({ code: 'custom', message, input: template, path: [key], params });
    }
  };
}

/** A number that a query finds. */
export const prometheus = z
  .strictObject({
    url: address.describe('Where Prometheus is; `/api/v1/query` is put behind it.'),
    query: text('a query of PromQL', 8192).describe(
      'What is asked; its result must be one number. {service}, {active}, {candidate}, {pool} and {version} are replaced.',
    ),
    ...reading,
  })
  .check(checkCondition)
  .check(checkTemplate('query'))
  .transform((value) => ({ kind: 'prometheus' as const, ...withRule(value) }));

/** A number in a JSON document. */
export const json = z
  .strictObject({
    url: address.describe(
      'What is asked with GET. {service}, {active}, {candidate}, {pool} and {version} are replaced.',
    ),
    pointer: z
      .string()
      .regex(/^(?:\/[^\s]*)?$/)
      .max(1024)
      .meta({ allowed: 'a JSON pointer such as /orders/rate, or nothing for the whole' })
      .describe('The JSON pointer (RFC 6901) that leads to the number; true and false are 1 and 0.'),
    ...reading,
  })
  .check(checkCondition)
  .check(checkTemplate('url'))
  .transform((value) => ({ kind: 'json' as const, ...withRule(value) }));
