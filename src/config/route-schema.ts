/**
 * A route as it is configured: what it matches, and the service that it names.
 *
 * A match is kept in the shape that the router compares (hosts in lower case, every condition with its kind), so
 * that two routes that mean the same are equal as data. Order in the file has no meaning between different matches:
 * Gateway API precedence decides (exact before prefix, longer before shorter), and equal matches are an error.
 * Whether a regular expression is safe to run on a client's text is asked in `regex.ts`.
 */

import { z } from 'zod';
import { regexProblem } from './regex.ts';
import { routeRules } from './rule-schema.ts';
import { cookieName, fieldName, name, oneOrMore, TOKEN, text } from './scalars.ts';
import { routeTimeouts } from './service-schema.ts';

const regex = text('a regular expression of JavaScript (with the u flag) without nested repetition', 1024).check(
  (context) => {
    const message = regexProblem(context.value);
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
  },
);

const pathText = z
  .string()
  .regex(/^\/[^\s?#\u0000-\u001f\u007f]*$/)
  .max(2048)
  .meta({ allowed: 'a path that starts with /, without ?, # or spaces' });

/** A prefix ends with a segment: `/api/` and `/api` are the same. */
function withoutSlash(prefix: string): string {
  return prefix.replace(/\/+$/, '') || '/';
}

const path = z.union([
  pathText.transform((value) => ({ kind: 'prefix' as const, value: withoutSlash(value) })),
  z
    .strictObject({
      exact: pathText.optional().describe('The whole path.'),
      prefix: pathText
        .transform(withoutSlash)
        .optional()
        .describe('The first segments of the path: /api fits /api/x and not /apix.'),
      regex: regex.optional().describe('A regular expression that the path must fit somewhere; anchor it with ^.'),
    })
    .transform((value, context) => onlyOne(value, context)),
]);

const condition = z.union([
  text('a text', 4096).transform((value) => ({ kind: 'exact' as const, value })),
  z
    .strictObject({
      exact: text('a text', 4096).optional().describe('The whole value.'),
      regex: regex.optional().describe('A regular expression that the value must fit somewhere.'),
      present: z.boolean().optional().describe('Whether it must be there (true) or must not (false).'),
    })
    .transform((value, context) => onlyOne(value, context)),
]);

type Given = {
  readonly exact?: unknown;
  readonly prefix?: unknown;
  readonly regex?: unknown;
  readonly present?: unknown;
};
type Kinded<T> = {
  readonly [K in keyof T & string]-?: { readonly kind: K; readonly value: NonNullable<T[K]> };
}[keyof T & string];

function onlyOne<T extends Given>(value: T, context: z.RefinementCtx): Kinded<T> {
  const given = Object.entries(value).filter(([, one]) => one !== undefined);
  const [first] = given;
  if (first === undefined || given.length > 1) {
    const message = first === undefined ? 'has no kind of match' : 'has more than one kind of match';
    context.issues.push({ code: 'custom', message, input: value, params: { allowed: 'exactly one kind of match' } });
    return z.NEVER;
  }
  return { kind: first[0], value: first[1] } as Kinded<T>;
}

const host = z
  .string()
  .regex(/^(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$|^\[[0-9A-Fa-f:.]+\]$/)
  .meta({ allowed: 'a host without port, such as shop.example.com or *.example.com' })
  .transform((value) => value.toLowerCase());

const method = z
  .string()
  .regex(TOKEN)
  .meta({ allowed: 'an HTTP method such as GET' })
  .transform((value) => value.toUpperCase());

function conditions(key: z.ZodString) {
  return z
    .record(key, condition)
    .transform((value) => Object.entries(value).map(([one, match]) => ({ name: one, match })))
    .prefault({});
}

const headerKey = z.string().regex(TOKEN).meta({ allowed: 'a header name such as x-user-id' });

/** One route. `id` is its name, or its match in words when it has none. */
export const route = z
  .strictObject({
    name: name.optional().describe('The name of the route in logs; without it, its match.'),
    host: oneOrMore(host)
      .optional()
      .describe('The host, or hosts; `*.example.com` fits every name below it. Any host without it.'),
    path: path.prefault('/').describe('The path: a text is a prefix by whole segments.'),
    method: oneOrMore(method).optional().describe('The method, or methods. Any method without it.'),
    headers: conditions(headerKey).describe('Header fields that must fit, all of them.'),
    query: conditions(text('the name of a query parameter', 256)).describe(
      'Query parameters that must fit, all of them.',
    ),
    cookies: conditions(cookieName).describe('Cookies that must fit, all of them.'),
    service: name
      .optional()
      .describe('The service that takes the request. Only a route with `redirect` or `respond` has none.'),
    upgrade: z
      .array(fieldName.meta({ allowed: 'a protocol such as websocket' }))
      .prefault(['websocket'])
      .describe('The protocols that a connection may be upgraded to.'),
    judge: z
      .boolean()
      .default(true)
      .describe('Whether its requests speak for or against a version when a release is judged.'),
    timeouts: routeTimeouts.describe("The service's timeouts, where this route needs others."),
    ...routeRules,
  })
  .check((context) => {
    const { service, redirect, respond, rewrite, basicAuth, forwardAuth, path: match } = context.value;
    const ends = [service, redirect, respond].filter((end) => end !== undefined);
    if (ends.length !== 1) {
      const message = ends.length === 0 ? 'leads nowhere' : 'leads to more than one place';
      const params = { allowed: 'exactly one of service, redirect or respond' };
      context.issues.push({ code: 'custom', message, input: context.value, params });
    }
    const twice = forwardAuth?.copyResponse.indexOf(basicAuth?.userHeader ?? '') ?? -1;
    if (twice >= 0) {
      const params = { allowed: 'a field that basicAuth does not write' };
      const path = ['forwardAuth', 'copyResponse', twice];
      const message = 'is also the userHeader of basicAuth, so nobody could tell who says it';
      context.issues.push({ code: 'custom', message, input: forwardAuth?.copyResponse, path, params });
    }
    if (rewrite?.kind === 'prefix' && match.kind !== 'prefix') {
      const params = { allowed: 'a path that is a prefix, or rewrite with regex and to' };
      const path = ['rewrite', 'prefix'];
      context.issues.push({ code: 'custom', message: 'has no prefix to replace', input: rewrite, path, params });
    }
  })
  .transform((value) => {
    const match = {
      hosts: [...new Set(value.host ?? [])].sort(),
      path: value.path,
      methods: [...new Set(value.method ?? [])].sort(),
      headers: byName(value.headers.map((one) => ({ ...one, name: one.name.toLowerCase() }))),
      query: byName(value.query),
      cookies: byName(value.cookies),
    };
    return {
      id: value.name ?? describeMatch(match),
      name: value.name,
      ...match,
      service: value.service,
      upgrade: value.upgrade,
      judge: value.judge,
      timeouts: value.timeouts,
      ipAllow: value.ipAllow,
      ipDeny: value.ipDeny,
      basicAuth: value.basicAuth,
      forwardAuth: value.forwardAuth,
      rateLimit: value.rateLimit,
      requestHeaders: value.requestHeaders,
      responseHeaders: value.responseHeaders,
      rewrite: value.rewrite,
      redirect: value.redirect,
      respond: value.respond,
    };
  });

type Condition = { readonly name: string; readonly match: z.output<typeof condition> };
type Match = {
  readonly hosts: readonly string[];
  readonly path: z.output<typeof path>;
  readonly methods: readonly string[];
  readonly headers: readonly Condition[];
  readonly query: readonly Condition[];
  readonly cookies: readonly Condition[];
};

function byName(list: readonly Condition[]): Condition[] {
  return [...list].sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** The match in words: equal words mean equal matches, so that a route without a name is known by them. */
export function describeMatch(match: Match): string {
  const words = [match.methods.join(','), match.hosts.join(','), pathWords(match.path)];
  for (const [label, list] of [
    ['header', match.headers],
    ['query', match.query],
    ['cookie', match.cookies],
  ] as const) {
    for (const one of list) words.push(`${label} ${one.name}${conditionWords(one.match)}`);
  }
  return words.filter((word) => word !== '').join(' ');
}

function pathWords(one: Match['path']): string {
  switch (one.kind) {
    case 'prefix':
      return one.value === '/' ? '/' : `${one.value}/*`;
    case 'exact':
      return `=${one.value}`;
    case 'regex':
      return `~${one.value}`;
  }
}

function conditionWords(one: Condition['match']): string {
  switch (one.kind) {
    case 'exact':
      return `=${quoted(one.value)}`;
    case 'regex':
      return `~${quoted(one.value)}`;
    case 'present':
      return one.value ? '' : ' absent';
  }
}

function quoted(value: string): string {
  return /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}
