/**
 * Signals beside errors and latency, as they are configured: what else a release is judged by.
 *
 * A signal is one of four kinds, told by the key that it has. `requests` counts requests that pass, good and bad ones, and is
 * compared by the judge like errors. The others read a number from time to time; they are in `reading-schema.ts`.
 *
 * Signals are a mapping by name and no list, so that a name cannot be there twice and a change is reported by its name.
 */

import { z } from 'zod';
import { byName, conditions, headerKey, host, method, path } from './match-schema.ts';
import { json, prometheus, scrape } from './reading-schema.ts';
import { cookieName, multiple, name, oneOrMore, share, text, whole } from './scalars.ts';

/** How many signals a service may have, and how many of them may count requests. */
const SIGNALS_MAX = 16;
const REQUESTS_MAX = 8;

const RESERVED = ['errors', 'latency'];

const match = z
  .strictObject({
    host: oneOrMore(host).optional().describe('The host, or hosts. Any host without it.'),
    path: path.prefault('/').describe('The path as in a route: a text is a prefix by whole segments.'),
    method: oneOrMore(method).optional().describe('The method, or methods. Any method without it.'),
    headers: conditions(headerKey).describe('Header fields that must fit, all of them.'),
    query: conditions(text('the name of a query parameter', 256)).describe(
      'Query parameters that must fit, all of them.',
    ),
    cookies: conditions(cookieName).describe('Cookies that must fit, all of them.'),
  })
  .transform((value) => ({
    hosts: [...new Set(value.host ?? [])].sort(),
    path: value.path,
    methods: [...new Set(value.method ?? [])].sort(),
    headers: byName(value.headers.map((one) => ({ ...one, name: one.name.toLowerCase() }))),
    query: byName(value.query),
    cookies: byName(value.cookies),
  }))
  .prefault({});

const answer = z.strictObject({
  status: oneOrMore(
    z.union([
      z.enum(['1xx', '2xx', '3xx', '4xx', '5xx']),
      z.int().min(100).max(599).meta({ allowed: 'a status from 100 to 599' }),
    ]),
  )
    .optional()
    .describe('Its status is one of these; a class such as `4xx` is all of it.'),
  headers: conditions(headerKey).describe('Its header fields fit, all of them.'),
});

const answers = oneOrMore(answer).optional();

const requests = z
  .strictObject({
    match: match.describe('Which requests of the service it is about.'),
    bad: answers.describe('Answers that are bad, one of these. Without `good`, all others are good.'),
    good: answers.describe(
      'Answers that are good, one of these, unless they are bad. Without `bad`, all others are bad.',
    ),
    margin: multiple.prefault('1.5x').describe('How many times as often the candidate may be bad.'),
    weight: z
      .number()
      .min(0.001)
      .max(1000)
      .default(1)
      .meta({ allowed: 'a number from 0.001 to 1000' })
      .describe('Its part of `falseAlarm`, beside the 1 that errors have and the 1 that latency has.'),
    proof: multiple
      .optional()
      .describe(
        'What the candidate must be shown to be better than, to be called healthy; without it, it can only object.',
      ),
    ceiling: share.optional().describe('A share of bad ones that no version may have, whatever the other does.'),
    ceilingRequests: whole(1, 1_000_000).default(50).describe('How many requests the ceiling needs to speak.'),
  })
  .check((context) => {
    const { bad, good, proof, ceiling } = context.value;
    if (bad === undefined && good === undefined) {
      const params = { allowed: 'bad, good, or both' };
      context.issues.push({ code: 'custom', message: 'says not what is bad', input: context.value, params });
    }
    if (ceiling === 0) {
      const params = { allowed: 'a share over 0%' };
      context.issues.push({ code: 'custom', message: 'stops every release', input: '0%', path: ['ceiling'], params });
    }
    if (proof === 1) {
      const params = { allowed: 'a multiple over 1x' };
      context.issues.push({ code: 'custom', message: 'can never be shown', input: '1x', path: ['proof'], params });
    }
  })
  .transform(({ bad = [], good = [], proof, ceiling, ceilingRequests, ...rest }) => ({
    kind: 'requests' as const,
    ...rest,
    bad: bad.map(answerOf),
    good: good.map(answerOf),
    rest: bad.length === 0 ? ('bad' as const) : good.length === 0 ? ('good' as const) : null,
    proof: proof ?? null,
    ceiling: ceiling === undefined ? null : { minRequests: ceilingRequests, share: ceiling },
  }));

function answerOf({ status, headers }: z.output<typeof answer>) {
  return { statuses: status ?? null, headers: byName(headers) };
}

const KINDS = ['requests', 'scrape', 'prometheus', 'json'] as const;

const signal = z
  .strictObject({
    requests: requests.optional().describe('Requests that pass: some are good and some are bad.'),
    scrape: scrape.optional().describe("A number from the endpoints' own pages."),
    prometheus: prometheus.optional().describe('A number that a Prometheus server knows.'),
    json: json.optional().describe('A number in a JSON document.'),
    dryRun: z.boolean().default(false).describe('Whether it is judged and shown only, and changes nothing.'),
  })
  .transform(({ dryRun, ...kinds }, context) => {
    const given = KINDS.filter((kind) => kinds[kind] !== undefined);
    const only = given.length === 1 ? kinds[given[0]!] : undefined;
    if (only !== undefined) return { acts: !dryRun, ...only };
    const message = given.length === 0 ? 'has no kind of signal' : 'has more than one kind of signal';
    const params = { allowed: `exactly one of ${KINDS.join(', ')}` };
    context.issues.push({ code: 'custom', message, input: kinds, params });
    return z.NEVER;
  });

/** What stands under `signals:` of a guard, by name. */
export const signals = z
  .record(name, signal)
  .check((context) => {
    const all = Object.entries(context.value);
    for (const [key] of all) {
      if (!RESERVED.includes(key)) continue;
      const params = { allowed: `another name than ${RESERVED.join(' and ')}` };
      context.issues.push({ code: 'custom', message: 'is a signal already', input: key, path: [key], params });
    }
    const counting = all.filter(([, one]) => one?.kind === 'requests').length;
    if (all.length <= SIGNALS_MAX && counting <= REQUESTS_MAX) return;
    const params = { allowed: `at most ${SIGNALS_MAX} signals, ${REQUESTS_MAX} of them of requests` };
    context.issues.push({ code: 'custom', message: 'has too many signals', input: context.value, params });
  })
  .prefault({});
