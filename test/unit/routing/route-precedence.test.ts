/**
 * Compares the index with the plainest reading of the precedence: keep the routes that match, sort, take the first.
 */
import t from 'tap';
import type { NamedMatch, RequestView, RouteMatch, ValueMatch } from '../../../src/routing/route-match.ts';
import { RouteTable } from '../../../src/routing/route-table.ts';
import { matchOf, requestOf } from './request-of.ts';
import { runSeed, Seeded } from './seeded.ts';

const HOSTS = ['a.com', 'x.a.com', 'y.x.a.com', '*.a.com', '*.x.a.com', 'b.org', '*.com'];
const ASKED_HOSTS = ['a.com', 'x.a.com', 'y.x.a.com', 'z.y.x.a.com', 'b.org', 'c.net', 'q.com', ''];
const PATHS = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/a/bc', '/c', '/c/a', '/a//b', '/a/b/c/d', '*'];
const PATTERNS = ['^/a', 'b$', '/c', '^/$', '.'];
const VALUES = ['1', '2', '12'];
const NAMES = ['p', 'q', 'r'];

function randomValue(rng: Seeded): ValueMatch {
  switch (rng.below(3)) {
    case 0:
      return { kind: 'regex', source: rng.pick(['1', '^2$', '^1']) };
    case 1:
      return { kind: 'present', present: rng.chance(0.5) };
    default:
      return { kind: 'exact', value: rng.pick(VALUES) };
  }
}

function randomConditions(rng: Seeded): NamedMatch[] {
  if (rng.chance(0.6)) return [];
  return rng.some(NAMES, 2).map((name) => [name, randomValue(rng)]);
}

function randomMatch(rng: Seeded): RouteMatch {
  const kind = rng.pick(['exact', 'prefix', 'prefix', 'regex', null] as const);
  return matchOf({
    hosts: rng.chance(0.4) ? [] : rng.some(HOSTS, 3),
    path: kind === null ? null : { kind, value: kind === 'regex' ? rng.pick(PATTERNS) : rng.pick(PATHS.slice(0, -1)) },
    methods: rng.chance(0.7) ? [] : rng.some(['GET', 'POST'], 2),
    headers: randomConditions(rng),
    query: randomConditions(rng),
    cookies: randomConditions(rng),
  });
}

function randomValues(rng: Seeded): Record<string, string> {
  return Object.fromEntries(rng.some(NAMES, 3).map((name) => [name, rng.pick(VALUES)]));
}

function randomRequest(rng: Seeded): RequestView {
  return requestOf({
    method: rng.pick(['GET', 'POST', 'PUT']),
    host: rng.pick(ASKED_HOSTS),
    path: rng.pick(PATHS),
    query: new URLSearchParams(randomValues(rng)).toString(),
    headers: randomValues(rng),
    cookies: randomValues(rng),
  });
}

function valueHolds(match: ValueMatch, value: string | undefined): boolean {
  if (match.kind === 'present') return match.present === (value !== undefined);
  if (value === undefined) return false;
  return match.kind === 'exact' ? match.value === value : new RegExp(match.source, 'u').test(value);
}

/** How specific the best matching host is: [exact, characters]; `null` when none matches. */
function hostRank(hosts: readonly string[], host: string): readonly [number, number] | null {
  if (hosts.length === 0) return [0, 0];
  const exact = hosts.find((name) => name === host);
  if (exact !== undefined) return [1, exact.length];
  const wildcards = hosts.filter(
    (name) => name.startsWith('*.') && host.endsWith(name.slice(1)) && host.length >= name.length,
  );
  return wildcards.length === 0 ? null : [0, Math.max(...wildcards.map((name) => name.length))];
}

/** [exact, pattern, characters of the prefix]; `null` when the path does not match. */
function pathRank(match: RouteMatch, path: string): readonly [number, number, number] | null {
  const value = match.path?.value ?? '/';
  switch (match.path?.kind) {
    case 'exact':
      return value === path ? [1, 0, 0] : null;
    case 'regex':
      return new RegExp(value, 'u').test(path) ? [0, 1, 0] : null;
    default: {
      const bare = value.replace(/\/+$/, '');
      return bare === '' || path === bare || path.startsWith(`${bare}/`) ? [0, 0, bare.length] : null;
    }
  }
}

function reference(routes: readonly RouteMatch[], request: RequestView): number | undefined {
  const query = new URLSearchParams(request.query);
  const ranked = routes.flatMap((match, index) => {
    const host = hostRank(match.hosts, request.host);
    const path = pathRank(match, request.path);
    const holds =
      (match.methods.length === 0 || match.methods.includes(request.method)) &&
      match.headers.every(([name, test]) => valueHolds(test, request.field(name))) &&
      match.query.every(([name, test]) => valueHolds(test, query.get(name) ?? undefined)) &&
      match.cookies.every(([name, test]) => valueHolds(test, request.cookie(name)));
    if (host === null || path === null || !holds) return [];
    const conditions = [
      match.methods.length > 0 ? 1 : 0,
      match.headers.length,
      match.query.length,
      match.cookies.length,
    ];
    return [{ index, key: [...host, ...path, ...conditions, -index] }];
  });
  ranked.sort((a, b) => {
    const at = a.key.findIndex((part, i) => part !== b.key[i]);
    return b.key[at]! - a.key[at]!;
  });
  return ranked[0]?.index;
}

t.test(`the index selects what a linear reading of the precedence selects (seed ${runSeed})`, async (t) => {
  const rng = new Seeded(runSeed);
  let matched = 0;
  let requests = 0;
  for (let table = 0; table < 2000; table += 1) {
    const routes = Array.from({ length: 1 + rng.below(rng.chance(0.1) ? 60 : 12) }, () => randomMatch(rng));
    const index = new RouteTable(routes.map((match, target) => ({ match, target })));
    for (let i = 0; i < 12; i += 1) {
      const request = randomRequest(rng);
      const expected = reference(routes, request);
      const found = index.find(request);
      requests += 1;
      if (expected !== undefined) matched += 1;
      if (found !== expected) {
        t.fail(`table ${table}: expected route ${expected}, found ${found}`, { routes, request });
        return;
      }
    }
  }
  t.ok(matched > requests * 0.3 && matched < requests * 0.95, `${matched} of ${requests} requests matched a route`);
});
