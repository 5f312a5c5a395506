/**
 * What a config asks of a request, as the snapshot has it.
 *
 * Routes and signals of the business say it in the same words, so there is one translation for both.
 */
import type { FieldMatch, Route } from '../config/schema.ts';
import type { NamedMatch, RouteMatch } from '../routing/route-match.ts';

type Match = Pick<Route, 'hosts' | 'path' | 'methods' | 'headers' | 'query' | 'cookies'>;

/** The match of a route or of a signal. */
export function routeMatch({ hosts, path, methods, headers, query, cookies }: Match): RouteMatch {
  return {
    hosts,
    path: { kind: path.kind, value: path.value },
    methods,
    headers: headers.map(namedMatch),
    query: query.map(namedMatch),
    cookies: cookies.map(namedMatch),
  };
}

/** A condition on what has this name. */
export function namedMatch({ name, match }: FieldMatch): NamedMatch {
  switch (match.kind) {
    case 'exact':
      return [name, { kind: 'exact', value: match.value }];
    case 'regex':
      return [name, { kind: 'regex', source: match.value }];
    case 'present':
      return [name, { kind: 'present', present: match.value }];
    default:
      return match satisfies never;
  }
}
