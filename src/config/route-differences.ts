/**
 * Which routes came, went and changed.
 *
 * A route is known by its name or, without one, by its match, and never by its place: inserting a route at the top of
 * the file is one change and not a hundred. The place is told all the same ("route 3 removed"), since it is how a
 * person finds it: in the file before for a route that went, in the file after for one that came.
 */

import type { Difference } from './differences.ts';
import { describeMatch } from './route-schema.ts';
import { ruleTexts } from './rule-differences.ts';
import type { Config, Route } from './schema.ts';
import { compareTexts, textsOf } from './text-differences.ts';

type Routes = Config['routes'];
type Placed = { readonly route: Route; readonly place: number };

/** The changes from one list of routes to another. */
export function compareRoutes(before: Routes, after: Routes): Difference[] {
  const [left, right] = [byIdentity(before), byIdentity(after)];
  const found: Difference[] = [];
  for (const [id, { route, place }] of left) {
    const other = right.get(id);
    if (other === undefined) found.push(changed(id, `route ${place} removed (${inWords(route)})`));
    else found.push(...compareRoute(id, route, other));
  }
  for (const [id, { route, place }] of right) {
    if (!left.has(id)) found.push(changed(id, `route ${place} added (${inWords(route)})`));
  }
  return found;
}

function compareRoute(id: string, before: Route, { route: after, place }: Placed): Difference[] {
  return compareTexts(settingsOf(before), settingsOf(after)).map(({ key, text }) =>
    changed(id, `route ${place} (${id}): ${key} ${text}`),
  );
}

function settingsOf(route: Route): Map<string, string> {
  return textsOf({
    match: describeMatch(route),
    service: route.service,
    upgrade: route.upgrade,
    flags: route.flags,
    timeouts: route.timeouts,
    ...ruleTexts(route),
  });
}

function byIdentity(routes: Routes): Map<string, Placed> {
  return new Map(routes.map((route, index) => [route.id, { route, place: index + 1 }]));
}

function inWords(route: Route): string {
  const name = route.name === undefined ? '' : `${route.name}: `;
  const end = route.service ?? (route.redirect === undefined ? 'an answer' : 'a redirect');
  return `${name}${describeMatch(route)} → ${end}`;
}

function changed(subject: string, text: string): Difference {
  return { kind: 'route', subject, text, needsRestart: false };
}
