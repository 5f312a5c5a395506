/**
 * A route as it is configured: what it matches, and the service that it names.
 *
 * A match is kept in the shape that the router compares (hosts in lower case, every condition with its kind), so
 * that two routes that mean the same are equal as data. Order in the file has no meaning between different matches:
 * Gateway API precedence decides (exact before prefix, longer before shorter), and equal matches are an error.
 * The parts of a match are in `match-schema.ts`.
 */

import { z } from 'zod';
import { routeFlags } from './flag-schema.ts';
import { byName, type Condition, conditions, headerKey, host, type Match, method, path } from './match-schema.ts';
import { routeRules } from './rule-schema.ts';
import { cookieName, fieldName, name, oneOrMore, text } from './scalars.ts';
import { routeTimeouts } from './service-schema.ts';

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
    flags: routeFlags,
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
      flags: value.flags,
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
